"""What a trainer logged, and the loss of a training that went on from a checkpoint."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.trainers.losses import last_numbers, of_all_sessions, write_losses


@given(st.lists(st.tuples(st.integers(1, 20), st.floats(0, 100)), min_size=1, max_size=20))
def test_the_loss_of_a_training_is_that_of_all_its_steps(logged: list[tuple[int, float]]) -> None:
    """Each logged loss is the mean of the steps since the one before; whatever the last session said goes."""
    history: list[dict[str, Any]] = []
    every: list[float] = []
    for steps, loss in logged:
        every += [loss] * steps
        history.append({"loss": loss, "step": len(every)})
    told = of_all_sessions([*history, {"train_loss": 1e9, "step": len(every)}])
    assert told[:-1] == history
    assert told[-1]["train_loss"] == pytest.approx(sum(every) / len(every))


def test_where_no_loss_was_logged_the_trainers_word_stands() -> None:
    """Nor does a loss that is no finite number count."""
    for history in ([{"train_loss": 2.0, "step": 3}], [{"loss": float("nan"), "step": 1}, {"train_loss": 2.0}]):
        assert of_all_sessions(history)[-1]["train_loss"] == 2.0
    assert of_all_sessions([{"loss": 1.0, "step": 2}]) == [{"loss": 1.0, "step": 2}]


def test_only_plain_numbers_are_kept(tmp_path: Path) -> None:
    """The last of each, without what is about the steps themselves; a line for each entry."""
    history = [{"loss": 2.0, "step": 1, "epoch": 0.5}, {"loss": float("inf"), "kl": 1e300, "step": 2}]
    assert last_numbers(history) == {"kl": Decimal("1e300"), "loss": Decimal("2.000000")}
    write_losses(tmp_path, history)
    lines = (tmp_path / "losses.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [history[0], {"kl": 1e300, "step": 2}]
    write_losses(tmp_path / "none", history)  # the event says the last of them
