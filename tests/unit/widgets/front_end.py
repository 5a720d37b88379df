"""A stand-in for the browser: it asks a widget as its view does, and keeps what the widget sends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from torchvis_widgets.widgets.base import LiveWidget


@dataclass
class Push:
    topic: str
    seq: int
    value: dict[str, Any]
    buffers: list[bytes]

    def floats(self, index: int) -> np.ndarray:
        return np.frombuffer(self.buffers[index], "<f4")

    def bytes(self, index: int = 0) -> np.ndarray:
        return np.frombuffer(self.buffers[index], np.uint8)


@dataclass
class FrontEnd:
    """One view of `widget`; acknowledges every push at once unless `slow`."""

    widget: LiveWidget
    slow: bool = False
    pushes: list[Push] = field(default_factory=list)
    replies: list[dict[str, Any]] = field(default_factory=list)
    buffers: list[list[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.widget.send = self._take  # type: ignore[method-assign]
        self.ask("hello", view="v", visible=True)

    def ask(self, op: Any, **args: Any) -> dict[str, Any]:
        """The kernel's reply to a request."""
        return self.send({"kind": "request", "id": f"v:{len(self.replies)}", "op": op, "args": args})

    def send(self, message: Any) -> dict[str, Any]:
        before = len(self.replies)
        self.widget._receive(None, message, [])
        return self.replies[-1] if len(self.replies) > before else {}

    def last(self, topic: str) -> Push:
        return [push for push in self.pushes if push.topic == topic][-1]

    def count(self, topic: str) -> int:
        return sum(push.topic == topic for push in self.pushes)

    def acknowledge(self) -> None:
        for push in list(self.pushes):
            self.widget._receive(None, {"kind": "ack", "painted": [push.seq]}, [])

    def _take(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        if content["kind"] == "reply":
            self.replies.append(content)
            self.buffers.append(list(buffers or []))
            return
        push = Push(content["topic"], content["seq"], content["value"], list(buffers or []))
        self.pushes.append(push)
        if not self.slow:
            self.widget._receive(None, {"kind": "ack", "painted": [push.seq]}, [])


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.01)
