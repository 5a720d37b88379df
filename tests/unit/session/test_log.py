"""session.log(): what is recorded, and at which step and epoch."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

import torchvis_widgets as tvw
from tests.unit.session.training import data, setup, steps


@pytest.fixture
def session() -> Any:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer) as session:
        for _ in session.epochs(2):
            for _ in steps(model, optimizer, criterion, session.batches(data(5))):
                pass
        yield session


def rows(session: tvw.Session, name: str) -> list[tuple[Any, ...]]:
    session.run.flush()
    table = session.run.metrics()
    chosen = table[table["name"] == name][["step", "epoch", "value"]]
    return [tuple(None if pandas.isna(each) else each for each in row) for row in chosen.itertuples(index=False)]


def test_now_by_default(session: tvw.Session) -> None:
    session.log({"a": 1.5}, b=2)
    assert rows(session, "a") == [(10, 2.0, 1.5)]
    assert rows(session, "b") == [(10, 2.0, 2.0)]


def test_at_another_step_with_the_epoch_that_it_belongs_to(session: tvw.Session) -> None:
    session.log({"bleu": 0.3}, step=5)
    session.log(bleu=0.4, step=8)
    session.log(bleu=0.5, step=10)
    session.log(bleu=0.6, step=0)
    assert sorted(rows(session, "bleu")) == [(0, 0.0, 0.6), (5, 1.0, 0.3), (8, pytest.approx(1.6), 0.4), (10, 2.0, 0.5)]


def test_without_epochs_there_is_none_to_tell() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer) as session:
        for _ in steps(model, optimizer, criterion, data(3)):
            pass
        session.log(bleu=0.3, step=1)
        assert rows(session, "bleu") == [(1, None, 0.3)]


def test_a_metric_may_be_called_step(session: tvw.Session) -> None:
    session.log({"step": 7.0})
    assert rows(session, "step") == [(10, 2.0, 7.0)]


def test_words_for_what_is_no_step(session: tvw.Session) -> None:
    with pytest.raises(TypeError, match=r"found 1\.5; a metric of that name is logged as session\.log\("):
        session.log(a=1, step=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"0 or more; found -1"):
        session.log(a=1, step=-1)


def test_a_step_s_values_lie_at_its_own_part_of_the_epoch() -> None:
    model, optimizer, criterion = setup()
    with tvw.watch(model, optimizer) as session:
        for _ in session.epochs(2):
            for _ in steps(model, optimizer, criterion, session.batches(data(5))):
                session.log(a=1.0)
            session.log(b=1.0)
        assert [epoch for _, epoch, _ in rows(session, "a")] == pytest.approx([each / 5 for each in range(1, 11)])
        assert [row[:2] for row in rows(session, "b")] == [(5, 1.0), (10, 2.0)]
