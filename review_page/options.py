"""What the page is of, and who may see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """A ledger's file, the actor where no token says who acts, token -> name, and seconds for one question."""

    path: Path
    actor: str | None = None
    subjects: Mapping[str, str] = field(default_factory=dict, repr=False)
    deadline: float = 10.0
