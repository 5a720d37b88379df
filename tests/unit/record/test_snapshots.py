"""Snapshots: bit for bit, once only, committed last, in bounded memory."""

from __future__ import annotations

import json
import math
import threading

import numpy as np
import pytest
import torch

from torchvis_widgets.record import snapshot_writer
from torchvis_widgets.record.run import Run
from torchvis_widgets.record.snapshots import SnapshotStore
from torchvis_widgets.record.tensor_file import same_bits


def files(run):
    return sorted(path.name for path in (run.path / "snapshots").iterdir())


def save(run, state, step, epoch=None, name=None):
    run.save(state, step=step, epoch=epoch, name=name)
    run.flush()
    assert run.problems == []


def assert_same(loaded, state):
    assert list(loaded) == list(state)
    for name, tensor in state.items():
        assert loaded[name].dtype == tensor.dtype
        assert loaded[name].shape == tensor.shape
        assert same_bits(loaded[name].contiguous(), tensor.detach().resolve_conj().resolve_neg().contiguous()), name


ODD_TENSORS = {
    "bfloat16": torch.randn(3, 4).bfloat16(),
    "half": torch.randn(3, 4).half(),
    "double": torch.randn(3, dtype=torch.float64),
    "float8": torch.randn(3).to(torch.float8_e4m3fn),
    "bool": torch.tensor([True, False]),
    "int64": torch.tensor([2**62, -1]),
    "uint8": torch.tensor([0, 255], dtype=torch.uint8),
    "complex": torch.randn(3, dtype=torch.complex64),
    "conjugate": torch.randn(3, dtype=torch.complex64).conj(),
    "scalar": torch.tensor(3.5),
    "counter": torch.tensor(7),
    "empty": torch.empty(0, 3),
    "transposed": torch.randn(3, 4).t(),
    "strided": torch.randn(10)[::3],
    "expanded": torch.randn(1, 3).expand(4, 3),
    "channels last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    "non-finite": torch.tensor([math.nan, math.inf, -math.inf, -0.0]),
    "parameter": torch.nn.Parameter(torch.randn(2)),
}


@pytest.mark.parametrize("kind", ODD_TENSORS)
def test_every_kind_of_tensor_survives_bit_for_bit(run, kind):
    save(run, {kind: ODD_TENSORS[kind]}, step=0)
    assert_same(run.state_dict(step=0), {kind: ODD_TENSORS[kind]})
    assert_same(Run(run.path).state_dict(step=0), {kind: ODD_TENSORS[kind]})


def test_real_model_at_every_epoch(run):
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten())
    kept = []
    for epoch in range(4):
        save(run, model.state_dict(), step=10 * epoch, epoch=float(epoch))
        kept.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        model(torch.randn(2, 1, 5, 5)).sum().backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.1 * parameter.grad
    for reader in (run, Run(run.path)):
        assert [(s.step, s.epoch) for s in reader.snapshots] == [(0, 0.0), (10, 1.0), (20, 2.0), (30, 3.0)]
        for epoch, state in enumerate(kept):
            assert_same(reader.state_dict(epoch=epoch), state)


def test_save_owns_its_copy(run, monkeypatch):
    gate = threading.Event()
    commit = SnapshotStore.commit
    monkeypatch.setattr(SnapshotStore, "commit", lambda *args: gate.wait(10) and commit(*args))
    weight = torch.ones(3)
    run.save({"w": weight}, step=0, epoch=0.0)
    weight.mul_(5)
    gate.set()
    run.flush()
    assert run.state_dict(step=0)["w"].tolist() == [1, 1, 1]


def test_only_the_tensors_asked_for(run):
    save(run, {"a": torch.ones(2), "b": torch.zeros(3)}, step=0)
    assert list(run.state_dict(step=0, keys=["b"])) == ["b"]
    assert run.state_dict(step=0, keys=[]) == {}


def test_what_is_read_may_be_changed(run):
    save(run, {"w": torch.ones(3)}, step=0)
    run.state_dict(step=0)["w"].zero_()
    assert run.state_dict(step=0)["w"].tolist() == [1, 1, 1]


