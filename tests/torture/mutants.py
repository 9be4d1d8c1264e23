"""R15: seeded faults. Each is one exact edit of the program; a named test of `make test` must fail with it.

The tests run in a copy of the tree. A fault that no test notices is a test that is missing, and so is one whose test
fails for another reason than an assertion it makes: the message of a broken import kills nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.cli import ROOT
from tests.torture.table import Row, Scale, row

SECONDS = 300
FAILED, HUNG = 1, 124
"""pytest's exit code where tests ran and some failed, which alone is noticing; and ours for one that does not end."""
NEEDED = ("ledger", "commands", "tests", "docs", "pyproject.toml", "README.md")
SHORT = 2
"""Faults tried in `make test`: of many, evenly."""


class Mutant(NamedTuple):
    """A fault: what it is, where, the text that stands there once and what takes its place, and who must notice."""

    what: str
    file: str
    old: str
    new: str
    test: str


def _of(file: str, tests: str, *faults: tuple[str, str, str, str]) -> Iterator[Mutant]:
    """Yield faults of one module, most of which the module's own tests notice."""
    for what, old, new, test in faults:
        yield Mutant(what, file, old, new, test if test.startswith("tests/") else f"{tests}::{test}")


MUTANTS: tuple[Mutant, ...] = (
    *_of(
        "ledger/tree.py",
        "tests/test_tree.py",
        ("a leaf is hashed like a node", '_LEAF = b"\\x00"', '_LEAF = b"\\x01"', "test_roots_are_the_published_ones"),
        (
            "left and right are swapped",
            "return h(_NODE + left + right)",
            "return h(_NODE + right + left)",
            "test_roots_are_the_published_ones",
        ),
        (
            "left and right are swapped where rows are paired",
            "return [h(_NODE + left + right) for",
            "return [h(_NODE + right + left) for",
            "test_peaks_are_the_perfect_subtrees",
        ),
        (
            "new peaks stand in the wrong order",
            "(*peaks, *reversed(fresh))",
            "(*peaks, *fresh)",
            "test_peaks_are_the_perfect_subtrees",
        ),
        (
            "a proof of inclusion may be too short",
            "return sn == 0 and found == root",
            "return found == root",
            "test_all_vectors_agree",
        ),
        (
            "a leaf beyond the end can be proven",
            "if not 0 <= index < size or not _all_hashes((leaf_hash, root, *proof)):",
            "if not 0 <= index <= size or not _all_hashes((leaf_hash, root, *proof)):",
            "test_all_vectors_agree",
        ),
        (
            "a proof of consistency says nothing of the first root",
            "return sn == 0 and old == first_root and new == second_root",
            "return sn == 0 and new == second_root",
            "test_all_vectors_agree",
        ),
        (
            "two roots of one size are always consistent",
            "return not proof and first_root == second_root",
            "return not proof",
            "test_a_tree_is_consistent_with_itself_alone",
        ),
        (
            "tiles are made on the first level only",
            "level, first, row = level + 1, begin // TILE, roots",
            "level, first, row = level + 1, begin // TILE, roots[:0]",
            "test_tiles_of_tiles",
        ),
        (
            "the tile at the edge is counted twice",
            "[bool(to_edge) :]",
            "[0:]",
            "test_any_cut_gives_the_same_tree",
        ),
        (
            "the wrong subtree is split off",
            "return 1 << ((size - 1).bit_length() - 1)",
            "return 1 << max((size - 1).bit_length() - 2, 0)",
            "test_roots_are_the_published_ones",
        ),
    ),
    *_of(
        "ledger/transaction.py",
        "tests/test_store.py",
        ("time goes back", "self.at = max(clock(), head.at)", "self.at = clock()", "test_time_never_goes_back"),
        (
            "complete tiles are not stored",
            'INSERT INTO tile (level, idx, hashes, root) VALUES (?, ?, ?, ?)", tiles)',
            'INSERT INTO tile (level, idx, hashes, root) VALUES (?, ?, ?, ?)", [])',
            "test_the_root_at_every_position_is_the_one_by_definition",
        ),
        (
            "a head does not say how many blobs there are",
            "(SELECT coalesce(max(id), 0) FROM blob)",
            "(SELECT 0 FROM blob)",
            "tests/test_audit.py::test_an_honest_ledger_has_no_finding",
        ),
        (
            "nothing is known, so everything is done again",
            "SELECT op, position FROM event WHERE op IN ({})",
            "SELECT op, position FROM event WHERE op IN ({}) AND 0",
            "tests/test_verbs_ingest.py::test_again_appends_nothing",
        ),
        (
            "only the first thousand are looked up",
            "        for chunk in in_chunks(keys):",
            "        for chunk in [*in_chunks(keys)][:1]:",
            "test_looking_up_more_than_one_statement_holds",
        ),
    ),
    *_of(
        "ledger/store.py",
        "tests/test_store.py",
        (
            "the expected head is not compared",
            "if expected_head is not None and head.position != expected_head:",
            "if expected_head is not None and head.position < expected_head:",
            "test_expected_head",
        ),
        (
            "views are not folded in the commit",
            "                self.seal(self.connection)",
            "                pass",
            "tests/test_projection.py::test_the_fold_follows_each_commit",
        ),
        (
            "commits are not witnessed",
            "            self._remember(new_head)",
            "            pass",
            "tests/test_witness.py::test_a_commit_is_remembered_at_once",
        ),
        (
            "a ledger that was cut short is opened",
            "if now.position + 1 < seen.size:",
            "if now.position + 1 < 0:",
            "tests/test_witness.py::test_an_older_copy_put_back_is_refused_and_found",
        ),
        (
            "a ledger that was rewritten is opened",
            "if self.root_at(seen.size - 1) != seen.root:",
            'if self.root_at(seen.size - 1) == b"":',
            "tests/test_witness.py::test_other_events_at_the_same_place_are_refused_and_found",
        ),
        (
            "a moment is the commit before it",
            "WHERE at <= ? ORDER BY size DESC LIMIT 1",
            "WHERE at < ? ORDER BY size DESC LIMIT 1",
            "tests/test_laws.py::test_law_4_as_of_a_time_is_the_last_head_not_later",
        ),
        (
            "a step that changes the log is let through",
            "if _last_head(connection) != before:",
            "if _last_head(connection) is None:",
            "tests/test_migrations.py::test_a_step_that_changes_the_log_is_refused",
        ),
        (
            "the name of a new ledger is not made durable",
            "os.fsync(directory)",
            "os.fstat(directory)",
            "tests/test_durability.py::test_a_new_ledger_is_durable_once_it_is_there",
        ),
        (
            "the counter of blobs is that of the last commit",
            "return max(int(blobs), int(self.connection.execute(sql, (size, position)).fetchone()[0]))",
            "return int(blobs)",
            "test_blobs_inside_a_commit",
        ),
    ),
    *_of(
        "ledger/sqlite.py",
        "tests/test_sqlite.py",
        ("commits are not flushed", '"synchronous = FULL"', '"synchronous = NORMAL"', "test_settings"),
        (
            "erased bytes stay in free pages",
            '"secure_delete = ON",\n        "temp',
            '"secure_delete = OFF",\n        "temp',
            "test_settings",
        ),
        ("replaced rows trigger nothing", '"recursive_triggers = ON"', '"recursive_triggers = OFF"', "test_settings"),
        (
            "the journal is deleted, not truncated",
            "PRAGMA journal_mode = TRUNCATE",
            "PRAGMA journal_mode = DELETE",
            "test_settings",
        ),
        (
            "a withdrawn SQLite may use WAL",
            "return version[:2] != (3, 52)",
            "return True",
            "test_which_sqlite_may_use_wal",
        ),
        ("the write lock is taken late", '"BEGIN IMMEDIATE"', '"BEGIN DEFERRED"', "test_waiting_for_another_writer"),
        (
            "our own connection may change the log",
            'refused = schema != "temp" and first in LOG_TABLES',
            'refused = schema == "temp" and first in LOG_TABLES',
            "test_our_own_connection_is_refused",
        ),
        (
            "our own connection may drop guards",
            "        refused = of_log\n",
            "        refused = False\n",
            "test_our_own_connection_is_refused",
        ),
        (
            "what fails half-way stays open",
            '        if connection.in_transaction:\n            connection.execute("ROLLBACK")\n\n\ndef watch',
            '        if connection.in_transaction:\n            connection.execute("COMMIT")\n\n\ndef watch',
            "tests/test_store.py::test_everything_of_a_commit_or_nothing",
        ),
    ),
    *_of(
        "ledger/witness.py",
        "tests/test_witness.py",
        (
            "an earlier commit overwrites a later one",
            "if before is not None and before.size >= seen.size:",
            "if before is not None and before.size < 0:",
            "test_a_witness_never_goes_back",
        ),
        (
            "a witness is not made durable",
            "os.fsync(stream.fileno())",
            "stream.fileno()",
            "tests/test_durability.py::test_a_witness_is_durable_before_it_is_there",
        ),
        (
            "two writers of a witness do not wait",
            "fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)",
            "fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)",
            "test_a_slow_writer_does_not_undo_a_later_one",
        ),
        (
            "a copy has the witness of its original",
            'key = digest_of({"ledger": ledger_id, "path": _plain(ledger)})',
            'key = digest_of({"ledger": ledger_id})',
            "test_a_copy_registers_its_own",
        ),
    ),
    *_of(
        "ledger/migrations.py",
        "tests/test_torture_attacks.py",
        (
            "events can be deleted",
            "BEFORE DELETE ON event\n        BEGIN SELECT raise(ABORT, 'events are append only'); END",
            "BEFORE DELETE ON event\n        BEGIN SELECT 1; END",
            "tests/test_laws.py::test_law_1_append_only",
        ),
        (
            "an event said twice replaces the first",
            "OR EXISTS (SELECT 1 FROM event WHERE op = NEW.op)",
            "OR EXISTS (SELECT 1 FROM event WHERE op = NEW.op AND 0)",
            "test_the_guards_refuse",
        ),
        (
            "a head can be earlier than the last",
            "OR NEW.at < (SELECT coalesce(max(at), 0) FROM head",
            "OR NEW.at < (SELECT 0 * coalesce(max(at), 0) FROM head",
            "test_the_guards_refuse",
        ),
        (
            "an erasure can change the address too",
            "NEW.body IS NULL AND NEW.id = OLD.id AND NEW.hash = OLD.hash AND NEW.size = OLD.size",
            "NEW.body IS NULL AND NEW.id = OLD.id AND NEW.size = OLD.size",
            "test_the_guard_of_blobs_lets_nothing_go_but_bytes",
        ),
        (
            "bytes can go without an event",
            "AND EXISTS (SELECT 1 FROM event WHERE kind = 'erased' AND blob = OLD.id))",
            "AND NOT EXISTS (SELECT 1 FROM event WHERE kind = 'erased' AND blob = OLD.id))",
            "test_the_guard_of_blobs_lets_nothing_go_but_bytes",
        ),
    ),
    *_of(
        "ledger/audit.py",
        "tests/test_audit.py",
        (
            "a missing event is not missed",
            "if position != self._last + 1:",
            "if position < self._last + 1:",
            "test_each_attack_has_its_finding[an event is deleted]",
        ),
        (
            "what an event says is not compared with its op",
            'if op_of(said["kind"], said) != op:',
            'if op_of(said["kind"], said) == b"":',
            "test_each_attack_has_its_finding[a leaf is changed]",
        ),
        (
            "a changed view is not found",
            "            if one != other:",
            "            if one is None:",
            "test_each_attack_has_its_finding[a view's row is changed]",
        ),
        (
            "bytes that are gone are not missed",
            "                if not erased:",
            "                if erased:",
            "test_each_attack_has_its_finding[bytes are gone without an event]",
        ),
        (
            "a rollback is not a finding",
            'self.find("rolled_back"',
            'str("rolled_back"',
            "tests/test_witness.py::test_an_older_copy_put_back_is_refused_and_found",
        ),
        (
            "SQLite's own check is left out",
            'if line != "ok":',
            'if line == "":',
            "test_what_only_sqlite_can_see_is_a_finding",
        ),
    ),
    *_of(
        "ledger/audit_tree.py",
        "tests/test_audit.py",
        (
            "the times of heads are not compared",
            "made = [frontier.root(), frontier.to_bytes(), last.at,",
            "made = [frontier.root(), frontier.to_bytes(), said[2],",
            "test_each_attack_has_its_finding[the time of a head is changed]",
        ),
    ),
    *_of(
        "ledger/projection.py",
        "tests/test_projection.py",
        (
            "views ahead of the log are folded on",
            "if position is None or position > last:",
            "if position is None:",
            "test_views_ahead_of_the_log_are_made_again",
        ),
        (
            "views of other code are trusted",
            "return row[0] if row is not None and row[1] == _CODE else None",
            "return row[0] if row is not None else None",
            "test_views_of_another_version_are_made_again_when_opened",
        ),
        (
            "what changes is counted twice",
            "        rollups.take_off(connection, span)\n",
            "",
            "test_the_fold_follows_each_commit",
        ),
        (
            "unknown events are folded",
            "if not is_known(kind, v)",
            "if not kind",
            "test_unknown_events_stop_every_fold_and_change_nothing",
        ),
    ),
    *_of(
        "ledger/digest.py",
        "tests/test_digest.py",
        (
            "keys are not sorted",
            "_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER",
            "_OPTIONS = orjson.OPT_STRICT_INTEGER",
            "test_three_encoders_agree",
        ),
        (
            "other spellings are read",
            "    if encode(value) != raw:",
            '    if encode(value) == b"":',
            "tests/test_torture_vectors.py::test_every_vector_agrees",
        ),
        (
            "a key need not be ASCII",
            'return "".join(value).isascii() and _are_restricted(value.values())',
            'return bool("".join(value) + "x") and _are_restricted(value.values())',
            "tests/test_torture_vectors.py::test_every_vector_agrees",
        ),
        (
            "white space is skipped in a digest",
            "if len(digits) != 2 * DIGEST_BYTES or not digits.isalnum():",
            "if len(digits) != 2 * DIGEST_BYTES:",
            "test_what_is_no_whole_digest_is_refused",
        ),
    ),
    *_of(
        "ledger/event.py",
        "tests/test_event.py",
        (
            "a weight is the same whatever it is",
            '("after", "authority", "policy", "sample", "times"),\n    ),\n    Kind(\n        "edited"',
            '("after", "authority", "policy", "sample"),\n    ),\n    Kind(\n        "edited"',
            "test_ops_are_frozen",
        ),
        (
            "a draft may lack a field",
            "if fields.keys() != KINDS[kind].names:",
            "if fields.keys() - KINDS[kind].names:",
            "test_a_draft_has_exactly_its_fields",
        ),
        (
            "old leaves are raised by one step only",
            'while (step := UPCASTERS.get((leaf["kind"], leaf["v"]))) is not None:',
            'if (step := UPCASTERS.get((leaf["kind"], leaf["v"]))) is not None:',
            "test_old_leaves_are_raised",
        ),
        (
            "a newer version of a kind is folded",
            "return kind in KINDS and KINDS[kind].v == v",
            "return kind in KINDS",
            "tests/test_projection.py::test_a_newer_version_of_a_known_kind_is_unknown",
        ),
    ),
    *_of(
        "ledger/sample.py",
        "tests/test_sample.py",
        (
            "equivalent texts are two texts",
            'unicodedata.normalize("NFC", whole)',
            'unicodedata.normalize("NFKC", whole)',
            "test_different_texts_differ_where_only_compatible",
        ),
        (
            "a key may stand twice",
            "if len(value) != len(pairs):",
            "if len(value) > len(pairs):",
            "test_what_is_not_strict_json_is_refused",
        ),
        (
            "nesting may be one deeper",
            "MAX_DEPTH = 100",
            "MAX_DEPTH = 101",
            "test_the_limits_are_exact",
        ),
        (
            "the ids of calls count",
            '_CALL_KEYS = frozenset({"arguments", "function", "id", "index", "name", "type"})',
            '_CALL_KEYS = frozenset({"arguments", "function", "index", "name", "type"})',
            "test_fingerprints_are_those_of_the_definition",
        ),
        (
            "the occurrence is no part of a sample's identity",
            '"nth": nth, "source": source})',
            '"nth": 0, "source": source})',
            "tests/test_event.py::test_ops_are_frozen",
        ),
        (
            "infinity is a number",
            "if number in _INFINITE:",
            "if number is _INFINITE:",
            "test_what_is_not_strict_json_is_refused",
        ),
    ),
    *_of(
        "ledger/verbs/ingest.py",
        "tests/test_verbs_ingest.py",
        (
            "the last line of a batch is left out",
            "            batch.append(ahead)\n",
            "            batch.append(ahead) if len(batch) < BATCH_LINES - 1 else None\n",
            "test_the_cut_into_batches_does_not_show",
        ),
        (
            "a batch ends only at its lines",
            "len(batch) < BATCH_LINES and size < BATCH_BYTES",
            "len(batch) < BATCH_LINES",
            "test_a_batch_ends_at_its_bytes_too",
        ),
        (
            "counts need not add up",
            '    conserve("lines", report.lines, parts)\n    if',
            "    if",
            "test_a_line_without_a_fate_stops_the_command",
        ),
    ),
    *_of(
        "ledger/verbs/files.py",
        "tests/test_durability.py",
        (
            "an export is not made durable",
            "            os.fsync(self._open.fileno())",
            "            self._open.fileno()",
            "test_an_export_is_durable_before_its_manifest",
        ),
        (
            "the name of an export is not made durable",
            "os.fsync(number)",
            "os.fstat(number)",
            "test_an_export_is_durable_before_its_manifest",
        ),
    ),
    *_of(
        "ledger/verbs/take.py",
        "tests/test_verbs_ingest.py",
        (
            "the same bytes twice are one sample",
            "            counts[key] = nth + 1\n",
            "            counts[key] = 0\n",
            "test_each_occurrence_of_a_line_is_a_sample",
        ),
        (
            "a line that is a sample already is new",
            "fresh = [line for line in lines if line.op not in known and line.birth not in known]",
            "fresh = [line for line in lines if line.op not in known]",
            "test_a_line_that_is_a_sample_already_is_known_even_if_misread",
        ),
    ),
)


