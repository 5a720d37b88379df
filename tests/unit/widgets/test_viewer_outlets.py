"""Layers with several outputs, calls, attention and tokens: each is offered, shown and switched off rightly."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import torchvis_widgets as tvw
from tests.unit.widgets.test_viewer_frames import Page

WORDS = [["the", "cat", "sat", "down", "."], ["a", "dog", "ran", "off", "!"], ["so", "it", "goes", "on", "…"]]


class Twice(nn.Module):
    """A module called twice, one with nested outputs, and a function."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()
        self.first = nn.Linear(4, 6)
        self.rnn = nn.LSTM(6, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        steps, (state, _) = self.rnn(self.act(self.first(x)))
        return {"logits": self.head(self.act(state[0]) + steps.mean(dim=1)), "hidden": state[0]}


class Attends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 8)
        self.whole = nn.MultiheadAttention(8, 2, batch_first=True)
        self.heads = nn.Linear(8, 24)
        self.head = nn.Linear(8, 3)

    def fused(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (each.unflatten(-1, (2, 4)).transpose(1, 2) for each in self.heads(x).chunk(3, dim=-1))
        return functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids)
        x = x + self.whole(x, x, x)[0]
        return self.head((x + self.fused(x)).mean(dim=1))


def page_of(model: nn.Module, inputs: Any, **more: Any) -> Page:
    torch.manual_seed(0)
    session = tvw.inspect(model.eval(), inputs, **more)
    page = Page(tvw.ActivationViewer(session, scope="layer"))
    page.session = session  # type: ignore[attr-defined]  # held as long as the page
    return page


def labels(page: Page) -> list[tuple[str, str, str]]:
    return [(each["key"], each["label"], each["shape"]) for each in page.widget.outlets]


def test_calls_leaves_and_functions_are_offered_by_key() -> None:
    model, x = Twice(), torch.randn(3, 7, 4)
    page = page_of(model, x)
    page.select("act")
    assert labels(page) == [("act", "call 1", "7×6"), ("act:2", "call 2", "5")]
    with torch.no_grad():
        steps, (state, _) = model.rnn(model.first(x).relu())
        logits = model.head(state[0].relu() + steps.mean(dim=1))
    assert page.last("frame").value["key"] == "act"
    page.look(key="act:2")
    assert page.exact() == pytest.approx(state[0, 0].relu().numpy(), abs=1e-6)
    page.select("rnn")
    assert page.widget.lens["key"] is None
    assert labels(page) == [("rnn[0]", "[0]", "7×5"), ("rnn[1][0]", "[1][0]", "1×5"), ("rnn[1][1]", "[1][1]", "1×5")]
    page.look(key="rnn[1][0]")
    assert page.exact() == pytest.approx(state[0, 0].numpy(), abs=1e-6)
    page.select("")
    assert [each[1] for each in labels(page)] == ["['logits']", "['hidden']"]
    page.look(key="['logits']")
    assert page.exact() == pytest.approx(logits[0].numpy(), abs=1e-6)
    page.select("/add")
    assert labels(page) == [("/add", "output", "5")]
    assert page.last("frame").value["type"] == "add"
    assert page.exact() == pytest.approx((state[0].relu() + steps.mean(dim=1))[0].numpy(), abs=1e-6)
    assert "key is one of '/add', or null, found 'rnn[0]'" in page.ask("look", changes={"key": "rnn[0]"})["error"]


def test_attention_is_offered_where_it_is_computed() -> None:
    model, ids = Attends(), torch.randint(0, 30, (3, 5))
    page = page_of(model, ids, tokens=WORDS)
    page.select("whole")
    assert [(each["key"], each["attention"]) for each in page.widget.outlets][-1] == ("whole@attention", True)
    page.look(key="whole@attention")
    with torch.no_grad():
        x = model.embed(ids)
        expected = model.whole(x, x, x, average_attn_weights=False)[1][0]
    frame = page.last("frame").value
    assert page.exact().reshape(2, 5, 5) == pytest.approx(expected.numpy(), abs=1e-6)
    assert (page.picture()["kind"], page.picture()["axes"]) == ("attention", ["head", "query", "key"])
    assert frame["attention"] == {"recomputed": True, "causal": False}
    assert frame["tokens"] == {"rows": WORDS[0], "columns": WORDS[0]}
    page.select("")
    fused = "/scaled_dot_product_attention@attention"
    assert [each["key"] for each in page.widget.outlets] == ["", "whole@attention", fused]
    page.look(key=fused)
    assert page.last("frame").value["attention"] == {"recomputed": True, "causal": True}
    page.ask("sample", sample=2)
    assert page.last("frame").value["tokens"]["rows"] == WORDS[2]


def test_tokens_may_come_from_a_function_of_the_sample() -> None:
    ids = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15]])
    page = page_of(Attends(), ids, tokens=lambda sample: [f"#{int(each)}" for each in sample])
    page.ask("sample", sample=1)
    page.select("embed")
    assert page.last("frame").value["tokens"] == {"rows": ["#6", "#7", "#8", "#9", "#10"], "columns": []}
    for tokens in ("abc", 3, ["abc"]):
        with pytest.raises(TypeError, match=r"tokens is a list of texts for each sample, or a function"):
            tvw.inspect(Attends(), ids, tokens=tokens)  # type: ignore[arg-type]


