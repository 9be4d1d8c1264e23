"""`ledger erase`, and how every other command meets what was erased: with a plain word, and no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import Answer, ok, run
from tests.erasing import PRIVATE, held_by, left_in
from tests.logs import improve
from tests.small import chat, samples, write

SAID = f"My name is {PRIVATE}."
WHY = ("--reason", "the person asked", "--authority", "ticket 4711")


@pytest.fixture
def full(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger in which much was said of a sample with a secret: scores, decisions, edits, releases, looks."""
    (tmp_path / "in").mkdir()
    own = [chat(f"q{n}", " ".join(f"{n}x{m}" for m in range(9)), label=bool(n % 2), scores={"x": n}) for n in range(12)]
    rows = [chat("who?", SAID, label=True, scores={"x": 5}), chat("who?", SAID, label=False), *own]
    source = write(tmp_path / "in" / "a.jsonl", *rows)
    with source.open("a", encoding="utf-8") as file:
        file.write('{"label": maybe, "messages": "' + json.dumps(SAID)[1:-1] + '"\n')
    ledger.ingest(source, campaign="c")
    mine, *others = samples(ledger)
    improve(ledger, mine, [json.dumps(chat("who?", "nobody")).encode()])
    ledger.validate()
    ledger.score("length")
    ledger.decide("seed-000")
    ledger.accept([mine, *others[1:9]])
    ledger.split()
    ledger.duplicates(near=0.8, field="completion")
    ledger.templates(field="completion")
    ledger.project("accepted", tmp_path / "in" / "old.jsonl")
    return ledger


def erase(ledger: Ledger, *more: str) -> Answer:
    """Erase the first sample by the command."""
    return ok("--ledger", ledger.path, "erase", samples(ledger)[0][:12], *WHY, *more)


def test_without_yes_the_list_is_shown_and_nothing_goes(full: Ledger) -> None:
    """Exit code 59; the list names twins, children and files, and the refusal says what to do."""
    before = full.status()

    answer = run("--ledger", full.path, "erase", samples(full)[0][:12], *WHY)

    assert answer.code == 59
    assert "2 blobs = 2 to erase + 0 already  ✓" in answer.out
    assert samples(full)[1][:12] in answer.out
    assert "the same text" in answer.out
    assert "child: improved" in answer.out
    assert "the file old.jsonl, released @" in answer.out
    assert "--yes" in answer.err
    assert PRIVATE[:8] not in answer.out + answer.err
    assert full.status() == before
    told = run("--ledger", full.path, "erase", samples(full)[0][:12], *WHY, "--json")
    assert (told.code, told.json["error"]["name"]) == (59, "NotConfirmed")
    assert "--dry-run" in told.json["error"]["hint"]
    assert "--dry-run" not in answer.err


def test_json_has_stable_keys(full: Ledger) -> None:
    """A dry run and the erasure answer under the same keys."""
    tried = erase(full, "--dry-run", "--json").json
    done = erase(full, "--yes", "--json").json

    assert set(tried) == set(done) == {
        "named", "blobs", "erased", "already", "bytes", "lines", "evidence", "phrases", "samples_count", "samples",
        "answers", "evaluations", "trainings", "unheard",
        "relatives_count", "relatives", "same_prompt", "releases", "looks", "quoting", "unread", "quarantined",
        "scrubbed", "events",
    }  # fmt: skip
    assert {**done, "events": [], "scrubbed": False} == tried
    assert (done["erased"], done["samples_count"], done["relatives_count"]) == (2, 2, 1)
    assert set(done["samples"][0]) == {"sample", "how", "status"}
    assert set(done["relatives"][0]) == {"sample", "how", "by", "same_prompt", "status"}
    assert set(done["releases"][0]) == {"position", "name", "output", "samples", "rows"}


def test_people_are_told_what_was_done(full: Ledger) -> None:
    """What went, and what stays and holds some of it; a second time nothing is left to do."""
    out = erase(full, "--yes").out
    assert "2 blobs = 2 erased + 0 already  ✓" in out
    assert "recorded @" in out
    again = erase(full, "--yes").out
    assert "2 blobs = 0 erased + 2 already  ✓" in again
    assert "2 blobs = 0 erased + 2 already" not in erase(full).out


