"""The pager, on a real terminal: when it runs, what reaches it, and that it changes nothing else."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands._pager import fits, sanitized
from ledger import Ledger
from tests.cli import program
from tests.small import chat, samples, write
from tests.terminal import on_terminal

STYLE = re.compile(r"\x1b\[[0-9;]*m")
PROMPT = ":\x1b[K"
"""How less asks what to do next; a colon alone stands in every time of day as well."""
KEEP = "cat > page"
"""A pager that shows nothing and keeps what it gets."""
RAN = "touch ran; cat > page"


def page(folder: Path) -> str:
    """Return what the pager got."""
    return (folder / "page").read_bytes().decode()


def test_a_long_answer_goes_to_the_pager(toolset: Ledger, tmp_path: Path) -> None:
    """The pager gets the whole answer, in colour and cut to the terminal's width; the screen gets nothing else."""
    shown = on_terminal("--ledger", toolset.path, "log", cwd=tmp_path, env={"LEDGER_PAGER": KEEP}, size=(24, 100))

    assert (shown.code, shown.screen) == (0, "")
    text = page(tmp_path)
    assert STYLE.search(text)
    plain = STYLE.sub("", text).splitlines()
    assert all(len(row) <= 100 for row in plain)
    ids = toolset.short([event["event"] for event in toolset.log()])
    assert all(any(short in row for row in plain) for short in ids.values())


def test_the_order_of_pagers(toolset: Ledger, tmp_path: Path) -> None:
    """LEDGER_PAGER comes before PAGER; where neither is named it is less, which is told how git tells it."""
    env = {"PAGER": "cat > b", "LEDGER_PAGER": "cat > a"}
    assert on_terminal("--ledger", toolset.path, "log", cwd=tmp_path, env=env).screen == ""
    assert (tmp_path / "a").stat().st_size > 1000
    assert not (tmp_path / "b").exists()
    assert on_terminal("--ledger", toolset.path, "log", cwd=tmp_path, env={"PAGER": "cat > b"}).screen == ""
    assert (tmp_path / "b").stat().st_size > 1000
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "less").write_text(f'#!/bin/sh\necho "$LESS" > {tmp_path}/asked\ncat > {tmp_path}/page\n')
    (tools / "less").chmod(0o755)
    path = {"PATH": f"{tools}:/usr/bin:/bin"}
    assert on_terminal("--ledger", toolset.path, "log", cwd=tmp_path, env=path).screen == ""
    assert (tmp_path / "asked").read_text() == "FRX\n"
    assert on_terminal("--ledger", toolset.path, "log", cwd=tmp_path, env={**path, "LESS": "R"}).screen == ""
    assert (tmp_path / "asked").read_text() == "R\n"


@pytest.mark.parametrize(
    ("env", "options"),
    [
        ({"LEDGER_PAGER": ""}, ()),
        ({"LEDGER_PAGER": "cat"}, ()),
        ({"LEDGER_PAGER": "", "PAGER": RAN}, ()),
        ({"LEDGER_PAGER": RAN}, ("--no-pager",)),
        ({"TERM": "dumb"}, ()),
    ],
)
def test_who_wants_no_pager_gets_none(
    toolset: Ledger, tmp_path: Path, env: dict[str, str], options: tuple[str, ...]
) -> None:
    """An empty name, `cat`, --no-pager (of the verb or of the program) or a terminal that can do nothing."""
    for arguments in {("log", *options), (*options, "log")}:
        shown = on_terminal("--ledger", toolset.path, *arguments, cwd=tmp_path, env=env)
        assert shown.code == 0
        assert shown.screen.count("\n") > 50
        assert not (tmp_path / "ran").exists()


def test_no_pager_where_standard_output_is_no_terminal(toolset: Ledger, tmp_path: Path) -> None:
    """Into a pipe or a file, on a terminal or not, as text or as JSON: never."""
    env = {"LEDGER_PAGER": RAN, "PAGER": RAN}
    for more in ((), ("--json",)):
        piped = on_terminal(
            "--ledger", toolset.path, "log", *more, cwd=tmp_path, env=env, bash='"$0" "$@" | tee out | wc -l'
        )
        assert piped.code == 0
        assert int(piped.screen) > 50
        alone = program("--ledger", toolset.path, "log", *more, cwd=tmp_path, env=env)
        assert alone.out == (tmp_path / "out").read_text()
        assert not STYLE.search(alone.out)
    assert not (tmp_path / "ran").exists()


def test_json_on_a_terminal_is_long_too(toolset: Ledger, tmp_path: Path) -> None:
    """On a terminal JSON is paged as well, and stays one document."""
    shown = on_terminal("--ledger", toolset.path, "log", "--json", cwd=tmp_path, env={"LEDGER_PAGER": KEEP})
    assert (shown.code, shown.screen) == (0, "")
    assert json.loads(page(tmp_path)) == {"events": toolset.log()}


def test_what_fits_on_the_screen_is_not_paged(toolset: Ledger, tmp_path: Path) -> None:
    """A short answer is printed, whatever the pager would do; on a smaller screen the same answer is long."""
    env = {"LEDGER_PAGER": RAN}
    short = on_terminal("--ledger", toolset.path, "log", "--limit", 3, cwd=tmp_path, env=env, size=(30, 120))
    assert "\n" in short.screen
    assert not (tmp_path / "ran").exists()
    on_terminal("--ledger", toolset.path, "log", "--limit", 3, cwd=tmp_path, env=env, size=(3, 120))
    assert (tmp_path / "ran").exists()


