"""Every model of torchvision opens: its graph is whole, its outputs are what hooks see, and it stays as it was."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.unit.look.zoo import LARGE, MOST_PARAMETERS, Example, example, parameter_count, rooms
from torchvis_widgets.look import Graph, Probe, Replica, capture
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.tracing.trace import run_traced


@pytest.mark.parametrize("name", LARGE)
def test_only_what_is_too_large_is_left_to_the_benchmark(name: str) -> None:
    assert parameter_count(name) > MOST_PARAMETERS


@pytest.mark.parametrize("name", [name for name in rooms() if name not in LARGE])
def test_every_builder(name: str) -> None:
    conforms(example(name), random.Random(name))


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated", "ignore::UserWarning")  # of quantising
@pytest.mark.parametrize(
    "name", ["googlenet", "inception_v3", "mobilenet_v2", "mobilenet_v3_large", "resnet18", "shufflenet_v2_x0_5"]
)
def test_quantised(name: str) -> None:
    conforms(example(f"quantized_{name}", quantize=True), random.Random(name))


def conforms(given: Example, chance: random.Random) -> None:
    model, args, kwargs = given
    assert sum(parameter.numel() for parameter in model.parameters()) <= MOST_PARAMETERS
    for parameter in list(model.parameters())[:3]:
        parameter.grad = torch.ones_like(parameter)
    before = _around(model)

    replica = Replica(model)  # one copy for all: of the largest models copies would take most of the time
    graph, error = run_traced(replica, args, kwargs)
    assert error is None
    assert graph.error is None
    assert_inputs_reach_outputs(graph)
    keys = chance.sample([key for module in graph.modules for key in module.keys], 3)
    outputs = capture(replica, Probe(args, kwargs), keys).outputs
    assert _around(model) == before

    calls, seen = by_plain_hooks(model, args, kwargs, keys)
    assert {module.path: module.calls for module in graph.modules if module.calls} == calls
    for key in keys:
        assert same(outputs[key], seen[key]), key


def by_plain_hooks(
    model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], keys: list[str]
) -> tuple[dict[str, int], dict[str, Tensor]]:
    """How often each module is called, and the outputs that `keys` should mean."""
    calls: Counter[str] = Counter()
    seen: dict[str, Tensor] = {}

    def look(path: str, output: Any) -> None:
        calls[path] += 1
        for leaf, tensor in leaves(output):
            key = f"{path}{f':{calls[path]}' if calls[path] > 1 else ''}{leaf}"
            if key in keys:
                seen[key] = tensor.dequantize() if tensor.is_quantized else tensor.clone()

    hooks = [
        module.register_forward_hook(lambda _module, _args, output, path=path: look(path, output))
        for path, module in model.eval().named_modules()
    ]
    torch.backends.mha.set_fastpath_enabled(False)  # which adds in another order, and which a copy never takes
    try:
        with torch.no_grad():
            model(*args, **kwargs)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    for hook in hooks:
        hook.remove()
    return dict(calls), seen


def assert_inputs_reach_outputs(graph: Graph) -> None:
    """From every input there is a way along the edges to an output, and to every output one from an input."""
    inputs = {node.key for node in graph.nodes if node.kind == "input"}
    outputs = {node.key for node in graph.nodes if node.kind == "output"}
    assert inputs
    assert outputs
    forward = [(edge.source, edge.target) for edge in graph.edges]
    assert outputs <= _reached(inputs, forward)
    for each in inputs:
        if graph.node(each).outputs:  # a number that the model is given is no tensor
            assert outputs & _reached({each}, forward), each


def same(a: Tensor, b: Tensor) -> bool:
    """Bit for bit, NaN included."""
    if a.is_quantized and b.is_quantized:
        return torch.equal(a, b)  # their scales too
    return (a.dtype, a.shape) == (b.dtype, b.shape) and torch.equal(_bits(a), _bits(b))


def _checksum(tensor: Tensor) -> int:
    plain = tensor.detach()
    return int(_bits(plain.int_repr() if plain.is_quantized else plain).sum())


def _bits(tensor: Tensor) -> Tensor:
    flat = tensor.contiguous().view(-1)
    return flat.view(torch.int64 if flat.nbytes % 8 == 0 else torch.uint8)  # the wide ones are compared faster


def _reached(start: set[str], edges: list[tuple[str, str]]) -> set[str]:
    after: dict[str, list[str]] = {}
    for source, target in edges:
        after.setdefault(source, []).append(target)
    found, new = set(start), list(start)
    while new:
        fresh = {target for source in [new.pop()] for target in after.get(source, ())} - found
        found |= fresh
        new += fresh
    return found


def _around(model: nn.Module) -> Any:
    """All about a model: modes, gradients, hooks, attributes, its tensors' bits summed up; and the random states."""
    modules = [
        (type(part), part.training, sorted(vars(part)), {k: len(v) for k, v in vars(part).items() if "_hooks" in k})
        for part in model.modules()
    ]
    tensors = [
        (id(each), each._version, each.requires_grad, each.grad is None or float(each.grad.sum()), _checksum(each))
        for each in (*model.parameters(), *model.buffers())
    ]
    chance = torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()
    return modules, tensors, chance
