"""The documentation cannot lie: its examples run, its generated parts are current, and nothing is left out of it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from commands.cli import cli
from ledger.errors import all_errors
from ledger.event import KINDS
from ledger.exporters.eligibility import OMISSIONS
from ledger.policy import parse_policy
from scripts.docs import filled

ROOT = Path(__file__).parent.parent
WORDS = ROOT / "GLOSSARY.md"


class Example(NamedTuple):
    """One command of a document and what the document says it prints (`…` stands for anything)."""

    command: str
    printed: str


def examples(text: str) -> list[Example]:
    """Return the `$ …` lines of a document's console blocks with what follows each."""
    found: list[Example] = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            while command.endswith("\\"):
                more, _, printed = printed.partition("\n")
                command = command[:-1] + more
            found.append(Example(command, printed))
    return found


def matches(printed: str, said: str) -> bool:
    """Say whether output fits what a document says, white space aside; `…` stands for any stretch of text."""
    pieces = [re.escape(" ".join(piece.split())) for piece in said.split("…")]
    pattern = r"\s*.*?\s*".join(pieces)
    return re.fullmatch(pattern, " ".join(printed.split()), re.DOTALL) is not None


def command_names(command: click.Command, prefix: str = "") -> list[str]:
    """Return the full name of every verb below a command."""
    if not isinstance(command, click.Group):
        return [prefix.strip()]
    context = click.Context(command)
    children = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [name for child, made in children if made is not None for name in command_names(made, f"{prefix} {child}")]


def run_examples(shown: Sequence[Example], folder: Path, environment: Mapping[str, str]) -> None:
    """Run examples line by line in a folder: each succeeds, and prints what stands there."""
    for example in shown:
        run = subprocess.run(
            ["/bin/bash", "-c", example.command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

        assert run.returncode == 0, f"$ {example.command}\n{run.stdout}{run.stderr}"
        assert matches(run.stdout, example.printed), f"$ {example.command}\n{run.stdout}"


@pytest.mark.parametrize(
    ("name", "least", "programs"),
    [
        ("README.md", 8, 1),
        ("docs/judging.md", 20, 0),
        ("docs/similarity.md", 6, 0),
        ("docs/releases.md", 12, 0),
        ("docs/care.md", 7, 0),
        ("docs/proposals.md", 11, 0),
        ("docs/revising.md", 10, 0),
        ("docs/mcp.md", 3, 0),
    ],
)
def test_every_example_runs_and_prints_what_the_document_says(
    name: str, least: int, programs: int, tmp_path: Path
) -> None:
    """The examples of a document, run line by line in an empty folder, print what stands there."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "120", "PATH": path}
    text = (ROOT / name).read_text("utf-8")
    shown = examples(text)
    python = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(shown) >= least
    assert len(python) == programs

    run_examples(shown, tmp_path, environment)
    for program in python:
        subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)


@pytest.mark.parametrize("name", ["docs/similarity.md", "docs/policies.md", "docs/proposals.md"])
def test_every_policy_in_a_document_reads(name: str) -> None:
    """What is shown as a policy is one."""
    found = re.findall(r"^```toml\n(name = .*?)^```$", (ROOT / name).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    assert all(parse_policy(text, name).name for text in found)


def test_the_matcher_of_examples_can_fail() -> None:
    """Output that differs from what a document says is noticed."""
    assert matches("7 samples,  3 new\n", "7 samples, … new")
    assert not matches("8 samples, 3 new", "7 samples, … new")


def test_generated_parts_are_current() -> None:
    """Every generated table and page is what the code, untouched by other tests, would write now."""
    check = [sys.executable, str(ROOT / "scripts" / "docs.py"), "--check"]
    run = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (run.returncode, run.stderr) == (0, "")


def test_a_stale_part_is_noticed() -> None:
    """A generated part that says something else is written anew."""
    assert "LedgerNotFound" in filled("<!-- generated: errors -->\nold\n<!-- end -->")


@pytest.mark.parametrize("name", command_names(cli))
def test_every_command_is_documented(name: str) -> None:
    """Each verb has a page in docs/cli.md, help with an example, and a place in the README."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")

    assert f"## ledger {name}\n" in page
    assert f"ledger {name}" in readme
    own = page.split(f"## ledger {name}\n", 1)[1].split("\n## ")[0]
    assert re.search(rf"\$ ledger {name}\b", own), f"the help of {name} has no example"


def test_every_error_has_a_code_in_the_readme() -> None:
    """The README's table of exit codes names every error class."""
    readme = (ROOT / "README.md").read_text("utf-8")

    for cls in all_errors()[1:]:
        assert f"| {cls.exit_code} | {cls.__name__} |" in readme


def test_every_omission_and_event_is_explained() -> None:
    """docs/formats.md explains every reason for an omission and every kind of event."""
    text = (ROOT / "docs" / "formats.md").read_text("utf-8")

    for word in (*OMISSIONS, *KINDS):
        assert f"| `{word}`" in text


def test_the_links_between_documents_hold() -> None:
    """No document links to a file that is not there."""
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_no_document_has_a_gap() -> None:
    """No placeholder in capitals waits to be filled."""
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        text = re.sub(r"`[^`]*`|```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
        gaps = [word for word in re.findall(r"\b[A-Z]+_[A-Z_]+\b", text) if not word.startswith(("LEDGER_", "HF_"))]

        assert gaps == [], path.name


def test_the_version_is_stated_once() -> None:
    """The program, the package metadata and the changelog name the same version."""
    version = subprocess.run(
        shlex.split(f"{sys.executable} -c 'import ledger; print(ledger.__version__)'"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text("utf-8")
