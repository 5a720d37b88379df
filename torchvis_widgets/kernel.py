"""All that is asked of IPython and ipykernel, and the only place that touches their private names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def _shell() -> Any | None:
    try:
        from IPython import get_ipython
    except ImportError:  # a plain script: nothing of this module applies
        return None
    return get_ipython()


def has_front_end() -> bool:
    """Whether there is a kernel at all, which may have views on screen; scripts and IPython's own prompt have none."""
    return getattr(_shell(), "kernel", None) is not None


def on_main_thread() -> bool:
    """Whether the caller runs where cells run: a request answered here waits for the running cell."""
    return threading.current_thread() is threading.main_thread()


def route_by_sender(comm: Any) -> None:
    """Deliver the front end's messages on `comm` to the subshell that the front end named.

    ipykernel 7.4 delivers them to the shell which last published on the comm instead, so those of a widget
    that was made or updated by the running cell queue behind that cell. Versions without the private method
    deliver as asked, or have no subshells at all.
    """
    if not hasattr(comm, "_reply_subshell_for"):
        return
    asked_by_request = getattr(comm, "_reply_subshell_ids", {})

    def as_asked(data: Any, default: Any) -> Any:
        asked_by_request.clear()  # publishing adds an entry a reply, which only the method replaced here takes out
        return default

    comm._reply_subshell_for = as_asked


def on_cell_end(callback: Callable[[BaseException | None], None]) -> Callable[[], None]:
    """Call `callback(error or None)` whenever a cell ends on the main thread; returns what takes it off again."""
    shell = _shell()
    if shell is None:
        return lambda: None

    def ended(result: Any) -> None:
        if on_main_thread():
            callback(getattr(result, "error_in_exec", None))

    shell.events.register("post_run_cell", ended)

    def take_off() -> None:
        if ended in shell.events.callbacks["post_run_cell"]:
            shell.events.unregister("post_run_cell", ended)

    return take_off
