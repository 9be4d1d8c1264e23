"""The law of the codec: however bytes are stored, and whenever that changes, the ledger is the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from ledger import Ledger
from tests.logs import Ticks, log_rows, sample_ids, store_of, tables
from tests.small import chat, write
from tests.test_laws import Laws

CODECS = st.sampled_from(["zstd", "none", None])
Command = Callable[[Ledger, Path], object]


class Packed(Laws):
    """All laws of the ledger, in a file that is compacted between any two commands."""

    @rule(codec=CODECS)
    def compact(self, codec: str | None) -> None:
        """Check that nothing moves: log, bytes, views and head are the same."""
        store = store_of(self.ledger)
        before = self._seen(), store.head(), tables(store.connection)
        self.ledger.compact(codec=codec)
        assert before == (self._seen(), store.head(), tables(store.connection))

    def _seen(self) -> object:
        rows = {name: rows for name, rows in log_rows(self.path).items() if name != "blob"}
        sql = "SELECT id, hash, size, body FROM blob ORDER BY id"
        return rows, store_of(self.ledger).connection.execute(sql).fetchall()


TestPacked = Packed.TestCase
TestPacked.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)


def _lines(first: int) -> list[dict[str, Any]]:
    return [
        chat(f"What is {n} and {n}?", f"The number that was asked for is {n + n}.", label=n % 2 == 0)
        for n in range(first, first + 60)
    ]


def _ingest(first: int) -> Command:
    def run(ledger: Ledger, folder: Path) -> object:
        return ledger.ingest([write(folder / f"{first}.jsonl", *_lines(first))], campaign="c")

    return run


def _project(ledger: Ledger, folder: Path) -> object:
    ledger.project("kto-interleaved", folder / "out.jsonl", batch_size=2)
    return (folder / "out.jsonl").read_bytes(), (folder / "out.jsonl.manifest.json").read_bytes()


COMMANDS: list[Command] = [
    _ingest(40),
    _ingest(100),
    lambda ledger, _: ledger.accept(sample_ids(ledger)[::2], reason="good"),
    lambda ledger, _: ledger.edit(sample_ids(ledger)[4], json.dumps(chat("Edited", "by hand")).encode()),
    lambda ledger, _: ledger.split("80/10/10", seed="s"),
    lambda ledger, _: ledger.duplicates(near=0.8),
    lambda ledger, _: ledger.validate(),
    lambda ledger, _: ledger.withdraw(["@70"], reason="no"),
    _project,
]


def _tell(value: object) -> str:
    """Return an answer without what depends on the clock of this computer."""
    text = json.dumps(value, default=repr, sort_keys=True)
    kept = json.loads(text)
    return json.dumps({**kept, "seconds": 0}, sort_keys=True) if isinstance(kept, dict) else text


def _run(path: Path, plan: list[int], between: list[str | None] | None) -> list[object]:
    """Run commands on a ledger, compacting before each where `between` says how; return all that can be seen."""
    seen: list[object] = []
    with Ledger.open(path, clock=Ticks()) as ledger:
        for number, command in enumerate([0, *plan, len(COMMANDS) - 1]):
            if between is not None:
                ledger.compact(codec=between[number % len(between)])
            try:
                seen.append(_tell(COMMANDS[command](ledger, path.parent)))
            except Exception as error:  # noqa: BLE001 - what is refused is refused in both
                seen.append((type(error).__name__, str(error).replace(str(path.parent), "")))
        ids = sample_ids(ledger)
        seen += [ids, ledger.status()["head"], [(ledger.show(one), ledger.why(one)) for one in ids[::9]]]
        seen.append([ledger.verify()["findings"], ledger.log(limit=20)])
    return seen


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of an empty ledger, so that all copies of it are one ledger."""
    path = tmp_path_factory.mktemp("empty") / "ledger.db"
    Ledger.init(path).close()
    return path


@settings(max_examples=8)
@given(
    plan=st.lists(st.integers(0, len(COMMANDS) - 1), min_size=1, max_size=5),
    between=st.lists(CODECS, min_size=1, max_size=4),
)
def test_compacting_between_commands_changes_nothing(
    empty: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    plan: list[int],
    between: list[str | None],
) -> None:
    """Ids, root, answers, exports, reasons and findings are the same with any compactions between the commands."""
    seen = []
    for how in (None, between):
        folder = tmp_path_factory.mktemp("one")
        monkeypatch.setenv("LEDGER_WITNESS_DIR", str(folder))
        (folder / "in").mkdir()
        seen.append(_run(Path(shutil.copyfile(empty, folder / "in" / "ledger.db")), plan, how))
    assert seen[0] == seen[1]