def test_a_function_of_tokens_that_fails_takes_nothing_else_away() -> None:
    page = page_of(Attends(), torch.randint(0, 30, (3, 5)), tokens=lambda sample: 1 // 0)
    frame = page.select("embed").value
    assert frame["error"] is None
    assert frame["panels"]
    assert frame["tokens"] is None
    assert "tokens= raised on sample 0: ZeroDivisionError" in page.session.problems[0]  # type: ignore[attr-defined]


def test_a_head_is_switched_off_before_the_projection() -> None:
    model, ids = Attends(), torch.randint(0, 30, (3, 5))
    page = page_of(model, ids)
    page.select("whole")
    page.look(key="whole@attention")
    page.ask("ablate", unit=1, method="zero")
    assert page.widget.ablations == [{"key": "whole@attention", "unit": 1, "axis": "head", "method": "zero"}]
    page.look(key="whole[0]")
    with torch.no_grad():
        x = model.embed(ids)
        weights = model.whole(x, x, x, average_attn_weights=False)[1]
        value = (x @ model.whole.in_proj_weight[16:].T + model.whole.in_proj_bias[16:]).unflatten(-1, (2, 4))
        heads = torch.einsum("nhts,nshd->nthd", weights, value)
        heads[:, :, 1] = 0
        expected = model.whole.out_proj(heads.flatten(2))
    assert page.exact().reshape(5, 8) == pytest.approx(expected[0].numpy(), abs=1e-5)
    assert "unit is one of 0 … 7, found 8" in page.ask("ablate", unit=8, method="zero")["error"]


def test_a_token_is_switched_off() -> None:
    model, ids = Attends(), torch.randint(0, 30, (3, 5))
    page = page_of(model, ids)
    page.select("embed")
    plain = page.exact().reshape(5, 8)
    page.ask("ablate", unit=2, method="zero")  # a feature
    page.ask("ablate", unit=2, method="mean", axis="token")
    off = [(each["axis"], each["unit"], each["method"]) for each in page.widget.ablations]
    assert off == [("channel", 2, "zero"), ("token", 2, "mean")]
    with torch.no_grad():
        expected = model.embed(ids)
        expected[..., 2] = 0
        expected[:, 2] = expected[:, 2].mean(dim=0)
    assert page.exact().reshape(5, 8) == pytest.approx(expected[0].numpy(), abs=1e-6)
    page.ask("ablate", unit=2, method=None)
    page.ask("ablate", unit=2, method=None, axis="token")
    assert page.exact().reshape(5, 8) == pytest.approx(plain)
    assert "unit is one of 0 … 4, found 5" in page.ask("ablate", unit=5, method="zero", axis="token")["error"]
    error = page.ask("ablate", unit=0, method="zero", axis="row")["error"]
    assert error == "axis is 'token', or null for the picture's own units, found 'row'"
    page.select("head")
    error = page.ask("ablate", unit=0, method="zero", axis="token")["error"]
    assert error == "'head' has no such units to switch off: choose a layer with channels, heads or tokens"


class ChannelsLast(nn.Module):
    """Maps (N, H, W, C) as a Swin block has them, by way of LayerNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)
        self.norm = nn.LayerNorm(5)
        self.drop = nn.Dropout(0.1)
        self.mix = nn.Linear(5, 7)
        self.act = nn.GELU()
        self.head = nn.Linear(7, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.drop(self.norm(self.conv(x).permute(0, 2, 3, 1)))
        return self.head(self.act(self.mix(x)).mean(dim=(1, 2)))


@pytest.mark.parametrize(("layer", "units"), [("norm", 5), ("drop", 5), ("mix", 7), ("act", 7)])
def test_a_channel_is_switched_off_where_channels_are_last(layer: str, units: int) -> None:
    page = page_of(ChannelsLast(), torch.randn(2, 3, 8, 8))
    page.select(layer)
    shape = page.picture()["tiles"]
    assert shape[0] == units
    before = page.exact().reshape(shape).copy()
    page.ask("ablate", unit=3, method="zero")
    after = page.exact().reshape(shape)
    assert not after[3].any()
    rest = [unit for unit in range(shape[0]) if unit != 3]
    assert after[rest] == pytest.approx(before[rest], abs=1e-5)


def test_what_has_no_units_cannot_be_switched_off() -> None:
    page = page_of(Twice(), torch.randn(3, 7, 4))
    page.select("rnn")
    page.look(key="rnn[1][0]")
    assert page.ask("ablate", unit=2, method="zero")["ok"]  # a state (1, 5) is a vector
    error = page.ask("ablate", unit=2, method="softly")["error"]
    assert error == "method is one of zero, mean or null, found 'softly'"


@pytest.mark.parametrize("key", ["act:2", "rnn[0]", "rnn[1][0]", "first", "/add", "['hidden']"])
def test_the_line_of_code_gives_what_is_on_screen(key: str) -> None:
    page = page_of(Twice(), torch.randn(3, 7, 4))
    page.ask("sample", sample=2)
    page.select(key.split(":")[0].split("[")[0])
    page.look(key=key)
    found = eval(page.last("frame").value["code"], {"session": page.session, "tvw": tvw})  # type: ignore[attr-defined]
    assert page.exact() == pytest.approx(found.reshape(-1).numpy(), abs=1e-6)


class Segments(nn.Module):
    """A label for each pixel of a picture."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x[:, 0] > 0).long() * 2


@pytest.mark.parametrize(("classes", "sent"), [(["sky", "sea", "dog"], True), (["sky", "sea"], False), (None, False)])
def test_the_labels_of_a_mask_have_names_where_each_is_a_class(classes: list[str] | None, sent: bool) -> None:
    page = page_of(Segments(), torch.randn(2, 3, 8, 8), classes=classes)
    page.select("")
    assert page.picture()["kind"] == "labels"
    assert page.last("frame").value["classes"] == (classes if sent else None)
