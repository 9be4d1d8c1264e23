"""What the operator of a server decided when it was started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROPOSE, RECORD, EXPORT = "propose", "record", "export"
ALLOWABLE = (PROPOSE, RECORD, EXPORT)
"""The kinds of writing that a server may offer; without any of them it only reads."""

DEADLINE = 5.0
"""Seconds that a question may take."""


@dataclass(frozen=True)
class Options:
    """How a server was started: the file, what may be written, who acts, where exports go, seconds for a question."""

    path: Path
    allow: frozenset[str] = frozenset()
    actor: str | None = None
    export_root: Path | None = None
    deadline: float = DEADLINE
