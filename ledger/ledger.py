"""The one door: class Ledger, one method per verb. Commands, servers and programs all come through here.

Every method returns plain values with stable keys (docs/formats.md). Methods that write take the ledger's actor, and
most take `expected_head`: the position that the caller believes the log ends at, refused with HeadMoved otherwise.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ledger import projection, sqlite, store
from ledger.audit import ERROR, Audit
from ledger.errors import BadRequest, LedgerNotFound, StaleViews, UnsafeJournal
from ledger.exporters.eligibility import OMISSIONS
from ledger.exporters.manifest import head_json
from ledger.readers.lines import find_inputs
from ledger.reports import history
from ledger.reports.show import show as show_report
from ledger.reports.status import status as status_report
from ledger.reports.why import why as why_report
from ledger.transaction import Clock, system_clock
from ledger.verbs import decide, ingest, split, verify_export
from ledger.verbs.ids import find_sample, short_ids, whole_id
from ledger.verbs.moment import reading
from ledger.verbs.plans import ProjectParams
from ledger.verbs.project import project
from ledger.verbs.quarantine import quarantined, quarantined_line
from ledger.verbs.rebuild import rebuild
from ledger.verbs.run import Who, default_actor
from ledger.verbs.words import plain_text, whole_number
from ledger.views import releases

FILE_NAME = "ledger.db"
ENVIRONMENT = "LEDGER_PATH"

Answer = dict[str, Any]
Progress = Callable[[str, int, int], None]


def _silent(_what: str, _done: int, _total: int) -> None:
    return


def find_ledger(start: Path | None = None) -> Path:
    """Return LEDGER_PATH, else the `ledger.db` in `start` (default: here) or the nearest parent that has one.

    Raises LedgerNotFound.
    """
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise LedgerNotFound(here / FILE_NAME)


class Ledger:
    """An open ledger. Use as a context manager, or call `close`."""

    def __init__(self, opened: store.Store, who: Who) -> None:
        """Wrap an open store; use `init` or `open`."""
        self._store = opened
        self._who = who
        projection.prepare(opened.connection)
        opened.seal = projection.catch_up

    @classmethod
    def init(
        cls,
        path: str | Path = FILE_NAME,
        *,
        actor: str | None = None,
        via: str = "api",
        clock: Clock = system_clock,
        wal: bool = False,
    ) -> Self:
        """Create an empty ledger at `path` and open it.

        `wal` asks for write-ahead logging (many small concurrent commits); it is refused with UnsafeJournal where
        the linked SQLite can corrupt it. Raises LedgerExists, NotWritable.
        """
        if wal and not sqlite.wal_is_safe():
            raise UnsafeJournal(sqlite.sqlite_version())
        who = Who(actor or default_actor(), via)
        opened = store.create(Path(path).absolute(), clock=clock, wal=wal)
        made = cls(opened, who)
        try:
            made.rebuild_views()
        except BaseException:
            opened.close()
            raise
        return made

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        actor: str | None = None,
        via: str = "api",
        clock: Clock = system_clock,
        wait: float = sqlite.WAIT_SECONDS,
        on_wait: sqlite.OnWait | None = None,
        trust: bool = False,
    ) -> Self:
        """Open the ledger at `path` (default: `find_ledger()`).

        `wait` is how many seconds to wait for another writer, `on_wait` hears the seconds waited so far. Views made
        by another version are made again. `trust` leaves out the comparison with what this computer last saw; only
        `verify` needs that. Raises LedgerNotFound, NotALedger, NewerLedger, CorruptLedger, RolledBack, StaleViews.
        """
        who = Who(actor or default_actor(), via)
        place = find_ledger() if path is None else Path(path)
        opened = store.open_store(place.absolute(), clock=clock, wait=wait, on_wait=on_wait)
        ledger = cls(opened, who)
        try:
            if not trust:
                with sqlite.plain_errors(opened.path):
                    opened.check_witness()
                    ledger._freshen()
        except BaseException:
            opened.close()
            raise
        return ledger

    def __enter__(self) -> Self:
        """Return the ledger."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    @property
    def path(self) -> Path:
        """Return where the file is."""
        return self._store.path

    @property
    def warnings(self) -> list[str]:
        """Return what went less well than it should have, in sentences."""
        return self._store.warnings

    def ingest(
        self,
        files: str | Path | Iterable[str | Path],
        *,
        campaign: str,
        tags: Mapping[str, str] | None = None,
        source: str | None = None,
        form: str | None = None,
        places: str | None = None,
        progress: ingest.Progress | None = None,
    ) -> Answer:
        """Read JSONL files (or directories, patterns, `-`) into samples: lines, new, known, quarantined, seconds.

        `tags` go on every new sample, `source` replaces the file's name in identities, `form` forces a reader,
        `places` says where facts stand (`domain=meta.topic,tag.persona=tags.persona`). Lines that are not valid
        samples go to quarantine. Raises InputNotFound, InputUnreadable, SourceClash, BadRequest.
        """
        started = time.monotonic()
        plan = ingest.ingest_plan(campaign, tags or {}, places, form)
        if source is not None:
            plain_text("The source's name", source, needed=True)
        named = [files] if isinstance(files, (str, Path)) else files
        inputs = find_inputs([str(file) for file in named], source)
        report = ingest.ingest(self._store, inputs, plan, self._who, progress or (lambda _name, _bytes, _report: None))
        return {
            "lines": report.lines,
            "new": report.new,
            "known": report.known,
            "quarantined": report.quarantined,
            "reasons": dict(sorted(report.reasons.items())),
            "files": len(inputs),
            "seconds": round(time.monotonic() - started, 3),
        }

    def quarantine(self, campaign: str | None = None, limit: int = 1000) -> list[Answer]:
        """Return the oldest lines that are not valid samples: where they stood, and why."""
        whole_number("The limit", limit, 1, sys.maxsize)
        with reading(self._store) as (here, _):
            return quarantined(here, campaign, limit)

    def quarantined_line(self, identity: str) -> tuple[Answer, bytes]:
        """Return one quarantined line and its exact bytes; raises NoSuchId."""
        with reading(self._store) as (here, _):
            return quarantined_line(here, identity)

    def retry_quarantine(self, *, campaign: str, form: str | None = None, places: str | None = None) -> Answer:
        """Read a campaign's quarantined lines again, making samples of those that are valid now."""
        plan = ingest.ingest_plan(campaign, {}, places, form)
        report = ingest.retry_quarantined(self._store, plan, self._who)
        return {"lines": report.lines, "new": report.new, "quarantined": report.quarantined}

    def status(self, as_of: str | int | None = None) -> Answer:
        """Return the counts, which add up, and the head."""
        with reading(self._store, as_of) as (there, head):
            return status_report(there, head)

    def show(self, sample: str, as_of: str | int | None = None) -> Answer:
        """Return one sample: content, facts, versions; raises NoSuchId, AmbiguousId."""
        with reading(self._store, as_of) as (there, _):
            return show_report(there, find_sample(there, sample))

    def why(self, sample: str, as_of: str | int | None = None) -> Answer:
        """Return why a sample stands as it does: origin, decisions, duplicates, lineage, releases, events."""
        with reading(self._store, as_of) as (there, head):
            return why_report(there, find_sample(there, sample), head)

    def log(self, sample: str | None = None, limit: int = 50, as_of: str | int | None = None) -> list[Answer]:
        """Return the last events, oldest first; of one sample, or of the whole ledger."""
        whole_number("The limit", limit, 1, sys.maxsize)
        with reading(self._store, as_of) as (there, head):
            subject = None if sample is None else find_sample(there, sample).sample
            return history.events(there, sample=subject, upto=head.position, limit=limit)

    def accept(self, ids: Sequence[str], *, reason: str = "", expected_head: int | None = None) -> Answer:
        """Accept samples by id: samples, changed, unchanged, events."""
        return decide.decide(self._store, "accept", ids, reason, self._who, expected_head)._asdict()

    def reject(self, ids: Sequence[str], *, reason: str, expected_head: int | None = None) -> Answer:
        """Reject samples by id, saying why."""
        return decide.decide(self._store, "reject", ids, reason, self._who, expected_head)._asdict()

    def defer(self, ids: Sequence[str], *, reason: str = "", expected_head: int | None = None) -> Answer:
        """Put off the decision about samples: they are pending again."""
        return decide.decide(self._store, "defer", ids, reason, self._who, expected_head)._asdict()

    def relabel(self, ids: Sequence[str], label: str, *, reason: str = "", expected_head: int | None = None) -> Answer:
        """Label samples `true`, `false` or `none`."""
        return decide.relabel(self._store, ids, label, reason, self._who, expected_head)._asdict()

    def tag(
        self,
        ids: Sequence[str],
        key: str,
        value: str | None,
        *,
        reason: str = "",
        expected_head: int | None = None,
    ) -> Answer:
        """Set a tag of samples, or remove it with value None."""
        return decide.tag(self._store, ids, key, value, reason, self._who, expected_head)._asdict()

    def edit(
        self,
        sample: str,
        line: bytes,
        *,
        form: str | None = None,
        reason: str = "",
        expected_head: int | None = None,
    ) -> Answer:
        """Give a sample a new version, from one JSON line; raises ContentRefused."""
        return decide.edit(self._store, sample, line, form, reason, self._who, expected_head)._asdict()

    def withdraw(self, events: Sequence[str], *, reason: str = "", expected_head: int | None = None) -> Answer:
        """Withdraw decisions, labels, tags or edits by event id or @POSITION; what stood before applies again."""
        return decide.withdraw(self._store, events, reason, self._who, expected_head)._asdict()

    def split(self, ratio: str = "90/5/5", *, seed: str = "0", expected_head: int | None = None) -> Answer:
        """Assign every sample without a split to train, val or test, family by family; nothing assigned moves."""
        return split.split(self._store, split.parse_ratio(ratio), seed, self._who, expected_head)._asdict()

    def project(
        self,
        view: str,
        out: str | Path,
        *,
        batch_size: int = 4,
        world_size: int = 1,
        ratio: str = "keep",
        seed: str = "0",
        form: str = "auto",
        as_of: str | int | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Write a view to a file with its manifest beside it, record the release, and return the manifest.

        Raises PlanImpossible, NotWritable, DiskFull; then nothing is written and nothing recorded.
        """
        params = ProjectParams(view, batch_size, world_size, ratio, seed, form)
        made = project(self._store, params, Path(out), self._who, as_of, _of("rows", progress))
        return made.value

    def rebuild(
        self, manifest: str | Path, out: str | Path | None = None, *, progress: Progress | None = None
    ) -> Answer:
        """Make the file of a manifest again from the log, byte for byte.

        Raises ManifestUnreadable, ForeignManifest, NotReproduced, ExportChanged, NotWritable, DiskFull; then nothing
        is written.
        """
        target = None if out is None else Path(out)
        made, path = rebuild(self._store, Path(manifest), target, _of("rows", progress))
        return {"identical": True, "path": str(path), "output": made.value["output"], "rows": made.value["rows"]}

    def omissions(self, name: str, reason: str | None = None) -> list[Answer]:
        """Return sample and reason of what the last release under a file's base name left out; raises BadRequest."""
        if reason is not None and reason not in OMISSIONS:
            raise BadRequest(f"Nothing is left out as {reason!r}; there are {', '.join(OMISSIONS)}")
        with reading(self._store) as (here, _):
            if releases.last(here.connection, name) is None:
                raise BadRequest(f"Nothing was released as {name!r}; the name is that of the file, without its folder")
            left_out = releases.omissions(here.connection, name, reason)
        return [{"sample": op.hex(), "reason": why} for op, why in left_out]

    @staticmethod
    def verify_export(path: str | Path, batch_size: int | None = None) -> Answer:
        """Check the windows of a file of {prompt, completion, label} rows, ours or not; needs no ledger."""
        return verify_export.verify_export(Path(path), batch_size)

    def verify(self, *, quick: bool = False, progress: Progress | None = None) -> Answer:
        """Derive everything stored again and compare: ok, findings, head, checked."""
        audit = Audit(self._store, progress or _silent)
        audit.run(quick=quick)
        return {
            "ok": not any(finding.severity == ERROR for finding in audit.findings),
            "findings": [finding._asdict() for finding in audit.findings],
            "head": head_json(audit.head.position, audit.head.root),
            "checked": audit.checked,
        }

    def rebuild_views(self, progress: Progress | None = None) -> Answer:
        """Drop every view and fold it again from the log."""
        with self._store.exclusive():
            events = projection.rebuild(self._store.connection, _of("events", progress))
        return {"events": events, "views": len(projection.tables())}

    def short(self, ids: Iterable[str]) -> dict[str, str]:
        """Return each sample or event id (64 hexadecimal characters) with its shortest unique prefix."""
        with reading(self._store) as (here, _):
            found = short_ids(here, [whole_id(one) for one in ids])
        return {op.hex(): text for op, text in found.items()}

    def _freshen(self) -> None:
        position = projection.state(self._store.connection)
        if position is None:
            if not self._store.writable:
                raise StaleViews(self._store.path)
            self.rebuild_views()


def _of(what: str, progress: Progress | None) -> Callable[[int, int], None]:
    return lambda done, total: (progress or _silent)(what, done, total)
