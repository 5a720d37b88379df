"""Graph: a model's module tree with output shapes, calls and keys, found by one forward pass of the replica."""

from __future__ import annotations

import dataclasses
import difflib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from torch import nn

from torchvis_widgets.look.errors import LookError, ProbeError, in_words
from torchvis_widgets.look.keys import Key
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.probe import Probe, sample_shape
from torchvis_widgets.look.replica import Replica

MOST_CALLS = 64  # calls of one module that get keys: a hand-written RNN may call its cell thousands of times


@dataclasses.dataclass(frozen=True)
class Node:
    """One module. `shape` is that of its first output for one sample, such as "16×8×8" ("" = never called).

    `parameters` counts elements, children included and tied ones once; `trainable`: any of them was when the replica
    was made; `keys` name its outputs; `note` says what is odd.
    """

    path: str
    name: str
    type: str
    depth: int
    shape: str
    parameters: int
    trainable: bool
    calls: int
    children: bool
    keys: list[str]
    note: str


@dataclasses.dataclass(frozen=True)
class Graph:
    """A model's modules in definition order, the model itself ("") first."""

    nodes: list[Node]

    def __getitem__(self, path: str) -> Node:
        """The node of a module path. Raises LookError naming the nearest paths."""
        for node in self.nodes:
            if node.path == path:
                return node
        raise LookError(f"the model has no layer {path!r}", nearest(path, [node.path for node in self.nodes]))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"nodes": [dataclasses.asdict(node) for node in self.nodes]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Graph:
        """The graph whose `to_dict()` this is."""
        return cls([Node(**node) for node in data["nodes"]])


def trace(replica: Replica, probe: Probe) -> Graph:
    """Run the replica once and note each module's outputs.

    Call it from the training thread, or while nothing trains: this pass finds out whether the model draws random
    numbers, so it keeps and puts back the process-wide random state. Raises ProbeError when the probe does not run.
    """
    outputs: dict[int, list[list[_Leaf]]] = defaultdict(list)

    def note(module: nn.Module, _args: Any, output: Any) -> None:
        outputs[id(module)].append([_Leaf(path, tuple(tensor.shape)) for path, tensor in leaves(output)])

    with replica.lock:
        handles = [module.register_forward_hook(note) for module in replica.module.modules()]
        try:
            replica.forward(probe)
        except Exception as error:
            raise ProbeError(
                f"the probe does not run through the model: given {probe}, {in_words(error)}",
                "Pass probe=(inputs, targets) with inputs as the model takes them; several are written "
                "((input, input), targets), keyword ones as a dict.",
            ) from error
        finally:
            for handle in handles:
                handle.remove()
    return Graph(_nodes(replica, outputs, probe.count))


def nearest(name: str, names: list[str]) -> str:
    """A remedy that names what was probably meant."""
    near = difflib.get_close_matches(name, names, 3, 0.4) or names[:3]
    return f"Did you mean {' or '.join(repr(each) for each in near)}?" if near else "There is nothing to choose from."


@dataclasses.dataclass(frozen=True)
class _Leaf:
    path: str
    shape: tuple[int, ...]


def _nodes(replica: Replica, outputs: Mapping[int, list[list[_Leaf]]], count: int) -> list[Node]:
    first_paths: dict[int, str] = {}
    nodes = []
    for path, module in replica.module.named_modules(remove_duplicate=False):
        owner = first_paths.setdefault(id(module), path)
        nodes.append(_node(replica, path, owner, module, outputs.get(id(module), []), count))
    return nodes


def _node(replica: Replica, path: str, owner: str, module: nn.Module, calls: list[list[_Leaf]], count: int) -> Node:
    prefix = f"{owner}." if owner else ""
    return Node(
        path=path,
        name=path.rpartition(".")[2] or type(module).__name__,
        type=type(module).__name__,
        depth=path.count(".") + 1 if path else 0,
        shape=_shape(calls, count),
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        trainable=any(prefix + name in replica.trainable for name, _ in _all_parameters(module)),
        calls=len(calls),
        children=any(True for _ in module.children()),
        keys=[str(Key(owner, n, leaf.path)) for n, call in enumerate(calls[:MOST_CALLS], 1) for leaf in call],
        note=_note(path, owner, calls),
    )


def _all_parameters(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return list(module.named_parameters(remove_duplicate=False))


def _shape(calls: list[list[_Leaf]], count: int) -> str:
    call = next((call for call in calls if call), None)
    if call is None:
        return ""
    shape = "×".join(str(size) for size in sample_shape(call[0].shape, count)) or "scalar"
    return f"{shape} +{len(call) - 1}" if len(call) > 1 else shape


def _note(path: str, owner: str, calls: list[list[_Leaf]]) -> str:
    notes = []
    if path != owner:
        notes.append(f"the same module as {owner!r}")
    if not calls:
        notes.append("never called")
    elif not any(calls):
        notes.append("gives no tensor")
    elif len(calls) > 1:
        notes.append(f"called {len(calls)} times")
    return "; ".join(notes)
