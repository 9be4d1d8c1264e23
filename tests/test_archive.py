"""The lines of an archive: one spelling for each, every byte of it meaning something, and any bytes read safely."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import archive
from ledger.archive import Blob, End, Event, Line, Mark, Start, Tally, next_line, read, written
from ledger.checkpoint import read_checkpoint
from ledger.digest import LARGEST_INT, NotRestricted, blake3_bytes, encode
from ledger.tree import EMPTY_ROOT
from tests.strategies import restricted_json

counts = st.integers(0, LARGEST_INT)
digests = st.binary(min_size=32, max_size=32)
ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
bodies = st.one_of(st.none(), st.binary(max_size=60), st.text(max_size=30).map(str.encode))


def blob_of(body: bytes | None) -> Blob:
    """Return the line of a blob with these bytes, or of one that was erased."""
    return Blob(bytes(32), 7, None) if body is None else Blob(blake3_bytes(body), len(body), body)


def lines() -> st.SearchStrategy[Line]:
    """Return lines of every sort."""
    leaves = st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=5), restricted_json(), max_size=4)
    return st.one_of(
        st.builds(Start, ids),
        st.builds(blob_of, bodies),
        st.builds(Event, digests, st.none() | counts, st.none() | counts, leaves.map(encode)),
        st.builds(Mark, counts, digests, counts, counts),
        st.builds(End, counts, st.text(max_size=20), digests, counts, counts, counts),
    )


@given(lines())
def test_what_is_written_is_read(line: Line) -> None:
    """A line comes back as it was, a leaf and a body to the byte, and stands on one line of UTF-8."""
    data = written(line)

    assert read(data) == line
    assert data.count(b"\n") == 1
    assert json.loads(data)["line"] in {"archive", "blob", "event", "head", "end"}


@given(lines(), st.integers(0, 10**6), st.integers(1, 255))
def test_no_byte_can_change_unnoticed(line: Line, at: int, change: int) -> None:
    """Another byte anywhere is another line, or none: a line has one spelling."""
    data = bytearray(written(line))
    data[at % len(data)] ^= change
    try:
        found = read(bytes(data))
    except NotRestricted:
        return
    assert found != line or not bytes(data).endswith(b"\n")  # a line that has lost its end is refused before it is read


@given(lines(), restricted_json(), st.data())
def test_whatever_stands_in_a_line_is_refused_calmly(line: Line, value: Any, data: st.DataObject) -> None:  # noqa: ANN401 - JSON
    """A field with another value, one too many and one too few end in NotRestricted, never in another error."""
    said = json.loads(written(line))
    field = data.draw(st.sampled_from(sorted(said)))
    for changed in ({**said, field: value}, {**said, "more": value}, {key: said[key] for key in said if key != field}):
        try:
            read(encode(changed) + b"\n")
        except NotRestricted:
            continue


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Bytes that are no line are NotRestricted."""
    with pytest.raises(NotRestricted):
        read(data + b"\n")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "no line"),
        ({"line": "page"}, "no line"),
        ({"line": ["blob"]}, "no line"),
        ({"line": "archive", "format": 2, "hash": "blake3", "ledger": "0" * 32}, "format 2"),
        ({"line": "archive", "format": 1, "hash": "sha256", "ledger": "0" * 32}, "format"),
        ({"line": "archive", "format": 1, "hash": "blake3", "ledger": "../../etc/passwd"}, "not a whole line"),
        ({"line": "archive", "format": 1, "hash": "blake3", "ledger": "A" * 32}, "no ledger"),
        ({"line": "blob", "hash": "00" * 32, "size": 2, "text": "ab"}, "address"),
        ({"line": "blob", "hash": blake3_bytes(b"ab").hex(), "size": 3, "text": "ab"}, "address"),
        ({"line": "blob", "hash": blake3_bytes(b"ab").hex(), "size": 2, "base64": "YWI="}, "otherwise"),
        ({"line": "blob", "hash": "00" * 31, "size": 2}, "whole digest"),
        ({"line": "blob", "hash": "00" * 32, "size": True}, "no count"),
        ({"line": "event", "blob": -1, "leaf": {}, "op": "00" * 32, "sample": None}, "no count"),
        ({"line": "event", "blob": None, "leaf": {}, "op": "AA" * 32, "sample": None}, "whole digest"),
        ({"line": "head", "at": 1, "blobs": 1, "root": "00" * 32}, "exactly"),
    ],
)
def test_what_is_wrong_is_said(value: Any, says: str) -> None:  # noqa: ANN401 - JSON
    """Each fault of a line is named."""
    with pytest.raises(NotRestricted, match=says):
        read(encode(value) + b"\n")


def test_the_last_line_sums_up() -> None:
    """Counts, the digest over the bytes before, and a checkpoint that other tools read."""
    event = Event(bytes(32), None, None, b'{"kind":"x","v":1}')
    before: list[Line] = [Start("ab" * 16), blob_of(b"x"), blob_of(None), event, Mark(1, b"r" * 32, 2, 5)]
    tally = Tally()
    for line in before:
        tally.pass_by(written(line), line)

    end = tally.end()

    assert (end.blobs, end.erased, end.events, end.heads) == (2, 1, 1, 1)
    assert end.digest == blake3_bytes(b"".join(map(written, before)))
    assert read_checkpoint(end.checkpoint)[:3] == ("ab" * 16, 1, b"r" * 32)


def test_an_empty_log_has_an_end_too() -> None:
    """Its checkpoint is of no events, under the root of nothing."""
    tally, start = Tally(), Start("ab" * 16)
    tally.pass_by(written(start), start)

    assert read_checkpoint(tally.end().checkpoint)[:3] == ("ab" * 16, 0, EMPTY_ROOT)


def test_a_cut_or_endless_line_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without its end is cut off, whatever it says; reading stops at the longest that there can be."""
    monkeypatch.setattr(archive, "MOST_BYTES", 100)

    with pytest.raises(NotRestricted, match="cut off"):
        next_line(io.BytesIO(written(Start("ab" * 16))[:-1]))
    with pytest.raises(NotRestricted, match="over 100 bytes"):
        next_line(io.BytesIO(bytes(1000)))
    assert next_line(io.BytesIO()) == b""
