"""as_code() gives Python that makes the same bits, whatever the edit, the dtype and the region."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from torchvis_widgets.steer import Edit, EditLog, Packed, apply
from torchvis_widgets.steer.arithmetic import spread
from torchvis_widgets.steer.around import Around
from torchvis_widgets.steer.initialise import initial

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
ROWS = ((0, 2), (3, 5))
MASK = Packed.of(torch.arange(48).reshape(6, 8) % 3 == 0)
ROWS_MASK = Packed.of(torch.arange(32).reshape(4, 8) % 5 == 0)
VALUES = Packed.of(torch.linspace(-1, 1, 48).reshape(6, 8))

EDITS = {
    "gain": Edit("0.weight", "gain", value=0.3),
    "gain of a row": Edit("0.weight", "gain", (2,), 0.0),
    "gain of one value": Edit("0.weight", "gain", (2, 7), -1.7),
    "gain of a bias": Edit("0.bias", "gain", value=3),
    "shift of a range": Edit("0.weight", "shift", ((1, 4),), 0.1),
    "shift down a column": Edit("0.weight", "shift", ((0, 6), 3), -0.1),
    "shift of a buffer": Edit("1.running_mean", "shift", value=0.5),
    "set": Edit("0.weight", "set", (((0, 1), (4, 6)), 3), 0.123456789),
    "set to a tensor": Edit("0.weight", "set", value=VALUES),
    "set masked values": Edit("0.weight", "set", value=Packed.of(torch.linspace(0, 1, 16)), where=MASK),
    "noise": Edit("0.weight", "noise", value=0.1, seed=7),
    "noise on several ranges": Edit("0.weight", "noise", (ROWS,), 0.4, seed=2**40),
    "noise where": Edit("0.weight", "noise", value=0.1, seed=1, where=MASK),
    "prune": Edit("0.weight", "prune", value=0.37),
    "prune of a range": Edit("0.weight", "prune", ((0, 3),), 0.5),
    "prune where": Edit("0.weight", "prune", value=0.5, where=MASK),
    "clamp": Edit("0.weight", "clamp", value=(-0.1, 0.25)),
    "clamp on several ranges where": Edit("0.weight", "clamp", (ROWS,), (-0.1, 0.1), where=ROWS_MASK),
    "reinit uniform": Edit("0.weight", "reinit", seed=5),
    "reinit of a row": Edit("0.weight", "reinit", (3,), seed=5),
    "reinit constant": Edit("1.weight", "reinit"),
    "reinit normal but for a row": Edit("2.weight", "reinit", seed=3),
    "freeze": Edit("0.weight", "freeze", value=1),
    "blend": Edit("0.weight", "blend", value=0.3, toward=4),
    "blend of a range": Edit("0.weight", "blend", ((1, 3),), 0.3, toward=4, branch=1),
    "blend to the end": Edit("0.weight", "blend", value=1, toward=4, where=MASK),
    "blend of all": Edit("", "blend", value=0.25, toward=4),
}


class Net(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Embedding(5, 6, padding_idx=1), nn.Linear(8, 6))
        self[3].weight = self[0].weight


def net(dtype: torch.dtype, seed: int = 0) -> Net:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Net().to(dtype)
    model[1].running_mean.add_(0.25)
    model[1].weight.data.mul_(2)
    return model


class Run:
    """Stands for tvw.Run, which the code loads snapshots from."""

    def __init__(self, path: str) -> None:
        assert path == "runs/x"

    def state_dict(self, step: int, branch: int | None = None) -> dict[str, Tensor]:
        assert (step, branch) in ((4, None), (4, 1))
        return {name: tensor.clone() for name, tensor in net(Run.dtype, seed=9).state_dict().items()}

    dtype = torch.float32


def edited_log(model: nn.Module) -> EditLog:
    groups = [("0.weight", "3.weight")]
    around = Around(
        parameters=lambda: dict(model.named_parameters(remove_duplicate=False)),
        tied=lambda: groups,
        states=lambda step, branch: Run("runs/x").state_dict(step, branch),
        fresh=lambda name, shape, seed: initial(model, name, shape, seed),
        run="runs/x",
    )
    return EditLog(model.state_dict, around)


def executed(code: str, state: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    monkeypatch.setattr(sys.modules["torchvis_widgets"], "Run", Run)
    module: dict[str, Any] = {}
    exec(compile(code, "as_code", "exec", dont_inherit=True), module)
    made: dict[str, Tensor] = module["apply_edits"](state)
    return made


def copies(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in state.items()}


def assert_same_bits(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert bits(found[name]) == bits(tensor), name


def bits(tensor: Tensor) -> bytes:
    return tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_live_preview_and_code_give_the_same_bits(
    edit: Edit, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, state, Run.dtype = net(dtype), copies(net(dtype).state_dict()), dtype
    generators = torch.get_rng_state()
    log = edited_log(model)
    preview = log.preview(state, [edit])
    log.apply(edit, step=3)
    assert torch.equal(torch.get_rng_state(), generators)
    live = copies(model.state_dict())
    assert_same_bits(preview, live)
    assert any(not torch.equal(live[name], tensor) for name, tensor in state.items()) == (edit.op != "freeze")
    code = log.as_code()
    assert_same_bits(executed(code, copies(state), monkeypatch), live)  # of names that share no memory
    other = net(dtype)
    executed(code, other.state_dict(), monkeypatch)  # and of those of a live model, which do
    assert_same_bits(other.state_dict(), live)
    laid_out = {name: transposed(tensor) for name, tensor in state.items()}  # the order in memory does not matter
    assert_same_bits(executed(code, laid_out, monkeypatch), live)
    log.undo(step=3)
    assert_same_bits(model.state_dict(), state)


def test_how_a_tensor_lies_in_memory_does_not_change_its_spread() -> None:
    for seed in range(20):
        x = torch.randn(301, 703, generator=torch.Generator().manual_seed(seed))
        assert spread(transposed(x)) == spread(x)


def transposed(tensor: Tensor) -> Tensor:
    return tensor.t().contiguous().t() if tensor.dim() == 2 else tensor.clone()


@pytest.mark.parametrize("name", ["noise on several ranges", "reinit uniform", "reinit constant", "prune", "set"])
def test_defaults_that_the_user_has_set_do_not_matter(name: str) -> None:
    plain, other = net(torch.float32), net(torch.float32)
    edited_log(plain).apply(EDITS[name], step=0)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            edited_log(other).apply(EDITS[name], step=0)
    finally:
        torch.set_default_dtype(torch.float32)
    assert_same_bits(other.state_dict(), plain.state_dict())


def test_many_edits_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    model, Run.dtype = net(torch.bfloat16), torch.bfloat16
    log, before = edited_log(model), copies(net(torch.bfloat16).state_dict())
    for step, edit in enumerate(EDITS.values()):
        log.apply(edit, step=step)
    log.undo(step=len(EDITS) - 1)
    code = log.as_code()
    assert code.count("def noisy(") == 1
    assert "# 0.weight[0:2+3:5] + noise of 0.4 σ, at step 11" in code
    assert_same_bits(executed(code, before, monkeypatch), model.state_dict())


def test_the_code_of_a_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    model, Run.dtype = net(torch.float32), torch.float32
    log, state = edited_log(model), copies(net(torch.float32).state_dict())
    edits = [EDITS["reinit uniform"], EDITS["noise where"], EDITS["blend of all"]]
    expected = log.preview(state, edits)
    assert_same_bits(executed(log.code_of(edits, state), state, monkeypatch), expected)
    assert len(log) == 0


def test_without_an_edit_the_code_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    code = edited_log(net(torch.float32)).as_code()
    state = copies(net(torch.float32).state_dict())
    assert_same_bits(executed(code, copies(state), monkeypatch), state)
    assert "def edit(" not in code


def test_names_of_tensors_cannot_break_out_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a'\nraise SystemExit #"
    state = {name: torch.ones(3)}
    log = EditLog(lambda: state)
    log.apply(Edit(name, "gain", value=2.0), step=0)
    assert executed(log.as_code(), {name: torch.ones(3)}, monkeypatch)[name].tolist() == [2, 2, 2]


def test_the_preview_of_edits_equals_apply() -> None:
    model = net(torch.float32)
    edits = [EDITS["gain"], EDITS["noise"]]
    assert_same_bits(edited_log(model).preview(model.state_dict(), edits), apply(model.state_dict(), edits))