def test_unchanged_tensors_are_written_once(run):
    frozen, moving = torch.randn(100, 100), torch.randn(3)
    frozen[0, 0] = math.nan
    save(run, {"frozen": frozen, "moving": moving}, step=0)
    save(run, {"frozen": frozen.clone(), "moving": moving + 1}, step=1)
    save(run, {"frozen": frozen, "moving": moving + 1}, step=2)
    assert files(run) == ["000000000.json", "000000000.safetensors", "000000001.json", "000000001.safetensors",
                          "000000002.json"]  # fmt: skip
    assert (run.path / "snapshots" / "000000001.safetensors").stat().st_size < 1000
    assert_same(run.state_dict(step=2), {"frozen": frozen, "moving": moving + 1})


def test_minus_zero_is_a_change(run):
    save(run, {"w": torch.tensor([0.0])}, step=0)
    save(run, {"w": torch.tensor([-0.0])}, step=1)
    assert math.copysign(1, run.state_dict(step=1)["w"].item()) == -1


def test_tensor_of_a_new_shape_or_type_is_a_change(run):
    states = [{"w": torch.zeros(4)}, {"w": torch.zeros(2, 2)}, {"w": torch.zeros(2, 2, dtype=torch.int32)}]
    for step, state in enumerate(states):
        save(run, state, step)
    for step, state in enumerate(states):
        assert_same(run.state_dict(step=step), state)


def test_tied_tensors_are_written_once(run):
    weight = torch.randn(50, 50)
    state = {"embedding.weight": weight, "head.weight": weight, "other": weight.t()}
    save(run, state, step=0)
    assert (run.path / "snapshots" / "000000000.safetensors").stat().st_size < 2.5 * weight.nbytes
    loaded = run.state_dict(step=0)
    assert_same(loaded, state)
    assert loaded["embedding.weight"].data_ptr() == loaded["head.weight"].data_ptr()


def test_norms(run):
    save(run, {"w": torch.tensor([3.0, 4.0]), "half": torch.tensor([3.0, 4.0]).half(), "count": torch.tensor(3),
               "bad": torch.tensor([math.nan])}, step=0)  # fmt: skip
    for reader in (run, Run(run.path)):
        np.testing.assert_equal(reader.snapshots[0].norms, {"w": 5.0, "half": 5.0, "bad": math.nan})


def test_two_snapshots_at_one_step(run):
    save(run, {"w": torch.zeros(2)}, step=5)
    loaded = run.state_dict(step=5)["w"]
    save(run, {"w": torch.ones(2)}, step=5, epoch=1.0)  # the newer state with both labels
    save(run, {"w": torch.ones(2)}, step=5, name="the very same")
    (snapshot,) = run.snapshots
    assert (snapshot.epoch, snapshot.name) == (1.0, "the very same")
    assert run.state_dict(step=5)["w"].tolist() == [1, 1]
    assert loaded.tolist() == [0, 0]  # still mapped: a file is never written again


def test_a_label_stays_with_the_state_that_it_was_given_to(run):
    save(run, {"w": torch.zeros(2)}, step=5, epoch=1.0)
    save(run, {"w": torch.ones(2)}, step=5, name="edited")
    save(run, {"w": torch.ones(2)}, step=5, name="again")
    assert [(s.epoch, s.name) for s in run.snapshots] == [(1.0, None), (None, "edited"), (None, "again")]
    assert run.state_dict(epoch=1)["w"].tolist() == [0, 0]
    assert run.state_dict(name="edited")["w"].tolist() == [1, 1]
    assert run.state_dict(step=5)["w"].tolist() == [1, 1]  # the newest of that step


def test_words_for_a_snapshot_that_is_not_there(run):
    with pytest.raises(LookupError, match="no snapshot at epoch 3; there is none yet"):
        run.snapshot(epoch=3)
    for epoch in (0, 5, 10):
        save(run, {"w": torch.tensor(epoch)}, step=100 * epoch, epoch=float(epoch))
    save(run, {"w": torch.tensor(-1)}, step=1100)
    words = r"no snapshot at epoch 7; the nearest: epoch 5 \(step 500\) and epoch 10 \(step 1000\)$"
    with pytest.raises(LookupError, match=words):
        run.state_dict(epoch=7)
    with pytest.raises(LookupError, match=r"no snapshot at epoch 2.5; the nearest: epoch 0 \(step 0\) and epoch 5 "):
        run.snapshot(epoch=2.5)
    with pytest.raises(LookupError, match=r"no snapshot at step 2000; the nearest: step 1100$"):
        run.snapshot(step=2000)
    with pytest.raises(TypeError, match="give one of epoch=…, step=… and name=…"):
        run.snapshot()
    with pytest.raises(TypeError, match="give one of epoch=…, step=… and name=…"):
        run.snapshot(epoch=1, step=1)


