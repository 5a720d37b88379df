"""Recorder: listens to a walk and keeps every call as a node, and every tensor that went on as an edge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from torchvis_widgets.look.errors import in_words
from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.leaves import leaves, map_tensors
from torchvis_widgets.look.tracing.graph import Edge, Kind, Node, Output
from torchvis_widgets.look.tracing.meter import Cost, Meter
from torchvis_widgets.look.tracing.origins import Origin, Origins
from torchvis_widgets.look.tracing.sizes import Size, shape_of, size_of
from torchvis_widgets.look.tracing.walk import Call, Listener

MOST_NODES = 20_000  # of a loop that goes on for ever, the beginning
_PLAIN = {int, float, bool, str, type(None), torch.dtype, torch.device, torch.Size}
_LEAVING = ("numpy", "array", "tolist", "item")  # functions that take values out of torch


@dataclass
class Draft:
    """A node in the making."""

    key: str
    kind: Kind
    type: str
    path: str
    parent: str | None
    outputs: list[Output] = field(default_factory=list)
    reads: dict[str, Tensor] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    notes: list[str] = field(default_factory=list)

    def node(self, sizes: Mapping[str, Size]) -> Node:
        """The node; its functions' times are not in a module's yet. `sizes`: those of the modules by path."""
        size = sizes[self.path] if self.kind == "module" else size_of(filter(_is_parameter, self.reads.values()))
        return Node(
            self.key, self.kind, self.type, self.path, self.parent, tuple(self.outputs), tuple(self.reads),
            size.elements, size.bytes, self.cost.macs, self.cost.seconds, self.cost.memory, "; ".join(self.notes),
        )  # fmt: skip


class Recorder(Listener):
    """What one walk through `model` met. Times are in the meter's costs once that has settled."""

    def __init__(self, model: nn.Module, meter: Meter) -> None:
        self._meter = meter
        self._names = {id(tensor): name for name, tensor in _named(model)}
        self._origins = Origins()
        self._departed: list[Origin] = []  # makers of tensors whose values left torch
        self.drafts: dict[str, Draft] = {}
        self.edges: dict[tuple[str, str, str], Edge] = {}
        self.blame: tuple[Exception, str] | None = None
        self.full = False

    # What goes in and what comes out of the whole model

    def inputs(self, named: Mapping[str, Any]) -> None:
        """The model's inputs by name, those that hold tensors."""
        for name, value in named.items():
            draft = Draft(f"input:{name}", "input", type(value).__name__, "", None)
            self._outgoing(draft, leaves(value))
            if draft.outputs:
                self.drafts[draft.key] = draft

    def outputs(self, value: Any) -> None:
        """The model's answer."""
        for leaf, tensor in leaves(value):
            draft = Draft(f"output:{leaf}", "output", type(value).__name__, "", None)
            self._incoming(draft, [tensor])
            draft.outputs.append(_output(leaf, tensor))
            self.drafts[draft.key] = draft

    # What the walk tells

    def enter(self, call: Call) -> None:
        """A call begins."""
        given = list(_tensors((*call.args, *call.kwargs.values())))
        draft = None
        if call.module is not None:
            draft = _draft(call)
            if self._room():
                self.drafts[draft.key] = draft
        call.notes = draft, [(tensor, _version(tensor)) for tensor in given], self._meter.begin()

    def leave(self, call: Call, output: Any) -> Any:
        """A call has returned."""
        draft, given, mark = call.notes
        cost = self._meter.end(mark)
        if draft is None:
            return self._function(call, given, cost, output)
        draft.cost = cost
        return self._module(draft, given, output)

    def failed(self, call: Call, error: Exception) -> None:
        """A call raised; the first to be told of an error is where it happened."""
        draft, given, mark = call.notes
        cost = self._meter.end(mark)
        if draft is None:
            draft = _draft(call)
            self._incoming(draft, [tensor for tensor, _ in given])
            self._keep(draft)
        draft.cost = cost
        if self.blame is None or self.blame[0] is not error:
            self.blame = error, draft.key
            draft.notes.append(f"raised {in_words(error)}")

    def _function(self, call: Call, given: list[tuple[Tensor, int]], cost: Cost, output: Any) -> Any:
        made = list(leaves(output))
        changed = [tensor for tensor, version in given if _version(tensor) != version]
        if not made and not changed:
            if call.function in _LEAVING:
                self._departed += filter(None, (self._origin(tensor) for tensor, _ in given))
            return output
        draft = _draft(call)
        draft.cost = cost
        self._incoming(draft, [tensor for tensor, _ in given])
        output = _told_apart(output, {id(tensor) for tensor, _ in given} - {id(tensor) for tensor in changed})
        self._outgoing(draft, leaves(output), changed)
        self._keep(draft)
        return output

    def _module(self, draft: Draft, given: list[tuple[Tensor, int]], output: Any) -> Any:
        # What the model itself hands on goes straight from its input to its output.
        handed_on = {
            id(tensor) for tensor, version in given if _version(tensor) == version and draft.parent is not None
        }
        made = list(leaves(output))
        unseen = [pair for pair in made if self._origin(pair[1]) is None and id(pair[1]) not in self._names]
        through = [leaf for leaf, tensor in made if id(tensor) in handed_on]
        if unseen or through:
            self._incoming(draft, [tensor for tensor, _ in given])
        output = _told_apart(output, handed_on)
        draft.outputs += [_output(leaf, tensor) for leaf, tensor in made]
        if through:
            draft.notes.append("gives back what it is given")
        for leaf, tensor in leaves(output):
            if leaf in through or any(tensor is each for _, each in unseen):
                self._origins.made(tensor, Origin(draft.key, leaf))
        return output

    # Edges

    def _incoming(self, draft: Draft, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            origin = self._origin(tensor)
            if origin is not None:
                edge = Edge(origin.node, draft.key, origin.leaf, shape_of(tensor))
                self.edges.setdefault((edge.source, edge.target, edge.leaf), edge)
            elif id(tensor) in self._names:
                draft.reads[self._names[id(tensor)]] = tensor
            elif self._departed:
                self._from_outside(draft, tensor)

    def _from_outside(self, draft: Draft, tensor: Tensor) -> None:
        """What was made of values that had left torch, through numpy for example: from all that had left by then."""
        number = 1 + sum(each.type == "unseen" and each.path == draft.path for each in self.drafts.values())
        key = str(Key(draft.path, "unseen", number, ""))
        unseen = Draft(key, "function", "unseen", draft.path, draft.parent)
        unseen.notes.append("made outside torch, of values that had left it")
        for origin in dict.fromkeys(self._departed):
            self.edges[origin.node, unseen.key, origin.leaf] = Edge(origin.node, unseen.key, origin.leaf, ())
        self._outgoing(unseen, [("", tensor)])
        self._keep(unseen)
        self._incoming(draft, [tensor])

    def _outgoing(self, draft: Draft, made: Iterable[tuple[str, Tensor]], changed: Iterable[Tensor] = ()) -> None:
        for leaf, tensor in made:
            draft.outputs.append(_output(leaf, tensor))
            self._origins.made(tensor, Origin(draft.key, leaf))
        for tensor in changed:
            if not draft.outputs:  # x[0] = y gives nothing, but x is another afterwards
                draft.outputs.append(_output("", tensor))
            self._origins.changed(tensor, Origin(draft.key, draft.outputs[0].leaf))

    def _origin(self, tensor: Tensor) -> Origin | None:
        return self._origins.of(tensor) or (None if id(tensor) in self._names else self._origins.of_memory(tensor))

    def _keep(self, draft: Draft) -> None:
        if self._room():
            self.drafts[draft.key] = draft

    def _room(self) -> bool:
        self.full = self.full or len(self.drafts) >= MOST_NODES
        return not self.full


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:  # most are tensors and numbers: thousands of calls are looked at
        if isinstance(value, Tensor):
            yield value
        elif type(value) not in _PLAIN:
            yield from (tensor for _, tensor in leaves(value))


def _draft(call: Call) -> Draft:
    kind: Kind = "module" if call.module is not None else "function"
    parent = call.parent.key() if call.parent is not None else None
    return Draft(call.key(), kind, call.type, call.path, parent)


def _output(leaf: str, tensor: Tensor) -> Output:
    return Output(leaf, shape_of(tensor), str(tensor.dtype).removeprefix("torch."))


def _is_parameter(tensor: Tensor) -> bool:
    return isinstance(tensor, nn.Parameter)


def _named(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_buffers()
    yield from model.named_parameters()


def _version(tensor: Tensor) -> int:
    try:
        return tensor._version
    except RuntimeError:  # one made in inference mode counts none
        return -1


def _told_apart(output: Any, given: set[int]) -> Any:
    """The output with an alias in place of every tensor that is an input as it was.

    Dropout in eval mode returns the tensor that it was given: a residual connection around it would look the same.
    """
    if not any(id(tensor) in given and type(tensor) is Tensor for _, tensor in leaves(output)):
        return output
    return map_tensors(
        output, lambda each: torch.ops.aten.alias(each) if id(each) in given and type(each) is Tensor else each
    )
