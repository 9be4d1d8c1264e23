"""The check of windows: faults planted in a file are found, and counted as the definition counts them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest
from ledger.exporters.windows import FileRow, check_file

if TYPE_CHECKING:
    from collections.abc import Iterable


def digest(value: object) -> bytes:
    """Return 32 bytes that stand for `value`."""
    return blake3(repr(value).encode()).digest()


def file(marks: Iterable[tuple[str, object]]) -> list[FileRow]:
    """Return rows for ("T" or "F", prompt); None is an empty prompt, and every row has its own fingerprint."""
    return [
        FileRow(mark == "T", b"" if prompt is None else digest(prompt), digest(("row", number)), number + 1)
        for number, (mark, prompt) in enumerate(marks)
    ]


def good(count: int) -> list[FileRow]:
    """Return T F T F ... with a prompt for each row."""
    return file(("TF"[number % 2], number) for number in range(count))


def test_a_good_file_has_no_violation() -> None:
    """Alternating labels and distinct prompts: nothing to report, also when the last window is short."""
    report = check_file(good(42), 4)
    assert (report.rows, report.batch_size) == (42, 4)
    assert (report.single_label_windows, report.same_prompt_windows, report.conflicts) == (0, 0, 0)
    assert report.first_violation is None


def test_an_empty_file_has_no_violation() -> None:
    """No rows, no windows, no fault."""
    assert check_file([], 4).first_violation is None


def test_the_zip_of_siblings_is_found() -> None:
    """improved_i next to poor_i: labels alternate, yet every window has a prompt twice."""
    report = check_file(file(("TF"[number % 2], number // 2) for number in range(40)), 4)
    assert (report.single_label_windows, report.same_prompt_windows) == (0, 10)
    assert report.first_violation == {
        "window": 0,
        "rows": [0, 1],
        "rule": "same_prompt",
        "message": "lines 1 and 2 have the same prompt and stand in window 0",
    }


def test_the_tail_of_the_majority_is_found() -> None:
    """Alternate while both labels last, then the rest: the windows behind the last true row are all false."""
    report = check_file(file(("T" if number < 20 and number % 2 == 0 else "F", number) for number in range(40)), 4)
    assert (report.single_label_windows, report.same_prompt_windows) == (5, 0)
    assert report.first_violation == {
        "window": 5,
        "rows": [20, 23],
        "rule": "single_label",
        "message": "window 5 (lines 21 to 24) holds only the label false",
    }


@pytest.mark.parametrize("window", range(10))
def test_one_window_of_one_label_is_found(window: int) -> None:
    """A single planted window is found wherever it stands."""
    rows = good(40)
    for number in range(4 * window, 4 * window + 4):
        rows[number] = rows[number]._replace(label=True)
    report = check_file(rows, 4)
    assert report.single_label_windows == 1
    assert report.first_violation is not None
    assert report.first_violation["window"] == window
    assert report.first_violation["rows"] == [4 * window, 4 * window + 3]


def test_a_last_window_of_one_row_has_one_label() -> None:
    """A short last window counts: a lone row pairs with itself."""
    report = check_file(good(9), 4)
    assert report.single_label_windows == 1
    assert report.first_violation is not None
    assert report.first_violation["rows"] == [8, 8]


def test_windows_are_aligned() -> None:
    """The same prompt on both sides of a window's edge is no fault, and neither are four equal labels across it."""
    rows = file(zip("TFFFFFFT", (0, 1, 2, "same", "same", 5, 6, 7), strict=True))
    assert check_file(rows, 4).first_violation is None
    assert check_file(rows, 8).same_prompt_windows == 1


def test_rows_without_a_prompt_are_not_of_one_prompt() -> None:
    """An empty prompt never equals another."""
    assert check_file(file(("TF"[number % 2], None) for number in range(8)), 4).first_violation is None


def test_a_contradiction_is_found_across_the_file() -> None:
    """One fingerprint with both labels is a conflict however far apart; its place is that of the second row."""
    rows = good(40)
    rows[31] = rows[31]._replace(label=False, fingerprint=rows[2].fingerprint)
    report = check_file(rows, 4)
    assert report.conflicts == 1
    assert report.first_violation == {
        "window": 7,
        "rows": [2, 31],
        "rule": "conflict",
        "message": "lines 3 and 32 teach the same with opposite labels",
    }


def test_a_repeated_row_of_one_label_is_no_contradiction() -> None:
    """Weights repeat rows: the same fingerprint with the same label is allowed."""
    rows = good(40)
    rows[32] = rows[32]._replace(label=True, fingerprint=rows[2].fingerprint)
    assert check_file(rows, 4).first_violation is None


