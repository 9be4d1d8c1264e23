"""Who is answered: this server's name, its own pages, and, where tokens are asked for, whoever brings one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from http_access.door import Door
from http_access.place import Place
from ledger import Ledger
from ledger.errors import BadRequest
from review_page.guard import LARGEST, Guard
from review_page.options import Options
from review_page.server import application, serve
from tests.review import HOST, ORIGIN, Page

TOKEN = "a-long-token-of-anna"  # noqa: S105 - of a test
LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
IMAGE = {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
FRAME = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}


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


@pytest.mark.parametrize("query", ["domain=a%26b%3Dc&status=accepted", "text=%23x+%C3%A9&domain=", "from=%2B1&from=2"])
def test_the_rest_of_the_address_stays_as_it_was(ledger: Ledger, query: str) -> None:
    """Only the token goes; what was escaped is escaped, an empty value and a second one are kept."""
    answer = Page(ledger.path, {TOKEN: "anna"}).client.get(f"/a%25b/%C3%A9?token={TOKEN}&{query}")
    assert answer.headers["location"] == f"/a%25b/%C3%A9?{query}"


@pytest.mark.parametrize(
    "path", ["//evil.example/", "///evil.example/x", "/\\evil.example/", "//", "/\t/evil.example/"]
)
def test_a_token_in_the_address_leads_to_no_other_server(path: str) -> None:
    """Whatever the path begins with: two slashes would be another server's name."""
    found: dict[str, str] = {}

    async def run() -> None:
        guard = Guard(PlainTextResponse("in"), [HOST], [ORIGIN], {TOKEN: "anna"})
        scope = _scope("GET", path, {"host": HOST}, f"token={TOKEN}")

        async def send(message: Message) -> None:
            found.update({key.decode(): value.decode() for key, value in message.get("headers", [])})

        await guard(scope, _nothing, send)

    anyio.run(run)
    assert found["location"].startswith("/")
    assert found["location"][1:2] not in {"/", "\\"}
    assert "\\" not in found["location"]


@pytest.mark.parametrize("token", ["", "x", "fifteen-letters", "a-long-token-of-ann\u0101", "a long token of anna"])
def test_a_token_that_is_no_use_is_refused(ledger: Ledger, token: str) -> None:
    """By whatever is to serve with it, before anything listens: it would open the ledger to everybody."""
    door = Door(Place("127.0.0.1", 0), {token: "anna"})
    with pytest.raises(BadRequest, match="The token of anna"):
        serve(Options(ledger.path), door, lambda _: pytest.fail("it was served"))
    with pytest.raises(BadRequest, match="The token of anna"):
        application(Options(ledger.path, subjects={token: "anna"}), [HOST], [ORIGIN])


def test_a_token_of_any_characters_lets_in(ledger: Ledger) -> None:
    """Those that a cookie or an address cannot hold as they are; a plus also where nobody escaped it."""
    token = 'q+w/e=";,\\ %41'.replace(" ", "") + "~" * 16
    for sent in ("q%2Bw%2Fe%3D%22%3B%2C%5C%2541" + "~" * 16, "q+w/e=%22%3B,%5C%2541" + "~" * 16):
        page = Page(ledger.path, {token: "anna"})
        assert page.client.get(f"/?token={sent}").status_code == 303
        assert page.client.get("/").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_a_page_of_another_site_makes_nothing_work(ledger: Ledger, site: str) -> None:
    """An image, a frame and a script's question are refused; a link that somebody follows is not."""
    client = Page(ledger.path).client
    for how in (IMAGE, FRAME, {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, {}):
        for address in ("/", "/agreement.json", "/static/review.js", "/release/1/rows"):
            assert client.get(address, headers={"sec-fetch-site": site, **how}).status_code == 403
    assert client.get("/find", headers={"sec-fetch-site": site, **LINK}).status_code == 200
    assert client.get("/release/1/rows", headers={"sec-fetch-site": site, **LINK}).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_its_own_pages_may_ask(ledger: Ledger, site: str) -> None:
    """And whoever types the address."""
    client = Page(ledger.path).client
    for how in (IMAGE, LINK, {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}):
        assert client.get("/static/review.js", headers={"sec-fetch-site": site, **how}).status_code == 200
        assert client.get("/release/1/rows", headers={"sec-fetch-site": site, **how}).status_code == 404


@pytest.mark.parametrize("said", [{}, {"content-length": "10"}])
def test_a_body_is_counted_as_it_comes(said: dict[str, str]) -> None:
    """Whatever was said of its length, no more is taken than is allowed; as much as that is."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        await PlainTextResponse(str(len(body)))(scope, receive, send)

    taken = 0

    def pieces(length: int) -> Iterator[bytes]:
        nonlocal taken
        for _ in range(0, length, 65_536):
            taken += 65_536
            yield b"x" * 65_536

    made = _guarded(app)
    answer = made.post("/", content=pieces(LARGEST), headers={"origin": ORIGIN, **said})
    assert (answer.status_code, answer.text) == (200, str(LARGEST))
    answer = made.post("/", content=pieces(LARGEST + 65_536), headers={"origin": ORIGIN, **said})
    assert answer.status_code == 413


@pytest.mark.parametrize("length", [str(LARGEST + 1), "9" * 5_000, "x", "-1", ""])
def test_a_body_that_is_too_large_by_its_own_word_is_not_read(length: str) -> None:
    """Nor one that says nothing of use; the connection ends."""

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        pytest.fail("it was let in")

    answer = _guarded(app).post("/", headers={"origin": ORIGIN, "content-length": length})
    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


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
    door = Door(Place.at(host, 0))
    assert ("localhost:1" in door.names(1)) is own
    if not own:
        with pytest.raises(BadRequest, match="there is no token"):
            serve(Options(ledger.path), door, lambda _: pytest.fail("it was served"))


def test_everywhere_needs_names(ledger: Ledger) -> None:
    """An address that stands for all of them is no name: nobody who asks for the real one would be answered."""
    door = Door(Place.at("0.0.0.0", 0), {TOKEN: "anna"})  # noqa: S104 - nothing listens there
    with pytest.raises(BadRequest, match="under which this server is reached"):
        serve(Options(ledger.path), door, lambda _: pytest.fail("it was served"))


def test_a_name_with_capitals_is_answered_on_the_usual_port(ledger: Ledger) -> None:
    """As browsers send it: in small letters, and without the port where it is 80."""
    door = Door(Place.at("MyHost.lan", 80), {TOKEN: "anna"})
    made = TestClient(application(Options(ledger.path), door.names(80), door.sites(80)))
    for host in ("myhost.lan", "myhost.lan:80", "MYHOST.lan"):
        assert made.get("/", headers={"host": host, "origin": "http://myhost.lan"}).status_code == 200


def _guarded(app: ASGIApp) -> TestClient:
    """Return a client of an application behind the guard, which answers errors as the page does."""
    inside = Starlette(routes=[Mount("/", app)])
    return TestClient(Guard(inside, [HOST], [ORIGIN], {}), base_url=ORIGIN)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _scope(method: str, path: str, headers: Mapping[str, str], query: str) -> Scope:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": raw}
