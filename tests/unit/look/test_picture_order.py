"""Pictures whose units are chosen and ordered, with limits that clip nothing, and with 0 in the middle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from torchvis_widgets.look import picture
from torchvis_widgets.look.picturing.picture import laid_out

MAPS = torch.randn(6, 8, 8, generator=torch.Generator().manual_seed(0))


def test_units_come_in_the_order_chosen_and_keep_their_numbers() -> None:
    found = picture(MAPS, choose=lambda units: [4, 0, 5])
    assert (found.order, found.shown, found.total, found.note) == ([4, 0, 5], 3, 6, "3 of 6 units")
    plain = picture(MAPS)
    assert np.array_equal(found.tiles, plain.tiles[[4, 0, 5]])
    assert np.array_equal(found.values(5), MAPS[5].numpy())
    assert (found.lo, found.hi, found.mean) == (plain.lo, plain.hi, plain.mean)
    assert picture(MAPS, choose=lambda units: range(6)).order is None
    assert picture(MAPS, choose=lambda units: []).tiles.shape == (0, 8, 8)


def test_above_the_cap_the_first_of_the_order_stay() -> None:
    found = picture(MAPS, choose=lambda units: [5, 3, 1, 0, 2, 4], byte_cap=3 * 64)
    assert (found.order, found.note) == ([5, 3, 1], "3 of 6 units")
    assert picture(MAPS, byte_cap=3 * 64).order == [0, 2, 5]  # evenly, where nobody chose


def test_what_is_one_unit_is_not_asked_for_an_order() -> None:
    def refuse(units: object) -> list[int]:
        raise AssertionError("asked")

    for tensor, kind in ((torch.randn(9), None), (torch.rand(3, 8, 8), "image"), (torch.randn(4, 5), "matrix")):
        assert picture(tensor, kind=kind, choose=refuse).tiles.size


def test_full_limits_clip_nothing() -> None:
    spiky = MAPS.clone()
    spiky[2, 3, 3] = -50.0
    assert (picture(spiky, robust=False).lo, picture(spiky, robust=False).hi) == (-50.0, 50.0)
    assert picture(spiky, robust=False).clipped == 0
    assert picture(spiky.abs(), robust=False).lo == 0
    by_unit = picture(spiky, robust=False, per_unit=True)
    assert by_unit.unit_hi == pytest.approx(spiky.abs().amax(dim=(1, 2)).tolist())


def test_given_limits_of_units_follow_the_order() -> None:
    hi = np.arange(1.0, 7.0).reshape(6, 1, 1)
    found = picture(MAPS, per_unit=True, limits=(-hi, hi), choose=lambda units: [3, 1])
    assert (found.unit_lo, found.unit_hi) == ([-4.0, -2.0], [4.0, 2.0])


def test_a_difference_has_zero_in_the_middle() -> None:
    found = picture(MAPS.abs(), centred=True)
    assert found.diverging
    assert found.lo == -found.hi
    by_unit = picture(MAPS.abs(), centred=True, per_unit=True)
    assert by_unit.unit_lo is not None
    assert by_unit.unit_hi is not None
    assert by_unit.unit_lo == [-hi for hi in by_unit.unit_hi]


def test_units_without_the_picture() -> None:
    for tensor, kind in ((MAPS, None), (torch.randn(5), None), (torch.randn(2, 3, 4, 4), "volume"), ("words", None)):
        made = picture(tensor, kind=kind)
        found, units = laid_out(tensor, kind=kind)
        assert found == made.kind
        assert np.array_equal(units, made.units)
