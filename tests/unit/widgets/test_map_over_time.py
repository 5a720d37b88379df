"""What the model map tells of a run: measures, lines and marks, beside numbers computed by hand."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import FrontEnd, wait_for
from torchvis_widgets.record import statistics_file
from torchvis_widgets.record.statistics_table import Numbers
from torchvis_widgets.widgets.mapping import reader
from torchvis_widgets.widgets.mapping.marks import marks_of

STEPS, EVERY = 3, 4  # steps in an epoch, epochs


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        self.head = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x).neg())


def batches() -> torch.Tensor:
    return torch.randn(STEPS * EVERY, 5, 2, generator=torch.Generator().manual_seed(1))


Norms = dict[str, float]


def train(
    path: Path, change: dict[str, float] | None = None, **options: Any
) -> tuple[tvw.Session, list[Norms], list[Norms]]:
    """A watched run of known batches; the norms of each step's gradients, and of how far it moved the weights."""
    torch.manual_seed(0)
    model = Net()
    with torch.no_grad():
        for name, value in (change or {}).items():
            model.get_parameter(name).fill_(value)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    probe = torch.randn(4, 2, generator=torch.Generator().manual_seed(2))
    session = tvw.watch(model, optimizer, probe=probe, run=path, statistics=1, overhead=None, **options)
    gradients, moved, every = [], [], iter(batches())
    for _ in session.epochs(EVERY):
        for x in session.batches([next(every) for _ in range(STEPS)]):
            optimizer.zero_grad()
            model(x).square().mean().backward()
            gradients.append({name: float(each.grad.norm()) for name, each in model.named_parameters()})  # type: ignore[union-attr]
            moved.append({name: 0.1 * norm for name, norm in gradients[-1].items()})
            optimizer.step()
    session.run.flush()
    return session, gradients, moved


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[tuple[tvw.Session, list[Norms], list[Norms]]]:
    found = train(tmp_path / "run")
    yield found
    found[0].close()


def looked(session: tvw.Session, **settings: Any) -> tuple[tvw.ModelMap, FrontEnd]:
    """A map whose reader has read all there is."""
    tree = tvw.ModelMap(session, **settings)
    page = FrontEnd(tree)
    wait_for(lambda: session.run.measured.version > 0)
    tree.changed()
    return tree, page


def joined(norms: Norms, *names: str) -> float:
    return math.hypot(*(norms[name] for name in names))


def line(page: FrontEnd, path: str) -> list[float]:
    push = page.last("trends")
    table = push.floats(0).reshape(len(push.value["paths"]), push.value["columns"])
    return [float(value) for value in table[push.value["paths"].index(path)]]


def measure(page: FrontEnd) -> dict[str, float]:
    push = page.last("measure")
    return dict(zip(push.value["paths"], push.floats(0).tolist(), strict=True))


def marks(page: FrontEnd) -> list[tuple[str, str, str]]:
    return [(each["path"], each["kind"], each["text"]) for each in page.last("marks").value["marks"]]


# Measures


def test_measures_of_the_pass() -> None:
    with tvw.inspect(Net(), torch.zeros(4, 2)) as session:
        tree = tvw.ModelMap(session, by="parameters")
        page = FrontEnd(tree)
        assert measure(page) == {"": 13, "body": 9, "body.0": 9, "body.1": 0, "/neg": 0, "head": 4}
        value = page.last("measure").value
        assert (value["by"], value["unit"], value["lo"], value["hi"]) == ("parameters", "", 0, 9)
        tree.look(by="macs")
        assert measure(page) == {"": 36, "body": 24, "body.0": 24, "body.1": 0, "/neg": 0, "head": 12}
        assert page.last("measure").value["unit"] == "MAC"
        tree.look(by="memory")
        assert measure(page)["body.0"] == 4 * 3 * 4  # bytes: 4 samples of 3 numbers
        tree.look(by="seconds")
        found = measure(page)
        assert found[""] == pytest.approx(sum(found[path] for path in ("body", "/neg", "head")), rel=1e-5)
        assert page.last("measure").value["hi"] == max(found[path] for path in ("body.0", "body.1", "/neg", "head"))


