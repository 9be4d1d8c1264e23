"""The Sample Ledger: every sample, every version and every decision, in one SQLite file.

`from ledger import Ledger` is the public API: one method per verb, the same as the commands'.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ledger.errors import LedgerError
from ledger.version import VERSION

if TYPE_CHECKING:
    from ledger.ledger import Ledger, find_ledger

__version__ = VERSION

__all__ = ["Ledger", "LedgerError", "__version__", "find_ledger"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import the door when somebody asks for it: a process that only reads lines for another has no use for it."""
    if name in {"Ledger", "find_ledger"}:
        return getattr(import_module("ledger.ledger"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
