"""Inside: what a session's model computes on the probe, at any snapshot, as tensors."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, overload

import torch

from torchvis_widgets.look.capturing.attention import Attention
from torchvis_widgets.look.capturing.capture import Reduce
from torchvis_widgets.look.capturing.effect import Effect
from torchvis_widgets.look.capturing.interventions import Intervention
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.texts import Tokens
from torchvis_widgets.look.tracing.graph import Graph
from torchvis_widgets.record.run import Run

Samples = int | slice | None
Several = list[str] | tuple[str, ...]
Of = str | int | Callable[[Any], Any]


class Inside:
    """The part of a session that looks inside the model: always through a copy of it, on the probe batch."""

    run: Run
    model: torch.nn.Module | None
    graph: Graph | None = None
    """The modules and functions that one forward pass calls, and the tensors that go between them."""
    observer: Observer | None = None
    tokens: Tokens | None = None
    """The text of each sample's tokens, as `watch()` was given it."""

    def on(self, inputs: Any) -> Inside:
        """The same looks at other inputs than the probe: `session.on(images).activations("conv1", sample=0)`.

        Args:
            inputs: as `watch(probe=…)` takes them.

        Raises:
            LookupError: no model or probe to compute with.
            ProbeError: the inputs are no batch of samples.
        """
        other = Inside()
        other.run, other.model, other.graph, other.tokens = self.run, self.model, self.graph, self.tokens
        other.observer = self._observer().on(Probe.of(inputs))
        return other

    @overload
    def activations(
        self,
        layer: str,
        *,
        epoch: float | None = None,
        step: int | None = None,
        sample: Samples = None,
        reduce: Reduce | None = None,
    ) -> torch.Tensor: ...

    @overload
    def activations(
        self,
        layer: Several,
        *,
        epoch: float | None = None,
        step: int | None = None,
        sample: Samples = None,
        reduce: Reduce | None = None,
    ) -> dict[str, torch.Tensor]: ...

    def activations(
        self,
        layer: str | Several,
        *,
        epoch: float | None = None,
        step: int | None = None,
        sample: Samples = None,
        reduce: Reduce | None = None,
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """The output of `layer` on the probe, on the CPU, with the weights of one snapshot.

        Args:
            layer: a module's path, `"layer1.0.conv1"`, or several, which one forward pass gives together; its second
                call is `"layer1.0.conv1:2"`, a function inside it `"layer1.0/add"`, and one of several outputs
                `"rnn[0]"` or `"head['logits']"`. `print(session.graph)` shows what there is.
            epoch: of the snapshot; neither this nor `step` means the newest state.
            step: of the snapshot, where epochs do not tell it.
            sample: one sample of the probe, or a slice of them; by default all.
            reduce: called with each output (N, …) on the model's device; what it gives (N, …) is copied instead.

        Returns:
            Shape (N, …), for one sample without the first dimension; of several layers a dict of them.

        Raises:
            LookupError: no such snapshot, or no model or probe to compute with.
            LookError: no such layer, or it cannot be shown; says why, and what to do.
        """
        observer, at = self._observer(), self._at(epoch, step)
        keys = [layer] if isinstance(layer, str) else list(layer)
        found = observer.activations(keys, at, _indices(sample, observer), reduce=reduce)
        joined = {key: _joined(tensors, sample) for key, tensors in found.items()}
        return joined[layer] if isinstance(layer, str) else joined

    @overload
    def gradients(
        self,
        layer: str,
        of: Of = "loss",
        *,
        epoch: float | None = None,
        step: int | None = None,
        sample: Samples = None,
    ) -> torch.Tensor: ...

    @overload
    def gradients(
        self,
        layer: Several,
        of: Of = "loss",
        *,
        epoch: float | None = None,
        step: int | None = None,
        sample: Samples = None,
    ) -> dict[str, torch.Tensor]: ...

    def gradients(
        self,
        layer: str | Several,
        of: Of = "loss",
        *,
        epoch: float | None = None,
        step: int | None = None,
        sample: Samples = None,
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """The gradient of a number with respect to the output of `layer`, on the CPU.

        Args:
            layer: as for `activations()`.
            of: `"loss"`, the criterion's on the samples asked for; a class by name or index, whose logit is meant; or
                a function that makes one number of the model's output.
            epoch: of the snapshot; neither this nor `step` means the newest state.
            step: of the snapshot, where epochs do not tell it.
            sample: one sample of the probe, or a slice of them; by default all.

        Returns:
            The shape of the output: (N, …), for one sample without the first dimension; of several layers a dict.

        Raises:
            LookupError: no such snapshot, no model or probe to compute with, or no such class.
            LookError: no such layer, or no gradient gets there; says why, and what to do.
        """
        observer, at = self._observer(), self._at(epoch, step)
        keys = [layer] if isinstance(layer, str) else list(layer)
        found = observer.gradients(keys, self._of(of), at, _indices(sample, observer))
        joined = {key: _joined(tensors, sample) for key, tensors in found.items()}
        return joined[layer] if isinstance(layer, str) else joined

    def attention(
        self, layer: str, *, epoch: float | None = None, step: int | None = None, sample: Samples = None
    ) -> Attention:
        """The attention weights of `layer`, or of the one attention that is computed inside of it.

        Args:
            layer: an `nn.MultiheadAttention`, a call of `scaled_dot_product_attention`
                (`"blocks.0.attn/scaled_dot_product_attention"`), or a module around one; `session.graph.attentions`
                lists them. A softmax over the last dimension counts where there is neither.
            epoch: of the snapshot; neither this nor `step` means the newest state.
            step: of the snapshot, where epochs do not tell it.
            sample: one sample of the probe, or a slice of them; by default all.

        Returns:
            Weights (N, heads, T, S), for one sample without the first dimension, and whether they are recomputed.

        Raises:
            LookupError: no such snapshot, or no model or probe to compute with.
            LookError: no attention there, or more than one; names them.
        """
        observer = self._observer()
        found, weights = observer.attention(layer, self._at(epoch, step), _indices(sample, observer))
        return replace(found, weights=_joined(weights, sample))

    def intervene(
        self,
        *interventions: Intervention,
        layer: str | Several = (),
        epoch: float | None = None,
        step: int | None = None,
        sample: Samples = None,
    ) -> Effect:
        """What the model answers when outputs inside it are changed, beside what it answers without.

        `session.intervene(tvw.Intervention.zero("conv2", channel=3)).after.predictions`. No weight is changed.

        Args:
            interventions: what to change.
            layer: outputs wanted too, as for `activations()`.
            epoch: of the snapshot; neither this nor `step` means the newest state.
            step: of the snapshot, where epochs do not tell it.
            sample: of which samples those outputs are wanted; by default all. The answer is that for all.

        Raises:
            TypeError: something is no `tvw.Intervention`, or there is none.
            LookupError: no such snapshot, or no model or probe to compute with.
            LookError: no such layer, channel, head or token; says what there is.
        """
        for each in interventions:
            if not isinstance(each, Intervention):
                raise TypeError(
                    f"intervene() takes interventions, found {type(each).__name__}; "
                    'make one with tvw.Intervention.zero("layer", channel=3)'
                )
        if not interventions:
            raise TypeError('intervene() takes at least one intervention: tvw.Intervention.zero("layer", channel=3)')
        observer = self._observer()
        keys = [layer] if isinstance(layer, str) else list(layer)
        return observer.effect(interventions, keys, self._at(epoch, step), _indices(sample, observer))

    def why_blind(self) -> tuple[str, str]:
        """Why no activation can be computed, and the remedy."""
        if self.model is None:
            return "a recorded run has no model to compute with", "Give one: tvw.Dashboard(run, model=model)."
        return "there is no probe batch yet", "Give watch() a probe=(images, labels), or train for one step."

    def _observer(self) -> Observer:
        if self.observer is None:
            raise LookupError(": ".join(self.why_blind()))
        return self.observer

    def _at(self, epoch: float | None, step: int | None) -> int | None:
        return None if epoch is None and step is None else self.run.snapshot(epoch=epoch, step=step).step

    def _of(self, of: Of) -> Of:
        if not isinstance(of, str) or of == "loss":
            return of
        classes = self.run.classes or []
        if of not in classes:
            known = f"the classes are {', '.join(map(repr, classes[:8]))}" if classes else "no class has a name"
            raise LookupError(f'of={of!r} is neither "loss" nor a class: {known}; an index does too')
        return classes.index(of)


def _indices(sample: Samples, observer: Observer) -> Sequence[int]:
    if sample is None or isinstance(sample, slice):
        return range(observer.probe.count)[sample or slice(None)]
    if not hasattr(sample, "__index__"):
        raise TypeError(f"sample= is None, an index or a slice, found {sample!r}; for example sample=slice(0, 4)")
    return [operator.index(sample)]


def _joined(tensors: Sequence[torch.Tensor], sample: Samples) -> torch.Tensor:
    return torch.stack(list(tensors)) if sample is None or isinstance(sample, slice) else tensors[0].clone()
