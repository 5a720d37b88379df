"""ActivationViewer: what a layer makes of a probe sample, at the snapshot looked at."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Hashable
from dataclasses import asdict, replace
from typing import Any, ClassVar

import torch
import traitlets as t

from torchvis_widgets.look.errors import LookError
from torchvis_widgets.look.observer import Observer
from torchvis_widgets.look.picturing.picture import laid_out
from torchvis_widgets.look.probe import Probe
from torchvis_widgets.widgets.base import Reply, Topic
from torchvis_widgets.widgets.selection import Against
from torchvis_widgets.widgets.stage import Source
from torchvis_widgets.widgets.view import View
from torchvis_widgets.widgets.viewing import frame as frames
from torchvis_widgets.widgets.viewing.lens import FIELDS, Lens, is_index
from torchvis_widgets.widgets.viewing.listing import Listing, listing
from torchvis_widgets.widgets.viewing.outlets import in_words
from torchvis_widgets.widgets.viewing.own_input import OwnInput, drawable, drawn, own_input, uploaded
from torchvis_widgets.widgets.viewing.pinned import Pin, pin_of
from torchvis_widgets.widgets.viewing.ranking import by_unit
from torchvis_widgets.widgets.viewing.samples import samples
from torchvis_widgets.widgets.viewing.scene import Scene, compared, scene
from torchvis_widgets.widgets.viewing.services import Services
from torchvis_widgets.widgets.viewing.sight import context_of, tensor_at
from torchvis_widgets.widgets.viewing.switching import ablation, switches
from torchvis_widgets.widgets.viewing.wire import Panel, is_atlas, packed


class ActivationViewer(View):
    """The selected layer's output for one probe sample, with the weights of the snapshot looked at.

    Its settings are those of `Lens`: `tvw.ActivationViewer(session, tab="gradients", sort="energy")`.

    Raises:
        ValueError: no such setting, or no such choice; says what there is.
    """

    bundle: ClassVar[str] = "activation_viewer"

    layer = t.Unicode().tag(sync=True)
    sample = t.Int(0).tag(sync=True)
    unit = t.Int(None, allow_none=True).tag(sync=True)
    lens = t.Dict().tag(sync=True)
    outlets = t.List(t.Dict()).tag(sync=True)
    parameters = t.List(t.Dict()).tag(sync=True)
    ablations = t.List(t.Dict()).tag(sync=True)
    pins = t.List(t.Dict()).tag(sync=True)
    against: Any = t.Dict(None, allow_none=True).tag(sync=True)
    own: Any = t.Dict(None, allow_none=True).tag(sync=True)
    drawable: Any = t.Dict(None, allow_none=True).tag(sync=True)

    def __init__(self, source: Source, *, model: torch.nn.Module | None = None, **lens: Any) -> None:
        self._lens = Lens().changed(lens)
        self._lock = threading.RLock()
        self._listing = Listing()
        self._own: OwnInput | None = None
        self._pinned: tuple[Pin, ...] = ()
        self._shown: tuple[str, list[Panel]] = ("", [])
        self._services = Services(self.changed, lambda error: self.stage.session.report(error))
        super().__init__(source, model=model)
        self.stage.session.on_close(self._services.close)

    def update(self) -> None:
        session, cursor = self.stage.session, self.stage.selection.now
        with self._lock:
            if self._listing.outdated(session, cursor.layer):
                if cursor.layer != self._listing.layer:
                    self._lens = self._lens.of_another_layer()
                self._listing = listing(session, cursor.layer)
                self.outlets = [outlet.to_dict() for outlet in self._listing.outlets]
                self.parameters = [{"name": name, "shape": in_words(shape)} for name, shape in self._listing.parameters]
                self.drawable = drawable(session.observer)
            self.layer, self.sample, self.unit = cursor.layer, cursor.sample, cursor.unit
            self.lens = asdict(self._lens)
            self.ablations = self._listing.described(cursor.ablations, self._lens.key)
            self.pins = [pin.to_dict() for pin in self._pinned]
            self.against = compared(session, cursor.against)
            self.own = None if self._own is None else self._own.to_dict()

    def topics(self) -> list[Topic]:
        session, cursor = self.stage.session, self.stage.selection.now
        observer, own = session.observer, self._own
        now = self._scene()
        pointed, serial = replace(cursor, unit=None), own and own.serial
        here: Hashable = (id(observer), session.run.branch, now.state, pointed, self._lens, serial)
        topics = [Topic("frame", (here, self._services.limits_of(now), self._services.version), self._frame)]
        if observer is not None:
            of_probe = Topic("samples", (id(observer), serial), lambda: samples(session, observer, own))
            topics.insert(0, of_probe)
        if now.lens.tab == "distribution":
            topics.append(Topic("ridges", *self._services.ridges(now)))
        if self._pinned:
            topics.append(Topic("pins", *self._services.pins(now, self._pinned)))
        self._services.rest(ridges=now.lens.tab != "distribution", pins=not self._pinned)
        return topics

    # What users call

    def look(self, **changes: Any) -> None:
        """Change settings: `viewer.look(tab="gradients", of=3)`.

        Raises:
            ValueError: no such setting, choice, output, weight, snapshot or class; says what there is.
        """
        with self._lock:
            self.update()
            lens = self._lens.changed(changes)
            self._listing.check(lens, self.stage.session)
            if lens.input == "own" and self._own is None:
                raise ValueError("there is no own input: give one with viewer.set_input(image), or draw one")
            self._lens = lens
            self.lens = asdict(lens)
        self.changed()

    def ablate(self, unit: int, method: str | None = "zero", *, axis: str | None = None) -> None:
        """Switch one unit of the output on show off; the weights stay as they are.

        Args:
            unit: a channel or a head, as the picture counts them.
            method: "zero", "mean" = its mean over the probe, or None: on again.
            axis: "token" = the unit is a token of (T, D).

        Raises:
            ValueError: no such unit, method or axis, or the output has none; says what there is.
            LookError: the output cannot be shown; says why.
        """
        now = self._scene(activations=True)
        place = replace(now.here, step=now.here.step)
        tensor = tensor_at(now.sight.plain(), place)
        context = context_of(now.sight, place)
        kind = laid_out(tensor, context=context)[0]
        found = switches(kind, tuple(tensor.shape), context, now.sight.what == "attention", axis)
        wanted = ablation(now.sight.key, found, unit, "zero" if method is None else method)
        kept = [each for each in self.stage.selection.now.ablations if replace(each, method=wanted.method) != wanted]
        self.stage.selection.ablate((*kept, wanted) if method is not None else tuple(kept))
        self.changed()

    def reset(self) -> None:
        """Switch everything on again."""
        self.stage.selection.ablate(())
        self.changed()

    def compare(self, *, epoch: float | None = None, step: int | None = None, sample: int | None = None) -> None:
        """Show a snapshot or a probe sample beside what is on show; with nothing, no more.

        Raises:
            LookupError: no such snapshot; the nearest ones are named.
            ValueError: no such sample.
        """
        if sample is not None:
            self._check_sample(sample)
        if epoch is not None or step is not None:
            step = self.stage.session.run.snapshot(epoch=epoch, step=step).step
        self.stage.selection.compare(None if step is None and sample is None else Against(step, sample))
        self.changed()

    def pin(self, unit: int, on: bool = True) -> None:
        """Follow one unit of the output on show over the snapshots, or (False) no more.

        Raises:
            ValueError: no such unit.
        """
        now = self._scene()
        if now.outlet is None or now.sight.what == "weights":
            raise ValueError("only a layer's output has units to pin: choose the activations or the gradients")
        wanted = pin_of(now, now.outlet.key, unit, self._check_unit(unit))
        kept = tuple(each for each in self._pinned if each != wanted)
        self._pinned = (*kept, wanted) if on else kept
        self.changed()

    def set_input(self, input: Any, *, transform: Any = None) -> None:
        """Look at an input of your own beside the probe's: a tensor of one sample, a PIL image, or a file's path.

        Args:
            input: None = the probe's again. Images and arrays of other sizes are fitted to the probe's.
            transform: makes the tensor that the model takes of the image, as in training; by default black and white
                become the least and the greatest of the probe's values, for each channel.

        Raises:
            ValueError: it cannot be read, or does not fit the model's input; says what was found and expected.
            LookError: there is no probe to fit it to.
        """
        self._take(None if input is None else own_input(self._observer(), input, transform))

    @property
    def own_input(self) -> Probe | None:
        """The own input as the model takes it, a batch of one."""
        return None if self._own is None else self._own.observer.probe

    def needs_part(self) -> bool:
        pictures = [panel.picture for panel in self._shown[1]]
        return self._lens.tab == "distribution" or not all(map(is_atlas, pictures))

    def prefetch(self, step: int) -> None:
        frames.prefetch(self._scene(step=step), self._observer_of_own())

    # Requests

    def answer_look(self, changes: Any) -> None:
        """A setting was changed."""
        if not isinstance(changes, dict):
            raise TypeError(f"changes is an object of settings, found {type(changes).__name__}; {', '.join(FIELDS)}")
        self.look(**changes)

    def answer_sample(self, sample: int) -> None:
        """A thumbnail was clicked; the one after the probe's is the own input."""
        own = self._own is not None and is_index(sample) and sample == self._observer().probe.count
        if not own:
            self._check_sample(sample)
            self.stage.selection.pick_sample(sample)
        self._lens = replace(self._lens, input="own" if own else "probe")
        self.changed()

    def answer_unit(self, unit: int | None) -> None:
        """A tile was clicked, or left."""
        if unit is not None:
            self._check_unit(unit)
        self.stage.selection.pick_unit(unit)
        self.changed()

    def answer_values(self, panel: int, unit: int) -> Reply:
        """The exact values of one unit in the last frame, float32 (h, w)."""
        layer, panels = self._shown
        if not is_index(panel) or panel >= len(panels):
            raise ValueError(f"panel is one of 0 … {len(panels) - 1}, found {panel!r}; a layer must be on screen")
        if not is_index(unit):
            raise ValueError(f"unit counts from 0, found {unit!r}")
        shown = panels[panel]
        values = shown.picture.values(unit)
        height, width = values.shape
        where = {"layer": layer, "step": shown.step, "sample": shown.sample, "panel": panel, "unit": unit}
        return {**where, "height": height, "width": width}, [values.astype("<f4").tobytes()]

    def answer_ablate(self, unit: int, method: str | None, axis: str | None = None) -> None:
        """A unit or a token was switched off, or on."""
        self.ablate(unit, method, axis=axis)

    def answer_ablate_reset(self) -> None:
        """Everything is to be on again."""
        self.reset()

    def answer_pin(self, unit: int, on: bool) -> None:
        """A unit was pinned, or taken off."""
        if not isinstance(on, bool):
            raise TypeError(f"on is true or false, found {on!r}")
        self.pin(unit, on)

    def answer_compare(self, step: int | None, sample: int | None) -> None:
        """Something else is to be shown beside."""
        if step is not None and not is_index(step):
            raise ValueError(f"step is that of a snapshot or null, found {step!r}")
        self.compare(step=step, sample=sample)

    def answer_upload(self, name: str, buffers: Any = ()) -> None:
        """A file was chosen."""
        self._take(uploaded(self._observer(), name, buffers))

    def answer_draw(self, height: int, width: int, buffers: Any = ()) -> None:
        """Something was drawn on the pad."""
        self._take(drawn(self._observer(), height, width, buffers))

    def answer_forget_input(self) -> None:
        """The own input is to go."""
        self._take(None)

    # Within

    def _take(self, own: OwnInput | None) -> None:
        with self._lock:
            self._own = own
            self._lens = replace(self._lens, input="probe" if own is None else "own")
        self.changed()

    def _observer(self) -> Observer:
        observer = self.stage.session.observer
        if observer is None:
            raise LookError(*self.stage.session.why_blind())
        return observer

    def _observer_of_own(self) -> Observer | None:
        return None if self._own is None else self._own.observer

    def _check_sample(self, sample: object) -> None:
        count = self._observer().probe.count
        if not isinstance(sample, int) or not is_index(sample) or sample >= count:
            raise ValueError(f"sample is one of 0 … {count - 1}, found {sample!r}")

    def _check_unit(self, unit: object) -> str:
        """The kind of the picture on show. Raises ValueError where that has no such unit."""
        units, kind = 0, "empty"
        with contextlib.suppress(LookError):
            now = self._scene()
            tensor = tensor_at(now.sight, now.here)
            kind, found = laid_out(tensor, context=context_of(now.sight, now.here), kind=now.lens.kind)
            units = max(len(found), len(by_unit(kind, found)))
        if not isinstance(unit, int) or not is_index(unit) or unit >= units:
            raise ValueError(f"unit is one of 0 … {units - 1}, found {unit!r}")
        return kind

    def _scene(self, *, step: int | None = None, activations: bool = False) -> Scene:
        cursor = self.stage.selection.now
        cursor = cursor if step is None else replace(cursor, step=step)
        lens = replace(self._lens, tab="activations") if activations else self._lens
        found = self._listing
        if found.outdated(self.stage.session, cursor.layer):
            found = listing(self.stage.session, cursor.layer)
        return scene(self.stage.session, cursor, lens, found, self._observer_of_own())

    def _frame(self) -> Reply:
        now = self._scene()
        observer = self.stage.session.observer
        with contextlib.nullcontext() if observer is None else observer.steady():
            value, panels = frames.frame(now, self._services, self._observer_of_own())
        self._shown = now.layer, panels
        value["panels"], buffers = packed(panels)
        return value, buffers
