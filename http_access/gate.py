"""The gate: requests for another host's name or from another site's page are refused before anything looks at them.

A page that got a name of its own to point here (DNS rebinding) sends that name as Host; a page on another site sends
its Origin. Both are compared whole, and sent once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.responses import PlainTextResponse, Response


class Gate:
    """The names and the origins that are let through."""

    def __init__(self, hosts: Iterable[str], origins: Iterable[str]) -> None:
        """Take them as they must be sent."""
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)

    def refusal(self, hosts: Sequence[str], origins: Sequence[str]) -> Response | None:
        """Return 421 for another name, 403 for another site, None where a request may pass.

        `hosts` and `origins` are all that a request sent under these headers.
        """
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return PlainTextResponse("This server has another name.", 421)
        if len(origins) > 1 or not self._origins.issuperset(origins):
            return PlainTextResponse("Pages of this origin may not ask here.", 403)
        return None
