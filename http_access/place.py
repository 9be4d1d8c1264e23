"""Where a server listens: a name or an address, and a port."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import NamedTuple

from ledger.errors import BadRequest

_HOST = r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]+))"
_PLACE = re.compile(_HOST + r":(?P<port>\d{1,5})")
_LAST_PORT = 65_535


class Place(NamedTuple):
    """Where to listen: a name or an address, and a port; 0 is any free one."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Place:
        """Read HOST:PORT, [ADDRESS]:PORT or PORT; raises BadRequest."""
        found = _PLACE.fullmatch(text if ":" in text else f"127.0.0.1:{text}")
        if found is None or int(found["port"]) > _LAST_PORT:
            raise BadRequest(f"{text!r} is not HOST:PORT", hint="For example: --http 127.0.0.1:8765")
        return cls((found["six"] or found["name"]).lower(), int(found["port"]))

    @classmethod
    def at(cls, host: str, port: int) -> Place:
        """Return a place of a host, an IPv6 address with or without brackets, and a port; raises BadRequest."""
        bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
        found = re.fullmatch(_HOST, bracketed)
        if found is None:
            raise BadRequest(f"{host!r} is neither a name nor an address", hint="For example: --host 127.0.0.1")
        return cls((found["six"] or found["name"]).lower(), port)

    def is_loopback(self) -> bool:
        """Say whether only this computer can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def is_everywhere(self) -> bool:
        """Say whether this is every address that the computer has."""
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False

    def __str__(self) -> str:
        """Return it as it stands in an address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listen(place: Place) -> socket.socket:
    """Return a socket that listens at a place; raises BadRequest where that cannot be done."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen()
        except BaseException:
            made.close()
            raise
    except (OSError, UnicodeError) as error:  # a name that cannot be one in the DNS is the second
        why = error.strerror if isinstance(error, OSError) else "this is no name of a computer"
        hint = "Choose another port, or stop what listens there."
        raise BadRequest(f"Cannot listen at {place}: {why}", hint=hint) from error
    return made
