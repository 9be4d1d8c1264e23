"""The survey before a split: strata by what most of a family has, rules for merged families, packed numbers."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.verbs.quotas import OPEN, TEST, TRAIN, VAL
from ledger.verbs.split_params import asked_for
from ledger.verbs.split_survey import Survey, resolved, usual
from tests.logs import store_of
from tests.small import chat, samples, write


@given(st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=9))
def test_the_usual_value_does_not_depend_on_order(values: list[str]) -> None:
    """What occurs most; of several the smallest text, in whatever order they stand."""
    most = max(values.count(value) for value in values)
    expected = min(value for value in values if values.count(value) == most)
    assert usual(values) == usual(sorted(values)) == usual(values[::-1]) == expected


def test_rules_for_merged_families() -> None:
    """Farthest from training; where most stand, of two equal numbers the farthest; or the one that is named."""
    assert resolved("held-out", [TRAIN, VAL, TRAIN]) == VAL
    assert resolved("largest", [TRAIN, TEST, TRAIN]) == TRAIN
    assert resolved("largest", [TRAIN, VAL, TEST, TEST, VAL]) == TEST
    assert [resolved(name, [TRAIN, TEST]) for name in ("train", "val", "test")] == [TRAIN, VAL, TEST]


def test_what_a_survey_finds(ledger: Ledger, tmp_path: Path) -> None:
    """Families in the order of their roots, their samples, strata, and what is settled."""
    rows = [chat(f"q{n % 3}", f"a{n}", domain="asm" if n % 3 else None) for n in range(7)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    ids, store = samples(ledger), store_of(ledger)
    family = ledger.families(ids[0])["family"].removeprefix("b3:")
    asked = asked_for("90/5/5", "0", ["domain"], ["train:domain:asm=1%"], [], None)
    survey = Survey(store.connection, asked, {bytes.fromhex(family): VAL})
    assert (survey.seen, survey.crossing, survey.standing) == (3, 0, [0, 0, 0])
    assert sorted(survey.families.samples) == [2, 2, 3]
    assert sorted(survey.families.homes) == [VAL, OPEN, OPEN]
    assert sum(len(handles) for _, handles in survey.handles()) == 7
    assert [list(survey.strata)[number] for number in survey.order()] == [("",), ("asm",)]
    assert survey.settled[survey.strata["",]] == [0, 3, 0]
    assert survey.own == survey.settled
    assert survey.settled[survey.strata["asm",]] == [0, 0, 0]
    assert survey.tally.total == [0, 3, 0]
    assert sorted(survey.tally.rows) == [0, 2, 2]
    assert sorted(survey.tally.having[0].values()) == [2, 2]


def test_members_count_under_their_own_values(ledger: Ledger, tmp_path: Path) -> None:
    """A family of two and one is dealt as the two, and counted as what it is."""
    rows = [chat("q", f"a{n}", domain=domain) for n, domain in enumerate(["asm", "cpp", "asm"])]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    asked = asked_for("90/5/5", "0", ["domain"], [], [], None)
    survey = Survey(store_of(ledger).connection, asked, {})
    asm, cpp = survey.strata["asm",], survey.strata["cpp",]
    assert list(survey.families.strata) == [asm]
    assert dict(survey.values(0)) == {asm: 2, cpp: 1}
    family = bytes.fromhex(ledger.families(samples(ledger)[0])["family"].removeprefix("b3:"))
    pinned = Survey(store_of(ledger).connection, asked, {family: VAL})
    assert pinned.own[pinned.strata["asm",]] == [0, 2, 0]
    assert pinned.own[pinned.strata["cpp",]] == [0, 1, 0]
    assert pinned.settled[pinned.strata["asm",]] == [0, 3, 0]
