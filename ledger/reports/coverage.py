"""Coverage: which tools of a schema file samples call, which none calls, and which are called without being there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

MOST_UNKNOWN = 1000
"""Different names that are kept though no schema has them; hostile text could make as many as it has lines."""


class Coverage:
    """Calls counted by the tool that they name."""

    def __init__(self, tools: Sequence[str]) -> None:
        """Begin with the tools of a schema file and no call."""
        self._used = dict.fromkeys(sorted(tools), 0)
        self._unknown: Counter[str] = Counter()
        self._more = 0

    def add(self, names: Iterable[str]) -> None:
        """Count the calls of one sample."""
        for name in names:
            if name in self._used:
                self._used[name] += 1
            elif name in self._unknown or len(self._unknown) < MOST_UNKNOWN:
                self._unknown[name] += 1
            else:
                self._more += 1

    def as_json(self) -> dict[str, Any]:
        """Return calls by tool, sorted by name, and the tools that none calls.

        `unknown_more` counts the calls of unknown tools beyond the MOST_UNKNOWN names that are kept.
        """
        return {
            "schema_tools": len(self._used),
            "used": {name: calls for name, calls in self._used.items() if calls},
            "unused": [name for name, calls in self._used.items() if not calls],
            "unknown": dict(sorted(self._unknown.items())),
            "unknown_more": self._more,
        }
