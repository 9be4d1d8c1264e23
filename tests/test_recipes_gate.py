"""The gate: the text after which too many would share a run of words is refused, in the order of the items."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.recipes import Gate, Improve, load_spec, shipped
from ledger.recipes.contract import Made
from tests.improving import GOOD, item, row

TEXTS = st.lists(st.text("ab ", max_size=20), max_size=12)


@given(texts=TEXTS, n=st.integers(1, 4), seen=st.integers(1, 4))
def test_no_run_is_shared_by_more_than_allowed(texts: list[str], n: int, seen: int) -> None:
    """However texts come, of those let through at most `seen` share a run of `n` words; nobody is refused for less."""
    gate = Gate(n, seen)
    passed: list[set[tuple[str, ...]]] = []
    for text in texts:
        words = text.split()
        runs = {tuple(words[at : at + n]) for at in range(len(words) - n + 1)}
        worn = any(sum(run in other for other in passed) >= seen for run in runs)
        assert (gate.collides({"x": text}) == "x") == worn
        if not worn:
            gate.add({"x": text})
            passed.append(runs)


def test_fields_are_counted_apart() -> None:
    """What is worn in one field is not worn in another, and the field is named."""
    gate = Gate(3, 1)
    gate.add({"one": "the very same words"})

    assert gate.collides({"other": "the very same words"}) is None
    assert gate.collides({"other": "new", "one": "The VERY, same… thing"}) == "one"


def test_asking_counts_nothing() -> None:
    """Only what is accepted counts."""
    gate = Gate(2, 1)

    assert [gate.collides({"x": "two words"}) for _ in range(3)] == [None] * 3


def test_what_is_made_of_samples() -> None:
    """The sixth of six versions with the same new texts is refused for its first field; other texts pass."""
    recipe = Improve(load_spec(shipped("spec")["toolset-enhance"], "toolset-enhance"))
    each = item(row(), scores={"sessionMemory_quality": "1", "toolContext_quality": "1"})
    made = recipe.read(each, json.dumps({name: GOOD[name] for name in ("sessionMemory", "toolContext")}))
    assert isinstance(made, Made)
    texts = recipe.texts(each, made)
    assert recipe.spec.gate is not None
    gate = Gate(*recipe.spec.gate)

    for _ in range(5):
        assert gate.collides(texts) is None
        gate.add(texts)
    assert gate.collides(texts) == "sessionMemory"
    assert gate.collides({**texts, "sessionMemory": "Nothing was done before."}) == "toolContext"
    assert gate.collides(dict.fromkeys(texts, "Nothing was done before.")) is None


def test_it_is_quick() -> None:
    """Texts of seventy words take well under a millisecond each."""
    texts = [{"x": " ".join(f"w{number * 70 + place}" for place in range(70))} for number in range(1000)]
    gate, begun = Gate(), time.process_time()
    for text in texts:
        assert gate.collides(text) is None
        gate.add(text)

    assert time.process_time() - begun < 1.5


def test_what_no_gate_is() -> None:
    """A run of no words, or one that nobody has, is refused."""
    for wrong in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="a word at least"):
            Gate(*wrong)
