"""Who may come in: where a server listens, who has a token, and under which names and from which sites it is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from http_access.place import Place
from http_access.tokens import Bearers
from ledger.errors import BadRequest

_NAME = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?")
_USUAL = 80


@dataclass(frozen=True)
class Door:
    """Who may come in: where to listen, token -> subject, and names and origins beyond those of the place itself."""

    place: Place
    subjects: Mapping[str, str] = field(default_factory=dict, repr=False)
    hosts: Sequence[str] = ()
    origins: Sequence[str] = ()

    def check(self) -> None:
        """Raise BadRequest unless this door can be opened without letting strangers in."""
        Bearers(self.subjects)
        if not self.subjects and not self.place.is_loopback():
            raise BadRequest(
                f"{self.place.host} can be reached from other computers, and there is no token",
                hint="Set LEDGER_TOKEN or give --token-file, or listen on 127.0.0.1.",
            )
        if self.place.is_everywhere() and not self.hosts:
            raise BadRequest(
                f"{self.place.host} says nothing about the names under which this server is reached",
                hint="Give each with --allow-host, such as --allow-host ledger.example.org:8765.",
            )
        for what, pattern, given in (("host", _NAME, self.hosts), ("origin", _ORIGIN, self.origins)):
            for one in given:
                if not pattern.fullmatch(one.lower()):
                    raise BadRequest(f"{one!r} is not an exact {what}", hint="Give ledger.example.org:8765, without *.")

    def names(self, port: int) -> list[str]:
        """Return every Host that is answered when the server listens on `port`, exactly as it must be sent."""
        own = [str(self.place._replace(port=port))] if not self.place.is_everywhere() else []
        if self.place.is_loopback():
            own = [f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", *own]
        if port == _USUAL:  # then clients leave it out
            own += [name.removesuffix(f":{port}") for name in own]
        return list(dict.fromkeys([*own, *(one.lower() for one in self.hosts)]))

    def sites(self, port: int) -> list[str]:
        """Return every Origin that is answered: the server's own, and those that the operator named."""
        return [*(f"http://{name}" for name in self.names(port)), *(one.lower() for one in self.origins)]
