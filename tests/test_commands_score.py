"""`ledger score`: scorers as verbs, the list of them, and importing scores."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.score import SHIPPED
from ledger import Ledger
from ledger.scorers import BUILT_IN
from tests.cli import ok, run
from tests.small import chat, samples, write


@pytest.mark.parametrize("name", SHIPPED)
def test_each_shipped_scorer_is_a_verb(toolset: Ledger, name: str) -> None:
    """It scores every sample; again, all is known and nothing is appended."""
    first = ok("--ledger", toolset.path, "score", name, "--campaign", "toolset", "--json").json
    count = toolset.status()["events"]
    again = ok("--ledger", toolset.path, "score", name, "--campaign", "toolset", "--json").json

    assert list(first) == [
        "samples",
        "scored",
        "unscored",
        "known",
        "missing",
        "erased",
        "reasons",
        "dimensions",
        "seconds",
    ]
    assert first["samples"] == first["scored"] + first["unscored"] == 120
    assert (again["known"], toolset.status()["events"]) == (120, count)
    assert again["dimensions"] == first["dimensions"]


def test_the_shipped_are_those_that_come_with_the_program() -> None:
    """The help lists them without importing any."""
    assert list(BUILT_IN) == list(SHIPPED)
    out = ok("score", "--help").out
    assert all(f"  {name} " in out for name in (*SHIPPED, "import"))


def test_the_help_of_a_scorer_says_what_it_measures() -> None:
    """Dimensions and options are in it."""
    out = " ".join(ok("score", "pipeline", "--help").out.split())

    assert "kg_consistency" in out
    assert "a knowledge graph, as JSON" in out
    assert "$ ledger score pipeline --campaign toolset" in out


def test_people_see_a_sum_the_means_and_the_reasons(toolset: Ledger) -> None:
    """Means stand in a table, and so does why something was not scored."""
    out = ok("--ledger", toolset.path, "score", "pipeline").out

    assert out.startswith("120 samples = 120 scored + 0 unscored + 0 known")
    assert "✓" in out.splitlines()[0]
    assert "diversity" in out
    assert "no_graph" in out


def test_options_reach_the_scorer(toolset: Ledger, tmp_path: Path) -> None:
    """A graph is read from the file that the option names."""
    graph = tmp_path / "kg.json"
    graph.write_text('{"nodes": ["README", "API"]}', encoding="utf-8")
    done = ok("--ledger", toolset.path, "score", "pipeline", "--option", f"graph={graph}", "--json").json

    assert done["dimensions"]["kg_consistency"]["n"] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nonesuch"], 43, "There is no scorer 'nonesuch'; there are length, pipeline, rubric"),
        (["pipeline", "--option", "grpah=x"], 4, "takes no option 'grpah'"),
        (["pipeline", "--option", "graph"], 2, "is not KEY=VALUE"),
        (["pipeline", "--option", "graph=nowhere.json"], 20, "No input at nowhere.json"),
        (["length", "--campaign", "nonesuch"], 4, "there are toolset"),
        (["length", "--max-failures", "2"], 4, "from 0 to 1"),
        ([], 2, "Name a scorer"),
        (["import"], 4, "with --field the place"),
        (["import", "--field", "nonesuch"], 4, "No sample has the field 'nonesuch'"),
        (["import", "nowhere.jsonl"], 20, "nowhere.jsonl"),
    ],
)
def test_requests_that_cannot_be_met(toolset: Ledger, arguments: list[str], code: int, says: str) -> None:
    """A clear word, its own exit code, and nothing appended."""
    before = toolset.status()["events"]
    answer = run("--ledger", toolset.path, "score", *arguments)

    assert (answer.code, says in answer.err) == (code, True), answer.err
    assert toolset.status()["events"] == before


def test_the_list_names_every_scorer() -> None:
    """With what it measures, its dimensions and its options; no ledger is needed."""
    out = ok("score", "--list").out
    found = ok("score", "--list", "--json").json["scorers"]

    assert "--option graph=FILE" in out
    assert [one["name"] for one in found][:3] == list(SHIPPED)
    assert found[1]["dimensions"] == ["diversity", "kg_consistency", "hallucination_risk", "coherence"]


def test_a_broken_plugin_is_listed_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fault stands where its dimensions would."""
    info = tmp_path / "breaking-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: breaking\nVersion: 0.1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[sample_ledger.scorers]\nbroken = nowhere_at_all:X\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    out = ok("score", "--list").out

    assert "broken: The scorer broken cannot be loaded: ModuleNotFoundError" in out
    assert "plug-in's scorer" in ok("score", "broken", "--help").out


def test_scores_of_the_ingested_lines(ledger: Ledger, data: Path, tmp_path: Path) -> None:
    """Every option reaches the import; the means are printed."""
    ledger.ingest(data / "scored.jsonl", campaign="toolset")
    rubric = tmp_path / "RUBRIC.md"
    rubric.write_text("be kind", encoding="utf-8")
    arguments = ["--field", "quality_scores", "--scorer", "reviewers", "--scorer-version", "1", "--rubric", rubric]
    arguments += ["--campaign", "toolset", "--dimensions", "overall_quality, goal_coherence"]
    done = ok("--ledger", ledger.path, "score", "import", *arguments, "--json").json
    out = ok("--ledger", ledger.path, "score", "import", *arguments).out

    assert list(done["dimensions"]) == ["goal_coherence", "overall_quality"]
    assert done["ignored"]["sessionMemory_quality"] == done["samples"] == done["scored"]
    assert f"0 scored + 0 unscored + {done['samples']} known" in out
    assert "members left out: no numbers, no names for a dimension, or not asked for" in out


def test_scores_of_a_file(ledger: Ledger, tmp_path: Path) -> None:
    """From standard input too; a bad line is named, with what to do."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a")), campaign="c")
    (sample,) = samples(ledger)
    line = f'{{"sample": "{sample}", "scores": {{"helpful": 4.5}}}}\n'
    done = ok("--ledger", ledger.path, "score", "import", "-", "--scorer", "judge", "--json", stdin=line).json
    refused = run("--ledger", ledger.path, "score", "import", "-", stdin=line)

    assert (done["lines"], done["scored"], done["dimensions"]["helpful"]["mean"]) == (1, 1, "4.5000")
    assert refused.code == 44
    assert 'stdin, line 1: it names no "scorer"' in refused.err
    assert "nothing was recorded" in refused.err