def test_words_for_a_tensor_that_is_not_there(run):
    save(run, {"conv1.weight": torch.zeros(2), "fc.bias": torch.zeros(2)}, step=1, epoch=1.0)
    with pytest.raises(
        LookupError, match=r"no tensor 'conv1.weigth' in the snapshot at epoch 1 \(step 1\); there are 'conv1"
    ):
        run.state_dict(step=1, keys=["conv1.weigth"])


def test_damaged_files_are_named_and_the_rest_can_be_read(run):
    for step in range(3):
        save(run, {"w": torch.full((2,), float(step))}, step)
    folder = run.path / "snapshots"
    (folder / "000000000.json").write_text("{")
    (folder / "000000001.safetensors").write_bytes(b"short")
    reader = Run(run.path)
    assert [snapshot.step for snapshot in reader.snapshots] == [1, 2]
    (problem,) = reader.problems
    assert "000000000.json is damaged and left out: JSONDecodeError" in problem
    with pytest.raises(RuntimeError, match=r"000000001.safetensors is damaged or gone: .* other files can be read"):
        reader.state_dict(step=1)
    (folder / "000000001.safetensors").unlink()
    with pytest.raises(RuntimeError, match=r"000000001.safetensors is damaged or gone"):
        reader.state_dict(step=1)
    assert reader.state_dict(step=2)["w"].tolist() == [2, 2]


def test_json_is_written_last(run, monkeypatch):
    seen = []
    write = SnapshotStore._write_json
    monkeypatch.setattr(SnapshotStore, "_write_json", lambda self, *args: (seen.append(files(run)), write(self, *args)))
    save(run, {"w": torch.zeros(2)}, step=0)
    assert seen == [["000000000.safetensors"]]


def test_a_snapshot_without_its_commit_is_not_there(run):
    save(run, {"w": torch.zeros(2)}, step=0)
    (run.path / "snapshots" / "000000001.safetensors").write_bytes(b"the writer was killed here")
    (run.path / "snapshots" / "000000001.json.part").write_text('{"step"')
    assert [snapshot.step for snapshot in Run(run.path).snapshots] == [0]


def test_what_files_cannot_hold_is_left_out_and_told(run):
    run.save({"w": torch.ones(2), "sparse": torch.eye(2).to_sparse(), "wide": torch.zeros(1, dtype=torch.complex128),
              "meta": torch.zeros(1, device="meta")}, step=0, epoch=0.0)  # fmt: skip
    run.flush()
    assert list(run.state_dict(step=0)) == ["w"]
    words = "snapshots are without sparse, wide, meta: no dense tensors of a type they can hold"
    assert run.problems == [words]


class SlowDisk:
    """commit() that waits until it is let through."""

    def __init__(self, monkeypatch, room=0):
        self._open, self.entered = threading.Event(), threading.Event()
        commit = SnapshotStore.commit

        def slow(*args):
            self.entered.set()
            assert self._open.wait(10)
            commit(*args)

        monkeypatch.setattr(SnapshotStore, "commit", slow)
        monkeypatch.setattr(snapshot_writer, "_ROOM_BYTES", room)

    def open(self):
        self._open.set()


def test_slow_disk_makes_snapshots_rarer_but_keeps_the_first_and_the_last(run, monkeypatch):
    disk = SlowDisk(monkeypatch)
    for step in range(10):
        run.save({"w": torch.tensor(step)}, step=step, epoch=float(step))
        if step == 1:
            disk.entered.wait(10)
        assert len(run._writers.snapshots._pending) <= 2
    disk.open()
    run.flush()
    kept = [snapshot.step for snapshot in run.snapshots]
    assert (kept[0], kept[-1]) == (0, 9)
    assert len(kept) <= 4
    assert run.state_dict(step=9)["w"].item() == 9
    (problem,) = run.problems
    assert (
        problem == f"the disk is slower than training: {10 - len(kept)} snapshots left out so far, the latest of step 8"
    )


def test_small_states_wait_for_a_slow_disk_however_many(run, monkeypatch):
    disk = SlowDisk(monkeypatch, room=50 * 8)
    for step in range(50):
        run.save({"w": torch.tensor(step)}, step=step, epoch=float(step))
    disk.open()
    run.flush()
    assert len(run.snapshots) == 50
    assert run.problems == []


