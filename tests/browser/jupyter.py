"""Real hosts and real pages: a Jupyter server of the environment, and a notebook in it driven through Playwright.

While a cell runs, the main shell answers nothing. What a test can look at then: the page (`canvas_pixels`,
`page.evaluate`, `locator`), the run directory on disk, and the kernel's variables through `kernel_eval`, which asks
on a subshell of its own. Wait for a condition with `wait_for`, never for a time.
"""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import nbformat
import numpy as np
import numpy.typing as npt
from jupyter_client.blocking.client import BlockingKernelClient
from playwright.sync_api import ConsoleMessage, Error, Locator, Page

from tests.tools import kernels

Host = Literal["lab", "notebook"]
Theme = Literal["light", "dark"]

# As root Chromium has no sandbox; the rest keeps it off the network and out of the machine's graphics.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What the hosts themselves report on a page without any widget: Notebook 7.6's own settings plugin.
# What they say where a kernel took over 4 s to tell of its widgets after a reload; a user then reloads once more.
GAVE_UP, GAVE_UP_ERROR = "Error displaying widget: model not found", "Error: widget model not found"
HOST_NOISE = re.compile(r"reading 'schema'\)\s+at .*/static/notebook/notebook_core\.")
ALBUM = os.environ.get("TVW_SHOTS")  # a folder for pictures of everything; without it the tests take hardly any
SHOTS = Path(ALBUM or Path(__file__).parent / "shots")


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Return the condition's first true value; `what` names it in the TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.05)
    return value


def write_notebook(path: Path, *cells: str, kernel: str = "python3") -> None:
    """Write a notebook of these code cells, to be run by the kernelspec of that name."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": kernel, "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def _ask(channel: Any, message: dict[str, Any], seconds: float = 30) -> dict[str, Any]:
    """Send the message on the channel and return its reply's content."""
    channel.send(message)
    while True:
        reply = channel.get_msg(timeout=seconds)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            return dict(reply["content"])


def evaluate(connection_file: Path, expression: str, during: bool) -> Any:
    """Return the literal that the expression is in a kernel, asked past its main shell if `during`."""
    client = BlockingKernelClient(connection_file=str(connection_file))
    client.load_connection_file()
    client.start_channels(iopub=False, stdin=False, hb=False)
    session = client.session
    question = session.msg(
        "execute_request", {"code": "", "silent": True, "user_expressions": {"value": expression}, "allow_stdin": False}
    )
    try:
        if during:
            subshell = _ask(client.control_channel, session.msg("create_subshell_request"))["subshell_id"]
            question["header"]["subshell_id"] = subshell
        found = _ask(client.shell_channel, question)["user_expressions"]["value"]
        if during:
            _ask(client.control_channel, session.msg("delete_subshell_request", {"subshell_id": subshell}))
    finally:
        client.stop_channels()
    if found["status"] != "ok":
        raise RuntimeError(f"{expression}: {found['ename']}: {found['evalue']}")
    return ast.literal_eval(found["data"]["text/plain"])


class JupyterServer:
    """A `jupyter lab` or `jupyter notebook` with settings of its own, serving `folder`/notebooks on a free port."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host: Host = host
        self.root = folder / "notebooks"
        self._log = folder / "server.log"
        self._runtime = folder / "runtime"
        self.root.mkdir(parents=True)
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_PREFER_ENV_PATH": "1",
        }
        self._quieten(folder / "config")
        kernels.write_specs(folder / "data")
        app = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}[host]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", {"lab": "jupyterlab", "notebook": "notebook"}[host], "--no-browser"),
                    *("--allow-root", "--ServerApp.port=0", "--IdentityProvider.token="),
                    *("--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={self.root}"),
                    f"--{app}.expose_app_in_browser=True",
                ],
                cwd=self.root,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.url: str = wait_for(self._address, f"the {host} server to start")

    @staticmethod
    def _quieten(config: Path) -> None:
        """Switch the dialog that asks about news off."""
        page_config = config / "labconfig" / "page_config.json"
        page_config.parent.mkdir(parents=True)
        disabled = {"@jupyterlab/apputils-extension:announcements": True}
        page_config.write_text(json.dumps({"disabledExtensions": disabled}))

    def _address(self) -> str | None:
        if self._process.poll() is not None:
            raise RuntimeError(f"the {self.host} server ended:\n{self._log.read_text()}")
        info = next(self._runtime.glob("jpserver-*.json"), None)
        url = info and json.loads(info.read_text() or "{}").get("url")
        if not url:
            return None
        try:
            urllib.request.urlopen(url + "api/status", timeout=5).close()
        except OSError:
            return None
        return str(url)

    def connection_file(self, kernel_id: str) -> Path:
        """Return the file that says where the kernel listens."""
        return self._runtime / f"kernel-{kernel_id}.json"

    def end_kernels(self) -> None:
        """Shut every kernel down, so that no test's cell runs on into the next test."""
        with urllib.request.urlopen(self.url + "api/kernels") as reply:
            kernels = json.load(reply)
        for kernel in kernels:
            request = urllib.request.Request(f"{self.url}api/kernels/{kernel['id']}", method="DELETE")
            urllib.request.urlopen(request).close()

    def close(self) -> None:
        """End the server and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# The host's app is on `window`; these run in the page.
NOTEBOOK_JS = "window.jupyterapp?.shell?.currentWidget"
KERNEL_JS = f"{NOTEBOOK_JS}?.sessionContext?.session?.kernel"
# A cell that fails is an error of the test like any other on the console.
REPORT_JS = (
    f"() => {KERNEL_JS}"
    + """.iopubMessage.connect((_, {header, content}) => {
    const plain = (text) => text.replace(/\\x1b\\[[0-9;]*m/g, '');
    if (header.msg_type === 'error') console.error('in the kernel: ' + plain(content.traceback.join('\\n')));
})"""
)
PIXELS_JS = """(canvas) => {
    const {data, width, height} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let text = '';
    for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
    return [btoa(text), width, height];
}"""


def canvas_pixels(canvas: Locator) -> npt.NDArray[np.uint8]:
    """Return the backing store of a 2-D canvas as RGBA bytes, (H, W, 4)."""
    return decoded(*canvas.evaluate(PIXELS_JS))


def decoded(data: str, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return what PIXELS_JS gave as RGBA bytes, (H, W, 4)."""
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)


