"""Where to listen: what is read as a place, and what is not."""

from __future__ import annotations

import pytest

from http_access.place import Place, listen
from ledger.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1:8765", Place("127.0.0.1", 8765)),
        ("8765", Place("127.0.0.1", 8765)),
        ("localhost:0", Place("localhost", 0)),
        ("[::1]:80", Place("::1", 80)),
        ("ledger.example:65535", Place("ledger.example", 65_535)),
    ],
)
def test_places_are_read(text: str, place: Place) -> None:
    """HOST:PORT, [ADDRESS]:PORT, or a port of this computer."""
    assert Place.of(text) == place
    assert Place.of(str(place)) == place


@pytest.mark.parametrize(
    "text", ["", "x", ":80", "x:", "x:99999", "::1:80", "[x]:80", "http://x:80", "a b:80", "x:8_0"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(BadRequest, match="is not HOST:PORT") as caught:
        Place.of(text)
    assert "127.0.0.1:8765" in caught.value.next_step


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("127.0.0.1", Place("127.0.0.1", 80)),
        ("MyHost.lan", Place("myhost.lan", 80)),
        ("::1", Place("::1", 80)),
        ("[::1]", Place("::1", 80)),
    ],
)
def test_a_host_and_a_port_are_a_place(host: str, place: Place) -> None:
    """In small letters, as a name is compared; an IPv6 address with or without brackets."""
    assert Place.at(host, 80) == place


@pytest.mark.parametrize("host", ["", "a b", "http://x", "x:80", "[x]", "a/b", "é"])
def test_what_is_no_host_is_refused(host: str) -> None:
    """With an example of one."""
    with pytest.raises(BadRequest, match="is neither a name nor an address") as caught:
        Place.at(host, 80)
    assert "--host 127.0.0.1" in caught.value.next_step


def test_a_port_that_is_taken_is_said() -> None:
    """In words, before anything is served."""
    with listen(Place("127.0.0.1", 0)) as bound, pytest.raises(BadRequest, match="Cannot listen at"):
        listen(Place("127.0.0.1", bound.getsockname()[1]))


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_a_name_that_cannot_be_one_is_said(host: str) -> None:
    """Nobody is asked where it is."""
    with pytest.raises(BadRequest, match="this is no name of a computer"):
        listen(Place(host, 0))
