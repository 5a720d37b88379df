"""`watch()` a model that trains, `inspect()` one that does not, and views of a recorded run."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch

from torchvis_widgets.alarms import CHOICES, Alarms, OnNonfinite
from torchvis_widgets.best_at_end import check_restore_best
from torchvis_widgets.every import Policy, check_policy
from torchvis_widgets.keeper import Keeper
from torchvis_widgets.live import State, state_of
from torchvis_widgets.look.context import Context
from torchvis_widgets.look.copying import unwrapped
from torchvis_widgets.look.leaves import map_tensors
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.look.replica import Replica, require_module
from torchvis_widgets.look.texts import Tokens, check_tokens
from torchvis_widgets.look.tracing.graph import Graph
from torchvis_widgets.look.tracing.trace import trace_probe
from torchvis_widgets.output_statistics import OutputStatistics
from torchvis_widgets.overhead import check_cap
from torchvis_widgets.record.best import Best, check_best
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run
from torchvis_widgets.record.statistics import Statistics
from torchvis_widgets.record.thinning import to_bytes
from torchvis_widgets.rewind import wait_for_step
from torchvis_widgets.session import Session
from torchvis_widgets.steer import Edit
from torchvis_widgets.steer.change_log import ChangeLog
from torchvis_widgets.steer.training_state import training_parts
from torchvis_widgets.step_statistics import StepStatistics
from torchvis_widgets.watcher import Watcher

Optimizers = torch.optim.Optimizer | Sequence[torch.optim.Optimizer]

DEFAULT_SAMPLES = 8

_watched: weakref.WeakKeyDictionary[torch.nn.Module, weakref.ref[Session]] = weakref.WeakKeyDictionary()
_reopened: weakref.WeakKeyDictionary[Run, weakref.ref[Session]] = weakref.WeakKeyDictionary()


def watch(
    model: torch.nn.Module,
    optimizer: Optimizers | None = None,
    criterion: Callable[..., Any] | None = None,
    *,
    probe: Any = None,
    classes: Sequence[str] | None = None,
    run: str | Path | None = None,
    name: str | None = None,
    replica: Callable[[], torch.nn.Module] | None = None,
    snapshots: Policy = "auto",
    keep: str | int | None = "2GB",
    best: str | Best | None = "val/loss",
    resumable: bool | Sequence[Any] = False,
    on_nonfinite: OnNonfinite = "warn",
    statistics: Statistics | int | None = 50,
    overhead: float | None = 0.02,
    restore_best: bool = False,
    tokens: Tokens | None = None,
) -> Session:
    """Watch `model` while it trains; the training itself stays bit for bit what it was.

    Watching a model again replaces the older session. Hooks are attached to optimizers (process-wide), to the
    criterion, and to the model until its first forward pass where no probe was given.

    Args:
        model: the model, wrapped in `DataParallel`, `DistributedDataParallel` or `torch.compile` or not.
        optimizer: one or several; without it, whichever optimizer steps the model's parameters is found. Of several,
            the steps of the first are counted: a GAN's two make one step. One made anew during training takes over.
        criterion: the loss, `criterion(output, targets)`. A module also logs the training loss by itself.
        probe: the batch that views look at: inputs (N, …), or `(inputs, targets)`. By default the first 8 samples
            that the model is given.
        classes: the names of the model's outputs, in order.
        run: the run directory; by default a temporary one, whose path the dashboard shows.
        name: what the run is called; by default the directory's name, or the model's class for a temporary one.
        replica: builds the model anew, for a model that `copy.deepcopy` cannot copy.
        snapshots: when the model's state is kept: `tvw.Every(epochs=1)`, `tvw.Every(steps=500)` or both, besides the
            first and the last; None for only those that `session.snapshot(name)` takes. `"auto"`: at each epoch's end,
            and in a loop that tells of no epochs every 100 steps, later more rarely.
        keep: bytes that snapshots may take on the disk, `"2GB"` or a number; None for no limit. Beyond that they are
            thinned out evenly; the first, the last, the best and those with a name stay.
        best: the metric that tells the best one: `"val/loss"`, the least, or `("val/accuracy", "max")`. Its value is
            the one logged at the very step of the snapshot.
        resumable: True: snapshots also hold the optimizers' state and the random numbers' (torch's, Python's, numpy's),
            so that `session.restore()` goes on exactly as then. Schedulers, GradScalers and the like, and generators of
            a data loader's own, are given as a list: `resumable=[scheduler]`.
        on_nonfinite: what to do when a logged loss, a gradient or a weight is NaN or Inf, which is noticed within about
            a tenth of a second. It is marked on the loss plot and the timeline, with the first layer found not to be
            finite; `"warn"` leaves it at that, `"stop"` ends `epochs()` and `batches()` so that what follows them runs,
            and `"pause"` holds a loop that `session.start(train)` began until `session.resume()`, and one in the cell
            where a view can resume it.
        statistics: every how many steps norms, extremes, histograms and the like are taken of each parameter and its
            gradient, for `run.statistics()` and `run.histograms()`; and, at snapshots, of each layer's output on the
            probe. `tvw.Statistics(…)` chooses layers; None switches them off.
        overhead: the share of the training's time that watching may take, 0.02 for 2 %; above it statistics are taken
            more rarely, then views redrawn more rarely, which the bar tells. The first two seconds are not judged. None
            for no limit.
        restore_best: whether `epochs()`, when it ends or is left by break or an error, Ctrl-C too, puts the model back
            to the best snapshot, as `session.restore` would: what follows the loop finds the best weights. The last
            state is kept as a snapshot, that of an error too: `session.restore` finds it on the branch that was left.
        tokens: the text of each token, for models of text: a list of texts for each probe sample, or a function that
            gives them for a sample's first input, `lambda ids: tokenizer.convert_ids_to_tokens(ids)`.

    Raises:
        TypeError: `model` is no `nn.Module`, `optimizer` no optimizer, or `criterion` cannot be called; `snapshots`,
            `keep`, `resumable`, `statistics`, `overhead` or `tokens` is of the wrong kind.
        ValueError: `keep` is no amount, `best` no metric, or `resumable` lacks an optimizer; `overhead` is no share;
            `restore_best` lacks a metric or snapshots to tell the best by; `statistics` asks for a layer
            that there is not; the probe does not run through the model, or `classes` has the wrong number of names.
        RunError: the run directory belongs to another model, is being written, is newer, or cannot be written.
    """
    require_module(model, "watch")
    optimizers = _optimizers(optimizer)
    if on_nonfinite not in CHOICES:
        raise ValueError(f"on_nonfinite is one of {', '.join(map(repr, CHOICES))}, found {on_nonfinite!r}")
    if criterion is not None and not callable(criterion):
        raise TypeError(f"criterion must be callable as criterion(output, targets), found {type(criterion).__name__}")
    check_policy(snapshots)
    budget, measure, parts = to_bytes(keep), check_best(best), training_parts(optimizers, resumable)
    texts, cap = check_tokens(tokens), check_cap(overhead)
    check_restore_best(restore_best, measure, snapshots)
    bare, wanted = unwrapped(model), Statistics.of(statistics)
    if wanted is not None:
        wanted.check([*dict(bare.named_modules()), *dict(bare.named_parameters())])
    copy = Replica(bare, factory=replica)
    batch = None if probe is None else Probe.of(probe)
    graph = None if batch is None else trace_probe(copy, batch)
    names = _class_names(classes, graph)
    _close_older(bare, run)
    called = name or (type(bare).__name__ if run is None else None)
    recording = Recording.create(run, model=fingerprint(bare), name=called, classes=names, keep=budget, best=measure)
    session = Session(recording, bare, cap)
    session.tokens = texts
    session.restores_best = measure if restore_best else None
    _watched[bare] = weakref.ref(session)
    keeper = Keeper(bare, recording, session.loop, snapshots, parts)
    watcher = Watcher(bare, recording, session.loop, session.mailbox, session.report, keeper, session.overhead)
    watcher.alarms = Alarms(recording, bare, session.loop, on_nonfinite, session.warn, session.report)
    session.pauses = on_nonfinite == "pause"
    if wanted is not None:
        afford = session.overhead.affords
        watcher.statistics = StepStatistics(bare, recording, session.loop, wanted, optimizers, afford)
        session.on_close(OutputStatistics(recording, session.loop, wanted, lambda: session.observer).close)
    _steer(session, recording, watcher, optimizers, resumable if isinstance(resumable, (list, tuple)) else ())
    session.watched_by(watcher)
    watcher.attach(optimizers, criterion)
    if batch is not None and graph is not None:
        _observe(session, recording, copy, batch, graph, criterion)
    else:
        _observe_first_batch(session, recording, watcher, model, copy, criterion)
    return session


def inspect(
    model: torch.nn.Module,
    inputs: Any,
    *,
    criterion: Callable[..., Any] | None = None,
    classes: Sequence[str] | None = None,
    replica: Callable[[], torch.nn.Module] | None = None,
    device: torch.device | str | None = None,
    tokens: Tokens | None = None,
) -> Session:
    """Look inside a model that is not being trained; the same views, on one state.

    Args:
        model: the model; it is copied and never run.
        inputs: what it is given: (N, …), `(inputs, targets)`, or a dict of keyword inputs.
        criterion: `criterion(output, targets)`, for the probe's loss.
        classes: the names of the model's outputs, in order.
        replica: builds the model anew, for a model that `copy.deepcopy` cannot copy.
        device: where the copy is kept and run; by default where the model is.
        tokens: the text of each token, as for `watch()`.

    Raises:
        TypeError: `model` is no `nn.Module`, or `tokens` no texts.
        ReplicaError: the model cannot be copied, or the device has no room for it.
        ValueError: the inputs do not run through the model, or `classes` has the wrong number of names.
    """
    require_module(model, "inspect")
    bare, texts = unwrapped(model), check_tokens(tokens)
    copy, batch = Replica(bare, factory=replica, device=device), Probe.of(inputs)
    graph = trace_probe(copy, batch)
    run = Recording.create(
        None, model=fingerprint(bare), name=type(bare).__name__, classes=_class_names(classes, graph)
    )
    session = Session(run, bare)
    session.tokens = texts
    _observe(session, run, copy, batch, graph, criterion)
    return session


def of_run(run: Run, model: torch.nn.Module | None = None) -> Session:
    """The session that views of a recorded run share; `model` makes its activations computable.

    Raises:
        TypeError: `model` is no `nn.Module`.
        LookupError: the run has no probe batch to compute activations with.
        ReplicaError: the recorded weights do not fit the model.
    """
    known = _reopened.get(run)
    session = known() if known is not None else None
    if session is None:
        session = Session(run)
        session.follow()
        _reopened[run] = weakref.ref(session)
    if model is not None:
        require_module(model, "Dashboard(run, model=model)")
        tensors = run.probe()
        if tensors is None:
            raise LookupError(f"{run.path} has no probe.safetensors, so there is nothing to run through the model")
        copy, batch = Replica(model), Probe.from_tensors(tensors)
        if run.snapshots:
            copy.load(run.state_dict(step=run.snapshots[-1].step), None)
        session.observe(_observer(session, copy, batch, None), trace_probe(copy, batch))
    return session


def fingerprint(model: torch.nn.Module) -> dict[str, tuple[tuple[int, ...], str]]:
    """What tells one architecture from another: each tensor's name, shape and dtype."""
    return {
        name: (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in state_of(model).items()
    }


def _observer(session: Session, replica: Replica, probe: Probe, criterion: Callable[..., Any] | None) -> Observer:
    if session.layers is None:
        session.layers = replica.module

    def live() -> tuple[Hashable | None, Callable[[], State]]:
        version = session.live()
        return version.token, version.load

    return Observer(
        replica,
        probe,
        session.view_state,
        apply_edits=lambda state, edits: session.edits.try_out(state, cast(tuple[Edit, ...], edits)),
        criterion=criterion,
        quiet=lambda: not session.loop_elsewhere(),
        place_of=lambda step: session.run.snapshot(step=step).place,
        context_of=lambda key: Context() if session.graph is None else session.graph.context(key),
        live=live,
    )


def _observe(
    session: Session,
    run: Recording,
    replica: Replica,
    probe: Probe,
    graph: Graph,
    criterion: Callable[..., Any] | None,
) -> None:
    session.observe(_observer(session, replica, probe, criterion), graph)
    run.describe(graph=graph.to_dict())
    run.save_probe(probe.tensors())


def _steer(
    session: Session,
    run: Recording,
    watcher: Watcher,
    optimizers: Sequence[torch.optim.Optimizer],
    known: Sequence[Any],
) -> None:
    """Let the session set the hyperparameters of what it watches."""
    loop = session.loop

    def carry_out(command: Callable[[], None]) -> None:
        if not session.open:
            raise RuntimeError("the session is closed: its hyperparameters are set on the optimizer itself")
        wait_for_step(session.mailbox.put(command), "it will be set when that ends")

    log = ChangeLog(run, lambda: (loop.step, loop.epoch))
    assert session.model is not None
    session.hyperparameters.attach(session.model, optimizers, known, log, carry_out)
    watcher.hyperparameters = session.hyperparameters


def _observe_first_batch(
    session: Session,
    run: Recording,
    watcher: Watcher,
    model: torch.nn.Module,
    replica: Replica,
    criterion: Callable[..., Any] | None,
) -> None:
    def take(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        whole = Probe(args, kwargs)
        few = whole.samples(slice(0, min(DEFAULT_SAMPLES, whole.count)))
        probe = Probe(*map_tensors((few.args, few.kwargs), lambda tensor: tensor.detach().clone()))
        # On the training thread, once: only here may the pass ask for and put back the process-wide random state.
        graph = trace_probe(replica, probe)
        _observe(session, run, replica, probe, graph, criterion)
        try:
            _class_names(run.classes, graph)
        except ValueError as error:  # too late to refuse: the training has begun
            run.describe(classes=None)
            session.report(error)

    watcher.first_inputs(model, take)


def _close_older(model: torch.nn.Module, run: str | Path | None) -> None:
    """End what the new session replaces: one on the same model, or, where a notebook is run again, on the same run."""
    place = None if run is None else Path(run).expanduser().absolute()
    for reference in list(_watched.values()):
        older = reference()
        if older is not None and (older.model is model or older.run.path == place):
            older.close()


def _optimizers(optimizer: Any) -> list[torch.optim.Optimizer]:
    several: Iterable[Any] = optimizer if isinstance(optimizer, (list, tuple)) else [optimizer]
    chosen = [each for each in several if each is not None]
    for each in chosen:
        if not isinstance(each, torch.optim.Optimizer):
            raise TypeError(f"optimizer must be a torch.optim.Optimizer or several, found {type(each).__name__}")
    return chosen


def _class_names(classes: Sequence[str] | None, graph: Graph | None) -> list[str] | None:
    if classes is None:
        return None
    if isinstance(classes, str):
        raise TypeError(f"classes must be a list of names, found the string {classes!r}; write [{classes!r}]")
    names = [str(name) for name in classes]
    outputs = graph.modules[0].shape if graph is not None else ""
    if outputs.isdigit() and int(outputs) != len(names):
        raise ValueError(
            f"classes has {len(names)} names, but the model has {outputs} outputs for a sample; "
            "give one name an output, or leave classes out"
        )
    return names
