"""Every error that a user can reach is reached here, through the command line.

Each has its own exit code, a message, a next step, no traceback, and leaves the ledger as it was.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the driver that the ledger uses

from ledger import Ledger
from ledger import event as events
from ledger.errors import LedgerError, all_errors
from ledger.sqlite import wal_is_safe
from tests.cli import Answer, program, run, small_files, without_powers
from tests.plugins import install

Arguments = list[object]

FAILING = """
from ledger.scorers import Scorer

class Failing(Scorer):
    name = "failing"
    version = "1"
    dimensions = ("luck",)

    def score(self, item):
        raise ValueError("no luck")
"""


@dataclass
class World:
    """A folder with a sound ledger in it, an export of it, and what a test needs to do harm."""

    folder: Path
    path: Path
    sample: str

    @property
    def manifest(self) -> Path:
        """Return the manifest of the export."""
        return self.folder / "out.jsonl.manifest.json"

    def ledger(self, *arguments: object) -> Arguments:
        """Return arguments that are about the ledger."""
        return ["--ledger", self.path, *arguments]

    def copy(self, name: str = "copy.db") -> Path:
        """Return a copy of the ledger, to be harmed."""
        return Path(shutil.copy(self.path, self.folder / name))

    def file(self, name: str, content: bytes) -> Path:
        """Write a file."""
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def change_manifest(self, old: str, new: str) -> None:
        """Replace a text in the manifest."""
        text = self.manifest.read_text("utf-8")
        assert re.search(old, text)
        self.manifest.write_text(re.sub(old, new, text), "utf-8")

    def sql(self, path: Path, *statements: str) -> Path:
        """Run statements on a database file, as another program would."""
        connection = sqlite3.connect(path, isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        connection.close()
        return path

    def fingerprint(self) -> tuple[object, ...]:
        """Return what must not change: the head, and whether everything in the file fits together."""
        with Ledger.open(self.path, trust=True) as opened:
            found = opened.verify()
            return found["head"], found["ok"], opened.status()["by_status"]


@pytest.fixture
def world(toolset: Ledger, tmp_path: Path) -> World:
    """Return a folder with a sound ledger that holds 120 samples and one release."""
    toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    sample = str(toolset.log(limit=1000)[2]["event"])
    toolset.close()
    return World(tmp_path, toolset.path, sample)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take what the caller's environment knows of providers away."""
    for name in ("ANTHROPIC_API_KEY", "LEDGER_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


Provoke = Callable[[World], Arguments]


def _corrupt(world: World) -> Arguments:
    copy = world.copy()
    data = bytearray(copy.read_bytes())
    data[16384:] = b"\xa5" * (len(data) - 16384)
    copy.write_bytes(data)
    return ["--ledger", copy, "status"]


def _proof(old: bytes, new: bytes, *options: object) -> Provoke:
    def provoke(world: World) -> Arguments:
        with Ledger.open(world.path) as opened:
            text = opened.prove("@1")["text"].encode()
        assert old in text
        return ["verify-proof", world.file("p", text.replace(old, new)), *options]

    return provoke


def _rolled_back(world: World) -> Arguments:
    copy = world.copy("moved.db")
    before = copy.read_bytes()
    assert run("--ledger", copy, "accept", world.sample).code == 0
    copy.write_bytes(before)
    return ["--ledger", copy, "status"]


def _project(world: World, *options: object) -> Arguments:
    return world.ledger("project", "sft", "-o", world.folder / "sft.jsonl", *options)


def _gates(text: str) -> Provoke:
    return lambda world: _project(world, "--gates", world.file("gates.toml", text.encode()))


def _tokenizer(body: bytes) -> Provoke:
    return lambda world: _project(world, "--max-length", "99", "--tokenizer", world.file("tokenizer.json", body))


def _improve(*options: object) -> Provoke:
    """Ask for an improvement of everything, of a model at a place where nobody listens."""
    usual = ["--spec", "toolset-improve", "--campaign", "toolset", "--base-url", "http://127.0.0.1:1"]
    return lambda world: world.ledger("improve", *usual, *options)


def _two_answers(world: World) -> Arguments:
    messages = [{"role": role, "content": role} for role in ("user", "assistant", "assistant")]
    line = world.file("two.jsonl", json.dumps({"messages": messages}).encode())
    assert run("--ledger", world.path, "ingest", line, "--campaign", "two").code == 0
    return _project(world, "--dialect", "alpaca")


def _changed_release(world: World) -> Arguments:
    world.file("out.jsonl", b"{}\n")
    return ["push", world.manifest, "a/b"]


def _ambiguous(world: World) -> Arguments:
    """Two lines of enhanced.jsonl are the same bytes, so their blob names two samples."""
    with Ledger.open(world.path) as opened:
        ids = [one["event"] for one in opened.log(limit=1000) if one["kind"] == "ingested"]
        versions = [opened.show(one)["version"] for one in ids]
    return world.ledger("show", next(one for one in versions if versions.count(one) > 1))


def _no_form_of_reading(world: World) -> Arguments:
    (world.folder / "nothing").mkdir()
    return world.ledger("ingest", world.folder / "nothing", "--campaign", "c")


def _erased(world: World) -> Arguments:
    taken = world.ledger("erase", world.sample, "--reason", "asked for", "--authority", "ticket 1", "--yes")
    assert run(*taken).code == 0
    return world.ledger("rebuild", world.manifest, "-o", world.folder / "again.jsonl")


def _cut_archive(world: World) -> Arguments:
    archive = world.folder / "log.jsonl"
    assert run(*world.ledger("export-events", archive)).code == 0
    archive.write_bytes(archive.read_bytes()[:-100])
    return ["--ledger", world.folder / "new.db", "import-events", archive]


def _forked(world: World) -> Arguments:
    copy = world.copy()
    assert run("--ledger", copy, "accept", world.sample).code == 0
    assert run("--ledger", copy, "export-events", world.folder / "log.jsonl").code == 0
    assert run(*world.ledger("reject", world.sample, "--reason", "r")).code == 0
    return world.ledger("import-events", world.folder / "log.jsonl")


def _settled(world: World) -> Arguments:
    proposed = run(*world.ledger("propose", "defer", world.sample, "--reason", "to be read", "--json"))
    assert run(*world.ledger("proposals", "accept", proposed.json["name"])).code == 0
    return world.ledger("proposals", "decline", proposed.json["proposal"], "--reason", "no need")


def _clash(world: World) -> Arguments:
    (world.folder / "sub").mkdir()
    one, two = world.file("a.jsonl", b"{}\n"), world.file("sub/a.jsonl", b"{}\n")
    return world.ledger("ingest", one, two, "--campaign", "c")


def _manifest(old: str, new: str) -> Provoke:
    def provoke(world: World) -> Arguments:
        world.change_manifest(old, new)
        (world.folder / "out.jsonl").unlink()
        return world.ledger("rebuild", world.manifest)

    return provoke


def _changed_export(world: World) -> Arguments:
    world.file("out.jsonl", b"changed\n")
    return world.ledger("rebuild", world.manifest)


def _edit(content: bytes) -> Provoke:
    return lambda world: world.ledger("edit", world.sample, "-f", world.file("new.json", content))


def _input(content: bytes, name: str = "in.jsonl") -> Provoke:
    return lambda world: world.ledger("ingest", world.file(name, content), "--campaign", "c")


def _policy(text: str) -> Provoke:
    return lambda world: world.ledger("decide", "--policy", world.file("p.toml", text.encode()))


def _view(text: str) -> Provoke:
    return lambda world: world.ledger("view", "define", world.file("v.toml", text.encode()))


def _schemas(content: bytes) -> Provoke:
    return lambda world: world.ledger("validate", "--schemas", world.file("schemas.json", content))


def _graph(content: bytes) -> Provoke:
    return lambda world: world.ledger("score", "pipeline", "--option", f"graph={world.file('graph.json', content)}")


def _scores(line: str) -> Provoke:
    def provoke(world: World) -> Arguments:
        good = json.dumps({"sample": world.sample, "scores": {"quality": 1}})
        bad = line.replace("SAMPLE", world.sample)
        return world.ledger("score", "import", world.file("scores.jsonl", f"{good}\n{bad}\n".encode()), "--scorer", "j")

    return provoke


def _set(change: str) -> Provoke:
    return lambda world: world.ledger("whatif", "--policy", "seed-000", "--set", change)


def _where(condition: str) -> Provoke:
    return lambda world: world.ledger("reject", "--where", condition, "--reason", "r")


def _train(world: World, *options: object, config: str = "") -> Arguments:
    settings = world.file("s.toml", config.encode())
    return world.ledger("train", "kto", "--release", world.manifest, "--smoke", "--config", settings, *options)


def _changed_rows(world: World) -> Arguments:
    world.file("out.jsonl", b"{}\n")
    return _train(world)


CASES: list[tuple[str, str, Provoke]] = [
    ("BadRequest", "is not an id", lambda w: w.ledger("show", "xyz")),
    ("BadRequest", "is not @ and a position", lambda w: w.ledger("withdraw", "@x")),
    ("BadRequest", "There is no format", lambda w: [*_input(b"{}\n")(w), "--format", "nonsense"]),
    ("BadRequest", "--map", lambda w: [*_input(b"{}\n")(w), "--map", "nonsense"]),
    ("BadRequest", "campaign", lambda w: w.ledger("ingest", w.file("a.jsonl", b"{}\n"), "--campaign", " ")),
    ("LedgerNotFound", "No ledger at", lambda w: ["--ledger", w.folder / "none.db", "status"]),
    ("LedgerExists", "already a file", lambda w: w.ledger("init")),
    ("NotALedger", "it is a directory", lambda w: ["--ledger", w.folder, "status"]),
    ("NotALedger", "it is empty", lambda w: ["--ledger", w.file("e.db", b""), "status"]),
    ("NotALedger", "not an SQLite file", lambda w: ["--ledger", w.file("t.db", b"some text\n" * 99), "status"]),
    ("NotALedger", "another program", lambda w: ["--ledger", w.sql(w.folder / "o.db", "CREATE TABLE t (x)"), "status"]),
    ("NewerLedger", "newer version", lambda w: ["--ledger", w.sql(w.copy(), "PRAGMA user_version = 99"), "status"]),
    ("CorruptLedger", "is damaged", _corrupt),
    ("NotWritable", "it is a directory", lambda w: w.ledger("project", "kto-interleaved", "-o", w.folder)),
    ("NotWritable", "there is no directory", lambda w: w.ledger("project", "sft", "-o", w.folder / "no" / "x")),
    ("NotWritable", "ledger", lambda w: w.ledger("project", "kto-interleaved", "-o", w.path)),
    ("NotWritable", "No such file", lambda w: ["--ledger", w.folder / "no" / "l.db", "init"]),
    ("RolledBack", "does not continue", _rolled_back),
    ("HeadMoved", "not at the expected 7", lambda w: w.ledger("accept", w.sample, "--expected-head", "7")),
    ("InputNotFound", "No input at", lambda w: w.ledger("ingest", w.folder / "no.jsonl", "--campaign", "c")),
    ("InputNotFound", "No input at", lambda w: w.ledger("ingest", w.folder / "*.nothing", "--campaign", "c")),
    ("InputUnreadable", "the directory holds no", _no_form_of_reading),
    ("InputUnreadable", "UTF-16", _input("{}\n".encode("utf-16"))),
    ("InputUnreadable", "Cannot read", _input(gzip.compress(b'{"x": 1}\n' * 999)[:-9], "cut.jsonl.gz")),
    ("SourceClash", "same source name", _clash),
    ("ErasedBytes", "erased by the event", _erased),
    ("ArchiveInvalid", "not a sound archive", _cut_archive),
    ("Forked", "then went apart", _forked),
    ("NoSuchId", "Nothing in the ledger", lambda w: w.ledger("why", "00000000")),
    ("NoSuchId", "Nothing in the ledger", lambda w: w.ledger("withdraw", "@99999")),
    ("NoSuchId", "Nothing in the ledger", lambda w: w.ledger("withdraw", "@" + "9" * 30)),
    ("AmbiguousId", "fits 2 things", _ambiguous),
    ("NoSuchPosition", "ends at", lambda w: w.ledger("status", "--as-of", "99999")),
    ("BadRequest", "--as-of takes", lambda w: w.ledger("log", "--as-of", "9" * 40)),
    ("NoSuchPosition", "begins later", lambda w: w.ledger("status", "--as-of", "1999-01-01")),
    ("NotWithdrawable", "of the kind", lambda w: w.ledger("withdraw", "@0")),
    ("NoSuchProposal", "There is no proposal P0", lambda w: w.ledger("proposals", "show", "P0")),
    ("ProposalSettled", "was accepted already, at position", _settled),
    ("ContentRefused", "not a sample", _edit(b"{}")),
    ("ContentRefused", "not a sample", _edit(b"\xff")),
    ("PlanImpossible", "No sample can stand", lambda w: w.ledger("project", "val", "-o", w.folder / "x")),
    ("ManifestUnreadable", "is not a manifest", lambda w: w.ledger("rebuild", w.file("m", b"{}"))),
    ("ManifestUnreadable", "is not a manifest", lambda w: w.ledger("rebuild", w.folder / "none")),
    ("ManifestUnreadable", "is not a manifest", lambda w: w.ledger("rebuild", w.folder)),
    ("ManifestUnreadable", "version", _manifest(r'"manifest": 2', '"manifest": 99')),
    ("ForeignManifest", "names the ledger", _manifest(r'"ledger": "[0-9a-f]+"', f'"ledger": "{"0" * 32}"')),
    ("ForeignManifest", "position", _manifest(r'"position": \d+', '"position": 5000')),
    ("ForeignManifest", "not those it was made from", _manifest(r'"root": "b3:.{4}', '"root": "b3:0000')),
    ("NotReproduced", "not those of the manifest", _manifest(r'"blake3": "b3:.{4}', '"blake3": "b3:0000')),
    ("ExportChanged", "exists and differs", _changed_export),
    ("PolicyInvalid", "p.toml, line 2: ", _policy('name = "p"\nrules = ]')),
    ("PolicyInvalid", "line 4", _policy('name = "p"\n[[rule]]\nname = "low"\nreject = "quality <"')),
    ("PolicyInvalid", "line 3", _policy('name = "p"\n[threshold]\nmin_quality = nan\n')),
    ("NoPolicy", "No policy is in force", lambda w: w.ledger("decide")),
    ("NoPolicy", "No policy is in force", lambda w: w.ledger("whatif", "--set", "threshold.x=1")),
    ("InputNotFound", "No input at", lambda w: w.ledger("decide", "--policy", "no-such-policy")),
    ("BadRequest", "campaign", lambda w: w.ledger("rejections", "--campaign", "nobody's")),
    ("BadRequest", "threshold.min_quality", _set("threshold.min_qualtiy=0.3")),
    ("BadRequest", "domain.asm.min_quality", _set("domain.asm.min_quality=low")),
    ("ViewInvalid", "v.toml, line 2: ", _view('name = "v"\ntype = "kto"')),
    ("ViewInvalid", "of the condition", _view('name = "v"\nselect = "domain"')),
    ("BadRequest", "every ledger has a view", _view('name = "sft"')),
    ("BadRequest", "There is no view", lambda w: w.ledger("view", "show", "nonesuch")),
    ("InputNotFound", "No input at", lambda w: w.ledger("view", "define", "none.toml")),
    ("FloorNotMet", "cannot be met: train reaches 0", lambda w: w.ledger("split", "--floor", "train:no such tag=1")),
    ("BadRequest", "adds up to", lambda w: w.ledger("split", "--ratio", "90/5/6")),
    ("GatesInvalid", "gates.toml, line 2: ", _gates('[[gate]]\ncheck = "mood"')),
    ("GatesFailed", "pending is 45", _gates('[[gate]]\ncheck = "pending"\nmax = 0\nseverity = "error"')),
    ("TokenizerUnreadable", "is not a tokenizer", _tokenizer(b"{}")),
    ("BadRequest", "give --max-length too", lambda w: _project(w, "--tokenizer", "t.json")),
    ("BadRequest", "cannot have rows of the type preference", lambda w: _project(w, "--type", "preference")),
    ("BadRequest", "axolotl", lambda w: _project(w, "--type", "unpaired_preference", "--dialect", "axolotl")),
    ("NotRepresentable", "cannot be written as alpaca", _two_answers),
    ("PushFailed", "could not be pushed to a/b", _changed_release),
    ("BadRequest", "repository", lambda w: ["push", w.manifest, "../../etc"]),
    ("SchemaUnreadable", "is not a schema", _schemas(b"[1, 2]")),
    ("SchemaUnreadable", "is not a schema", _schemas(b"{")),
    ("NoSuchScorer", "There is no scorer", lambda w: w.ledger("score", "nonesuch")),
    ("ScoresUnreadable", "scores.jsonl, line 2", _scores("{")),
    ("ScoresUnreadable", "scores.jsonl, line 2", _scores('{"sample": "00000000", "scores": {"quality": 1}}')),
    ("ScoresUnreadable", "scores.jsonl, line 2", _scores('{"sample": "SAMPLE", "scores": {"quality": "good"}}')),
    ("ScoresUnreadable", "scores.jsonl, line 2", _scores('{"sample": "SAMPLE", "scores": {"quality": NaN}}')),
    ("ScoresUnreadable", "scores.jsonl, line 2", _scores('{"sample": "SAMPLE", "scores": {"quality": 1e999}}')),
    ("GraphUnreadable", "is not a knowledge graph", _graph(b"[]")),
    ("ConditionInvalid", "at character", _where("quality <")),
    ("ProofInvalid", "does not hold", _proof(b"event 1\n", b"event 2\n")),
    ("ProofInvalid", "the root of its head", _proof(b"", b"", "--head", "0" * 64)),
    ("ProofUnreadable", "cannot be read as a proof", lambda w: ["verify-proof", w.file("p", b"{}")]),
    ("ProofUnreadable", "no other tree", _proof(b"blake3", b"sha256")),
    ("KeyUnreadable", "cannot be used", lambda w: w.ledger("prove", "@1", "--key", w.file("k", b"x"))),
    ("DestinationExists", "is there already", lambda w: w.ledger("prove", "@1", "-o", w.file("notes", b"x"))),
    ("DestinationExists", "is there already", lambda w: ["keygen", w.file("k", b"x")]),
    ("SettingsInvalid", "line 2: packing cannot be set", lambda w: _train(w, config="seed = 1\npacking = true")),
    ("TrainerMissing", "unsloth cannot be imported: it", lambda w: _train(w, "--backend", "unsloth")),
    ("ReleaseUnfit", "its bytes are b3:", _changed_rows),
    ("ConditionInvalid", "at character", _where("__import__('os').system('true')")),
    ("NoApiKey", "ANTHROPIC_API_KEY is not set", _improve("--model", "claude-sonnet-4-6")),
    ("ModelUnknown", "not a name that a model can have", _improve("--provider", "openai", "--model", "../x")),
    (
        "ProviderUnreachable",
        "http://127.0.0.1:1 cannot be reached",
        _improve("--provider", "openai", "--model", "one-of-ours", "--price", "1/1"),
    ),
    (
        "SpecInvalid",
        "purpose is missing",
        lambda w: w.ledger("improve", "--spec", w.file("s.toml", b"name = 1"), "--campaign", "toolset", "--model", "m"),
    ),
    (
        "CorpusEmpty",
        "holds no text",
        lambda w: w.ledger(
            *("regenerate", "--spec", "persona-answers", "--corpus", w.file("c.jsonl", b"")),
            *("--campaign", "toolset", "--model", "m"),
        ),
    ),
    (
        "NoSuchCheckout",
        "Nothing was checked out as",
        lambda w: w.ledger("revise", "import", w.file("a.jsonl", b""), "--checkout", "abcdef"),
    ),
]
BY_NAME = {cls.__name__: cls for cls in all_errors()}


def _is_well_said(answer: Answer, cls: type[LedgerError], says: str) -> None:
    assert answer.code == cls.exit_code, answer.err
    error, *proof, step = answer.err.splitlines()
    assert bool(proof) == (cls.__name__ == "RolledBack")  # it alone shows more than a line can
    assert error.startswith("error: ")
    assert says in error
    assert step.startswith("next: ")
    assert len(step) > len("next: ")
    assert answer.out == ""


@pytest.mark.parametrize(
    ("name", "says", "provoke"), CASES, ids=[f"{name}-{number}" for number, (name, _, _) in enumerate(CASES)]
)
def test_an_error_says_what_is_wrong_and_what_to_do(world: World, name: str, says: str, provoke: Provoke) -> None:
    """The exit code is the class's, stderr holds message and next step, and the ledger is as it was."""
    arguments = provoke(world)
    before = world.fingerprint()

    answer = run(*arguments)

    _is_well_said(answer, BY_NAME[name], says)
    assert world.fingerprint() == before
    assert before[1] is True


def test_a_scorer_that_fails_too_often_stops(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the scorer of an installed package raises on more samples than allowed, nothing is recorded."""
    site = world.folder / "site"
    site.mkdir()
    install(site, "sample-failing", "failing", "failing = failing:Failing", FAILING)
    monkeypatch.syspath_prepend(site)
    before = world.fingerprint()

    answer = run(*world.ledger("score", "failing"))

    _is_well_said(answer, BY_NAME["ScorerFailed"], "The scorer failing failed on")
    assert world.fingerprint() == before
    assert run(*world.ledger("score", "failing", "--max-failures", "1")).code == 0


def test_with_json_the_error_is_a_document_too(world: World) -> None:
    """Programs read name, message, next step and exit code on stdout; people still read stderr."""
    answer = run(*world.ledger("why", "00000000", "--json"))

    error = answer.json["error"]
    assert error == {
        "name": "NoSuchId",
        "message": "Nothing in the ledger has the id 00000000.",
        "hint": BY_NAME["NoSuchId"].hint,
        "exit_code": 23,
    }
    assert answer.err.startswith("error: ")
    usage = run("project", "--json")
    assert (usage.json["error"]["name"], usage.code) == ("UsageError", 2)


def test_a_busy_ledger_is_waited_for_then_given_up(world: World) -> None:
    """Another writer holds the lock: stderr says so once, and after --wait seconds it is an error."""
    before = world.fingerprint()
    other = sqlite3.connect(world.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    answer = run(*world.ledger("accept", world.sample, "--wait", "0.6"))

    other.execute("ROLLBACK")
    other.close()
    assert answer.code == BY_NAME["LedgerBusy"].exit_code
    waiting, error, step = answer.err.splitlines()
    assert "is writing the ledger" in waiting
    assert "waited" in error
    assert "--wait" in step
    assert world.fingerprint() == before


def test_an_unsafe_journal_is_refused(world: World) -> None:
    """--wal is refused where the linked SQLite can corrupt such a file, and works where it cannot."""
    answer = run("--ledger", world.folder / "wal.db", "init", "--wal")

    if wal_is_safe():
        assert answer.code == 0
        assert run("--ledger", world.folder / "wal.db", "verify").code == 0
    else:
        _is_well_said(answer, BY_NAME["UnsafeJournal"], "not safe")
        assert not (world.folder / "wal.db").exists()


@pytest.fixture
def _a_kind_of_tomorrow(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """Append an event of a kind that only a later version knows."""
    kind = events.Kind("tasted", "somebody tasted it", ("flavour",), ("flavour",))
    with monkeypatch.context() as tomorrow:
        tomorrow.setitem(events.KINDS, "tasted", kind)
        with Ledger.open(world.path) as opened, opened._store.transaction() as transaction:  # noqa: SLF001 - no verb does this
            stamp = events.Stamp("someone", "api", transaction.at, transaction.next_position)
            transaction.append([events.draft("tasted", None, None, {"flavour": "salty"})], stamp)


@pytest.mark.usefixtures("_a_kind_of_tomorrow")
def test_an_event_of_a_later_version_is_named(world: World) -> None:
    """Views cannot be folded over an event that is not known; verify names it, and nothing is changed."""
    before = world.path.read_bytes()

    answer = run(*world.ledger("rebuild-views"))

    _is_well_said(answer, BY_NAME["UnknownEvent"], "tasted v1")
    assert "event_unknown" in run(*world.ledger("verify")).out
    assert world.path.read_bytes() == before


@pytest.fixture
def read_only() -> Callable[..., Answer]:
    """Return what runs the program in a folder where nothing can be written, whoever runs the tests."""

    def run_there(folder: Path, *arguments: object) -> Answer:
        for path in (*folder.iterdir(), folder):
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            probe = program(cwd=folder, bash="touch probe", before=without_powers)
            if probe.code == 0:
                pytest.skip("this system lets root write everywhere")
            return program(*arguments, cwd=folder, before=without_powers)
        finally:
            for path in (folder, *folder.iterdir()):
                path.chmod(0o755 if path.is_dir() else 0o644)

    return run_there


def test_views_of_another_version_that_cannot_be_written(world: World, read_only: Callable[..., Answer]) -> None:
    """In a place that cannot be written, views that other code made are refused, not silently used."""
    world.sql(world.path, "UPDATE projection SET code = x'00'")

    answer = read_only(world.folder, *world.ledger("status"))

    _is_well_said(answer, BY_NAME["StaleViews"], "made by another version")
    assert run(*world.ledger("status")).code == 0, "where it can be written the views are made again"


def test_a_read_only_directory_can_be_read_but_not_written(world: World, read_only: Callable[..., Answer]) -> None:
    """Reading works; writing is an error that names the place."""
    before = world.fingerprint()

    reading = read_only(world.folder, *world.ledger("status"))
    writing = read_only(world.folder, *world.ledger("accept", world.sample))
    exporting = read_only(world.folder, *world.ledger("project", "kto-interleaved", "-o", world.folder / "new.jsonl"))
    making = read_only(world.folder, "--ledger", world.folder / "new.db", "init")

    assert reading.code == 0, reading.err
    _is_well_said(writing, BY_NAME["NotWritable"], "read-only")
    assert exporting.code == making.code == BY_NAME["NotWritable"].exit_code
    assert world.fingerprint() == before
    assert not (world.folder / "new.db").exists()


def test_a_full_disk_stops_an_ingest_and_loses_nothing(world: World) -> None:
    """With no room the command fails with a next step; with room again the same command succeeds."""
    rows = ({"prompt": f"p{n}", "completion": "c" * 2000} for n in range(2000))
    big = world.file("big.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    before = world.fingerprint()

    answer = program(
        *world.ledger("ingest", big, "--campaign", "c"),
        cwd=world.folder,
        before=small_files(world.path.stat().st_size + 500_000),
    )

    assert answer.code in {BY_NAME["DiskFull"].exit_code, BY_NAME["StorageFailed"].exit_code}, answer
    assert answer.err.splitlines()[-1].startswith("next: ")
    assert "Traceback" not in answer.err
    assert world.fingerprint() == before
    again = run(*world.ledger("ingest", big, "--campaign", "c", "--json"))
    assert again.json["new"] == 2000


def test_a_full_disk_stops_an_export_and_leaves_no_piece(world: World) -> None:
    """An export that does not fit leaves no file and no draft."""
    before = world.fingerprint()
    files = _files(world)

    answer = program(
        *world.ledger("project", "kto-interleaved", "-o", world.folder / "new.jsonl"),
        cwd=world.folder,
        before=small_files(20_000),
    )

    assert answer.code in {BY_NAME["DiskFull"].exit_code, BY_NAME["StorageFailed"].exit_code}, answer
    assert "Traceback" not in answer.err
    assert _files(world) == files
    assert world.fingerprint() == before


def _files(world: World) -> list[str]:
    return sorted(path.name for path in world.folder.iterdir() if not path.name.endswith("-journal"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("arguments", [["status"], ["status", "--json"], ["--help"], ["show", "zz", "--json"]])
def test_an_answer_that_cannot_be_written_is_an_error(world: World, arguments: list[str]) -> None:
    """A full disk behind stdout is reported on stderr, not as a traceback."""
    command = 'exec "$0" "$@" > /dev/full'

    answer = program(*world.ledger(*arguments), cwd=world.folder, bash=command)

    assert answer.code == BY_NAME["DiskFull"].exit_code
    assert "error: No room to write: standard output." in answer.err
    assert "Traceback" not in answer.err
    assert "Exception ignored" not in answer.err


def test_closed_streams_are_no_traceback(world: World) -> None:
    """A closed stdin, stdout or stderr is no reason to fail with a traceback."""
    for arguments, line, code in (
        (["status"], 'exec "$0" "$@" >&-', 0),
        (["accept", "-"], 'exec "$0" "$@" <&-', 21),
        (["ingest", "-", "--campaign", "c"], 'exec "$0" "$@" <&-', 21),
        (["show", "zz"], 'exec "$0" "$@" 2>&-', 4),
        (["show", "zz", "--json"], 'exec "$0" "$@" >&-', 4),
    ):
        answer = program(*world.ledger(*arguments), cwd=world.folder, bash=line)

        assert (answer.code, "Traceback" in answer.err) == (code, False), answer


def test_a_command_line_that_is_not_utf_8_is_refused(world: World) -> None:
    """Bytes that are not text cannot stand in an event; the option that holds them is named."""
    bad = os.fsdecode(b"caf\xe9")
    before = world.fingerprint()

    for arguments in (
        ["ingest", world.folder / "out.jsonl", "--campaign", bad],
        ["reject", world.sample, "--reason", bad],
        ["tag", world.sample, "--set", f"k={bad}"],
        ["accept", world.sample, "--actor", bad],
        ["split", "--seed", bad],
        ["project", "kto-interleaved", "-o", world.folder / bad],
        ["status", "--as-of", bad],
        ["show", bad],
    ):
        answer = run(*world.ledger(*arguments))

        assert answer.code in {2, 4}, arguments
    assert world.fingerprint() == before


def test_no_next_step_leads_back_to_itself(world: World) -> None:
    """Neither to `verify` where it cannot open the file, nor to `init` where a file of nothing has the name."""
    copy = world.copy()
    data = copy.read_bytes()
    copy.write_bytes(data[:200] + b"\xa5" * (len(data) - 200))
    for verb in ("status", "verify"):
        answer = run("--ledger", copy, verb)
        assert answer.code == BY_NAME["CorruptLedger"].exit_code, answer.err
        assert "restore a good copy" in answer.err
        assert "ledger verify" not in answer.err
    empty = world.file("empty.db", b"")
    assert "next: Remove that file first" in run("--ledger", empty, "status").err


def test_every_class_is_documented_and_has_its_own_code() -> None:
    """Codes are unique, clear of 0, 1, 2 and of what shells use, and each class has a message and a next step."""
    classes = all_errors()

    codes = [cls.exit_code for cls in classes]
    assert len(set(codes)) == len(codes)
    assert all(3 <= code < 126 for code in codes)
    for cls in classes:
        assert cls.__doc__
        assert cls.hint.strip().endswith((".", "}}."))
    assert "exit_code" in vars(LedgerError)
    assert all("exit_code" in vars(cls) and "hint" in vars(cls) for cls in classes)


def test_every_class_is_provoked() -> None:
    """A class that no test here can reach is either dead or untested."""
    reached = {name for name, _, _ in CASES}
    elsewhere = {
        "ClientMissing",
        "CodecMissing",
        "CopyFailed",
        "DiskFull",
        "Interrupted",
        "LedgerBusy",
        "ModelUnreadable",  # these three need a trainer: tests_train
        "NotConfirmed",
        "PriceUnknown",
        "OrderBroken",
        "SampleChanged",  # a page's: test_review_deciding
        "ScorerFailed",
        "StaleViews",
        "StorageFailed",
        "TrainingStopped",
        "UnknownEvent",
        "UnsafeJournal",
        "WorkStopped",
    }
    never = {"LedgerError", "BrokenLaw"}  # the base, and what only a bug can raise

    assert reached | elsewhere | never == set(BY_NAME)
    assert not reached & never
