"""LiveWidget: what every view shares. One wire format, pacing, presence and routing while the kernel is busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, ClassVar

import anywidget
import traitlets as t

from torchvis_widgets import kernel

Reply = tuple[dict[str, Any], list[bytes]]

LEASE = 30.0  # seconds after which a view that has not renewed its presence is taken for gone
PATIENCE = 2.0  # seconds after which a push that was not acknowledged no longer holds back the next
WINDOW = 4  # pushes of a topic on their way: the next frames are computed while the last ones are painted
ROOM = 2  # of them are left when a view may ask for more: it has as many requests on their way, and none is lost
STILL_BYTES = 192 * 1024  # of a widget's last picture in a saved notebook; the same limit is in js/src/shared/still.ts


@dataclass(frozen=True)
class Topic:
    """One kind of data that a view draws. It is sent anew when `key` differs from the last one sent."""

    name: str
    key: Hashable
    make: Callable[[], Reply]


def asset(name: str) -> str:
    """The text of a built file in `static/`; its absence says how to build it."""
    path = files("torchvis_widgets") / "static" / name
    if not path.is_file():
        raise FileNotFoundError(
            f"torchvis_widgets/static/{name} is missing: the JavaScript has not been built. "
            "Run `make js` in the checkout, or install a wheel, which carries it."
        )
    return path.read_text(encoding="utf-8")


class LiveWidget(anywidget.AnyWidget):
    """A view that draws what the kernel pushes and asks for what it needs.

    Traits flow from the kernel to the view only; the view sends requests `{id, op, args}`, each answered by one reply,
    errors included. A subclass gives `bundle`, its synced traits, `update()`, `topics()`, and a method `answer_<op>`
    for each request, which takes `buffers` too where the view sends bytes.
    """

    bundle: ClassVar[str]
    styles: ClassVar[tuple[str, ...]] = ()
    patient: ClassVar[tuple[str, ...]] = ()
    """Requests that are answered when every view on screen has what they brought about, and room for more."""

    turn: ClassVar[int] = 0
    """When it is refreshed: what a click asks for comes before what only goes along with it."""

    still = t.List(t.Dict()).tag(sync=True)  # {topic, value, buffers, left_out}: what a saved notebook shows

    def __init__(self, **traits: Any) -> None:
        self._views: dict[str, tuple[bool, float]] = {}
        self._sent: dict[str, Hashable] = {}
        self._waiting: dict[int, tuple[str, float]] = {}
        self._kept: dict[str, Hashable] = {}
        self._seq = 0
        self._behind = False
        # Text, not a Path: a Path keeps a closed widget alive (anywidget#929).
        self._esm = asset(f"{self.bundle}.js")
        self._css = "\n".join(asset(f"{style}.css") for style in (self.bundle, *self.styles))
        super().__init__(**traits)
        self.on_msg(self._receive)

    def open(self) -> None:
        super().open()
        if self.comm is not None:
            kernel.route_by_sender(self.comm)

    # What a subclass fills in

    def update(self) -> None:
        """Bring the synced traits up to date; called with sending held back."""

    def topics(self) -> list[Topic]:
        """What the view draws beside its traits, cheap to list."""
        return []

    def changed(self) -> None:
        """Called after a request has changed what views show; the stage overrides it to reach the other views."""
        self.refresh()

    def unheard(self) -> bool:
        """Whether views cannot say that they are there, nor renew it; the stage knows the loop that is in the way."""
        return False

    def drawn(self) -> None:
        """Called when the browser has drawn something and nothing was held back; the stage answers who waits for it."""

    def acknowledged(self, seconds: float) -> None:
        """Called with the time that a push took until it was drawn; the stage paces itself by it."""

    # Sending

    @property
    def shown(self) -> bool:
        """Whether some view of this widget is on screen; while none can say so, whether none has said otherwise."""
        if self.unheard():
            return not self._views or any(visible for visible, _ in self._views.values())
        now = time.monotonic()
        return any(visible and now - seen < LEASE for visible, seen in self._views.values())

    @property
    def known(self) -> bool:
        """Whether some front end has a view of this widget, on screen or not."""
        now = time.monotonic()
        return any(now - seen < LEASE for _, seen in self._views.values())

    @property
    def drawing(self) -> bool:
        """Whether something sent has yet to be drawn, and may still be."""
        return any(self._on_the_way(topic) for topic, _ in list(self._waiting.values()))

    @property
    def behind(self) -> bool:
        """Whether the browser has yet to draw so much that something was held back, or soon would be."""
        topics = {topic for topic, _ in self._waiting.values()}
        return self._behind or any(self._on_the_way(topic) > WINDOW - ROOM for topic in topics)

    def show(self, **traits: Any) -> None:
        """Set the traits that have changed: to find out is far cheaper than to check a long list's elements."""
        for name, value in traits.items():
            if getattr(self, name) != value:
                setattr(self, name, value)

    def refresh(self) -> None:
        """Send what has changed; the caller holds the publisher's lock."""
        with self.hold_sync():
            self.update()
        self._behind = False
        for topic in self.topics():
            if self._sent.get(topic.name, self) == topic.key:
                continue
            if self._on_the_way(topic.name) < WINDOW:
                self._push(topic)
            else:
                self._behind = True

    def keep_still(self) -> None:
        """Put what a view would draw now into the saved state; the caller holds the publisher's lock."""
        with self.hold_sync():
            self.update()
            topics = self.topics()
            keys = {topic.name: topic.key for topic in topics}
            if keys != self._kept:
                made = [(topic.name, *topic.make()) for topic in topics]
                if self.needs_part():
                    made.append(("part", *self.answer_part()))
                self.still = _still(made)
                self._kept = keys

    def needs_part(self) -> bool:
        """Whether what a view would draw needs the second bundle; asked when the topics have been made."""
        return False

    def _on_the_way(self, name: str) -> int:
        """Pushes of a topic that may yet be painted; what takes too long has been lost."""
        now = time.monotonic()
        return sum(topic == name and now - sent <= PATIENCE for topic, sent in self._waiting.values())

    def _push(self, topic: Topic) -> None:
        value, buffers = topic.make()
        self._seq += 1
        self._sent[topic.name] = topic.key
        self._waiting[self._seq] = (topic.name, time.monotonic())
        self.send({"kind": "push", "topic": topic.name, "seq": self._seq, "value": value}, buffers)

    # Receiving

    def _receive(self, _: Any, message: Any, buffers: list[Any]) -> None:
        if not isinstance(message, dict):
            return
        if "painted" in message:
            self._acknowledged(message["painted"])
        if message.get("kind") == "request":
            self._answer(message, buffers)

    def _acknowledged(self, painted: object) -> None:
        for seq in painted if isinstance(painted, list) else ():
            if isinstance(seq, int) and seq in self._waiting:
                topic, sent = self._waiting[seq]
                self.acknowledged(time.monotonic() - sent)
                # What was sent before has been painted or replaced.
                self._waiting = {n: each for n, each in self._waiting.items() if n > seq or each[0] != topic}
        if self._behind:
            self.changed()
        else:
            self.drawn()

    def _answer(self, message: dict[str, Any], received: list[Any]) -> None:
        op = message.get("op")
        reply: dict[str, Any] = {"kind": "reply", "id": message.get("id")}
        buffers: list[bytes] = []
        try:
            value, buffers = self._carry_out(op, message.get("args"), received)
            reply |= {"ok": True, "value": value}
        except Exception as error:  # a view must always get an answer, and nothing may reach the kernel's own loop
            reply |= {"ok": False, "error": str(error) or type(error).__name__}
        if reply["ok"] and op in self.patient:
            self.when_sent(lambda: self.send(reply, buffers))
        else:
            self.send(reply, buffers)

    def when_sent(self, then: Callable[[], None]) -> None:
        """Call `then` when no view on screen is behind; a stage knows the other views."""
        then()

    def _carry_out(self, op: object, args: object, received: list[Any]) -> Reply:
        method = getattr(self, f"answer_{op}", None) if isinstance(op, str) else None
        if method is None:
            raise ValueError(f"unknown request {op!r}")
        if not isinstance(args, dict):
            raise TypeError(f"request {op!r} takes an object of arguments, found {type(args).__name__}")
        if "buffers" in args:
            raise TypeError(f"request {op!r} sends its buffers beside its arguments, found them among these")
        value = method(**args, buffers=received) if received else method(**args)
        if isinstance(value, tuple):
            return value
        return value or {}, []

    def answer_hello(self, view: str, visible: bool) -> dict[str, Any]:
        """A view has connected: it gets everything anew."""
        now = time.monotonic()
        self._views = {name: seen for name, seen in self._views.items() if now - seen[1] < LEASE}
        self._views[view] = (bool(visible), now)
        self._sent.clear()
        self._waiting.clear()
        self.changed()
        return {"main_thread": kernel.on_main_thread()}

    def answer_part(self) -> Reply:
        """The rest of the view's JavaScript, which it asks for once it is drawn (js/src/shared/part.ts)."""
        return {}, [asset(f"{self.bundle}_more.js").encode()]

    def answer_presence(self, view: str, visible: bool | None) -> None:
        """A view has become visible, hidden, or (None) gone."""
        was_shown = self.shown
        if visible is None:
            self._views.pop(view, None)
        else:
            self._views[view] = (bool(visible), time.monotonic())
        if self.shown != was_shown:
            self.changed()


def _still(made: list[tuple[str, dict[str, Any], list[bytes]]]) -> list[dict[str, Any]]:
    """What each topic would send, the smaller ones as long as there is room; a view says that others were left out."""
    room, kept = STILL_BYTES, []
    for name, value, buffers in sorted(made, key=lambda each: sum(map(len, each[2]))):
        room -= sum(map(len, buffers))
        if room < 0:
            kept.append({"topic": name, "value": {}, "buffers": [], "left_out": True})
        else:
            kept.append({"topic": name, "value": value, "buffers": buffers})
    return kept
