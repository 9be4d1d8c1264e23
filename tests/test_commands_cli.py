"""What holds for the program as a whole: where the ledger is, help, completion, warnings."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import click
import pytest

import ledger as package
from commands.cli import VERBS, cli
from ledger import Ledger
from tests.cli import ROOT, ok, program, run


def _commands(group: click.Group, path: str = "") -> list[str]:
    context = click.Context(group)
    found: list[str] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        here = f"{path} {name}".strip()
        found += _commands(command, here) if isinstance(command, click.Group) else [here]
    return found


COMMANDS = _commands(cli)
MAIN = "from commands.cli import main; main()"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_verb_has_help_with_one_example_and_json(name: str) -> None:
    """--help and -h print options and exactly one example of this very verb; --json and --ledger are there."""
    out = ok(*name.split(), "--help").out

    assert out == ok(*name.split(), "-h").out
    assert out.count(f"$ ledger {name}") == out.count("$ ledger ") == 1
    assert "--json" in out
    assert "--ledger PATH" in out


def test_the_program_lists_its_verbs_whole() -> None:
    """Each verb stands in the help with a sentence that is not cut off, and completion is explained."""
    out = ok("--help").out

    for verb in VERBS:
        (line,) = [line for line in out.splitlines() if line.startswith(f"  {verb} ")]
        assert line.endswith("."), line
        assert not line.endswith("...")
    assert "_LEDGER_COMPLETE=bash_source ledger" in out
    assert package.__version__ in ok("--version").out


def test_the_ledger_is_named_before_or_after_the_verb_or_by_the_environment(
    toolset: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--ledger after the verb outranks --ledger before it, which outranks LEDGER_PATH."""
    (tmp_path / "sub").mkdir()
    other = tmp_path / "sub" / "other.db"
    Ledger.init(other).close()
    monkeypatch.chdir(tmp_path / "sub")

    def samples(*arguments: object, **environment: str) -> int:
        return int(ok(*arguments, "--json", env=environment).json["samples"])

    assert samples("status") == 120, "found in the parent folder"
    assert samples("status", LEDGER_PATH=str(other)) == 0
    assert samples("--ledger", toolset.path, "status", LEDGER_PATH=str(other)) == 120
    assert samples("--ledger", toolset.path, "status", "--ledger", other) == 0
    assert samples("--json", "status") == 120


def test_without_any_ledger_the_next_step_is_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint names `ledger init`."""
    monkeypatch.chdir(tmp_path)

    answer = run("status")

    assert answer.code == 10
    assert "ledger init" in answer.err


def test_a_verb_that_is_nearly_right_is_suggested() -> None:
    """A slip gets the verb that was meant; nonsense gets none."""
    slip, nonsense = run("stats"), run("xyzzy")

    assert (slip.code, nonsense.code) == (2, 2)
    assert "did you mean status?" in slip.err
    assert "did you mean" not in nonsense.err
    assert "ledger --help" in nonsense.err


def test_no_arguments_print_the_help() -> None:
    """Alone, the program explains itself."""
    answer = run()

    assert "Commands:" in answer.out + answer.err


def test_warnings_go_to_stderr(toolset: Ledger, tmp_path: Path) -> None:
    """What went less well than it should is said on stderr, and the answer on stdout is whole all the same."""
    (tmp_path / "file").write_bytes(b"")
    sample = toolset.log(limit=9)[0]["event"]

    answer = ok(
        "--ledger", toolset.path, "accept", sample, "--json", env={"LEDGER_WITNESS_DIR": str(tmp_path / "file" / "x")}
    )

    assert answer.json["changed"] == 1
    assert answer.err.startswith("warning: ")
    assert "witness" in answer.err


def test_the_shell_can_complete_verbs_and_views(tmp_path: Path) -> None:
    """Completion knows verbs, options and views."""

    def complete(line: str) -> str:
        env = {"_LEDGER_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        return program(cwd=tmp_path, env=env).out

    assert "plain,status" in complete("ledger sta")
    assert "plain,kto-interleaved" in complete("ledger project kto")
    assert "plain,--batch-size" in complete("ledger project --bat")


def test_the_demo_shows_the_main_job(tmp_path: Path) -> None:
    """The script runs from anywhere, shows an export that is made again byte for byte, and leaves nothing behind."""
    wrapper = tmp_path / "ledger"
    wrapper.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -c "{MAIN}" "$@"\n')
    wrapper.chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()

    answer = program(
        cwd=tmp_path,
        bash=f'LEDGER="{wrapper}" TMPDIR="{folder}" exec bash "{ROOT}/scripts/demo.sh"',
    )

    assert answer.code == 0, answer.err
    assert "identical to the manifest, byte for byte" in answer.out
    assert "the same bytes" in answer.out
    assert "left out of train.jsonl: conflict" in answer.out
    assert list(folder.iterdir()) == []


def test_what_was_not_foreseen_is_said_in_a_line(toolset: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage that surfaces in some odd place ends in one sentence, the next step and a code of its own."""
    with sqlite3.connect(toolset.path) as connection:
        connection.execute("DELETE FROM totals")
    connection.close()
    answer = run("--ledger", toolset.path, "status")

    assert answer.code == 70
    assert "unexpected TypeError" in answer.err
    assert "ledger verify" in answer.err
    monkeypatch.setenv("LEDGER_DEBUG", "1")
    with pytest.raises(AssertionError, match="traceback"):
        run("--ledger", toolset.path, "status")