def test_slow_disk_spares_the_first_and_named_snapshots(run, monkeypatch):
    disk = SlowDisk(monkeypatch)
    run.save({"w": torch.tensor(-1)}, step=0, epoch=None)
    disk.entered.wait(10)
    run.save({"w": torch.tensor(0)}, step=0, epoch=0.0)
    run.save({"w": torch.tensor(1)}, step=1, epoch=None, name="mine")
    run.save({"w": torch.tensor(2)}, step=2, epoch=None)  # makes room by dropping "mine", for want of another
    run.save({"w": torch.tensor(3)}, step=3, epoch=None)
    disk.open()
    run.flush()
    assert [(snapshot.step, snapshot.epoch) for snapshot in run.snapshots] == [(0, 0.0), (3, None)]
    assert run.problems == ["the disk is slower than training: 2 snapshots left out so far, the latest of step 2"]


def test_named_snapshot_waits_while_others_are_dropped(run, monkeypatch):
    disk = SlowDisk(monkeypatch)
    run.save({"w": torch.tensor(0)}, step=0, epoch=0.0)
    disk.entered.wait(10)
    for step in range(1, 6):
        run.save({"w": torch.tensor(step)}, step=step, epoch=None, name="mine" if step == 2 else None)
    disk.open()
    run.flush()
    assert [snapshot.step for snapshot in run.snapshots] == [0, 2, 5]


def test_full_disk_switches_snapshots_off_and_metrics_go_on(run, monkeypatch):
    save(run, {"w": torch.zeros(2)}, step=0)

    def full(tensors, path):
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("torchvis_widgets.record.tensor_file.save_file", full)
        run.save({"w": torch.ones(2)}, step=1, epoch=1.0)
        run.flush()
    run.save({"w": torch.ones(2)}, step=2, epoch=2.0)
    run.log(2, 2.0, {"a": 1.0})
    run.flush()
    assert run.problems == ["no snapshots are kept from step 1 on: [Errno 28] No space left on device"]
    assert [snapshot.step for snapshot in run.snapshots] == [0]
    assert files(run) == ["000000000.json", "000000000.safetensors"]
    assert run.series["a"].last == (2, 1.0)


def test_no_memory_for_the_clone_costs_one_snapshot_and_not_the_loop(run, monkeypatch):
    def clones(*args):
        raise torch.OutOfMemoryError("out of memory")

    with monkeypatch.context() as device:
        device.setattr(snapshot_writer, "Clones", clones)
        run.save({"w": torch.ones(2)}, step=1, epoch=1.0)
    run.save({"w": torch.ones(2)}, step=2, epoch=2.0)
    run.flush()
    assert run.problems == ["the snapshot of step 1 could not be taken: out of memory"]
    assert [snapshot.step for snapshot in run.snapshots] == [2]


def test_reader_sees_new_snapshots_of_a_run_that_is_being_written(run):
    reader = Run(run.path)
    assert reader.snapshots == []
    save(run, {"w": torch.zeros(2)}, step=0, epoch=0.0)
    assert [snapshot.step for snapshot in reader.snapshots] == [0]
    save(run, {"w": torch.zeros(2)}, step=0, name="again")
    assert [snapshot.name for snapshot in reader.snapshots] == ["again"]


def test_json_is_as_documented(run):
    save(run, {"w": torch.ones(4)}, step=3, epoch=1.5, name="mine")
    about = json.loads((run.path / "snapshots" / "000000003.json").read_text())
    about.pop("time")
    assert about == {"step": 3, "epoch": 1.5, "finished_epochs": 1, "branch": 0, "name": "mine",
                     "tensors": {"w": ["000000003.safetensors", "w"]}, "norms": {"w": 2.0},
                     "training": {"structures": {}, "tensors": {}}}  # fmt: skip


def test_a_listing_that_a_commit_takes_away_meanwhile_is_none_to_trip_over(run):
    save(run, {"w": torch.tensor(1.0)}, 1)
    store = run._store
    known = store.commits()

    class Changed(int):
        __hash__ = int.__hash__

        def __eq__(self, other):
            store._listed = None  # as the thread that commits does, just now
            return int(self) == other

    changed_at = store._changed_at
    store._changed_at = lambda: Changed(changed_at())
    assert store.commits() == known
