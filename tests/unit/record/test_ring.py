"""The way of device values to the host, with a lane that the test opens and closes."""

from __future__ import annotations

import pytest
import torch

from torchvis_widgets.record import metrics
from torchvis_widgets.record.lane import HostLane
from torchvis_widgets.record.ring import Ring

CPU = torch.device("cpu")


class Gate(HostLane):
    """A lane whose copies are made at once but count as made only once `passed` is set, as on a busy device."""

    def __init__(self):
        self.passed = False
        self.copies = 0

    def copy(self, targets, sources, after):
        super().copy(targets, sources, after)
        self.copies += 1
        return self

    def query(self):
        return self.passed

    def synchronize(self):
        pytest.fail("waited for the device")


class Elsewhere(torch.Tensor):
    """A CPU tensor that says it is not on the CPU."""

    is_cpu = property(lambda self: False)


def elsewhere(value):
    return torch.as_tensor(value).as_subclass(Elsewhere)


@pytest.fixture
def gate(monkeypatch):
    lane = Gate()
    monkeypatch.setattr(metrics, "Ring", lambda device: Ring(device, lane=lane, capacity=4))
    return lane


def test_numbers_arrive_once_the_device_has_passed():
    lane = Gate()
    ring = Ring(CPU, lane=lane, capacity=4)
    slots = [ring.put(torch.tensor(float(i))) for i in range(10)]
    assert lane.copies == 0  # put() only queues
    ring.pump()
    assert [slot.value() for slot in slots] == [None] * 10
    lane.passed = True
    ring.pump()
    assert [slot.value() for slot in slots] == list(range(10))


def test_owns_a_copy_of_every_dtype_and_shape():
    ring = Ring(CPU, capacity=8)
    value = torch.tensor([[1.5]], requires_grad=True) * 2
    tensors = [value, torch.tensor(7), torch.tensor([True]), torch.tensor(0.1, dtype=torch.float64),
               torch.tensor(0.5, dtype=torch.bfloat16), torch.tensor(2**40)]  # fmt: skip
    slots = [ring.put(tensor) for tensor in tensors]
    with torch.no_grad():
        value += 100
    ring.pump()
    assert [slot.value() for slot in slots] == [3.0, 7.0, 1.0, 0.1, 0.5, 2.0**40]


def test_blocks_are_used_again_and_old_slots_keep_their_numbers():
    ring = Ring(CPU, capacity=2)
    slots = []
    for round_ in range(50):
        slots += [ring.put(torch.tensor(float(2 * round_ + i))) for i in range(2)]
        ring.pump()
    assert [slot.value() for slot in slots] == list(range(100))
    assert len(ring._free) <= 2


def test_works_inside_and_outside_of_inference_mode():
    with torch.inference_mode():
        ring = Ring(CPU, capacity=4)
        first = ring.put(torch.tensor(1.0))
    second = ring.put(torch.tensor(2.0))
    ring.pump()
    with torch.inference_mode():
        third = ring.put(torch.tensor(3.0))
    ring.pump()
    assert [slot.value() for slot in (first, second, third)] == [1.0, 2.0, 3.0]


def test_log_keeps_the_order_of_device_and_host_values(run, gate):
    for step in range(20):
        value = elsewhere(float(step)) if step % 3 else float(step)
        run.log(step, 0.0, {"a": value})
    run.flush(timeout=0.01)
    assert run.series["a"].last == (0, 0.0)  # step 1 is on its way, and all later ones wait for it
    assert run.problems == ["flush: not everything was on the disk within 0.01 s"]
    gate.passed = True
    run.flush()
    assert run.series["a"].columns()[3].tolist() == list(range(20))


def test_close_waits_for_values_on_their_way(create, tmp_path, gate):
    run = create()
    run.log(1, 0.0, {"a": elsewhere(4.0)})
    gate.passed = True
    run.close()
    assert run.series["a"].last == (1, 4.0)


def test_a_device_that_fails_costs_its_values_and_not_the_loop(run, gate, monkeypatch):
    run.log(1, 0.0, {"a": elsewhere(4.0)})
    with monkeypatch.context() as broken:
        broken.setattr(gate, "query", lambda: 1 / 0)
        run.flush()
    assert "logged values were lost: ZeroDivisionError('division by zero')" in run.problems
    gate.passed = True
    run.log(2, 0.0, {"a": elsewhere(5.0)})
    run.flush()
    assert run.series["a"].last == (2, 5.0)