def run(scale: Scale) -> Row:
    """Try each fault in a copy of the tree; in full after all tests have passed there without any.

    In short that is left out: the tests that are named run beside this one in `make test`.
    """
    chosen = MUTANTS if scale == "full" else MUTANTS[:: len(MUTANTS) // SHORT][:SHORT]
    with tempfile.TemporaryDirectory() as name:
        tree = copied(Path(name) / "tree")
        problems = [*unfit(chosen), *(_sound(tree, chosen) if scale == "full" else ())]
        problems += [problem for each in chosen if (problem := survives(tree, each))]
    modules = ", ".join(dict.fromkeys(Path(each.file).stem for each in chosen))
    return row("R15", "mutants", "one seeded fault at a time; a named test must fail", len(chosen), problems, modules)


def unfit(chosen: Sequence[Mutant]) -> Iterator[str]:
    """Yield a sentence for each fault whose text does not stand exactly once where it is said to stand."""
    for each in chosen:
        count = (ROOT / each.file).read_text(encoding="utf-8").count(each.old)
        if count != 1:
            yield f"{each.what}: its text stands {count} times in {each.file}"


def copied(tree: Path) -> Path:
    """Return a copy of what the tests need, in a new folder."""
    tree.mkdir()
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copyfile(source, tree / name)
    return tree


def survives(tree: Path, mutant: Mutant) -> str:
    """Make one fault in the tree, run its test, take the fault back; return what is wrong if it was not noticed."""
    file = tree / mutant.file
    sound = file.read_text(encoding="utf-8")
    file.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        code, said = _tested(tree, [mutant.test])
    finally:
        file.write_text(sound, encoding="utf-8")
    if code == FAILED:
        return ""
    how = "was not noticed" if code == 0 else f"could not be tried ({code}): {said[-300:]}"
    return f"{mutant.what} ({mutant.file}) {how} by {mutant.test}"


def _sound(tree: Path, chosen: Sequence[Mutant]) -> Iterator[str]:
    code, said = _tested(tree, sorted({each.test for each in chosen}), seconds=20 * SECONDS)
    if code:
        yield f"without any fault the tests do not pass: {said[-500:]}"


def _tested(tree: Path, tests: Sequence[str], seconds: int = SECONDS) -> tuple[int, str]:
    """Run tests in the tree, in one process; return pytest's exit code, or HUNG, and what it said."""
    options = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", "--no-header", "--tb=line")
    names = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    names = {name: value for name, value in names.items() if not name.startswith(("COV_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", *options, *tests]
    try:
        done = subprocess.run(command, cwd=tree, env=names, capture_output=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        return HUNG, f"no end after {seconds} s"
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")
