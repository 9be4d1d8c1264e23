"""Who may come in: which doors are safe to open, and under which names they are reached."""

from __future__ import annotations

import pytest

from http_access.door import Door
from http_access.place import Place
from ledger.errors import BadRequest

SUBJECTS = {"alice-0123456789abcdef": "alice"}


@pytest.mark.parametrize("place", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "ledger.example:0", "[fe80::1]:0"])
def test_other_computers_need_a_token(place: str) -> None:
    """Wherever not only this computer can connect, a server without tokens does not begin."""
    with pytest.raises(BadRequest, match="there is no token"):
        Door(Place.of(place)).check()


@pytest.mark.parametrize("place", ["127.0.0.1:0", "127.0.0.9:0", "localhost:0", "[::1]:0"])
def test_this_computer_needs_none(place: str) -> None:
    """Loopback is the one place that may be open."""
    Door(Place.of(place)).check()


def test_the_usual_port_is_left_out() -> None:
    """Clients send no port where it is 80, so the names count without it too; nowhere else."""
    door = Door(Place("127.0.0.1", 0))

    assert "localhost" in door.names(80)
    assert "http://127.0.0.1" in door.sites(80)
    assert "localhost" not in door.names(8080)


def test_everywhere_needs_names() -> None:
    """Listening on every address says nothing about the name of the server, so the operator must."""
    with pytest.raises(BadRequest, match="under which this server is reached"):
        Door(Place("0.0.0.0", 0), SUBJECTS).check()  # noqa: S104 - that is the case
    door = Door(Place("0.0.0.0", 0), SUBJECTS, ["Ledger.example:80"])  # noqa: S104 - likewise
    door.check()
    assert door.names(80) == ["ledger.example:80"]


@pytest.mark.parametrize("name", ["*", "*.example", "ledger.example:*", "http://ledger.example", "a b", ""])
def test_names_are_exact(name: str) -> None:
    """No patterns: what is let through can be read off the command line."""
    with pytest.raises(BadRequest, match="not an exact host"):
        Door(Place("127.0.0.1", 0), {}, [name]).check()
    with pytest.raises(BadRequest, match="not an exact origin"):
        Door(Place("127.0.0.1", 0), {}, [], [name.removeprefix("http://")]).check()


@pytest.mark.parametrize("token", ["", "x", "fifteen-letters", "a-long-token-of-anná", "a long token of anna"])
def test_a_token_that_is_no_use_opens_no_door(token: str) -> None:
    """None, a short one, one that no header can hold: refused at any place, by the name of whose it is."""
    for place in ("127.0.0.1:0", "192.0.2.1:0"):
        with pytest.raises(BadRequest, match="The token of anna ") as caught:
            Door(Place.of(place), {token: "anna"}).check()
        assert not token or token not in str(caught.value)


def test_names_have_small_letters() -> None:
    """As they are compared, however the operator wrote them."""
    door = Door(Place.at("MyHost.lan", 80), SUBJECTS)

    assert door.names(80) == ["myhost.lan:80", "myhost.lan"]
    assert door.sites(80) == ["http://myhost.lan:80", "http://myhost.lan"]