def test_what_stays_is_said_in_words(full: Ledger, tmp_path: Path) -> None:
    """The same prompt, the file's rows, the events that quote, and the second time why there are none."""
    full.ingest(write(tmp_path / "in" / "b.jsonl", chat("who?", "somebody else")), campaign="d")
    full.tag([samples(full)[0]], "note", f"said {PRIVATE}")

    first, again = erase(full, "--yes").out, erase(full).out

    assert "child: improved, with the same prompt" in first
    assert "the same prompt, answered otherwise" in first
    assert "2 of them hold the prompt of an erased text" in first
    assert "has 1 row of it" in first
    assert "(run_started), in: params" in first
    assert "(tagged), in: value" in first
    assert "could not be looked for" not in first
    assert "words of the text" not in again
    assert "2 texts are gone already, so what quotes them could not be looked for" in again


def test_why_says_that_the_bytes_are_gone(full: Ledger, tmp_path: Path) -> None:
    """Where nobody had decided, that is no reason for being erased."""
    full.ingest(write(tmp_path / "in" / "n.jsonl", chat("new?", f"new {PRIVATE}")), campaign="d")
    last = samples(full)[-1]
    ok("--ledger", full.path, "erase", last, *WHY, "--yes")

    out = ok("--ledger", full.path, "why", last).out

    assert "so it is erased" not in out
    assert out.count("nobody had decided when its bytes were erased") == 1


def test_a_phrase_that_was_erased_is_said_to_be(ledger: Ledger, tmp_path: Path) -> None:
    """A family without its words has a word for that in the table; in JSON the phrase is empty."""
    common = f"as {PRIVATE} would have said of all such machines"
    rows = [chat(f"q{n}", f"{common} number {n} {'again ' * n}") for n in range(6)]
    own = [chat(f"o{n}", " ".join(f"{n}x{m}" for m in range(9))) for n in range(8)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows, *own), campaign="c")
    ledger.templates(field="completion")
    ok("--ledger", ledger.path, "erase", samples(ledger)[0], *WHY, "--yes")

    assert "(erased)" in ok("--ledger", ledger.path, "templates", "--last", "--field", "completion").out


COMMANDS = {
    "show": ("show", "ID"),
    "show before": ("show", "ID", "--as-of", "20"),
    "why": ("why", "ID"),
    "log": ("log", "ID"),
    "log all": ("log", "--limit", "500"),
    "status": ("status",),
    "quarantine": ("quarantine", "list"),
    "quarantine show": ("quarantine", "show", "LINE"),
    "quarantine show raw": ("quarantine", "show", "LINE", "--raw"),
    "quarantine retry": ("quarantine", "retry", "--campaign", "c"),
    "conflicts": ("conflicts",),
    "duplicates": ("duplicates",),
    "duplicates again": ("duplicates", "--near", "0.8", "--field", "completion"),
    "templates": ("templates", "--last", "--field", "completion"),
    "templates again": ("templates", "--field", "completion"),
    "families": ("families", "ID"),
    "agreement": ("agreement",),
    "compare": ("compare",),
    "rejections": ("rejections",),
    "near-misses": ("near-misses",),
    "list": ("list",),
    "list words": ("list", "--text", "question"),
    "check": ("check", "sft"),
    "check kto": ("check", "kto-interleaved"),
    "score": ("score", "pipeline"),
    "score import": ("score", "import", "--field", "scores", "--scorer", "s"),
    "validate": ("validate",),
    "decide": ("decide",),
    "whatif": ("whatif", "--set", "domain.text.min_quality=0.9"),
    "split": ("split",),
    "redact": ("redact", "ID"),
    "redact all": ("redact", "--campaign", "c"),
    "withdraw": ("withdraw", "DECISION"),
    "accept all": ("accept", "--campaign", "c"),
    "project": ("project", "accepted", "-o", "OUT"),
    "project sft": ("project", "sft", "-o", "OTHER_OUT"),
    "verify": ("verify",),
    "rebuild-views": ("rebuild-views",),
}
REFUSED = {
    "rebuild": (("rebuild", "MANIFEST", "-o", "OUT"), 58),
    "project before": (("project", "accepted", "-o", "OUT", "--as-of", "BEFORE"), 58),
    "edit": (("edit", "ID", "-f", "FILE"), 58),
    "edit another into it": (("edit", "OTHER", "-f", "FILE"), 27),
    "accept": (("accept", "ID"), 58),
    "reject": (("reject", "ID", "--reason", "r"), 58),
    "defer": (("defer", "ID"), 58),
    "relabel": (("relabel", "ID", "--label", "true"), 58),
    "tag": (("tag", "ID", "--set", "k=v"), 58),
    "weight": (("weight", "ID", "--times", "2"), 58),
}


