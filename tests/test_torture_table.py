"""The runner of the matrix: its table, its parts and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.torture import __main__ as runner
from tests.torture.table import Row, markdown, row


def test_the_table_is_markdown() -> None:
    """A line for each part, with the command that gives its figures; what would break a table is escaped."""
    text = markdown([Row("R2", "vectors", "a|b\nc", 1234, 0, "well"), Row("R3", "faults", "all", 7, 1)])
    first, _, *rows = text.splitlines()
    assert first.startswith("| | what |")
    assert rows == [
        "| R2 | vectors | a\\|b c (well) | 1,234 | 0 | `python -m tests.torture --only R2` |",
        "| R3 | faults | all | 7 | 1 | `python -m tests.torture --only R3` |",
    ]


def test_problems_are_counted_and_the_first_are_told() -> None:
    """A row says how many there are and quotes a few beside its own note."""
    made = row("R1", "what", "how", 9, [f"problem {number}" for number in range(8)], "note")
    assert (made.cases, made.problems) == (9, 8)
    assert made.note.startswith("note; problem 0; ")
    assert "problem 7" not in made.note


def test_every_part_is_there() -> None:
    """R1 to R15 each have a module with `run`."""
    assert list(runner.PARTS) == [f"R{number}" for number in range(1, 16)]
    for name in runner.PARTS.values():
        assert Path(runner.__file__).with_name(f"{name}.py").exists(), name


def test_one_part_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table goes to stdout, the rows to the file that is asked for, and nothing found is an exit code of 0."""
    assert runner.main(["--only", "r2", "--scale", "short", "--json", str(tmp_path / "rows.json")]) == 0
    assert "| R2 | vectors |" in capsys.readouterr().out
    (told,) = json.loads((tmp_path / "rows.json").read_text("utf-8"))
    assert (told["id"], told["problems"]) == ("R2", 0)


def test_a_problem_is_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything found ends the program with 1."""
    monkeypatch.setattr(runner, "run", lambda part, _scale: Row(part, "", "", 1, 1))
    assert runner.main(["--only", "R2"]) == 1


def test_an_unknown_part(capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused by name."""
    with pytest.raises(SystemExit):
        runner.main(["--only", "R99"])
    assert "R99" in capsys.readouterr().err
