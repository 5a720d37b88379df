"""The tables as they come go into seaborn and matplotlib, and what is drawn is what was recorded."""

from __future__ import annotations

import numpy as np
import pytest
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import torchvis_widgets as tvw
from tests.unit.session.training import setup, train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tvw.Run:
    model, optimizer, criterion = setup()
    with tvw.watch(
        model, optimizer, criterion, run=tmp_path_factory.mktemp("runs") / "run", statistics=1, overhead=None
    ) as session:
        train(session, model, optimizer, criterion, epochs=2)
        session.log({"val/loss": 0.5})
        session.log({"val/loss": 0.25}, step=5)
        session.log({"val/accuracy": float("nan")})
    return tvw.Run(session.run.path)


def test_metrics_as_seaborn_s_lines(run: tvw.Run) -> None:
    table = run.metrics()
    axes = Figure().subplots()
    sns.lineplot(table, x="step", y="value", hue="name", errorbar=None, ax=axes)
    _, labels = axes.get_legend_handles_labels()
    assert labels == ["train/loss", "val/loss", "val/accuracy"]
    drawn = {len(line.get_xdata()): line for line in axes.get_lines()}
    np.testing.assert_array_equal(drawn[10].get_xdata(), range(1, 11))
    np.testing.assert_allclose(drawn[10].get_ydata(), table[table["name"] == "train/loss"]["value"])
    np.testing.assert_array_equal(drawn[2].get_ydata(), [0.25, 0.5])


def test_metrics_as_matplotlib_s_lines(run: tvw.Run) -> None:
    axes = Figure().subplots()
    for name, rows in run.metrics().groupby("name"):
        axes.plot("epoch", "value", data=rows, label=name)
    lines = {line.get_label(): line for line in axes.get_lines()}
    _, epochs, _, values = run.series["train/loss"].columns()
    np.testing.assert_array_equal(lines["train/loss"].get_ydata(), values)
    np.testing.assert_array_equal(lines["train/loss"].get_xdata(), epochs)


def test_statistics_as_seaborn_s_facets(run: tvw.Run) -> None:
    table = run.statistics()
    grid = sns.relplot(table, x="step", y="norm", hue="name", col="kind", kind="line", errorbar=None)
    assert set(grid.col_names) == set(table["kind"])
    for kind, axes in grid.axes_dict.items():
        rows = table[table["kind"] == kind]
        drawn = [line.get_ydata() for line in axes.get_lines() if len(line.get_xdata())]
        found = sorted(np.concatenate(drawn).tolist())
        assert found == pytest.approx(sorted(rows["norm"]))
    plt.close(grid.figure)


def test_statistics_as_matplotlib_s_lines(run: tvw.Run) -> None:
    table = run.statistics()
    rows = table[(table["kind"] == "gradient") & (table["name"] == "fc.weight")]
    axes = Figure().subplots()
    axes.fill_between("step", "min", "max", data=rows, alpha=0.3)
    axes.plot("step", "mean", data=rows)
    (line,) = axes.get_lines()
    assert len(rows) == 10
    np.testing.assert_array_equal(line.get_ydata(), rows["mean"])
    low, high = axes.dataLim.get_points()[:, 1]
    assert (low, high) == pytest.approx((rows["min"].min(), rows["max"].max()))
