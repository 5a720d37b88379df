"""BySample: looks at as few samples of the probe as it can, and gives each one's part of every output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from torch import Tensor, nn

from torchvis_widgets.look.capturing.sample_dims import SampleDims
from torchvis_widgets.look.errors import ForwardError, LookError, OutOfMemory, ProbeError
from torchvis_widgets.look.probe import Probe

Look: TypeAlias = Callable[[slice | None], Mapping[str, Tensor]]
Split: TypeAlias = dict[tuple[str, int], Tensor]


class BySample:
    """Of one probe and one model. `alone`: a sample's outputs do not depend on the others in its batch."""

    def __init__(self, probe: Probe, model: nn.Module) -> None:
        self.probe = probe
        self.alone = not any(_mixes_samples(module) for module in model.modules())

    def __call__(self, samples: Sequence[int], look: Look, dims: SampleDims) -> Split:
        """Each sample's part of the outputs that `look(which samples)` gives, by key and sample.

        Raises ProbeError for a sample that there is not, and what `look` raises.
        """
        self.check(samples)
        if self.alone and len(samples) < self.probe.count:
            which = slice_with(samples)
            try:
                return self.split(look(which), samples, range(self.probe.count)[which], look, dims)
            except OutOfMemory:
                raise
            except ForwardError:  # some models squeeze() a batch of 1 away: run them whole
                pass
        return self.split(look(None), samples, range(self.probe.count), look, dims)

    def split(
        self, outputs: Mapping[str, Tensor], samples: Sequence[int], given: range, look: Look, dims: SampleDims
    ) -> Split:
        """Each sample's part of outputs for the samples `given`, as a tensor of its own: a cache holds what it counts.

        Where the shapes leave it open which dimension is the samples', it looks once more, at 1 or 2 of them.
        """
        unclear = dims.unclear(outputs, len(given))
        if unclear and self.probe.count > 1:
            fewer = slice(0, 2 if len(given) == 1 else 1)
            known = {key: tuple(outputs[key].shape) for key in unclear}
            try:
                others = {key: tuple(output.shape) for key, output in look(fewer).items()}
                dims.learn(known, len(given), others, fewer.stop)
            except ForwardError:  # then it is taken for the first
                pass
            except LookError:  # not there for fewer samples: of a list with an entry a sample, as detectors give it
                dims.learn(known, len(given), known, fewer.stop)
        return {
            (key, sample): dims.sample(key, output, given.index(sample), len(given))
            for key, output in outputs.items()
            for sample in samples
        }

    def check(self, samples: Sequence[int]) -> None:
        """Raises ProbeError for a sample that there is not, or none at all."""
        if not samples:
            raise ProbeError("no sample was asked for", f"Choose some of 0 … {self.probe.count - 1}.")
        for sample in samples:
            if not 0 <= sample < self.probe.count:
                self.probe.sample(sample)  # says which there are


def slice_with(samples: Sequence[int]) -> slice:
    """Those samples and no others where they are evenly spaced, else all from the first to the last."""
    few = sorted(set(samples))
    step = few[1] - few[0] if len(few) > 1 else 1
    return slice(few[0], few[-1] + 1, step if few == list(range(few[0], few[-1] + 1, step)) else 1)


def _mixes_samples(module: nn.Module) -> bool:
    """Whether a sample's output depends on the others of its batch even in eval mode."""
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return module.running_mean is None
    return "quantized.dynamic" in type(module).__module__  # quantises its input by what is in the whole batch
