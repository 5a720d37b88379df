"""The modules of a model, called or not, with what a pass told of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn

from torchvis_widgets.look.batch_dim import batch_dim
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.probe import sample_shape
from torchvis_widgets.look.replica import Replica
from torchvis_widgets.look.tracing.graph import Module, Node
from torchvis_widgets.look.tracing.sizes import Size
from torchvis_widgets.look.tracing.walk import class_name

MOST_CALLS = 64  # calls of one module that get keys: a hand-written RNN may call its cell thousands of times

CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)  # they have no forward()


def module_table(
    replica: Replica, nodes: Sequence[Node], sizes: Mapping[str, Size], count: int | None
) -> tuple[Module, ...]:
    """The modules in definition order; `count`: the samples in the batch that was run, None = not known."""
    table = _Table(replica, nodes, sizes, count)
    owners: dict[int, str] = {}
    return tuple(
        table.row(path, owners.setdefault(id(module), path), module)
        for path, module in replica.module.named_modules(remove_duplicate=False)
    )


class _Table:
    def __init__(self, replica: Replica, nodes: Sequence[Node], sizes: Mapping[str, Size], count: int | None) -> None:
        self._trainable = {path for name in replica.trainable for path in _containers(name)}
        self._sizes, self._count = sizes, count
        self._by_key = {node.key: node for node in nodes}
        self._batch_first = {path: _batch_first(module) for path, module in replica.module.named_modules()}
        self._calls: dict[str, list[Node]] = defaultdict(list)
        self._readers: dict[str, str] = {}
        for node in nodes:
            if node.kind == "module":
                self._calls[node.path].append(node)
            for name in node.reads:
                self._readers.setdefault(name, node.key)
        self._names = _names(replica.module)

    def row(self, path: str, owner: str, module: nn.Module) -> Module:
        size, calls, tied = self._sizes[path], self._calls[owner], self._tied(owner, module)
        return Module(
            path=path,
            name=path.rpartition(".")[2] or class_name(module),
            type=class_name(module),
            depth=path.count(".") + 1 if path else 0,
            shape=self._shape(calls),
            parameters=size.elements,
            bytes=size.bytes,
            trainable=owner in self._trainable,
            calls=len(calls),
            macs=sum(call.macs for call in calls),
            seconds=sum(call.seconds for call in calls),
            memory=max((call.memory for call in calls), default=0),
            children=any(True for _ in module.children()),
            container=isinstance(module, CONTAINERS),
            features=_features(module),
            batch_first=self._batch_first[owner],
            patches=_cuts_patches(module),
            keys=_keys(owner, calls),
            tied=tuple(twin for _, twins in tied for twin in twins),
            note="; ".join(self._notes(path, owner, module, calls, tied)),
        )

    def _shape(self, calls: Sequence[Node]) -> str:
        call = next((call for call in calls if call.outputs), None)
        if call is None:
            return ""
        shape = call.outputs[0].shape
        if self._count is not None:
            shape = sample_shape(shape, self._count, batch_dim(self._context(call), shape, self._count))
        text = "×".join(str(size) for size in shape) or "scalar"
        return f"{text} +{len(call.outputs) - 1}" if len(call.outputs) > 1 else text

    def _context(self, call: Node) -> Context:
        """What there is to know of a call's first output before there is a graph."""
        around = [call]
        while around[-1].parent is not None:
            around.append(self._by_key[around[-1].parent])
        batch_first = (self._batch_first[box.path] for box in around)
        return Context(
            type=call.type,
            leaf=call.outputs[0].leaf,
            inside=tuple(box.type for box in around[1:]),
            batch_first=next((first for first in batch_first if first is not None), None),
        )

    def _tied(self, owner: str, module: nn.Module) -> list[tuple[str, list[str]]]:
        own = [(name, _join(owner, name), parameter) for name, parameter in _own(module)]
        twins = [(name, [each for each in self._names[id(parameter)] if each != full]) for name, full, parameter in own]
        return [pair for pair in twins if pair[1]]

    def _notes(
        self, path: str, owner: str, module: nn.Module, calls: list[Node], tied: list[tuple[str, list[str]]]
    ) -> list[str]:
        notes = [f"the same module as {owner!r}"] if path != owner else []
        if isinstance(module, torch.jit.ScriptModule):
            notes.append("scripted" if calls else "inside a scripted module, which does not show what it calls")
        elif not calls and isinstance(module, CONTAINERS):
            notes.append("holds modules, which are called one by one")
        elif not calls:
            own = [_join(owner, name) for name, _ in _own(module)]
            reader = next((self._readers[name] for name in own if name in self._readers), None)
            notes.append("never called" if reader is None else f"never called: {reader!r} reads its parameters")
        elif not any(call.outputs for call in calls):
            notes.append("gives no tensor")
        elif len(calls) > 1:
            notes.append(f"called {len(calls)} times")
        return notes + [f"{name} is tied to {', '.join(twins)}" for name, twins in tied]


def _names(model: nn.Module) -> dict[int, list[str]]:
    """All names of each parameter; a module that stands at two places has one."""
    names: dict[int, list[str]] = defaultdict(list)
    for path, module in model.named_modules():
        for name, parameter in _own(module):
            names[id(parameter)].append(_join(path, name))
    return names


def _own(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, parameter) for name, parameter in module._parameters.items() if parameter is not None]


def _containers(name: str) -> Iterator[str]:
    while name:
        name = name.rpartition(".")[0]
        yield name


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _features(module: nn.Module) -> int | None:
    shape = getattr(module, "normalized_shape", None)
    if isinstance(shape, tuple):
        return int(shape[0]) if len(shape) == 1 else None
    names = ("out_features", "num_features", "num_channels", "embedding_dim", "out_channels")
    found = (getattr(module, name, None) for name in names)
    return next((value for value in found if isinstance(value, int)), None)


def _batch_first(module: nn.Module) -> bool | None:
    own: bool | None = getattr(
        getattr(module, "self_attn", module), "batch_first", None
    )  # a Transformer layer's has it
    return own


def _cuts_patches(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.stride == module.kernel_size and module.stride[0] > 1


def _keys(owner: str, calls: Sequence[Node]) -> tuple[str, ...]:
    numbered = enumerate(calls[:MOST_CALLS], 1)
    return tuple(str(Key(owner, "", number, output.leaf)) for number, call in numbered for output in call.outputs)
