"""The verb `search`: what people and programs see of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.small import chat, write


@pytest.fixture
def path(ledger: Ledger, tmp_path: Path) -> Path:
    """Return a ledger of answers about trees."""
    said = ["An oak grows slowly.", "A birch grows fast.", "Oak and birch: \x1b[31m woods \x1b[0m"]
    rows = [chat("what grows?", text, label=n != 1, domain="trees") for n, text in enumerate(said)]
    ledger.ingest(write(tmp_path / "in.jsonl", *rows), campaign="wood")
    return ledger.path


def test_what_is_found_is_shown_with_its_hits(path: Path) -> None:
    """Each sample is a line of what it is and one of its text, the hits marked; the nearest comes first."""
    shown = ok("search", "oak grow*", "--field", "completion", "--ledger", path).out.splitlines()
    assert shown[:3] == ["3 versions put into the index, which holds 3", "1 sample found", ""]
    assert shown[3].split()[1:] == ["pending", "true", "trees", "in.jsonl,", "wood"]
    assert shown[4] == "  completion: An »oak« »grows« slowly."
    again = ok("search", "oak grow*", "--field", "completion", "--ledger", path).out.splitlines()
    assert again == shown[1:]


def test_json_has_stable_keys(path: Path) -> None:
    """One document, with what was asked, what was found, and how the index is."""
    answer = ok("search", '"birch grows"', "--json", "--ledger", path).json
    index = answer.pop("index")
    head, one = answer.pop("head"), answer.pop("samples")[0]
    assert head.keys() == {"position", "root"}
    assert index == {"kind": "stored", "versions": 3, "added": 3, "position": 3, "behind": 0}
    assert answer == {
        "query": '"birch grows"',
        "terms": [{"text": "birch grows", "prefix": False}],
        "field": "all",
        "found": 1,
        "complete": True,
        "offset": 0,
        "left": 0,
    }
    assert one.pop("relevance") > 0
    assert len(one.pop("sample")) == 64
    assert one.pop("version").startswith("b3:")
    assert one == {
        "campaign": "wood",
        "source": "in.jsonl",
        "domain": "trees",
        "status": "pending",
        "label": False,
        "split": None,
        "field": "completion",
        "snippet": "A birch grows fast.",
        "hits": [[2, 13]],
    }


def test_options_narrow_the_list(path: Path) -> None:
    """Filters, pages and moments do what they say, and what is left is told."""
    ids = [one["sample"] for one in ok("search", "grow*", "--json", "--ledger", path).json["samples"]]
    ok("reject", ids[0], "--reason", "r", "--ledger", path)
    for option, found in (
        (("--status", "rejected"), 1),
        (("--label", "true"), 2),
        (("--label", "none"), 0),
        (("--domain", "trees"), 3),
        (("--where", "status == 'rejected' or domain == 'birds'"), 1),
        (("--campaign", "wood"), 3),
        (("--as-of", "1"), 1),
        (("--rebuild",), 3),
    ):
        answer = ok("search", "grow*", *option, "--json", "--ledger", path).json
        assert answer["found"] == found, option
    page = ok("search", "grow*", "--limit", "1", "--offset", "1", "--ledger", path).out
    assert page.startswith("3 samples found\n")
    assert page.endswith("1 sample more: --offset 2\n")


def test_nothing_found_is_an_answer(path: Path) -> None:
    """Words that are nowhere are no error."""
    assert ok("search", "elm", "--ledger", path).out.splitlines()[-1] == "no sample holds these words"


def test_text_of_samples_cannot_steer_a_terminal(path: Path) -> None:
    """Escape sequences of a sample do not reach the terminal, nor do those of the query."""
    shown = ok("search", "woods \x1b[31m", "--ledger", path).out
    assert "\x1b" not in shown
    assert "»woods«" in shown


@pytest.mark.parametrize("query", ["", '""', "***", "x" * 1001])
def test_what_is_no_query_is_refused(path: Path, query: str) -> None:
    """A query without words ends with a sentence and an exit code."""
    answer = run("search", query, "--ledger", path)
    assert answer.code != 0
    assert "query" in answer.err
    assert answer.out == ""


@pytest.mark.parametrize(
    "option", [("--field", "tools"), ("--status", "erased"), ("--label", "maybe"), ("--limit", "x")]
)
def test_slips_of_the_pen_are_named(path: Path, option: tuple[str, str]) -> None:
    """What an option cannot take is refused before anything is done."""
    answer = run("search", "oak", *option, "--ledger", path)
    assert answer.code == 2
    assert option[1] in answer.err
