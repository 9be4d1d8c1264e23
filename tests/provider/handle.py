"""A provider in a process of its own, and what a test asks and tells it."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

KEY = "sk-of-the-tests"
_ROOT = Path(__file__).resolve().parent.parent.parent


class Provider:
    """A provider that runs until it is closed.

    `url` is what clients take as base_url (`chat_url` for those of OpenAI's shape), `env` the variables by which
    programs find a key.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - the fields of Settings
        """Start one; `settings` are what every reset goes back to."""
        command = [sys.executable, "-m", "tests.provider", "--settings", json.dumps(settings)]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url, "the provider did not start"
        self.chat_url = f"{self.url}/v1"
        self.env = {"ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY}

    def stats(self) -> dict[str, Any]:
        """Return what happened since the last reset: requests, statuses, faults, max_in_flight, billed, usd..."""
        return self._ask("GET", "/_stats")

    def billed(self) -> dict[str, dict[str, Any]]:
        """Return what is paid for: digest of the request -> model, billed (times), usd, batch."""
        return self._ask("GET", "/_ledger")

    def usd(self) -> Decimal:
        """Return what everything cost."""
        return Decimal(self.stats()["usd"])

    def requests(self) -> list[dict[str, Any]]:
        """Return the bodies of the live questions, in the order in which they arrived (the first 10,000)."""
        found: list[dict[str, Any]] = self._ask("GET", "/_requests")["requests"]
        return [one["body"] for one in found]

    def config(self, **settings: Any) -> None:  # noqa: ANN401 - the fields of Settings
        """Change settings from now on."""
        self._ask("POST", "/_config", settings)

    def reset(self, **settings: Any) -> None:  # noqa: ANN401 - the fields of Settings
        """Forget everything, and go back to the first settings but for those given."""
        self._ask("POST", "/_reset", settings)

    def close(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop it."""
        self.close()

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        place = urlsplit(self.url)
        connection = HTTPConnection(place.hostname or "", place.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            value: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(value.get("error", "the provider does not know that"))
        return value
