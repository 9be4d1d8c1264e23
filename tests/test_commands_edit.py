"""`ledger edit`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run

BETTER = '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "better"}], "label": true}'


@pytest.fixture
def sample(toolset: Ledger) -> str:
    """Return the id of a sample."""
    return str(toolset.log(limit=1000)[2]["event"])


@pytest.mark.parametrize("how", ["file", "dash", "default"])
def test_the_new_content_comes_from_a_file_or_standard_input(
    toolset: Ledger, sample: str, tmp_path: Path, how: str
) -> None:
    """-f FILE, -f - and no -f at all give the same version; the label stays what it was."""
    (tmp_path / "new.json").write_text(BETTER)
    choices: dict[str, list[object]] = {"file": ["-f", tmp_path / "new.json"], "dash": ["-f", "-"], "default": []}

    done = ok("--ledger", toolset.path, "edit", sample, *choices[how], "--reason", "r", "--json", stdin=BETTER).json

    shown = toolset.show(sample)
    assert done["changed"] == 1
    assert shown["content"]["completion"][0]["content"] == "better"
    assert shown["label"] is False
    assert len(shown["versions"]) == 2


def test_an_edit_that_changes_nothing_appends_nothing(toolset: Ledger, sample: str) -> None:
    """The same content again is unchanged."""
    ok("--ledger", toolset.path, "edit", sample, stdin=BETTER)
    before = toolset.status()["head"]

    assert "0 changed + 1 unchanged" in ok("--ledger", toolset.path, "edit", sample, stdin=BETTER).out
    assert toolset.status()["head"] == before


@pytest.mark.parametrize("content", ["", "{}", "[1]", "not json", '{"messages": []}', '{"prompt": "x", "prompt": "y"}'])
def test_what_is_not_a_sample_is_refused(toolset: Ledger, sample: str, content: str) -> None:
    """The message says why, and the sample stays as it is."""
    before = toolset.show(sample)

    answer = run("--ledger", toolset.path, "edit", sample, stdin=content)

    assert answer.code == 27
    assert "next: " in answer.err
    assert toolset.show(sample) == before


def test_a_file_that_cannot_be_read_is_named(toolset: Ledger, sample: str, tmp_path: Path) -> None:
    """A file that is not there, and a directory."""
    missing = run("--ledger", toolset.path, "edit", sample, "-f", tmp_path / "none.json")
    folder = run("--ledger", toolset.path, "edit", sample, "-f", tmp_path)

    assert (missing.code, folder.code) == (20, 21)
    assert "none.json" in missing.err