def test_verbs_that_write_are_not_paged(toolset: Ledger, tmp_path: Path) -> None:
    """What was done is said at once; only answers to questions are long."""
    env = {"LEDGER_PAGER": RAN}
    shown = on_terminal(
        "--ledger", toolset.path, "reject", *samples(toolset)[:2], "--reason", "no", cwd=tmp_path, env=env, size=(1, 20)
    )
    assert shown.code == 0
    assert "recorded" in shown.screen
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("pager", ["head -n 1 > first", "head -c 1 > first; exit 3", "kill -9 $$"])
def test_a_pager_that_ends_early_ends_quietly(toolset: Ledger, tmp_path: Path, pager: str) -> None:
    """Somebody has seen enough: no error, no traceback, and the exit code of the answer."""
    for n in range(30):
        toolset.tag(samples(toolset)[:40], "n", f"{n} " * 50)
    shown = on_terminal("--ledger", toolset.path, "log", "--limit", 5000, cwd=tmp_path, env={"LEDGER_PAGER": pager})
    assert (shown.code, shown.screen) == (0, "")


def test_the_exit_code_is_that_of_the_verb(toolset: Ledger, tmp_path: Path) -> None:
    """A failing check exits with 1 through the pager, whatever that answers; a refusal never starts it."""
    env = {"LEDGER_PAGER": f"{RAN}; exit 7"}
    (tmp_path / "g.toml").write_text('[[gate]]\nname = "rows"\ncheck = "rows"\nmin = 100000\nseverity = "error"\n')
    wanted = program("--ledger", toolset.path, "check", "sft", cwd=tmp_path).code
    shown = on_terminal("--ledger", toolset.path, "check", "sft", cwd=tmp_path, env=env, size=(5, 80))
    assert (shown.code, shown.screen) == (wanted, "")
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    refused = on_terminal("--ledger", toolset.path, "show", "ffffffff", cwd=tmp_path, env=env, size=(1, 80))
    assert refused.code == 23
    assert "error: " in refused.screen
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("pager", ["/no/such/pager --really", "/", "no-such-program-at-all"])
def test_a_pager_that_cannot_run_hides_nothing(toolset: Ledger, tmp_path: Path, pager: str) -> None:
    """The answer is printed instead."""
    shown = on_terminal("--ledger", toolset.path, "log", cwd=tmp_path, env={"LEDGER_PAGER": pager}, size=(24, 200))
    assert shown.code == 0
    ids = toolset.short([event["event"] for event in toolset.log()])
    assert all(short in shown.screen for short in ids.values())


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
def test_less_shows_the_answer_and_is_quit(toolset: Ledger, tmp_path: Path) -> None:
    """The real less: a screen of the answer in colour; Ctrl-C is its own business; q ends both, quietly."""
    keys = ((PROMPT, " "), (PROMPT, "\x03"), ("", "q"))  # what it shows for Ctrl-C depends on when that comes
    shown = on_terminal("--ledger", toolset.path, "log", "--limit", 200, cwd=tmp_path, keys=keys, size=(12, 120))
    assert shown.code == 0
    assert STYLE.search(shown.screen)
    ids = list(toolset.short([event["event"] for event in toolset.log(limit=200)]).values())
    assert ids[0] in shown.screen
    assert ids[-1] not in shown.screen
    assert "Traceback" not in shown.screen
    assert "interrupted" not in shown.screen


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\r\x08\x00\u202etxt\u2028end"


@pytest.mark.parametrize("more", [(), ("--raw",), ("--json",)])
def test_hostile_text_steers_no_terminal_through_the_pager(
    ledger: Ledger, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """Of a sample's control characters nothing reaches the pager but their names; styles are the program's own."""
    rows = [chat(HOSTILE + "\n" * 60, HOSTILE, tags={"x": HOSTILE.replace("\x00", "")}, domain="\x1b[5mblink")]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a\u202e")
    env = {"LEDGER_PAGER": KEEP}
    sample = samples(ledger)[0]
    shown = on_terminal("--ledger", ledger.path, "show", sample, *more, cwd=tmp_path, env=env, size=(3, 80))
    assert (shown.code, shown.screen) == (0, "")
    text = STYLE.sub("", page(tmp_path))
    assert "owned" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028]", text)


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("\x1b[;m0123\x9b\r\n\t\x07")))
def test_the_last_wall(text: str) -> None:
    """Whatever a page holds, what goes to the terminal has no control character outside styles, and no text is lost."""
    safe = sanitized(text)
    plain = STYLE.sub("", safe)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", plain)
    assert plain == re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", STYLE.sub("", text))
    assert sanitized(safe) == safe


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("a\n" * 9, True),
        ("a\n" * 10, False),
        ("a" * 20 + "\n", True),
        ("a" * 180 + "\n", False),
        ("\u6f22" * 90 + "\n", False),
        ("\x1b[1;31m" * 60 + "a\n", True),
        ("", True),
        ("x" * 10**6, False),
    ],
)
def test_what_fits(text: str, fit: bool) -> None:  # noqa: FBT001 - a case
    """On 10 lines of 18 columns, one of them for the prompt: wide characters count twice, styles not at all."""
    assert fits(text, 18, 10) is fit
