"""What cannot be shown says why, and what to do about it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import torchvis_widgets as tvw
from torchvis_widgets.look import CaptureError, LookError, Probe, ProbeError, Replica, ReplicaError, capture


def said(model: nn.Module, x: Tensor, key: str) -> LookError:
    """What an activation that there is not says, through a session as in a notebook; it has a reason and a remedy."""
    with pytest.raises(LookError) as caught:
        tvw.inspect(model, x).activations(key)
    assert caught.value.reason
    assert caught.value.remedy[-1] in ".?"
    assert str(caught.value) == f"{caught.value.reason}. {caught.value.remedy}"
    return caught.value


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.attn = nn.MultiheadAttention(4, 2, batch_first=True)
        self.tied, self.spare, self.says = nn.Linear(4, 4), nn.Linear(4, 4), Says()

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x).relu()
        self.says(x)
        return F.linear(self.attn(x, x, x)[0], self.tied.weight) + 1


class Says(nn.Module):
    def forward(self, x: Tensor) -> str:
        return "nothing to show"


@pytest.mark.parametrize(
    ("key", "reason", "remedy"),
    [
        ("spare", "'spare' is never called by the forward pass", "Choose a layer that the forward pass calls in eval"),
        ("blocks", "'blocks' is a ModuleList, which is never called itself", "Choose one of 'blocks.0', 'blocks.1'."),
        ("attn.out_proj", "'attn.out_proj' is never called: 'attn/multi_head_attention_forward' reads its parameters",
         "Choose 'attn/multi_head_attention_forward'."),
        ("tied", "'tied' is never called: '/linear' reads its parameters", "Choose '/linear'."),
        ("/softmax", "'/softmax' is never called by the forward pass",
         "Called in 'the model itself' are '/relu', '/relu:2', '/linear', '/add'."),
        ("spare/linear", "'spare/linear' is never called by the forward pass", "No function is called there by itself"),
        ("blocks.1:2", "'blocks.1' is called once, call 2 was asked for", "Ask for 'blocks.1'."),
        ("says", "'says' gives no tensor", "Choose a layer"),
        ("attn[2]", "the output of 'attn' has no tensor [2]", "Did you mean 'attn[1]' or 'attn[0]'?"),
        ("blocs.1", "the model has no layer 'blocs.1'", "Did you mean 'blocks.1'"),
    ],
)  # fmt: skip
def test_never_called(key: str, reason: str, remedy: str) -> None:
    error = said(Net(), torch.randn(2, 3, 4), key)
    assert error.reason == reason
    assert error.remedy.startswith(remedy)


def test_what_is_overwritten_in_place_is_shown_as_it_was_before() -> None:
    class Overwrites(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.relu = nn.Linear(4, 4), nn.ReLU(inplace=True)

        def forward(self, x: Tensor) -> Tensor:
            y = x + 0
            z = self.linear(y)
            y.zero_()
            self.relu(z)
            return z.add_(1)

    model, x = Overwrites(), torch.randn(3, 4)
    session = tvw.inspect(model, x)
    found = session.activations(["/add", "linear", "relu", "/add_"])
    before = model.linear(x).detach()
    assert torch.equal(found["/add"], x)
    assert torch.equal(found["linear"], before)
    assert torch.equal(found["relu"], before.relu())
    assert torch.equal(found["/add_"], before.relu() + 1)


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x).relu() * 2


def scripted(module: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit.script is on its way out
        return torch.jit.script(module)


def test_scripted() -> None:
    inner = Inner()
    model, x = nn.Sequential(nn.Linear(4, 4), scripted(inner), nn.Linear(4, 2)), torch.randn(3, 4)
    session = tvw.inspect(model, x)
    given = model[0](x)
    assert torch.allclose(session.activations("1"), inner(given).detach(), atol=1e-6)
    found = session.activations(["1/aten.mul", "2"], sample=slice(0, 2))
    assert torch.allclose(found["1/aten.mul"], inner(given).detach()[:2], atol=1e-6)
    assert torch.allclose(found["2"], model(x).detach()[:2], atol=1e-6)
    error = said(model, x, "1.linear")
    assert (
        error.reason
        == "'1.linear' is inside '1', which is scripted: TorchScript tells Python of no layer that it calls"
    )
    assert "'1/aten.relu'" in error.remedy
    assert "'1/aten.mul'" in error.remedy
    assert error.remedy.endswith("or look at the model as it was before torch.jit.script.")
    assert "'1/aten.relu', '1/aten.mul'" in said(model, x, "1/relu").remedy
    stopped = capture(Replica(model), Probe.of(x), ["1/aten.relu"])  # TorchScript cannot swallow the end of a pass
    assert stopped.stopped
    assert "is inside the model, which is scripted" in said(scripted(Inner()), x, "linear").reason


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_quantised() -> None:
    plain = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    dynamic = torch.ao.quantization.quantize_dynamic(plain, {nn.Linear}, dtype=torch.qint8)
    x = torch.randn(5, 4)
    session = tvw.inspect(dynamic, x)
    assert torch.equal(session.activations("0"), dynamic[0](x))
    assert torch.equal(session.activations("2", sample=1), dynamic(x)[1])
    with pytest.raises(CaptureError, match=r"(no gradient reaches|autograd cannot get to) '0'.*choose a later layer"):
        session.gradients("0", 1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_quantised_tensors_are_shown_as_the_numbers_they_stand_for() -> None:
    class Quantised(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.quantize_per_tensor(x, 0.1, 0, torch.qint8)

    model, x = nn.Sequential(Quantised(), nn.Identity()), torch.randn(3, 4)
    found = tvw.inspect(model, x).activations("0", sample=2)
    assert torch.equal(found, torch.quantize_per_tensor(x[2], 0.1, 0, torch.qint8).dequantize())
    with pytest.raises(LookError, match=r"'0' holds qint8, which has no gradient. Choose a layer whose output is"):
        tvw.inspect(model, x).gradients("0", lambda output: output.dequantize().sum())
    with pytest.raises(LookError, match=r"the output of '0' is quantised \(qint8\). Intervene on the model as it was"):
        tvw.inspect(model, x).intervene(tvw.Intervention.noise("0", 1.0))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_model_quantised_for_good() -> None:
    quantization = torch.ao.quantization
    model = nn.Sequential(
        quantization.QuantStub(), nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3),
        quantization.DeQuantStub(),
    ).eval()  # fmt: skip
    engine = torch.backends.quantized.engine
    model.qconfig = quantization.get_default_qconfig(engine)
    x = torch.randn(5, 1, 8, 8)
    quantization.prepare(model, inplace=True)(x)
    quantization.convert(model, inplace=True)
    session = tvw.inspect(model, x)
    found = session.activations(["1", "5"])
    assert torch.equal(found["1"], model[1](model[0](x)).dequantize())
    assert torch.equal(found["5"], model(x))
    assert "Called in '1' are '1/quantized.conv2d'" in said(model, x, "1/conv2d").remedy
    assert torch.equal(session.activations("1/quantized.conv2d", sample=2), found["1"][2])


def test_meta_device() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    session = tvw.inspect(model, torch.randn(3, 4))
    assert session.graph is not None
    assert session.graph["0"].shape == "4"
    words = r"'0' is on the meta device and has no values. Give the model real weights"
    for look in (
        lambda: session.activations("0"),
        lambda: session.activations("0", sample=1),
        lambda: session.gradients("0", 1),
        lambda: session.gradients("0", lambda output: output.sum()),
    ):
        with pytest.raises(LookError, match=words):
            look()
    with pytest.raises(LookError, match="on the meta device and has no values"):
        session.intervene(tvw.Intervention.zero("0"))
    attends = nn.MultiheadAttention(4, 2, batch_first=True, device="meta")
    x = torch.randn(2, 3, 4)
    with pytest.raises(LookError, match="on the meta device and has no values"):
        tvw.inspect(attends, ((x, x, x), None)).attention("")


class Locked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.guard = nn.Linear(4, 2), threading.Lock()

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


def test_a_model_that_cannot_be_copied_and_the_way_out() -> None:
    model, x = Locked(), torch.randn(3, 4)
    for look in (lambda: tvw.inspect(model, x), lambda: tvw.trace(model, x), lambda: tvw.watch(model)):
        with pytest.raises(ReplicaError, match=r"cannot be copied with copy.deepcopy.*Pass.*replica=lambda: MyModel"):
            look()
    session = tvw.inspect(model, x, replica=Locked)
    assert torch.equal(session.activations("linear"), model(x).detach())
    tvw.watch(model, probe=x, replica=Locked).close()


def test_tensors_that_autograd_has_made_do_not_keep_a_model_from_being_copied() -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.cache = nn.Linear(4, 4), {}

        def forward(self, x: Tensor) -> Tensor:
            output = self.linear(x)
            self.cache["last"] = [output]
            self.last = output
            return output

    with pytest.warns(FutureWarning):
        model = nn.Sequential(Keeps(), nn.utils.weight_norm(nn.Linear(4, 2)))
    x = torch.randn(3, 4)
    model(x).sum().backward()
    session = tvw.inspect(model, x)
    assert torch.allclose(session.activations("1"), model(x).detach(), atol=1e-6)
    with torch.no_grad():
        model[1].weight_g.mul_(3)  # the weight follows, as it does in the model
    assert torch.allclose(session.activations("1"), model(x).detach(), atol=1e-6)


def test_compiled_parts_run_eagerly_in_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def backend(graph: Any, inputs: Any) -> Any:
        compiled.append("compiled")
        return graph.forward

    inner = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    model, x = nn.Sequential(torch.compile(inner, backend=backend), nn.Linear(4, 2)), torch.randn(3, 4)
    model[1].compile(backend=backend)
    names = list(model.state_dict())
    session = tvw.inspect(model, x)
    found = session.activations(["0._orig_mod.0", "0", "1"])
    assert compiled == []
    assert torch.equal(found["0"], inner(x).detach())
    assert torch.equal(found["0._orig_mod.0"], inner[0](x).detach())
    assert list(session.observer._replica.module.state_dict()) == names
    assert session.graph is not None
    assert session.graph["0._orig_mod.1"].calls == 1


# Out of memory


class Small(nn.Module):
    """A device with room for two samples."""

    room = 2

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.batches = nn.Linear(4, 4), nn.Linear(4, 9), []

    def forward(self, x: Tensor) -> Tensor:
        self.batches.append(len(x))
        x = self.first(x)
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.last(x)


@pytest.fixture
def room() -> Iterator[Callable[[int], None]]:
    before = Small.room

    def set_room(samples: int) -> None:
        Small.room = samples

    set_room(100)
    yield set_room
    Small.room = before


def test_too_many_samples_are_taken_by_halves(room: Callable[[int], None]) -> None:
    model, x = Small(), torch.randn(7, 4)
    session = tvw.inspect(model, x)
    expected = model(x).detach()
    room(2)
    model.batches.clear()
    assert torch.allclose(session.activations("last"), expected, atol=1e-6)
    assert session.observer._replica.module.batches[1:] == [7, 3, 1, 2, 4, 2, 2]
    assert torch.allclose(session.activations("first", sample=3), model.first(x[3]).detach(), atol=1e-6)


def test_no_room_for_a_single_sample_and_what_cannot_be_halved(room: Callable[[int], None]) -> None:
    session = tvw.inspect(
        Small(), (torch.randn(5, 4), torch.zeros(5, dtype=torch.long)), criterion=nn.CrossEntropyLoss()
    )
    room(0)
    on_the_cpu = r"ook on the CPU: tvw.inspect\(model, inputs, device='cpu'\)"
    with pytest.raises(LookError, match=f"the device ran out of memory with a single sample. L{on_the_cpu}"):
        session.activations("last")
    for look in (
        lambda: session.gradients("first"),
        lambda: session.intervene(tvw.Intervention.zero("first")),
        lambda: session.attention("last"),
        lambda: session.observer.outputs(None),
    ):
        with pytest.raises(LookError, match=f"device ran out of memory.*Use fewer probe samples, or l{on_the_cpu}"):
            look()
    with pytest.raises(ProbeError, match=f"out of memory.*{on_the_cpu}"):
        tvw.inspect(Small(), torch.randn(5, 4))


def test_no_room_for_the_copy() -> None:
    class Large(nn.Linear):
        def __deepcopy__(self, memo: Any) -> nn.Module:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(
        ReplicaError, match=r"no room for a copy of the model. Look on the CPU: tvw.inspect\(model, inputs, device="
    ):
        tvw.inspect(Large(2, 2), torch.randn(3, 2))


def test_the_remedy_is_true_the_copy_is_made_on_the_device_asked_for() -> None:
    with torch.device("meta"):
        elsewhere = nn.Sequential(nn.LSTM(4, 3, batch_first=True))
    session = tvw.inspect(nn.Sequential(nn.LSTM(4, 3, batch_first=True)), torch.randn(2, 5, 4), device="meta")
    assert session.observer._replica.device == torch.device("meta")
    del elsewhere
    model, x = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval(), torch.randn(3, 4)
    session = tvw.inspect(model, x, device="cpu")
    assert torch.equal(session.activations("1"), model(x).detach())
    shared = {id(t) for t in (*model.parameters(), *model.buffers())}
    replica = session.observer._replica.module
    assert not shared & {id(t) for t in (*replica.parameters(), *replica.buffers())}
    assert not {t.data_ptr() for t in model.parameters()} & {t.data_ptr() for t in replica.parameters()}


# What the model does against it


def test_a_model_s_own_except_swallows_neither_the_end_nor_the_words() -> None:
    class Guarded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            try:
                return self.first(x.round().long().float())
            except Exception:
                return self.second(x)

    replica, probe = Replica(Guarded()), Probe.of(torch.randn(3, 4))
    assert capture(replica, probe, ["first"]).stopped
    with pytest.raises(LookError, match="'/long' holds int64, which has no gradient"):
        tvw.inspect(Guarded(), torch.randn(3, 4)).gradients("/long", lambda output: output.sum())


@pytest.mark.parametrize(
    ("reduce", "words"),
    [
        (lambda tensor: tensor.nonsense, "reduce= raised on '0': AttributeError.*Give a function of one tensor"),
        (lambda tensor: tensor.shape, "reduce= gave a Size for '0'. Give a function of one tensor"),
    ],
)
def test_a_reduce_that_does_not_work_is_to_blame(reduce: Any, words: str) -> None:
    session = tvw.inspect(nn.Sequential(nn.Linear(4, 4)), torch.randn(3, 4))
    with pytest.raises(CaptureError, match=words):
        session.activations("0", reduce=reduce)
