"""How answers look: clean, aligned, plain where they should be, coloured only on a terminal that wants it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import _render
from ledger import Ledger
from tests.cli import PROGRAM, environment, ok, program


@given(st.text(st.characters(exclude_categories=[]), max_size=200))
def test_clean_text_holds_nothing_that_steers(text: str) -> None:
    """No control character, no mark of direction, no half character; whatever else stays as it is."""
    cleaned = _render.clean(text)

    assert not [char for char in cleaned if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}]
    assert not [char for char in cleaned if unicodedata.bidirectional(char) in {"LRE", "RLE", "LRO", "RLO", "PDF"}]
    assert not [char for char in cleaned if unicodedata.bidirectional(char) in {"LRI", "RLI", "FSI", "PDI"}]
    assert _render.clean(cleaned) == cleaned


def test_clean_keeps_what_people_write() -> None:
    """Letters of any script, emoji with their joiners, and brackets stay; line ends only where they are wanted."""
    text = "Zażółć 👩‍💻 نص می‌خواهم [bold] {x}"

    assert _render.clean(text) == text
    assert _render.clean("a\n\tb", lines=True) == "a\n\tb"
    assert _render.clean("a\n\tb\r") == "a\\n\\tb\\x0d"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (95_857, "95.9 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (5 * 10**15, "5,000.0 TB"),
    ],
)
def test_bytes_have_units(count: int, text: str) -> None:
    """A size is at most three digits and a unit, until the units end."""
    assert _render.size(count) == text


def test_numbers_have_separators_and_sums_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    """A sum that holds has a tick; one that does not says so."""
    _render.total(7359, "sample", {"used": 7040, "omitted": 319})
    _render.total(2, "sample", {"used": 1})

    assert capsys.readouterr().out == "7,359 samples = 7,040 used + 319 omitted  ✓\n2 samples = 1 used  ✗\n"


def test_json_is_safe_to_look_at_and_exact(capsys: pytest.CaptureFixture[str]) -> None:
    """What could steer a terminal is escaped as JSON allows, so that a parser reads exactly what was there."""
    value = {"text": "\x1b[31m \u009b \u202e \x7f é \U000e0041 \udcff"}

    _render.emit_json(value)
    out = capsys.readouterr().out

    assert not set(out) & set("\x1b\u009b\u202e\x7f\U000e0041")
    assert "é" in out
    assert json.loads(out) == value


def _in_terminal(path: Path, **changes: str) -> str:
    """Return what `ledger status` prints on a terminal."""
    leader, follower = pty.openpty()
    env = {
        key: value for key, value in environment(**changes).items() if key not in {"NO_COLOR", *()} or key in changes
    }
    with subprocess.Popen(
        [*PROGRAM, "--ledger", str(path), "status"], env=env, stdout=follower, stderr=follower
    ) as child:
        os.close(follower)
        printed = b""
        while block := _read(leader):
            printed += block
        child.wait()
    os.close(leader)
    return printed.decode()


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # the other end was closed
        return b""


def test_colour_is_for_terminals_that_want_it(toolset: Ledger, tmp_path: Path) -> None:
    """A terminal gets colour; NO_COLOR, TERM=dumb and a pipe get none."""
    assert "\x1b[" in _in_terminal(toolset.path, TERM="xterm-256color")
    assert "\x1b[" not in _in_terminal(toolset.path, TERM="xterm-256color", NO_COLOR="1")
    assert "\x1b[" not in _in_terminal(toolset.path, TERM="dumb")
    assert "\x1b[" not in program("--ledger", toolset.path, "status", cwd=tmp_path, env={"FORCE_COLOR": "1"}).out


def test_a_terminal_without_unicode_gets_letters(toolset: Ledger, tmp_path: Path) -> None:
    """Where stdout is ASCII, nothing fails, and the tick is a word."""
    answer = program("--ledger", toolset.path, "status", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})

    assert answer.code == 0
    assert answer.out.isascii()
    assert "+ 0 erased  ok" in answer.out


def test_a_pipe_is_not_cut_to_a_width(toolset: Ledger, tmp_path: Path) -> None:
    """Long reasons stand whole in one line, however narrow the terminal says it is, and no line ends in blanks."""
    sample = toolset.log(limit=9)[0]["event"]
    toolset.reject([sample], reason="because " * 60 + "end")

    out = program("--ledger", toolset.path, "log", sample, cwd=tmp_path, env={"COLUMNS": "20"}).out

    assert [line for line in out.splitlines() if "because because" in line and line.endswith("end")]
    assert not [line for line in out.splitlines() if line != line.rstrip()]


def test_short_ids_are_unique_and_taken(toolset: Ledger) -> None:
    """The ids that people see name one sample each."""
    rows = ok("--ledger", toolset.path, "log", "--limit", "100").out.splitlines()[1:]

    ids = [row.split()[1] for row in rows]

    assert len(set(ids)) == len(ids) == 100
    assert ok("--ledger", toolset.path, "show", ids[0]).code == 0
