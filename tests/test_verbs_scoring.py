"""What becomes an event of what scorers say, and what they said already."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from tests.scoring import score, some


def say(ledger: Ledger, file: Path, sample: str, **line: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Import one line about a sample."""
    file.write_text(json.dumps({"sample": sample, "scorer": "judge", **line}) + "\n", "utf-8")
    return ledger.import_scores(file)


def latest(ledger: Ledger, sample: str) -> dict[str, str]:
    """Return the numbers of the latest scoring."""
    numbers: dict[str, str] = ledger.why(sample)["scores"][-1]["dimensions"]
    return numbers


def test_a_score_can_be_corrected_and_corrected_back(ledger: Ledger, tmp_path: Path) -> None:
    """4, then 2, then 4 again are three statements, and the last one counts; saying it once more is none."""
    (sample,) = some(ledger, tmp_path, 1)
    for value, known in ((4, 0), (2, 0), (4, 0), (4, 1)):
        done = say(ledger, tmp_path / "s.jsonl", sample, scores={"helpful": value})
        assert (done["scored"], done["known"]) == (1 - known, known)
        assert latest(ledger, sample) == {"helpful": str(value)}
    assert len(ledger.why(sample)["scores"]) == 3


def test_each_attempt_is_corrected_by_itself(ledger: Ledger, tmp_path: Path) -> None:
    """Another replicate, or another scorer, says nothing about what the first one said."""
    (sample,) = some(ledger, tmp_path, 1)
    say(ledger, tmp_path / "s.jsonl", sample, scores={"helpful": 4})
    say(ledger, tmp_path / "s.jsonl", sample, scores={"helpful": 2}, replicate=1)
    say(ledger, tmp_path / "s.jsonl", sample, scores={"helpful": 3}, scorer="another")
    assert say(ledger, tmp_path / "s.jsonl", sample, scores={"helpful": 4})["known"] == 1
    assert say(ledger, tmp_path / "s.jsonl", sample, scores={"helpful": 2}, replicate=1)["known"] == 1


def test_giving_up_is_a_statement_like_any_other(ledger: Ledger, tmp_path: Path) -> None:
    """A number, then nothing at all, then the number again."""
    (sample,) = some(ledger, tmp_path, 1)
    for line in ({"scores": {"helpful": 4}}, {"unscored": "timeout"}, {"scores": {"helpful": 4}}):
        assert say(ledger, tmp_path / "s.jsonl", sample, **line)["known"] == 0
    assert latest(ledger, sample) == {"helpful": "4"}


@given(values=st.lists(st.sampled_from(["0.1", "0.5", None]), max_size=8))
def test_only_what_differs_from_the_last_is_news(values: list[str | None]) -> None:
    """Of a row of statements as many are events as differ from the one before."""
    with tempfile.TemporaryDirectory() as place, Ledger.init(Path(place) / "l.db") as ledger:
        (sample,) = some(ledger, Path(place), 1)
        news = sum(len(score(ledger, {sample: {"q": value}})) for value in values)
        assert news == sum(one != before for before, one in zip([object(), *values], values, strict=False))
