"""`python -m tests.provider [--port N] [--settings JSON]`: print the address, and answer until stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json

from tests.provider.server import serve
from tests.provider.settings import Settings, changed


def main() -> None:
    """Listen."""
    about = argparse.ArgumentParser(prog="python -m tests.provider", description=__doc__)
    about.add_argument("--port", type=int, default=0)
    about.add_argument("--settings", default="{}", help="what tests/provider/settings.py names, as JSON")
    given = about.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(changed(Settings(), json.loads(given.settings)), given.port))


if __name__ == "__main__":
    main()
