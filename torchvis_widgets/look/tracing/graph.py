"""Graph: what one forward pass called, which tensors went where, and what each call cost."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torchvis_widgets.look.context import Context
from torchvis_widgets.look.errors import LookError, nearest
from torchvis_widgets.look.tracing.surroundings import context_of

Kind = Literal["input", "module", "function", "output"]


@dataclass(frozen=True)
class Output:
    """One tensor of a call's output: its place in it ("" where that is a tensor), shape and dtype ("float32")."""

    leaf: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Node:
    """One call of a module or of a function, an input of the model, or a tensor of its output.

    key: names it: "layer1.0.conv1", "layer1.0/add", "layer1.0.relu:2" for a second call, "input:x",
        "output:['logits']".
    type: the module's class, or the function's name.
    path: the attribute path of the module, or of the one that a function was called in.
    parent: the key of the module call that it ran in; None for the model itself, inputs and outputs.
    reads: the parameters and buffers that a function was given, by name.
    parameters: elements, tied ones once; of a function those that it reads. bytes: theirs.
    macs: multiply-adds. seconds: spent in functions, on the device. memory: bytes of tensors alive at most while it ran
        beyond those alive before.
    note: what is odd.
    """

    key: str
    kind: Kind
    type: str
    path: str
    parent: str | None
    outputs: tuple[Output, ...]
    reads: tuple[str, ...] = ()
    parameters: int = 0
    bytes: int = 0
    macs: int = 0
    seconds: float = 0.0
    memory: int = 0
    note: str = ""


@dataclass(frozen=True)
class Edge:
    """A tensor that went from one node to another: which of the source's outputs, and its shape."""

    source: str
    target: str
    leaf: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Module:
    """A module by its attribute path.

    shape: of its first output for one sample, "16×8×8" ("" = none).
    parameters: elements, children included and tied ones once. bytes: theirs.
    trainable: any of them was when the graph was made.
    calls, macs, seconds, memory: of the pass, summed over its calls; memory is the most of one.
    children: it has some. container: it only holds them, as ModuleList does.
    features: the size of the one dimension that it treats as features. batch_first: as it was built.
    patches: a convolution that cuts its input into patches.
    keys: name its outputs. tied: other names of its own parameters. note: what is odd.
    """

    path: str
    name: str
    type: str
    depth: int
    shape: str
    parameters: int
    bytes: int
    trainable: bool
    calls: int
    macs: int
    seconds: float
    memory: int
    children: bool
    container: bool
    features: int | None
    batch_first: bool | None
    patches: bool
    keys: tuple[str, ...]
    tied: tuple[str, ...]
    note: str


@dataclass(frozen=True, repr=False)
class Graph:
    """A forward pass: `print()` shows it as a table, `to_dot()` gives it to Graphviz.

    modules: all of the model's, called or not, in definition order, the model itself ("") first.
    nodes: the calls in the order in which they began, the model's inputs before and its outputs after them.
    edges: between functions, inputs, outputs, and modules whose inside is not seen.
    error: what the model raised, where the pass did not come to its end; nodes and edges are those up to there.
    """

    modules: tuple[Module, ...]
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    error: str | None = None

    def __getitem__(self, path: str) -> Module:
        """The module at an attribute path. Raises LookError naming the nearest paths."""
        try:
            return self._by_path[path]
        except KeyError:
            raise LookError(f"the model has no layer {path!r}", nearest(path, list(self._by_path))) from None

    def node(self, key: str) -> Node:
        """The call, input or output of that key, without a leaf. Raises LookError naming the nearest keys."""
        try:
            return self._by_key[key]
        except KeyError:
            raise LookError(f"the graph has no node {key!r}", nearest(key, list(self._by_key))) from None

    def has(self, key: str) -> bool:
        """Whether there is a node of that key."""
        return key in self._by_key

    def context(self, key: str) -> Context:
        """What the graph tells of the tensor that a key names; nothing where it does not know it."""
        if key not in self._contexts:
            self._contexts[key] = context_of(self, key)
        return self._contexts[key]

    def around(self, key: str) -> Iterator[Node]:
        """The module calls that a node ran in, innermost first."""
        parent = self.node(key).parent
        while parent is not None:
            yield self._by_key[parent]
            parent = self._by_key[parent].parent

    def children(self, key: str | None) -> list[Node]:
        """What ran directly inside a module call, in order; for None the inputs, the model itself and the outputs."""
        return self._children.get(key, [])

    @property
    def attentions(self) -> list[str]:
        """What `session.attention()` can show: nn.MultiheadAttention, and calls of scaled_dot_product_attention."""
        own = ("scaled_dot_product_attention", "multi_head_attention_forward")
        found = (node for node in self.nodes if node.kind == "function" and node.type in own)
        return [(node.parent or "") if node.type == own[1] else node.key for node in found]

    def folded(self, closed: Collection[str]) -> list[Edge]:
        """The edges when the module calls of these keys are boxes that are closed: each ends at the outermost one."""
        shown = {node.key: self._shown(node, closed) for node in self.nodes}
        lifted = (dataclasses.replace(e, source=shown[e.source], target=shown[e.target]) for e in self.edges)
        return list(dict.fromkeys(edge for edge in lifted if edge.source != edge.target))

    def _shown(self, node: Node, closed: Collection[str]) -> str:
        return next((box.key for box in reversed([node, *self.around(node.key)]) if box.key in closed), node.key)

    @functools.cached_property
    def _contexts(self) -> dict[str, Context]:
        return {}

    @functools.cached_property
    def _by_path(self) -> dict[str, Module]:
        return {module.path: module for module in self.modules}

    @functools.cached_property
    def _by_key(self) -> dict[str, Node]:
        return {node.key: node for node in self.nodes}

    @functools.cached_property
    def _children(self) -> dict[str | None, list[Node]]:
        found: dict[str | None, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.parent, []).append(node)
        return found

    def __repr__(self) -> str:
        from torchvis_widgets.look.tracing.text import table

        return table(self)

    def to_dot(self, depth: int | None = None) -> str:
        """The graph in the DOT language, modules as clusters; those `depth` levels below the model are closed boxes."""
        from torchvis_widgets.look.tracing.dot import dot

        return dot(self, depth)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Graph:
        """The graph whose `to_dict()` this is, with or without JSON in between."""
        return cls(
            modules=tuple(_module(each) for each in data["modules"]),
            nodes=tuple(_node(each) for each in data["nodes"]),
            edges=tuple(Edge(**{**each, "shape": tuple(each["shape"])}) for each in data["edges"]),
            error=data["error"],
        )


def _node(data: Mapping[str, Any]) -> Node:
    outputs = tuple(Output(**{**each, "shape": tuple(each["shape"])}) for each in data["outputs"])
    return Node(**{**data, "outputs": outputs, "reads": tuple(data["reads"])})


def _module(data: Mapping[str, Any]) -> Module:
    return Module(**{**data, "keys": tuple(data["keys"]), "tied": tuple(data["tied"])})