class Spare(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare = nn.Linear(2, 2), nn.Linear(2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.used(x)


def test_what_did_not_run_has_parameters_and_no_cost() -> None:
    with tvw.inspect(Spare(), torch.zeros(1, 2)) as session:
        tree = tvw.ModelMap(session, by="macs")
        page = FrontEnd(tree)
        assert math.isnan(measure(page)["spare"])
        tree.look(by="parameters")
        assert measure(page)["spare"] == 9


def test_gradients_are_measured_at_the_snapshot_looked_at(
    trained: tuple[tvw.Session, list[Norms], list[Norms]],
) -> None:
    session, gradients, _ = trained
    tree, page = looked(session, by="gradient")
    scrubber = FrontEnd(tvw.EpochScrubber(session))
    for step, at in ((STEPS, STEPS), (2 * STEPS, 2 * STEPS), (None, STEPS * EVERY - 1)):
        assert scrubber.ask("move", step=step)["ok"]
        found, norms = measure(page), gradients[at]
        assert found["head"] == pytest.approx(joined(norms, "head.weight", "head.bias"), rel=1e-4)
        assert found["body"] == found["body.0"]
        assert found[""] == pytest.approx(math.hypot(found["body"], found["head"]), rel=1e-5)
        assert math.isnan(found["/neg"])
    assert tree.view["by"] == "gradient"


# Lines


def test_lines_of_gradients_and_updates(trained: tuple[tvw.Session, list[Norms], list[Norms]]) -> None:
    session, gradients, moved = trained
    tree, page = looked(session, trend="gradients")
    names = ("head.weight", "head.bias")
    assert page.last("trends").value["steps"] == list(range(STEPS * EVERY))
    assert line(page, "head") == pytest.approx([joined(each, *names) for each in gradients], rel=1e-4)
    tree.look(trend="updates")
    norms = [session.run.statistics().set_index(["kind", "step", "name"])["norm"]["parameter"][step] for step in (0, 5)]
    expected = [joined(moved[step], *names) / joined(norms[i], *names) for i, step in enumerate((0, 5))]
    found = line(page, "head")
    assert [found[0], found[5]] == pytest.approx(expected, rel=1e-3)


def test_lines_of_outputs(trained: tuple[tvw.Session, list[Norms], list[Norms]]) -> None:
    session, *_ = trained
    session.close()  # takes the outputs of the last snapshot
    tree, page = looked(session, trend="zeros")
    wait_for(lambda: STEPS * EVERY in session.run.measured.steps("output"))
    tree.changed()
    output = session.activations("body.1", epoch=EVERY)
    assert page.last("trends").value["steps"][-1] == STEPS * EVERY
    assert line(page, "body.1")[-1] == pytest.approx(float((output == 0).float().mean()), rel=1e-5)
    tree.look(trend="mean")
    assert line(page, "body.1")[-1] == pytest.approx(float(output.mean()), rel=1e-4)
    tree.look(trend="std")
    assert line(page, "body.1")[-1] == pytest.approx(float(output.std(correction=0)), rel=1e-4)
    assert "/neg" not in page.last("trends").value["paths"]


def test_lines_of_weights_come_from_the_snapshots_alone(tmp_path: Path) -> None:
    with train(tmp_path / "run")[0] as session:
        _, page = looked(session)
        state = session.run.state_dict(epoch=2)
        assert page.last("trends").value["steps"] == [0, 3, 6, 9, 12]
        norm = math.hypot(float(state["body.0.weight"].norm()), float(state["body.0.bias"].norm()))
        assert line(page, "body")[2] == pytest.approx(norm, rel=1e-5)


def test_only_what_was_recorded_is_offered(trained: tuple[tvw.Session, list[Norms], list[Norms]]) -> None:
    with tvw.inspect(Net(), torch.zeros(1, 2)) as session:
        assert [each["value"] for each in tvw.ModelMap(session).trends_known] == ["weights"]
    tree, _ = looked(trained[0])
    tree.update()
    offered = {each["value"]: each["label"] for each in tree.trends_known}
    assert offered["weights"] == "weight norm"
    assert offered["updates"] == "update / weight"
    assert ("std" in offered) == bool(trained[0].run.measured.steps("output"))


# Marks


def test_a_healthy_model_has_no_marks(trained: tuple[tvw.Session, list[Norms], list[Norms]]) -> None:
    _, page = looked(trained[0])
    assert marks(page) == []


def test_weights_that_are_not_finite_are_marked_at_their_snapshots(tmp_path: Path) -> None:
    session = train(tmp_path / "run", on_nonfinite="warn")[0]
    with session:
        assert session.model is not None
        with torch.no_grad():
            session.model.get_parameter("head.weight")[0, 0] = math.nan
        session.snapshot("broken")
        session.run.flush()
        _, page = looked(session)
        assert ("head", "nan", "weight is not finite") in marks(page)
        assert FrontEnd(tvw.EpochScrubber(session)).ask("move", step=STEPS)["ok"]
        assert marks(page) == []


def test_a_gradient_that_is_not_finite_is_marked(tmp_path: Path) -> None:
    with train(tmp_path / "run", {"head.bias": math.inf})[0] as session:
        _, page = looked(session)
        assert ("head", "nan", "the gradient of weight is not finite") in marks(page)


def test_a_dead_relu_is_marked_and_the_layers_behind_it_get_no_gradient(tmp_path: Path) -> None:
    session = train(tmp_path / "run", {"body.0.bias": -100.0})[0]
    session.close()
    tree, page = looked(session)
    wait_for(lambda: STEPS * EVERY in session.run.measured.steps("output"))
    tree.changed()
    found = marks(page)
    assert ("body.1", "dead", "100 % of its output on the probe is zero") in found
    assert next(text for path, kind, text in found if (path, kind) == ("body.0", "vanishing")).startswith(
        "its gradient, 0 an element, is next to nothing beside "
    )


def gradient(norm: float, total: int) -> Numbers:
    return Numbers(norm, 0.0, 0.0, 0.0, 0.0, math.nan, total)


def test_a_gradient_is_vanishing_beside_one_that_is_ten_thousand_times_larger_per_element() -> None:
    with tvw.inspect(Net(), torch.zeros(1, 2)) as session:
        graph = session.graph
    assert graph is not None
    gradients = {"body.0.weight": gradient(3e-4, 7), "body.0.bias": gradient(4e-4, 18), "head.weight": gradient(4.0, 4)}
    found = marks_of(graph, {}, {}, gradients, {})  # √(25e-8 / 25) and √(16 / 4)
    text = "its gradient, 0.0001 an element, is next to nothing beside 2 of 'head'"
    assert found == [{"path": "body.0", "kind": "vanishing", "text": text}]
    gradients["head.weight"] = gradient(1.9, 4)
    assert marks_of(graph, {}, {}, gradients, {}) == []


# The way they come


def test_a_frame_reads_no_file_on_the_thread_that_asks(
    trained: tuple[tvw.Session, list[Norms], list[Norms]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "PERIOD", 0.0)
    readers: list[str] = []
    reading = statistics_file.reading

    def noted(path: Path) -> Any:
        readers.append(threading.current_thread().name)
        return reading(path)

    monkeypatch.setattr(statistics_file, "reading", noted)
    tree, page = looked(trained[0], by="gradient", trend="updates")
    tree.select("head")
    page.ask("hello", view="v", visible=True)
    wait_for(lambda: bool(readers))
    assert set(readers) == {"tvw-statistics"}
    assert np.isfinite(line(page, "head")).all()


def test_what_is_measured_at_the_end_of_a_session_is_shown_after_it(
    trained: tuple[tvw.Session, list[Norms], list[Norms]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "PERIOD", 0.0)
    session, *_ = trained
    tree, page = looked(session, trend="zeros")
    session.close()
    tree.changed()
    wait_for(lambda: STEPS * EVERY in page.last("trends").value["steps"])


def test_a_reopened_run_has_the_same_lines_measures_and_marks(tmp_path: Path) -> None:
    session, gradients, _ = train(tmp_path / "run")
    session.close()
    run = tvw.Run(tmp_path / "run")
    tree = tvw.ModelMap(run, by="gradient", trend="gradients")
    page = FrontEnd(tree)
    wait_for(lambda: run.measured.version > 0)
    tree.changed()
    norm = joined(gradients[-1], "head.weight", "head.bias")
    assert measure(page)["head"] == pytest.approx(norm, rel=1e-4)
    assert line(page, "head")[-1] == pytest.approx(norm, rel=1e-4)
