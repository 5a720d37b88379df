"""trace: one forward pass of a copy of the model → its Graph."""

from __future__ import annotations

import inspect
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from torchvis_widgets.look.errors import OutOfMemory, ProbeError, in_words, out_of_memory
from torchvis_widgets.look.leaves import leaves
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica, require_module
from torchvis_widgets.look.tracing.graph import Graph, Node
from torchvis_widgets.look.tracing.meter import Meter
from torchvis_widgets.look.tracing.module_table import module_table
from torchvis_widgets.look.tracing.recorder import MOST_NODES, Recorder
from torchvis_widgets.look.tracing.sizes import sizes_by_path
from torchvis_widgets.look.tracing.walk import Walk


def trace(model: nn.Module, *args: Any, **kwargs: Any) -> Graph:
    """Run a copy of `model` once in eval mode, as `model(*args, **kwargs)`, and see what it calls.

    Returns:
        The graph of modules and functions; `print()` shows it. Where the model raises, `graph.error` says what, and
        the graph goes up to there.

    Warns:
        RuntimeWarning: the model raised.

    Raises:
        TypeError: `model` is no `nn.Module`.
        ReplicaError: the model cannot be copied; `tvw.inspect(model, inputs, replica=…).graph` is the way then.
    """
    require_module(model, "trace")
    graph, error = run_traced(Replica(model), args, kwargs)
    if error is not None:
        warnings.warn(f"the model raised, and the graph ends there: {graph.error}", RuntimeWarning, stacklevel=2)
    return graph


def trace_probe(replica: Replica, probe: Probe) -> Graph:
    """Run the replica once on the probe.

    Call it from the training thread, or while nothing trains: this pass finds out whether the model draws random
    numbers, so it keeps and puts back the process-wide random state. Raises ProbeError when the probe does not run.
    """
    graph, error = run_traced(replica, probe.args, probe.kwargs, probe.count)
    if error is not None and out_of_memory(error):
        room = OutOfMemory(probe.count)
        raise ProbeError(room.reason, room.remedy) from error
    if error is not None:
        raise ProbeError(
            f"the probe does not run through the model: given {probe}, {graph.error}",
            "Pass probe=(inputs, targets) with inputs as the model takes them; several are written "
            "((input, input), targets), keyword ones as a dict. tvw.trace(model, …) shows how far it gets.",
        ) from error
    return graph


def run_traced(
    replica: Replica, args: Sequence[Any], kwargs: Mapping[str, Any], count: int | None = None
) -> tuple[Graph, Exception | None]:
    """The graph of a pass, up to what it raised; `count`: the samples in the batch, for the shapes of one."""
    given = [tensor for _, tensor in leaves((args, kwargs))]
    if count is None:
        count = next((tensor.shape[0] for tensor in given if tensor.dim()), None)
    with replica.lock:
        module = replica.module
        args, kwargs = replica.moved((args, kwargs))
        known = [*module.parameters(), *module.buffers(), *(tensor for _, tensor in leaves((args, kwargs)))]
        meter = Meter(replica.device, known)
        recorder = Recorder(module, meter)
        recorder.inputs(_named_inputs(module, args, kwargs))
        error = None
        try:
            with Walk(module, recorder, run=meter.run):
                output = replica.run(args, kwargs)
            recorder.outputs(output)
        except Exception as raised:
            error = raised
        meter.settle()
        return _graph(replica, recorder, error, count), error


def _named_inputs(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    try:
        bound = inspect.signature(module.forward).bind_partial(*args, **kwargs).arguments
    except (TypeError, ValueError):  # a wrong number of inputs, or a scripted module
        return {**{str(index): value for index, value in enumerate(args)}, **kwargs}
    named: dict[str, Any] = {}
    for name, value in bound.items():
        kind = inspect.signature(module.forward).parameters[name].kind
        named.update(value if kind is inspect.Parameter.VAR_KEYWORD else {name: value})
    return named


def _graph(replica: Replica, recorder: Recorder, error: Exception | None, count: int | None) -> Graph:
    sizes = sizes_by_path(replica.module)
    nodes = _with_times([draft.node(sizes) for draft in recorder.drafts.values()])
    modules = module_table(replica, nodes, sizes, count)
    text = None
    if error is not None:
        place = recorder.blame[1] if recorder.blame is not None and recorder.blame[0] is error else ""
        text = in_words(error) + (f" in {place!r}" if place else "")
    elif recorder.full:
        text = f"the pass has more than {MOST_NODES} calls; the graph ends there"
    kept = recorder.drafts.keys()
    edges = tuple(each for each in recorder.edges.values() if each.source in kept and each.target in kept)
    return Graph(modules, nodes, edges, text)


def _with_times(nodes: list[Node]) -> tuple[Node, ...]:
    """A module's time is that of the functions inside, so that the cost of watching is not in it."""
    seconds: dict[str | None, float] = defaultdict(float)
    for node in reversed(nodes):  # children stand behind their parents
        own = seconds[node.key] if node.kind == "module" else node.seconds
        seconds[node.parent] += own
    return tuple(replace(node, seconds=seconds[node.key]) if node.kind == "module" else node for node in nodes)
