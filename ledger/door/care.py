"""Checking the file."""

from __future__ import annotations

from ledger.audit import Audit
from ledger.door.opened import Answer, Opened, Progress, silent
from ledger.exporters.manifest import head_json
from ledger.faults import ERROR


class Care(Opened):
    """Checking the file."""

    def verify(self, *, quick: bool = False, progress: Progress | None = None) -> Answer:
        """Derive everything stored again and compare: ok, findings, head, checked."""
        audit = Audit(self._store, progress or silent)
        audit.run(quick=quick)
        return {
            "ok": not any(finding.severity == ERROR for finding in audit.findings),
            "findings": [finding._asdict() for finding in audit.findings],
            "head": head_json(audit.head.position, audit.head.root),
            "checked": audit.checked,
        }
