"""Taking samples in and asking about them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from ledger.door.opened import Answer, Opened
from ledger.readers.lines import find_inputs
from ledger.reports import history
from ledger.reports.show import show as show_report
from ledger.reports.status import status as status_report
from ledger.reports.why import why as why_report
from ledger.sample import TextCall, text_calls
from ledger.verbs import ingest
from ledger.verbs.ids import find_sample
from ledger.verbs.moment import reading
from ledger.verbs.quarantine import quarantined, quarantined_line
from ledger.verbs.words import plain_text, whole_number


class Samples(Opened):
    """Taking samples in and asking about them."""

    def ingest(
        self,
        files: str | Path | Iterable[str | Path],
        *,
        campaign: str,
        tags: Mapping[str, str] | None = None,
        source: str | None = None,
        form: str | None = None,
        places: str | None = None,
        decisions: bool = False,
        workers: int | None = None,
        progress: ingest.Progress | None = None,
    ) -> Answer:
        """Read JSONL files (or directories, patterns, `-`) into samples: lines, new, known, quarantined, seconds.

        `tags` go on every new sample, `source` replaces the file's name in identities, `form` forces a reader,
        `places` says where facts stand (`domain=meta.topic,tag.persona=tags.persona`). Lines that are not valid
        samples go to quarantine. `decisions` also records the rejections that the lines tell of
        (`rejection_reason`, `quality_score`, `rejection_details`). `workers` counts processes: one writes, the others
        read; 1 does both (None: as many as pay). What is recorded is the same.

        Raises InputNotFound, InputUnreadable, SourceClash, BadRequest.
        """
        started = time.monotonic()
        plan = ingest.ingest_plan(campaign, tags or {}, places, form, decisions=decisions)
        if source is not None:
            plain_text("The source's name", source, needed=True)
        named = [files] if isinstance(files, (str, Path)) else files
        inputs = find_inputs([str(file) for file in named], source)
        if workers is not None:
            whole_number("The number of workers", workers, 1, 16)
        heard = progress or (lambda _name, _bytes, _report: None)
        report = ingest.ingest(self._store, inputs, plan, self._who, heard, workers)
        return {
            "lines": report.lines,
            "new": report.new,
            "known": report.known,
            "quarantined": report.quarantined,
            "reasons": dict(sorted(report.reasons.items())),
            "decisions": report.decisions,
            "decisions_known": report.decisions_known,
            "undecided": report.undecided,
            "twins_rejected": report.twins_rejected,
            "files": len(inputs),
            "seconds": round(time.monotonic() - started, 3),
        }

    def quarantine(
        self, campaign: str | None = None, limit: int = 1000, as_of: str | int | None = None
    ) -> list[Answer]:
        """Return the oldest lines that are not valid samples: where they stood, and why."""
        whole_number("The limit", limit, 1, sys.maxsize)
        with reading(self._store, as_of) as (there, _):
            return quarantined(there, campaign, limit)

    def quarantined_line(self, identity: str, as_of: str | int | None = None) -> tuple[Answer, bytes]:
        """Return one quarantined line and its exact bytes; raises NoSuchId."""
        with reading(self._store, as_of) as (there, _):
            return quarantined_line(there, identity)

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

    @staticmethod
    def input_sizes(files: Iterable[str | Path]) -> dict[str, int | None]:
        """Return the source name and size in bytes, where it is known, of each input that `ingest` would read.

        Needs no ledger. Raises InputNotFound, InputUnreadable, SourceClash.
        """
        return {item.source: item.size for item in find_inputs([str(file) for file in files])}

    @staticmethod
    def text_calls(text: str) -> list[str | TextCall]:
        """Split the text of an answer into its prose and its tool calls, each with name and arguments, in order."""
        return text_calls(text)