def erased_names(full: Ledger, folder: Path) -> dict[str, str]:
    """Erase the sample and the line; return what stands for the names in command lines."""
    (line,) = full.quarantine()
    before = full.status()["head"]["position"]
    done = full.erase([samples(full)[0]], reason="r", authority="a", yes=True)
    assert done["quarantined"] == [line["event"]]
    full.erase(done["quarantined"], reason="r", authority="a", yes=True)
    content = write(folder / "in" / "new.json", chat("who?", SAID))
    decisions = full.why(samples(full)[0])["decisions"]
    (folder / "out").mkdir()
    return {
        "ID": samples(full)[0],
        "OTHER": samples(full)[4],
        "LINE": line["event"],
        "DECISION": next(one["event"] for one in decisions if one["authority"] == "person"),
        "OUT": str(folder / "out" / "new.jsonl"),
        "OTHER_OUT": str(folder / "out" / "other.jsonl"),
        "MANIFEST": str(folder / "in" / "old.jsonl.manifest.json"),
        "BEFORE": str(before),
        "FILE": str(content),
    }


def test_every_command_meets_it(full: Ledger, tmp_path: Path) -> None:
    """Each answers, with and without --json; the text is nowhere: in no answer, not in the ledger, in no new file."""
    names = erased_names(full, tmp_path)
    for name, command in COMMANDS.items():
        words = ["--ledger", str(full.path), *(names.get(word, word) for word in command)]
        for answer in (run(*words), *(() if "--raw" in words else (run(*words, "--json"),))):
            assert answer.code == 0, (name, answer.err)
            assert PRIVATE[:12] not in answer.out + answer.err, name
            assert "Marylebone" not in answer.out + answer.err, name
        assert held_by(full) == [], name
        assert full.status()["conserved"], name
    assert list(left_in(tmp_path / "out")) == []
    assert full.verify()["findings"] == []


def test_what_needs_it_is_refused(full: Ledger, tmp_path: Path) -> None:
    """Each refusal has its exit code and says that it was erased; nothing is written."""
    names = erased_names(full, tmp_path)
    before = full.status()["head"]
    for name, (command, code) in REFUSED.items():
        answer = run("--ledger", full.path, *(names.get(word, word) for word in command))
        assert (answer.code, "erased" in answer.err) == (code, True), (name, answer.err)
        assert full.status()["head"] == before, name
    assert list((tmp_path / "out").iterdir()) == []
    assert held_by(full) == []


def test_show_and_why_say_who_and_why(full: Ledger) -> None:
    """By whom, on whose authority, for what reason, and by which event."""
    erase(full, "--yes")
    for command in ("show", "why"):
        out = ok("--ledger", full.path, command, samples(full)[1]).out
        assert "tester" in out
        assert "ticket 4711" in out
        assert "the person asked" in out
    assert "the person asked" in ok("--ledger", full.path, "log", samples(full)[0]).out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "Missing argument"),
        (("abcdef12", "--reason", "r"), 2, "--authority"),
        (("abcdef12", *WHY), 23, "abcdef12"),
        (("ab", *WHY), 4, "is not an id"),
    ],
)
def test_what_cannot_be_asked(full: Ledger, arguments: tuple[str, ...], code: int, says: str) -> None:
    """Ids, a reason and an authority are needed."""
    answer = run("--ledger", full.path, "erase", *arguments)
    assert answer.code == code, answer.err
    assert says in answer.err


def test_ids_from_standard_input(full: Ledger) -> None:
    """One a line, as other verbs read them."""
    ids = "\n".join(samples(full)[2:5])
    done = ok("--ledger", full.path, "erase", "-", *WHY, "--yes", "--json", stdin=ids).json
    assert (done["named"], done["erased"]) == (3, 3)