class NotebookPage:
    """A notebook open in a host; `errors` collects what the page's console reports as an error."""

    def __init__(self, page: Page, server: JupyterServer) -> None:
        self.page = page
        self.server = server
        self.errors: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._report(error.stack or str(error)))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._report(f"{message.text} ({message.location.get('url', '')})")

    def _report(self, error: str) -> None:
        if not HOST_NOISE.search(error):
            self.errors.append(error)

    def open(self, path: str) -> None:
        """Open the notebook at `path` below the server's root and wait for its kernel."""
        # Without ?reset the saved workspace opens old tabs, whose hidden cells selectors would find first.
        address = f"lab/tree/{path}?reset" if self.server.host == "lab" else f"notebooks/{path}"
        self.page.goto(self.server.url + address)
        self.page.wait_for_function(f"() => {NOTEBOOK_JS}?.sessionContext?.isReady && {KERNEL_JS} !== null")
        self.page.evaluate(REPORT_JS)
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        self.wait_idle()

    def reload(self, cell: int) -> None:
        """Load the saved notebook's page anew, and wait for what the cell shows."""
        path = self.page.evaluate(f"() => {NOTEBOOK_JS}.context.path")
        for _ in range(5):
            self.open(path)
            output = self.cell_output(cell).locator(".jp-OutputArea-output").first
            output.get_by_text("Loading widget...").wait_for(state="detached")
            output.wait_for()
            if not output.get_by_text(GAVE_UP).count():
                return
            self.errors = [error for error in self.errors if not error.startswith(GAVE_UP_ERROR)]
        raise TimeoutError("the host gave up on the kernel's widgets five times")

    def command(self, name: str, **arguments: Any) -> None:
        """Start one of the host's own commands, as its menu does, without waiting for its end."""
        self.page.evaluate("([name, args]) => void window.jupyterapp.commands.execute(name, args)", [name, arguments])

    def run_all(self) -> None:
        """Start Run All Cells."""
        self.command("notebook:run-all-cells")

    def run_cell(self, index: int) -> None:
        """Start the cell at `index`."""
        self.page.evaluate(f"(i) => void Object.assign({NOTEBOOK_JS}.content, {{activeCellIndex: i}})", index)
        self.command("notebook:run-cell")

    def clear_outputs(self) -> None:
        """Clear the output of every cell."""
        self.command("notebook:clear-all-cell-outputs")
        wait_for(lambda: self.page.locator(".jp-OutputArea-output").count() == 0, "cleared outputs")

    def cell(self, index: int) -> Locator:
        """Bring the cell into view (hosts take cells that are out of it off the page) and return it."""
        self.page.evaluate(f"async (i) => {{ await {NOTEBOOK_JS}.content.scrollToItem(i) }}", index)
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')

    def cell_output(self, index: int) -> Locator:
        """Return the cell's output area."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def execution_count(self, index: int) -> int | None:
        """Return the n of the cell's `In [n]`; None before it ran and while it runs."""
        count = self.page.evaluate(f"(i) => {NOTEBOOK_JS}.content.widgets[i].model.executionCount", index)
        return None if count is None else int(count)

    def wait_idle(self, seconds: float = 120) -> None:
        """Wait until no cell is waiting or running."""
        script = f"""() => {KERNEL_JS}.status === 'idle' && {NOTEBOOK_JS}.content.widgets.every(
            (cell) => !['running', 'scheduled'].includes(cell.model.executionState))"""
        self.page.wait_for_function(script, timeout=seconds * 1000)

    def wait_busy(self) -> None:
        """Wait until the kernel is running a cell."""
        self.page.wait_for_function(f"() => {KERNEL_JS}.status === 'busy'")

    def kernel_eval(self, expression: str, *, during: bool = True) -> Any:
        """Return the literal that the expression is in the kernel.

        It is asked on a subshell, so a running cell's variables can be read; `during=False` asks on the main shell,
        for kernels without subshells.
        """
        return evaluate(self.server.connection_file(self.page.evaluate(f"() => {KERNEL_JS}.id")), expression, during)

    def set_theme(self, theme: Theme) -> None:
        """Switch the host to its light or dark theme and wait until the page wears it."""
        self.command("apputils:change-theme", theme=f"JupyterLab {theme.capitalize()}")
        self.page.locator(f'body[data-jp-theme-light="{str(theme == "light").lower()}"]').wait_for(state="attached")

    def screenshot(self, name: str, locator: Locator | None = None) -> Path:
        """Write SHOTS/<name>.png of the page or of one locator."""
        path = SHOTS / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        (locator or self.page).screenshot(path=path)
        return path

    def save(self) -> None:
        """Save the notebook and wait until it is on the disk."""
        self.page.evaluate(f"async () => await {NOTEBOOK_JS}.context.save()")

    def close(self) -> None:
        """Close the page, its kernel with it."""
        try:
            self.page.close()
        except Error:  # a crashed page is closed already; the test has said so
            self.errors.append("the page crashed")
        self.server.end_kernels()