def test_a_batch_of_no_rows_is_refused() -> None:
    """A batch size below 1 is a bad request."""
    with pytest.raises(BadRequest, match="batch size of 0"):
        check_file([], 0)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from((b"", b"a", b"b", b"c")), st.integers(0, 30)), max_size=60),
    st.integers(1, 9),
)
def test_counts_follow_the_definition(drawn: list[tuple[bool, bytes, int]], batch: int) -> None:
    """Whatever the file, each count is what a plain count over the whole file gives."""
    rows = [FileRow(label, prompt, digest(number), line) for line, (label, prompt, number) in enumerate(drawn, 1)]
    windows = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    prompts = [[row.prompt for row in window if row.prompt] for window in windows]
    labels = defaultdict(set)
    for row in rows:
        labels[row.fingerprint].add(row.label)
    report = check_file(iter(rows), batch)
    assert report.rows == len(rows)
    assert report.single_label_windows == sum(len({row.label for row in window}) == 1 for window in windows)
    assert report.same_prompt_windows == sum(len(set(found)) < len(found) for found in prompts)
    assert report.conflicts == sum(len(found) == 2 for found in labels.values())
    faults = report.single_label_windows + report.same_prompt_windows + report.conflicts
    assert (report.first_violation is None) == (faults == 0)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from((b"", b"a", b"b", b"c")), st.booleans()), max_size=60),
    st.integers(1, 9),
    st.integers(1, 4),
    st.booleans(),
)
def test_what_a_trainer_does_is_followed(
    drawn: list[tuple[bool, bytes, bool]],
    batch: int,
    world: int,
    count: bool,  # noqa: FBT001 - whether drops are a violation
) -> None:
    """Drop, cut, rotate: pairs of one prompt, rows that pair with themselves and the tail are as counted plainly."""
    rows = [FileRow(label, prompt, digest(n), 2 * n + 1, gone) for n, (label, prompt, gone) in enumerate(drawn)]
    kept = [row for row in rows if not row.dropped]
    matched = alone = 0
    for start in range(0, len(kept), batch):
        block = kept[start : start + batch]
        moved = [block[-1], *block[:-1]]
        alone += len(block) == 1
        matched += len(block) > 1 and sum(
            row.prompt == other.prompt != b"" for row, other in zip(block, moved, strict=True)
        )
    ranks = [0] * world
    for number in range(-(-len(kept) // batch)):
        ranks[number % world] += 1
    filled = max(ranks) * world * batch - len(kept) if world > 1 else 0
    report = check_file(rows, batch, world, drops_count=count)
    assert (report.rows, report.dropped_by_trainer) == (len(rows), len(rows) - len(kept))
    assert report.too_long == [row.line for row in rows if row.dropped][:20]
    assert (report.same_prompt_kl_pairs, report.self_pairs) == (matched, alone)
    assert report.tail == {"rows": len(kept) % (batch * world), "repeated": filled}
    assert sum(report.labels.values()) == len(kept)
    assert (report.first_violation is None) == (not report.violations)
    assert ("dropped" in report.violations) == (count and len(kept) < len(rows))
    if report.first_violation is not None:
        assert report.first_violation["rule"] in report.violations


@given(st.integers(0, 300), st.integers(0, 300))
def test_no_batch_below_the_needed_one_can_be_mixed(good: int, poor: int) -> None:
    """`batch_needed` is the least size at which the rarer label could stand in every batch."""
    rows = [FileRow(n < good, b"", digest(n), n + 1) for n in range(good + poor)]
    needed = check_file(rows, 4).batch_needed
    if min(good, poor) == 0:
        assert needed is None
    else:
        assert needed is not None
        assert needed * min(good, poor) >= good + poor > (needed - 1) * min(good, poor)


def test_the_first_violation_is_the_one_met_first() -> None:
    """A dropped row goes before what it causes in its own window, and behind what stands before it."""
    rows = good(12)
    rows[6] = rows[6]._replace(dropped=True)
    first = check_file(rows, 4).first_violation
    assert first is not None
    assert (first["rule"], first["window"], first["rows"]) == ("dropped", 1, [6, 6])
    rows[1] = rows[1]._replace(prompt=rows[0].prompt)
    first = check_file(rows, 4).first_violation
    assert first is not None
    assert (first["rule"], first["window"]) == ("same_prompt", 0)


def test_a_world_of_no_processes_is_refused() -> None:
    """A world size below 1 is a bad request."""
    with pytest.raises(BadRequest, match="world size of 0"):
        check_file([], 4, 0)
