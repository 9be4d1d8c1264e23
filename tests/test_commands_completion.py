"""What a shell completes: values that the ledger holds, quickly, quietly, and none that a shell would run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from commands._common import Call
from commands.cli import cli
from ledger import Ledger
from ledger.errors import BadRequest
from tests.cli import program
from tests.logs import fill, foreign
from tests.small import chat, samples, write


def completed(*words: object) -> list[str]:
    """Return what completes the last of some words after `ledger`; `FILE` stands for files that begin so."""
    *given, incomplete = map(str, words)
    shell = BashComplete(cli, {"obj": Call()}, "ledger", "_LEDGER_COMPLETE")
    found = shell.get_completions(given, incomplete)
    return ["FILE" if item.type == "file" else item.value for item in found]


def test_ids_of_samples(toolset: Ledger) -> None:
    """The beginning of an id gives the samples that begin so, each as its shortest unique prefix, for every verb."""
    ids = samples(toolset)
    begins = ids[0][:2]
    wanted = sorted(short for one, short in toolset.short(ids).items() if one.startswith(begins))
    for verb in (["show"], ["why"], ["log"], ["accept"], ["accept", ids[1]], ["families", ids[1]], ["edit"]):
        assert completed("--ledger", toolset.path, *verb, begins) == wanted, verb
    assert completed("--ledger", toolset.path, "show", ids[0][:20]) == [ids[0][:20]]
    for nothing in ("", "zz", ids[0] + "0", "\x1b[31m", "B3:"):
        assert completed("--ledger", toolset.path, "show", nothing) == []


def test_ids_of_events_and_quarantined_lines(ledger: Ledger, tmp_path: Path) -> None:
    """`withdraw` takes any event, `quarantine show` quarantined lines only."""
    fill(ledger, tmp_path)
    decided = next(event["event"] for event in ledger.log(limit=500) if event["kind"] == "accepted")
    line = ledger.quarantine()[0]["event"]
    assert completed("--ledger", ledger.path, "withdraw", decided[:9]) == [decided[:9]]
    assert completed("--ledger", ledger.path, "quarantine", "show", line[:9]) == [line[:9]]
    assert completed("--ledger", ledger.path, "quarantine", "show", decided[:9]) == []


def test_names_of_campaigns_views_and_policies(ledger: Ledger, tmp_path: Path) -> None:
    """Whatever takes a campaign, a view or a policy completes those that there are; else files are meant."""
    fill(ledger, tmp_path)
    (tmp_path / "mine.toml").write_text(ledger.view("sft")["toml"].replace('"sft"', '"mine"'))
    ledger.define_view(tmp_path / "mine.toml")
    before = ("--ledger", ledger.path)
    for verb in ("conflicts", "ingest", "near-misses", "agreement", "whatif"):
        assert completed(*before, verb, "--campaign", "") == ["one", "two"]
    assert completed(*before, "compare", "t") == ["two"]
    assert completed(*before, "quarantine", "list", "--campaign", "o") == ["one"]
    assert completed(*before, "check", "mi") == ["mine"]
    assert completed(*before, "project", "m") == ["mine"]
    assert completed(*before, "view", "show", "kto") == ["kto", "kto-interleaved"]
    assert completed(*before, "diff", "sft", "mi") == ["mine"]
    assert completed(*before, "diff", "--view", "ac") == ["accepted"]
    assert completed(*before, "policy", "show", "seed-0")[:1] == ["seed-000"]
    assert completed(*before, "decide", "--policy", "seed-00")[:1] == ["seed-000"]
    assert completed(*before, "decide", "--policy", "./m") == ["FILE"]
    assert completed(*before, "policy", "check", "m") == ["FILE"]


def test_what_a_shell_would_run_or_cut_is_not_offered(ledger: Ledger, tmp_path: Path) -> None:
    """A name with a blank, a quote, a dollar, a line end or an escape stays out: bash puts it there as it is."""
    bad = ["two words", "$(touch ran)", "`touch ran`", "a;b", "a|b", "'", '"', "*", "~x", "#", "&", "(", "<", "\\"]
    for n, name in enumerate([*bad, "plain", "gr\u00fcn-2"]):
        ledger.ingest(write(tmp_path / "a.jsonl", chat(f"q{n}", "a")), campaign=name)
    assert completed("--ledger", ledger.path, "conflicts", "--campaign", "") == ["gr\u00fcn-2", "plain"]


def test_without_a_ledger_there_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, a damaged one, one whose views are of another version: what needs no ledger is offered, or nothing."""
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    with Ledger.init(tmp_path / "stale.db") as made:
        made.ingest(write(tmp_path / "a.jsonl", chat("q", "a")), campaign="a")
    with foreign(tmp_path / "stale.db") as connection:
        connection.execute("DROP TABLE rollups")
        connection.execute("DROP TABLE defined_views")
    for path in ("none.db", broken, "stale.db"):
        assert completed("--ledger", path, "check", "sf") == ["sft"]
        assert completed("--ledger", path, "conflicts", "--campaign", "") == []
    assert completed("check", "dp") == ["dpo"]
    assert completed("show", "ab") == []


def test_nobody_waits_and_nothing_is_written(toolset: Ledger) -> None:
    """While another process writes, what can be read at once is offered; the file is not touched."""
    before = toolset.path.read_bytes()
    with foreign(toolset.path) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert completed("--ledger", toolset.path, "conflicts", "--campaign", "") == []
        assert time.monotonic() - began < 5
        other.rollback()
    assert completed("--ledger", toolset.path, "conflicts", "--campaign", "") == ["toolset"]
    assert toolset.path.read_bytes() == before


def test_bash_is_told_so(toolset: Ledger, tmp_path: Path) -> None:
    """The program itself answers the shell: a line for each value, with its kind, and nothing on stderr."""
    line = f"ledger --ledger {toolset.path} conflicts --campaign t"
    env = {"_LEDGER_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    assert program(cwd=tmp_path, env=env) == (0, "plain,toolset\n", "")


def test_the_verbs_take_values_as_before(toolset: Ledger) -> None:
    """Completing changes what is offered, never what is taken: types convert and refuse as they did."""
    assert completed("--ledger", toolset.path, "conflicts", "--kind", "la") == ["labels"]
    assert completed("--ledger", toolset.path, "conflicts", "--campaign", "toolset", "--ki") == ["--kind"]


def test_kinds_of_offers(toolset: Ledger) -> None:
    """The door takes the kinds that it names and no other."""
    assert toolset.offers("campaigns") == ["toolset"]
    assert toolset.offers("views", "sf") == ["sft"]
    with pytest.raises(BadRequest, match="completes"):
        toolset.offers("colours")
