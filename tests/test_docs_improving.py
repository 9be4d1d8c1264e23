"""docs/improving.md is true: its files read, its lists are those of the program, its examples print what it says."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ledger.recipes import SPECS, lint, load_rubric, load_spec
from ledger.recipes.contract import HOPELESS, PROBLEMS
from ledger.recipes.fields import NAMED
from ledger.recipes.lint import FAULTS
from ledger.recipes.spec import CONDITIONS
from tests.provider.handle import Provider
from tests.test_docs import ROOT, examples, run_examples

pytest_plugins = ("tests.provider.fixture",)

TEXT = (ROOT / "docs" / "improving.md").read_text("utf-8")
BLOCKS = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def rows(heading: str, nth: int = 0) -> dict[str, str]:
    """Return the table whose head begins so: word -> what it says."""
    table = TEXT.split(f"\n| {heading} |")[1 + nth].split("\n\n")[0]
    cells = [line.strip("|").split(" | ", 1) for line in table.strip().splitlines()[2:]]
    return {word.strip().strip("`"): said.strip() for word, said in cells}


def test_every_file_reads() -> None:
    """The page shows two specs, one of each purpose, and a rubric without contradictions."""
    specs = [load_spec(text, "docs/improving.md") for text in BLOCKS if "purpose = " in text]
    (rubric,) = (load_rubric(text, "docs/improving.md") for text in BLOCKS if "[scale]" in text)

    assert len(BLOCKS) == 3
    assert [spec.purpose for spec in specs] == ["improve", "regenerate"]
    assert lint(rubric) == ()


def test_the_page_shows_every_key() -> None:
    """Every key that a spec or a rubric can have stands in a file of the page."""
    keys = r"^(?:# )?([a-z_]+) = |^\[+[a-z.]*?([a-z]+)\]|or (shorter) = "
    shown = {word for text in BLOCKS for found in re.findall(keys, text, re.MULTILINE) for word in found}
    code = "".join((ROOT / "ledger" / "recipes" / f"{name}.py").read_text("utf-8") for name in ("spec", "rubric"))
    asked = set(re.findall(r"""(?:table|row|child|scale|scores)\.[a-z]+\("([a-z_]+)"[,)]""", code))

    assert len(asked) > 50
    assert asked <= shown


@pytest.mark.parametrize(
    ("heading", "nth", "told"), [("word", 0, PROBLEMS), ("word", 1, FAULTS)], ids=["problems", "contradictions"]
)
def test_the_words_are_those_of_the_program(heading: str, nth: int, told: Mapping[str, str]) -> None:
    """Each word for what can be wrong stands there with its sentence, in the program's order."""
    assert list(rows(heading, nth).items()) == list(told.items())


def test_the_lists_are_those_of_the_program() -> None:
    """Fields, conditions, shipped specs and hopeless problems are told without a gap."""
    assert tuple(rows("path")) == NAMED
    assert tuple(rows("condition")) == CONDITIONS
    assert all(f"`{name}`" in TEXT for name in SPECS)
    (said,) = re.findall(r"^After (.*?) nothing is asked again", TEXT, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", said)) == HOPELESS


def test_every_example_runs(provider: Provider, tmp_path: Path) -> None:
    """The examples, run line by line in an empty folder against the provider of the tests, print what stands there."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = (
        os.environ | provider.env | {"NO_COLOR": "1", "COLUMNS": "120", "PATH": path, "PROVIDER": provider.url}
    )
    shown = examples(TEXT)

    assert len(shown) >= 7
    run_examples(shown, tmp_path, environment)
    assert set(provider.stats()["statuses"]) == {"200"}
