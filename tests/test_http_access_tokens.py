"""Tokens: which are one, whose they are, and what is read from a file of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from http_access import tokens
from ledger.errors import BadRequest

ALICE, BOB = "alice-0123456789abcdef", "bob-0123456789abcdef"


def test_a_token_stands_for_its_name() -> None:
    """Whole, and no other; one that is no text of any encoding is none."""
    known = tokens.Bearers({ALICE: "alice", BOB: "bob"})

    assert (known.name_of(ALICE), known.name_of(BOB)) == ("alice", "bob")
    assert {known.name_of(other) for other in ("", ALICE[:-1], f"{ALICE}x", "\ud800", "é" * 20)} == {None}


def file_of(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    """Write a token file."""
    path = tmp_path / "tokens"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_token_file_is_read(tmp_path: Path) -> None:
    """One line for each person; comments and empty lines do not count."""
    text = f"# who may ask\n\nalice:{ALICE}\n  bob smith:{BOB}  \n"

    assert tokens.read(file_of(tmp_path, text)) == {ALICE: "alice", BOB: "bob smith"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o644])
def test_a_token_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    """The refusal says what to run."""
    path = file_of(tmp_path, f"alice:{ALICE}\n", mode)

    with pytest.raises(BadRequest, match="Others than its owner") as caught:
        tokens.read(path)
    assert caught.value.next_step == f"Run `chmod 600 {path}`."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no token"),
        ("# only a comment\n", "holds no token"),
        (f"{ALICE}\n", "line 1, does not read"),
        (f":{ALICE}\n", "line 1, does not read"),
        (f"\na\x07b:{ALICE}\n", "line 2, does not read"),
        ("alice:short\n", "shorter than 16"),
        (f"alice:{ALICE} {ALICE}\n", "spaces"),
        (f"alice:{ALICE}é\n", "spaces or characters other than ASCII"),
        (f"alice:{ALICE}\nbob:{ALICE}\n", "stands in the file twice"),
    ],
)
def test_what_is_wrong_in_a_token_file_is_said_without_the_token(tmp_path: Path, text: str, says: str) -> None:
    """File and line, and nothing of what stands there."""
    with pytest.raises(BadRequest) as caught:
        tokens.read(file_of(tmp_path, text))
    told = f"{caught.value} {caught.value.next_step}"

    assert says in told
    assert ALICE not in told
    assert "short\n" not in told


def test_a_token_file_must_be_a_file(tmp_path: Path) -> None:
    """A missing one, a folder and bytes that are no text are refused in words."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BadRequest, match="cannot be read"):
            tokens.read(path)
    odd = tmp_path / "odd"
    odd.write_bytes(b"\xff\xfe")
    odd.chmod(0o600)
    with pytest.raises(BadRequest, match="not UTF-8"):
        tokens.read(odd)
