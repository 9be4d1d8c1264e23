"""`ledger project`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands._plan import FORMS, TYPES
from commands.project import CONTAINERS, DIALECTS, TOOL_ARGS
from ledger import Ledger
from ledger.exporters import layouts, view_spec
from ledger.verbs import asked
from tests.cli import ok, run


def test_the_answer_is_the_manifest(toolset: Ledger, tmp_path: Path) -> None:
    """--json prints what stands in the manifest beside the file, and the file has the rows that it says."""
    out = tmp_path / "out.jsonl"

    answer = ok("--ledger", toolset.path, "project", "kto-interleaved", "-o", out, "--json").json

    assert answer == json.loads((tmp_path / "out.jsonl.manifest.json").read_bytes())
    assert answer["considered"] == answer["used"] + sum(answer["omitted"].values()) == 120
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert len(rows) == answer["rows"]
    assert set(rows[0]) == {"prompt", "completion", "label"}


def test_people_see_a_sum_and_every_reason(toolset: Ledger, tmp_path: Path) -> None:
    """Rows, labels, what was left out and why, and the digest of the file."""
    answer = ok("--ledger", toolset.path, "project", "kto-interleaved", "-o", tmp_path / "out.jsonl", "--json").json

    out = ok("--ledger", toolset.path, "project", "kto-interleaved", "-o", tmp_path / "out.jsonl").out

    assert f"120 samples = {answer['used']} used + {120 - answer['used']} omitted  ✓" in out
    assert answer["output"]["blake3"] in out
    for reason, count in answer["omitted"].items():
        assert (f"  {reason} " in out) == bool(count)


def test_every_option_reaches_the_manifest(toolset: Ledger, tmp_path: Path) -> None:
    """Batch size, world size, ratio, seed, form and moment are what was asked for."""
    answer = ok(
        "--ledger", toolset.path, "project", "kto-interleaved", "-o", tmp_path / "o.jsonl", "--batch-size", "2",
        "--world-size", "2", "--ratio", "1:1", "--seed", "s", "--form", "conversational", "--as-of", "121", "--json",
    ).json  # fmt: skip

    params = {"batch_size": 2, "world_size": 2, "ratio": "1:1", "seed": "s", "form": "conversational"}
    assert params.items() <= answer["params"].items()
    assert answer["head"]["position"] == 121
    assert answer["labels"]["true"] == answer["labels"]["false"]


def test_what_was_left_out_can_be_listed(toolset: Ledger, tmp_path: Path) -> None:
    """Ids and reasons, all or of one reason, for people by tabs and for programs in JSON."""
    base = ("--ledger", toolset.path, "project", "kto-interleaved", "-o", tmp_path / "out.jsonl", "--list-omitted")

    everything = [line.split("\t") for line in ok(*base).out.splitlines()]
    conflicts = ok(*base, "conflict", "--json").json

    assert [[one["sample"], one["reason"]] for one in toolset.omissions("out.jsonl")] == everything
    assert conflicts["omissions"] == toolset.omissions("out.jsonl", "conflict")
    assert len(conflicts["omissions"]) == conflicts["omitted"]["conflict"] == 32
    assert run(*base, "nonsense").code == 2


def test_what_was_left_out_can_be_piped_into_a_decision(toolset: Ledger, tmp_path: Path) -> None:
    """The JSON list is input for `reject -`."""
    base = ("--ledger", toolset.path, "project", "kto-interleaved", "-o", tmp_path / "out.jsonl", "--list-omitted")

    done = ok(
        "--ledger",
        toolset.path,
        "reject",
        "-",
        "--reason",
        "conflict",
        "--json",
        stdin=ok(*base, "conflict", "--json").out,
    ).json

    assert done["changed"] == 32


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nonsense", "-o", "x.jsonl"], 4),
        (["kto-interleaved"], 2),
        (["kto-interleaved", "-o", "-"], 2),
        (["kto-interleaved", "-o", "x.jsonl", "--batch-size", "0"], 2),
        (["kto-interleaved", "-o", "x.jsonl", "--batch-size", "9" * 40], 2),
        (["kto-interleaved", "-o", "x.jsonl", "--batch-size", "1"], 4),
        (["kto-interleaved", "-o", "x.jsonl", "--ratio", "0:1"], 4),
        (["kto-interleaved", "-o", "."], 17),
        (["kto-interleaved", "-o", "none/x.jsonl"], 17),
        (["kto-interleaved", "-o", "ledger.db"], 17),
        (["val", "-o", "x.jsonl"], 30),
    ],
)
def test_what_cannot_be_done_writes_nothing(
    toolset: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    """A refused projection leaves no file, no draft and no event."""
    monkeypatch.chdir(tmp_path)
    before, files = toolset.status()["head"], sorted(tmp_path.iterdir())

    answer = run("--ledger", toolset.path, "project", *arguments)

    assert answer.code == code, answer.err
    assert "next: " in answer.err
    assert toolset.status()["head"] == before
    assert sorted(tmp_path.iterdir()) == files


def test_the_help_names_the_views_that_there_are() -> None:
    """The command's choices are the ledger's, and the help lists them."""
    assert (FORMS, CONTAINERS) == (asked.FORMS, asked.CONTAINERS)
    assert (DIALECTS, TOOL_ARGS) == (layouts.DIALECTS, layouts.TOOL_ARGS)
    assert set(TYPES) == set(view_spec.TYPES) - {"samples"}
    for view in view_spec.BUILT_IN:
        assert view in ok("project", "--help").out


@pytest.mark.parametrize("view", ["sft", "kto-interleaved"])
@pytest.mark.parametrize("ratio", ["x", "1:0", "2", "keep "])
def test_a_ratio_that_is_none_is_refused_by_every_view(toolset: Ledger, tmp_path: Path, view: str, ratio: str) -> None:
    """Also by those that need none: who gives one expects it to hold."""
    answer = run("--ledger", toolset.path, "project", view, "-o", tmp_path / "x.jsonl", "--ratio", ratio)
    assert (answer.code, "is neither keep nor true:false" in answer.err) == (4, True)
    assert not (tmp_path / "x.jsonl").exists()
