"""Run directories: made, kept, reopened, refused."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
import torch

from tests.unit.record.conftest import MODEL
from torchvis_widgets.record.errors import RunError
from torchvis_widgets.record.recording import Recording
from torchvis_widgets.record.run import Run

OTHER = {"fc.weight": ((5, 3), "torch.float32"), "fc.bias": ((2,), "torch.float16"), "a": ((), "x"), "b": ((), "x")}


def change_about(path, **fields):
    about = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps({**about, **fields}))


def test_new_run(create, tmp_path):
    run = create("runs/digits-cnn", classes=["cat", "dog"])
    assert (run.path, run.name, run.classes, run.graph) == (
        tmp_path / "runs/digits-cnn",
        "digits-cnn",
        ["cat", "dog"],
        None,
    )
    assert (isinstance(run, Recording), run.problems, run.snapshots, dict(run.series), run.probe()) == (
        True,
        [],
        [],
        {},
        None,
    )
    about = json.loads((run.path / "run.json").read_text())
    assert about["format"] == 1
    assert about["versions"]["torch"] == torch.__version__
    assert about["model"] == {"fc.weight": [[2, 3], "torch.float32"], "fc.bias": [[2], "torch.float32"]}


def test_temporary_run():
    run = Recording.create(None, model=MODEL, name="scratch")
    assert run.path.is_dir()
    assert run.name == "scratch"
    run.close()


def test_relative_path_survives_a_change_of_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Recording.create("runs/x", model=MODEL)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run.save({"w": torch.zeros(2)}, step=0, epoch=0.0)
    run.close()
    assert Run(tmp_path / "runs/x").snapshot(step=0).epoch == 0.0


def test_describe_is_kept(create):
    run = create()
    run.describe(graph={"nodes": [1]}, classes=["<b>a</b>"])
    assert (run.graph, run.classes) == ({"nodes": [1]}, ["<b>a</b>"])
    again = Run(run.path)
    assert (again.graph, again.classes, again.name) == ({"nodes": [1]}, ["<b>a</b>"], "run")
    with pytest.raises(TypeError):
        run.describe(graph=torch.zeros(2))
    assert Run(run.path).graph == {"nodes": [1]}


def test_probe(create):
    run = create()
    images = torch.rand(4, 1, 8, 8).permute(0, 1, 3, 2)
    tensors = {"inputs": images, "again": images, "targets": torch.arange(4), "first": images[0]}
    run.save_probe(tensors)
    for loaded in (run.probe(), Run(run.path).probe()):
        assert set(loaded) == set(tensors)
        assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    with pytest.raises(
        TypeError, match="probe tensor 'words': found 'text', expected a dense tensor of a common dtype"
    ):
        run.save_probe({"words": "text"})


def test_reopened_run_is_read_only(create):
    run = create()
    run.close()
    again = Run(run.path)
    assert not isinstance(again, Recording)
    assert not [name for name in ("log", "extend", "save", "describe", "mark") if hasattr(again, name)]
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    again.metrics(), again.marks(), again.statistics(), again.snapshots, again.probe(), again.reread()
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_older_runs_of_the_same_model_are_kept(create):
    for value in (1.0, 2.0, 3.0):
        run = create()
        run.log(1, 0.0, {"a": value})
        run.close()
    paths = [run.path.with_name(name) for name in ("run-1", "run-2", "run")]
    assert [Run(path).series["a"].last for path in paths] == [(1, 1.0), (1, 2.0), (1, 3.0)]


def test_run_that_never_began_is_replaced(create):
    run = create()
    run.save({"w": torch.zeros(2)}, step=0, epoch=0.0)
    run.save_probe({"inputs": torch.zeros(2)})
    run.close()
    (run.path / "notes.txt").write_text("the user's own")
    again = create()
    assert not again.path.with_name("run-1").exists()
    assert (again.snapshots, again.probe(), dict(again.series)) == ([], None, {})
    assert (again.path / "notes.txt").read_text() == "the user's own"


def test_run_with_snapshots_and_no_metrics_is_kept(create):
    run = create()
    for step in range(2):
        run.save({"w": torch.zeros(2)}, step=step, epoch=float(step))
    run.close()
    create()
    assert len(Run(run.path.with_name("run-1")).snapshots) == 2


def test_words_for_another_model(create):
    create().close()
    with pytest.raises(RunError) as caught:
        create(model=OTHER)
    assert str(caught.value).endswith(
        "/run' holds a run of another model: fc.weight: (2, 3) torch.float32 there, (5, 3) torch.float32 here; "
        "fc.bias: (2,) torch.float32 there, (2,) torch.float16 here; a: missing there, () x here (and 1 more). "
        "Give another run=…, or delete that directory if its run is no longer wanted"
    )
    create()  # and the right model may still


def test_words_for_a_second_writer(create):
    run = create()
    with pytest.raises(RunError) as caught:
        create()
    assert "is being written by this process. Close the session that does, or give another run=…; Run('" in str(
        caught.value
    )
    change_about(run.path, writer={"process": 1, "host": "gpu-7"})
    with pytest.raises(RunError, match=r"is being written by process 1 on gpu-7. Stop it, or give another run=…"):
        create()
    assert not isinstance(Run(run.path), Recording)
    run.close()
    create()


def test_words_for_a_newer_version(create):
    run = create()
    run.close()
    change_about(run.path, format=2, versions={"torchvis_widgets": "9.1"})
    words = (
        r"was written by torchvis_widgets 9\.1 in run format 2; this is torchvis_widgets \S+, which reads format 1\. "
        "Install a newer one: pip install --upgrade torchvis_widgets$"
    )
    with pytest.raises(RunError, match=words):
        Run(run.path)
    with pytest.raises(RunError, match=words):
        create()


def test_words_for_no_run(tmp_path, create):
    with pytest.raises(RunError, match=r"no run directory at '.*/nowhere'; give the path that watch\(…, run=path\)"):
        Run(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"is a directory without run.json: it holds no run"):
        Run(tmp_path)
    create("b").close()
    create("a").close()
    with pytest.raises(RunError, match=r"is a directory without run.json: the runs inside it are 'a', 'b'"):
        Run(tmp_path)
    (tmp_path / "a" / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"a/run.json' cannot be read: Expecting property name"):
        Run(tmp_path / "a")


def test_words_for_a_place_that_is_taken(tmp_path, create):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="file' is a file, expected a directory or a path where none is yet"):
        create("file")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text("")
    with pytest.raises(RunError) as caught:
        create("data")
    assert "is a directory with other files in it (train.csv), and no run. Give a directory of its own" in str(
        caught.value
    )
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["train.csv"]


def test_words_for_a_directory_that_is_not_writable(tmp_path, create, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"file/run' is not writable: .*Not a directory.*\. Give another run=…"):
        create("file/run")

    def read_only(*args, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", read_only)
    with pytest.raises(RunError, match=r"/run' is not writable: .*Permission denied\. Give another run=…"):
        create()
    monkeypatch.undo()
    create()  # the lock was given back


def test_read_only_parent(create, monkeypatch):
    def refused(*args, **more):  # not chmod: root writes into read-only directories
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(RunError, match=r"is not writable: .*Permission denied"):
        create()


def test_words_for_a_metrics_file_that_cannot_be_made(create, monkeypatch):
    def unable(*args, **more):
        raise sqlite3.OperationalError("unable to open database file")

    with monkeypatch.context() as broken:
        broken.setattr(sqlite3, "connect", unable)
        with pytest.raises(RunError, match=r"/run' is not writable: unable to open database file. Give another run=…"):
            create()
    create()
