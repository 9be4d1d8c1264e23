"""Who is answered: this server's name, its own pages, and, where tokens are asked for, whoever brings one."""

from __future__ import annotations

import pytest

from ledger import Ledger
from ledger.errors import BadRequest
from review_page.options import Options
from review_page.server import is_loopback, names_of, serve
from tests.review import HOST, ORIGIN, Page

TOKEN = "a-long-token-of-anna"  # noqa: S105 - of a test


@pytest.mark.parametrize("host", ["evil.example", "ledger.test:1", "ledger.test.evil.example", "", "LEDGER.TEST@evil"])
def test_another_name_is_not_answered(ledger: Ledger, host: str) -> None:
    """A page that had a name of its own point here sends that name: neither it nor any other is let in."""
    page = Page(ledger.path)
    for address in ("/", "/overview.json", "/static/review.js", "/nothing"):
        assert page.client.get(address, headers={"host": host}).status_code == 421
    assert page.client.get("/", headers={"host": HOST.upper()}).status_code == 200


def test_another_site_may_not_ask(ledger: Ledger) -> None:
    """An Origin that is not this server's is refused, whatever the method."""
    page = Page(ledger.path)
    assert page.client.get("/", headers={"origin": "http://evil.example"}).status_code == 403
    assert page.client.get("/", headers={"origin": ORIGIN}).status_code == 200


def test_without_its_token_nothing_is_told(ledger: Ledger) -> None:
    """Not a page, not a twin, not a file; neither with a wrong one in any place that holds one."""
    page = Page(ledger.path, {TOKEN: "anna"})
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"authorization": "Bearer x"},
        {"authorization": TOKEN},
        {"cookie": "ledger-token=x"},
        {"cookie": '"'},
    )
    for headers in wrong:
        for address in ("/", "/overview.json", "/static/review.js", "/?token=x", "/?token="):
            assert page.client.get(address, headers=headers).status_code == 401


def test_a_token_in_the_address_becomes_a_cookie(ledger: Ledger) -> None:
    """It is taken out of the address, so that no link and no history holds it, and scripts cannot read it."""
    page = Page(ledger.path, {TOKEN: "anna"})
    answer = page.client.get(f"/find?status=accepted&token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/find?status=accepted")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert page.client.get("/find?status=accepted").status_code == 200
    assert "as anna" in page.get("/")


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - nothing listens there
        ("example.com", False),
    ],
)
def test_only_this_computer_needs_no_token(ledger: Ledger, host: str, own: bool) -> None:  # noqa: FBT001 - of a test
    """Another address is refused before anything listens."""
    assert is_loopback(host) is own
    assert ("localhost:1" in names_of(host, 1)) is own
    if not own:
        with pytest.raises(BadRequest, match="there is no token"):
            serve(Options(ledger.path), host, 0, lambda _: pytest.fail("it was served"))
