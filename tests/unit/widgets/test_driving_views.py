"""The bar's buttons and the timeline's "continue from here", asked as their views do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import torch

import torchvis_widgets as tvw
from tests.unit.session.training import data, setup, steps
from tests.unit.widgets.front_end import FrontEnd, wait_for
from torchvis_widgets import memory
from torchvis_widgets.widgets.training_bar import ITERATORS, UNREACHABLE

OPEN = {"pause": "", "step": "", "epoch": "", "stop": ""}


@dataclass
class Background:
    """Three epochs of five steps on another thread; a batch is handed out once `more` says so."""

    session: tvw.Session = field(init=False)
    more: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    after_the_loop: bool = False

    def __post_init__(self) -> None:
        self.model, self.optimizer, self.criterion = setup()
        self.session = tvw.watch(self.model, self.optimizer, self.criterion, resumable=True)

    def train(self) -> None:
        for _ in self.session.epochs(3):
            for _ in steps(self.model, self.optimizer, self.criterion, self.session.batches(data())):
                assert self.more.acquire(timeout=30)
        self.after_the_loop = True

    def go(self, steps: int) -> None:
        self.more.release(steps)


@pytest.fixture
def background() -> Iterator[Background]:
    training = Background()
    yield training
    training.session.stop()
    training.go(1000)
    training.session.wait(60)
    training.session.close()


def test_the_buttons_hold_step_and_stop_the_loop(background: Background) -> None:
    session = background.session
    bar = tvw.TrainingBar(session)
    page = FrontEnd(bar)
    assert (bar.status, bar.unavailable) == ("idle", {})
    assert page.ask("step") == {
        "kind": "reply", "id": "v:1", "ok": False,
        "error": "resume(steps=1) found no loop that is running; it holds one that session.start(train) began",
    }  # fmt: skip
    session.start(background.train)
    wait_for(lambda: session.loop.step == 1)
    assert page.ask("pause")["ok"]
    assert (bar.status, bar.unavailable) == ("pausing", OPEN)
    background.go(1000)
    wait_for(lambda: bar.status == "paused")
    assert bar.step == 2

    assert page.ask("step")["ok"]
    wait_for(lambda: bar.step == 3 and bar.status == "paused")
    assert page.ask("epoch")["ok"]
    wait_for(lambda: bar.step == 5 and bar.status == "paused")
    assert bar.epoch == 1
    assert page.ask("resume")["ok"]
    assert page.ask("pause")["ok"]
    assert page.ask("stop")["ok"]
    assert session.wait(60)
    assert background.after_the_loop
    wait_for(lambda: bar.status == "stopped" and bar.unavailable == {})


def test_stopping_is_said_and_nothing_more_can_be_asked_for(background: Background) -> None:
    session = background.session
    bar = tvw.TrainingBar(session)
    page = FrontEnd(bar)
    session.start(background.train)
    wait_for(lambda: session.loop.step == 1)
    assert page.ask("stop")["ok"]
    assert bar.status == "stopping"
    assert set(bar.unavailable.values()) == {"the loop is about to end"}


def test_a_loop_in_the_cell_can_be_held_once_a_view_is_answered_elsewhere() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        bar = tvw.TrainingBar(session)
        page = FrontEnd(bar)  # which the main thread answers, as where messages wait for the cell's end
        for _ in session.epochs(1):
            for _ in steps(model, optimizer, criterion, session.batches(data(4))):
                if session.loop.step == 1:
                    bar.update()
                    assert bar.unavailable == {**dict.fromkeys(OPEN, UNREACHABLE), "stop": ""}
                    elsewhere = threading.Thread(
                        target=page.ask, args=["presence"], kwargs={"view": "v", "visible": True}
                    )
                    elsewhere.start()
                    elsewhere.join()
                    bar.update()
                    assert bar.unavailable == OPEN
                    elsewhere = threading.Thread(target=page.ask, args=["pause"])
                    elsewhere.start()
                    elsewhere.join()
                    resumed = threading.Thread(
                        target=lambda: (wait_for(lambda: bar.status == "paused"), page.ask("resume"))
                    )
                    resumed.start()
        resumed.join()
        assert session.loop.status == "finished"


def test_a_bare_loop_is_neither_stopped_nor_run_to_an_epochs_end() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer, criterion) as session:
        bar = tvw.TrainingBar(session)
        page = FrontEnd(bar)
        list(steps(model, optimizer, criterion, data(2)))
        session.loop.reach.answered(main_thread=False)
        bar.update()
        assert bar.unavailable == {**OPEN, "epoch": ITERATORS, "stop": ITERATORS}
        assert "this one uses neither" in page.ask("stop")["error"]


def test_the_bar_tells_of_memory_and_cost(background: Background, monkeypatch: pytest.MonkeyPatch) -> None:
    session = background.session
    bar = tvw.TrainingBar(session)
    FrontEnd(bar)
    assert (bar.memory, bar.overhead, bar.overhead_cap) == ([], None, 0.02)
    session.start(background.train)
    wait_for(lambda: bar.memory != [])
    assert [each["place"] for each in bar.memory] == ["host"]
    assert 10e6 < bar.memory[0]["used"] < bar.memory[0]["total"]
    session.overhead._ours, session.overhead._theirs, session.overhead._trained = 0.123456, 10.0, 10.0
    bar.update()
    assert bar.overhead == 0.012


def test_memory_of_a_device_and_of_a_host_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda where: 5)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda where: SimpleNamespace(total_memory=9))
    assert memory.device(torch.device("cuda:1")) == memory.Memory("cuda:1", 5, 9)
    assert memory.device(torch.device("cpu")) is None
    monkeypatch.setattr(memory, "psutil", None)
    assert memory.MemoryMeter(lambda: [torch.device("cuda:1"), torch.device("cpu")]).now() == [
        memory.Memory("cuda:1", 5, 9)
    ]


def test_the_device_is_looked_at_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, now = [], [5.0]
    monkeypatch.setattr(memory.time, "monotonic", lambda: now[0])
    meter = memory.MemoryMeter(lambda: looks.append(1) or [])  # type: ignore[func-returns-value]
    for now[0] in (5.0, 5.4, 5.9, 6.0, 6.5, 7.1):
        meter.now()
    assert len(looks) == 3


def test_continue_from_here_goes_back_and_lets_a_paused_loop_go(background: Background) -> None:
    session = background.session
    scrubber, bar = tvw.EpochScrubber(session), tvw.TrainingBar(session)
    page = FrontEnd(scrubber)
    FrontEnd(bar)
    session.start(background.train)
    background.go(11)
    wait_for(lambda: session.loop.step == 12)
    session.pause()
    background.go(1000)
    wait_for(lambda: bar.status == "paused")
    assert session.loop.step == 13
    session.run.flush()
    page.ask("move", step=5)
    assert scrubber.can_continue
    reply = page.ask("continue_from", step=5)
    assert reply["value"] == {"note": "training goes on from epoch 1 (step 5)"}
    assert scrubber.position is None
    assert session.wait(60)
    assert (session.loop.step, session.run.branch, session.loop.status) == (15, 1, "finished")
    session.run.flush()
    assert [(s.branch, s.step) for s in session.run.snapshots] == [(0, 0), (0, 5), (1, 10), (1, 15)]
    assert page.ask("continue_from", step=5)["value"] == {
        "note": "back at epoch 1 (step 5): training goes on from there when run"
    }
    assert session.loop.step == 5


def test_continue_from_here_says_what_the_snapshot_does_not_hold(session: tvw.Session) -> None:
    page = FrontEnd(tvw.EpochScrubber(session))
    note = page.ask("continue_from", step=10)["value"]["note"]
    assert note.startswith("back at epoch 2 (step 10): training goes on from there when run; the snapshot at epoch 2")
    assert "holds the model alone" in note
    assert session.loop.step == 10


@pytest.mark.parametrize(
    ("step", "says"),
    [(7, "no snapshot at step 7; the nearest"), ("five", "step must be a whole number, found str"),
     (True, "step must be a whole number, found bool"), (None, "found NoneType")],
)  # fmt: skip
def test_continue_from_nowhere_changes_nothing(session: tvw.Session, step: object, says: str) -> None:
    page = FrontEnd(tvw.EpochScrubber(session))
    assert says in page.ask("continue_from", step=step)["error"]
    assert (session.loop.step, session.run.branch) == (15, 0)


def test_a_snapshot_thinned_away_is_refused_in_both_places(session: tvw.Session) -> None:
    page = FrontEnd(tvw.EpochScrubber(session))
    store = session.run._store
    store.remove(next(commit for commit in store.commits() if commit.snapshot.step == 5))
    says = "no snapshot at step 5"
    assert says in page.ask("continue_from", step=5)["error"]
    with pytest.raises(LookupError, match=says):
        session.restore(step=5)
    assert (session.loop.step, session.run.branch) == (15, 0)


def test_a_recorded_run_is_not_continued(session: tvw.Session) -> None:
    session.close()
    scrubber = tvw.EpochScrubber(tvw.Run(session.run.path))
    assert not scrubber.can_continue
    assert "needs a session that watches training" in FrontEnd(scrubber).ask("continue_from", step=5)["error"]
    assert tvw.TrainingBar(tvw.Run(session.run.path)).unavailable == {}
