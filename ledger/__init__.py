"""The Sample Ledger: every sample, every version and every decision, in one SQLite file.

`from ledger import Ledger` is the public API: one method per verb, the same as the commands'.
"""

from __future__ import annotations

from ledger.errors import LedgerError
from ledger.ledger import Ledger, find_ledger
from ledger.version import VERSION

__version__ = VERSION

__all__ = ["Ledger", "LedgerError", "__version__", "find_ledger"]
