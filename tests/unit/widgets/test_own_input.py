"""Own inputs: files, arrays, images and drawings, fitted to what the model takes, or refused in words."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import torchvis_widgets as tvw
from tests.unit.widgets.front_end import wait_for
from tests.unit.widgets.test_viewer_frames import IMAGES, Page, by_hand, network

RANDOM = np.random.default_rng(0)


@pytest.fixture
def page(session: tvw.Session) -> Page:
    return Page(tvw.ActivationViewer(session, scope="layer"))


def send(page: Page, op: str, *buffers: bytes, **args: Any) -> dict[str, Any]:
    before = len(page.replies)
    page.widget._receive(None, {"kind": "request", "id": "u", "op": op, "args": args}, list(buffers))
    assert len(page.replies) == before + 1
    return page.replies[-1]


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def seen(page: Page) -> torch.Tensor:
    """What the model is given."""
    return page.widget.own_input.args[0]


def test_a_tensor_is_looked_at_as_it_is(session: tvw.Session, page: Page) -> None:
    own = torch.randn(1, 6, 6)
    viewer = page.widget
    viewer.set_input(own)
    assert viewer.own == {"label": "own input", "note": "as given", "height": 6, "width": 6, "channels": 1}
    assert (viewer.lens["input"], page.last("frame").value["own"]) == ("own", True)
    for epoch, model in ((None, network(session)), (1, network(session, 1))):
        tvw.EpochScrubber(session).seek(epoch=epoch)
        expected = by_hand(model, "conv", own[None])[0].numpy()
        assert page.exact().reshape(4, 6, 6) == pytest.approx(expected, abs=1e-5)
        predictions = page.last("frame").value["predictions"]
        assert len(predictions) == 9
        with torch.no_grad():
            assert predictions[8]["text"] == session.run.classes[int(model(own[None]).argmax())]
    samples = page.last("samples")
    assert (samples.value["count"], samples.value["own"], samples.value["size"]) == (8, True, [6, 6])
    assert len(samples.bytes()) == 9 * 6 * 6 * 3
    assert page.ask("forget_input")["ok"]
    assert (viewer.own, viewer.own_input, viewer.lens["input"]) == (None, None, "probe")
    assert len(page.last("samples").bytes()) == 8 * 6 * 6 * 3
    assert page.last("frame").value["own"] is False


def test_the_strip_changes_between_the_probe_and_the_own_input(session: tvw.Session, page: Page) -> None:
    page.widget.set_input(torch.zeros(1, 6, 6))
    page.ask("sample", sample=2)
    assert page.last("frame").value["own"] is False
    page.ask("sample", sample=8)
    assert page.last("frame").value["own"] is True
    assert page.widget.sample == 2
    assert "sample is one of 0 … 7, found 9" in page.ask("sample", sample=9)["error"]
    page.ask("compare", step=None, sample=5)
    assert [each["title"] for each in page.last("frame").value["panels"]] == ["own input", "sample 5"]
    assert page.exact(1).reshape(4, 6, 6) == pytest.approx(by_hand(network(session), "conv")[5].numpy(), abs=1e-5)


def test_an_image_is_fitted_and_spans_what_the_probe_spans(page: Page) -> None:
    grey = np.tile(np.array([0, 255], np.uint8).repeat(6), (12, 1))
    reply = send(page, "upload", png(grey), name="<b>half</b>.png")
    assert reply["ok"], reply
    own = page.widget.own
    assert own["label"] == "<b>half</b>.png"
    lo, hi = float(IMAGES.min()), float(IMAGES.max())
    assert own["note"] == (
        "cut and scaled from 12×12 to 6×6, black … white are the probe's least … greatest of each channel, "
        f"{lo:.3g} … {hi:.3g}"
    )
    assert seen(page).shape == (1, 1, 6, 6)
    assert seen(page)[0, 0, 0, [0, 1, 4, 5]].tolist() == pytest.approx([lo, lo, hi, hi], abs=1e-5)


def test_colours_are_scaled_each_by_its_own_channel(tmp_path: Path) -> None:
    probe = torch.stack([torch.linspace(-1, 1, 50), torch.linspace(0, 4, 50), torch.linspace(2, 3, 50)])
    probe = probe.reshape(1, 3, 5, 10).repeat(2, 1, 1, 1)
    with tvw.inspect(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()), probe) as session:
        viewer = tvw.ActivationViewer(session)
        Image.new("RGB", (30, 15), (255, 0, 51)).save(tmp_path / "red.png")
        viewer.set_input(str(tmp_path / "red.png"))
        assert viewer.own_input.args[0][0, :, 2, 3].tolist() == pytest.approx([1, 0, 2.2])
        viewer.set_input(Image.new("L", (10, 5), 255))
        assert viewer.own_input.args[0][0, :, 0, 0].tolist() == pytest.approx([1, 4, 3])
        viewer.set_input(Image.new("RGB", (3, 3)), transform=lambda image: torch.full((3, 5, 10), image.width / 10))
        assert viewer.own_input.args[0].eq(0.3).all()
        viewer.set_input(np.full((5, 10, 3), 255, np.uint8))
        assert viewer.own_input.args[0][0, :, 4, 9].tolist() == pytest.approx([1, 4, 3])
        np.save(tmp_path / "exact.npy", np.ones((3, 5, 10)))
        viewer.set_input(tmp_path / "exact.npy")
        assert viewer.own_input.args[0].dtype == torch.float32
        viewer.set_input(None)
        assert viewer.own_input is None


def test_a_drawing_is_ink_on_the_probes_ground() -> None:
    ink = np.zeros((6, 6), np.uint8)
    ink[2:4, 2:4] = 255
    dark = torch.zeros(3, 1, 6, 6)
    dark[:, :, 2:4, 2:4] = 2.0
    for probe, ground, stroke in ((dark, 0.0, 2.0), (5 - dark, 5.0, 3.0)):
        with tvw.inspect(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()), probe) as session:
            page = Page(tvw.ActivationViewer(session))
            assert page.widget.drawable == {"height": 6, "width": 6}
            assert send(page, "draw", ink.tobytes(), height=6, width=6)["ok"]
            assert float(seen(page)[0, 0, 0, 0]) == pytest.approx(ground)
            assert float(seen(page)[0, 0, 2, 2]) == pytest.approx(stroke)
            assert page.widget.own["label"] == "drawing"


def test_own_inputs_go_with_ablations_gradients_and_pins(session: tvw.Session, page: Page) -> None:
    own = torch.randn(1, 6, 6)
    page.widget.set_input(own)
    page.ask("ablate", unit=1, method="zero")
    maps = by_hand(network(session), "conv", own[None])
    maps[:, 1] = 0
    assert page.exact().reshape(4, 6, 6) == pytest.approx(maps[0].numpy(), abs=1e-5)
    page.ask("ablate_reset")
    page.look(tab="gradients", of=0)
    model = network(session)
    start = by_hand(model, "conv", own[None]).requires_grad_()
    logits = model.fc(model.norm(start).relu().flatten(1))
    expected = torch.autograd.grad(logits[0, 0], start)[0][0]
    assert page.exact().reshape(4, 6, 6) == pytest.approx(expected.numpy(), abs=1e-6)
    page.look(of="loss")
    assert page.last("frame").value["error"]["reason"] == "there is no loss: no targets"
    page.look(tab="activations")
    page.ask("pin", unit=2, on=True)
    wait_for(lambda: page.last("pins").value["done"])
    at_first = by_hand(network(session, 0), "conv", own[None])[0, 2]
    assert page.last("pins").floats(0).reshape(3, 4)[0, 0] == pytest.approx(float(at_first.mean()), abs=1e-5)


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


LYING = npy(np.zeros(3, np.float32)).replace(b"(3,)", b"(999999999,)".ljust(4))


@pytest.mark.parametrize(
    ("args", "buffers", "words"),
    [
        ({"name": "a.png"}, [], "the bytes come in one buffer, found 0"),
        ({"name": "a.png"}, [b"", b""], "the bytes come in one buffer, found 2"),
        ({"name": "a.png"}, [b""], "'a.png' has 0 bytes, expected 1 … 33554432"),
        ({"name": "a.png"}, [bytes(33554433)], "'a.png' has 33554433 bytes"),
        ({"name": "a.png"}, [b"garbage"], "'a.png' is no image or .npy file that can be read (UnidentifiedImageError"),
        ({"name": "a.png"}, [png(np.zeros((9, 9), np.uint8))[:40]], "'a.png' is no image or .npy file"),
        ({"name": "a.npy"}, [npy(np.array([{}]), allow_pickle=True)], "which is not what follows"),
        ({"name": "a.npy"}, [LYING], "'a.npy' is no image or .npy file that can be read"),
        ({"name": "a.npy"}, [npy(np.zeros((2, 2)))], "the input is 2×2, expected 1×6×6 float32"),
        ({"name": "a.npy"}, [npy(np.zeros((6, 6), complex))], "the input is complex128, expected float32"),
        ({"name": "a.npy"}, [npy(np.array(["a"]))], "is no input"),
        ({"name": 3}, [b"x"], "name is that of a file, found 3"),
        ({}, [b"x"], "missing 1 required positional argument: 'name'"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(page: Page, args: Any, buffers: list[bytes], words: str) -> None:
    lens = page.widget.lens
    reply = send(page, "upload", *buffers, **args)
    assert reply["ok"] is False
    assert words in reply["error"]
    assert (page.widget.own, page.widget.lens) == (None, lens)


@pytest.mark.parametrize(
    ("args", "data", "words"),
    [
        ({"height": 6, "width": 7}, bytes(42), "a drawing has the size of the input, 6×6, found 6×7"),
        ({"height": 6.0, "width": 6}, bytes(36), "found 6.0×6"),
        ({"height": 6, "width": 6}, bytes(35), "a drawing of 6×6 has 36 bytes, found 35"),
    ],
)
def test_a_drawing_has_the_size_of_the_input(page: Page, args: Any, data: bytes, words: str) -> None:
    assert words in send(page, "draw", data, **args)["error"]


def test_models_of_other_inputs_say_what_they_take(tmp_path: Path) -> None:
    with tvw.inspect(nn.Sequential(nn.Linear(4, 3)), torch.randn(2, 4)) as session:
        page = Page(tvw.ActivationViewer(session))
        assert page.widget.drawable is None
        error = send(page, "draw", bytes(16), height=4, width=4)["error"]
        assert error == "nothing can be drawn for this model: its input is 4 float32, expected images of one channel"
        assert "an image does not fit the model's input, 4 float32" in send(
            page, "upload", png(np.zeros((4, 4), np.uint8)), name="a.png"
        )["error"]  # fmt: skip
        page.widget.set_input(torch.ones(4))
        assert page.exact() == pytest.approx(session.model(torch.ones(4)).detach().numpy(), abs=1e-6)
        with pytest.raises(ValueError, match="is a tensor, an array, a PIL image or the path of a file, found object"):
            page.widget.set_input(object())
        with pytest.raises(ValueError, match=r"none.png' cannot be read: FileNotFoundError"):
            page.widget.set_input(tmp_path / "none.png")
        with pytest.raises(ValueError, match="transform= raised on 'own input': ZeroDivisionError"):
            page.widget.set_input(torch.ones(4), transform=lambda given: 1 // 0)


def test_token_ids_stay_whole_numbers() -> None:
    model = nn.Sequential(nn.Embedding(10, 3), nn.Flatten())
    with tvw.inspect(model, torch.tensor([[1, 2], [3, 4]])) as session:
        viewer = tvw.ActivationViewer(session)
        viewer.set_input(torch.tensor([5, 6], dtype=torch.int32))
        assert viewer.own_input.args[0].tolist() == [[5, 6]]
        assert viewer.own_input.args[0].dtype == torch.int64
        with pytest.raises(ValueError, match="the input is float32, expected int64"):
            viewer.set_input(torch.tensor([5.0, 6.0]))
