"""Start `ledger mcp` as the bundle's settings say; LEDGER_PATH and LEDGER_ALLOW_PROPOSALS come from the manifest."""
# ruff: noqa: INP001 - the bundle runs this as a file

from __future__ import annotations

import os
import sys

from commands.cli import main

if __name__ == "__main__":
    allowed = os.environ.get("LEDGER_ALLOW_PROPOSALS") == "true"  # how a host writes a box that is ticked
    sys.argv = ["ledger", "mcp", *(["--allow", "propose"] if allowed else [])]
    main()
