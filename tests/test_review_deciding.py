"""What is decided on the page: the same events as the command line's, once, by whom it was, and to be undone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ledger import Ledger
from review_page.pages import find
from tests.review import HOST, ORIGIN, Page, world
from tests.small import chat, write

KIND = "application/x-www-form-urlencoded"
ANNA, BOB = "a" * 20, "b" * 20
TOKENS = {ANNA: "anna", BOB: "bob"}


@pytest.fixture
def page(tmp_path: Path, data: Path) -> Page:
    """Return the page of a ledger that may be changed."""
    return Page(world(tmp_path, data))


@pytest.fixture
def sample(page: Page) -> str:
    """Return the id of the first sample of the queue."""
    return str(page.json("/queue.json")["row"]["sample"])


def events(page: Page, sample: str) -> list[tuple[str, str, str]]:
    """Return (kind, actor, via) of a sample's events."""
    return [(one["kind"], one["actor"], one["via"]) for one in page.json(f"/sample/{sample}.json")["why"]["events"]]


def commits(page: Page) -> int:
    """Return how many runs were begun: each commit of the page is one."""
    with Ledger.open(page.path, read_only=True) as ledger:
        return sum(one["kind"] == "run_started" for one in ledger.log(limit=10**6))


@pytest.mark.parametrize(
    ("fields", "kind", "outcome"),
    [
        ({"verdict": "accept"}, "accepted", {"status": "accepted"}),
        ({"verdict": "reject", "reason": "dull"}, "rejected", {"status": "rejected", "reason": "dull"}),
        ({"because": "off topic"}, "rejected", {"status": "rejected", "reason": "off topic"}),
        ({"verdict": "defer"}, "deferred", {"status": "pending"}),
        ({"verdict": "label-false"}, "relabeled", {"label": False}),
        ({"verdict": "label-none"}, "relabeled", {"label": None}),
    ],
)
def test_a_decision_is_one_event_of_the_person(
    page: Page, sample: str, fields: dict[str, str], kind: str, outcome: dict[str, object]
) -> None:
    """With `via: ui` and the name; sent twice it is one."""
    before, sent = events(page, sample), {**page.seen_of(sample), **fields}
    first = page.post(f"/sample/{sample}/decide", sent)
    assert first["changed"] == 1
    assert page.post(f"/sample/{sample}/decide", sent)["events"] == []
    assert events(page, sample) == [*before, (kind, "anna", "ui")]
    why = page.json(f"/sample/{sample}.json")["why"]
    assert {name: why[name] for name in outcome} == outcome


def test_undo_brings_back_what_stood(page: Page, sample: str) -> None:
    """The answer leads back to the queue with what can be undone; undoing it restores the decision before."""
    stood = page.json(f"/sample/{sample}.json")["why"]
    back = f"/queue?at={sample}&done=4"
    fields = {**page.seen_of(sample), "verdict": "accept", "back": back, "tell": "1"}
    led = page.post(f"/sample/{sample}/decide", fields, 303)["location"]
    shown = page.json(led.replace("/queue", "/queue.json"))
    assert (shown["last"], shown["done"]) == (sample, 4)
    assert f'value="@{shown["undo"]}"' in page.get(led)
    page.post(f"/sample/{sample}/undo", {"event": f"@{shown['undo']}"})
    now = page.json(f"/sample/{sample}.json")["why"]
    assert (now["status"], now["reason"], now["deciding"]) == (stood["status"], stood["reason"], stood["deciding"])
    assert [one[0] for one in events(page, sample)][-2:] == ["accepted", "withdrawn"]


def test_only_events_of_the_sample_are_undone(page: Page, sample: str) -> None:
    """Neither another sample's event nor nonsense."""
    for event in ("@1", "@999999", "x", "", "@1 @2"):
        assert (
            "no event of this sample" in page.post(f"/sample/{sample}/undo", {"event": event}, 400)["error"]["message"]
        )


def test_only_who_decided_undoes_it(tmp_path: Path, data: Path) -> None:
    """Neither another person's decision on the page, nor one's own by the command line; and no bar offers it."""
    path = world(tmp_path, data)
    anna, bob = Page(path, TOKENS, ANNA), Page(path, TOKENS, BOB)
    sample = str(bob.json("/queue.json")["row"]["sample"])
    done = bob.post(f"/sample/{sample}/decide", {**bob.seen_of(sample), "verdict": "accept"})["events"][-1]
    with Ledger.open(path, actor="anna") as ledger:
        typed = ledger.relabel([sample], "none", reason="by hand")["events"][-1]
    for position, made in ((done, "bob made it via ui"), (typed, "anna made it via api")):
        answer = anna.post(f"/sample/{sample}/undo", {"event": f"@{position}"}, 400)["error"]
        assert made in answer["message"]
    bar = f'value="@{done}"'
    for address in (f"/queue?last={sample}&undo={done}", f"/sample/{sample}?last={sample}&undo={done}"):
        assert bar not in anna.get(address)
        assert bar in bob.get(address)
    bob.post(f"/sample/{sample}/undo", {"event": f"@{done}"})
    assert bar not in bob.get(f"/queue?last={sample}&undo={done}")


def test_what_changed_since_is_told_and_nothing_is_decided(tmp_path: Path, data: Path) -> None:
    """A form from before somebody else's decision or edit is refused with what happened; other samples are not."""
    path = world(tmp_path, data)
    anna, bob = Page(path, TOKENS, ANNA), Page(path, TOKENS, BOB)
    first, second = (row["sample"] for row in anna.json("/queue.json")["near_misses"][:2])
    old = {one: anna.seen_of(one) for one in (first, second)}
    bob.post(f"/sample/{first}/decide", {**bob.seen_of(first), "verdict": "reject", "reason": "it is rude"})
    reject = {**old[first], "verdict": "accept"}
    told = anna.post(f"/sample/{first}/decide", reject, 409)
    assert [(one["kind"], one["actor"]) for one in told["changed"][0]["events"]] == [("rejected", "bob")]
    shown = anna.send(f"/sample/{first}/decide", {**reject, "back": "/queue?at=x"})
    assert shown.status_code == 409
    assert "it is rude" in shown.text
    assert 'href="/queue?at=x"' in shown.text
    many = {"head": old[second]["head"], f"chosen.{first}": "1", f"chosen.{second}": "1", "verdict": "accept"}
    assert [one["sample"] for one in anna.post("/decide", many, 409)["changed"]] == [first]
    assert anna.post(f"/sample/{second}/decide", {**old[second], "verdict": "accept"})["changed"] == 1
    assert anna.json(f"/sample/{first}.json")["why"]["reason"] == "it is rude"


def test_a_page_from_before_an_edit_decides_nothing(page: Page, sample: str) -> None:
    """Also one's own: the second edit of two from one page is refused, with what was written, and so is an accept."""
    old, raw = page.seen_of(sample), page.json(f"/sample/{sample}.json")["shown"]["raw"]
    first, second = (raw.replace('"content": "', f'"content": "{word} ', 1) for word in ("Please", "Kindly"))
    assert raw not in {first, second}
    assert page.post(f"/sample/{sample}/edit", {**old, "content": first})["changed"] == 1
    refused = page.send(f"/sample/{sample}/edit", {**old, "content": second, "back": "/queue"})
    assert refused.status_code == 409
    assert "Kindly" in refused.text
    assert "edited" in refused.text
    page.post(f"/sample/{sample}/decide", {**old, "verdict": "accept"}, 409)
    page.post("/decide", {"head": old["head"], f"chosen.{sample}": "1", "verdict": "accept"}, 409)
    stands = page.json(f"/sample/{sample}.json")["shown"]["raw"]
    assert ("Please" in stands, "Kindly" in stands) == (True, False)
    newer = page.seen_of(sample)
    page.post(f"/sample/{sample}/decide", {**newer, "version": old["version"], "verdict": "accept"}, 409)
    assert page.post(f"/sample/{sample}/decide", {**newer, "verdict": "accept"})["changed"] == 1
    again = {**newer, "content": stands.replace("Please", "Kindly")}
    assert [page.post(f"/sample/{sample}/edit", again)["changed"] for _ in range(2)] == [1, 0]


def test_others_may_write_meanwhile(page: Page, sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody writes about another sample between the look and the decision, it is looked again."""
    told = Ledger.position
    wrote: list[str] = []
    other = page.json("/queue.json")["near_misses"][1]["sample"]

    def position(ledger: Ledger, moment: str | int) -> int:
        found = told(ledger, moment)
        if not wrote:
            wrote.append(other)
            with Ledger.open(page.path, actor="carla") as beside:
                beside.accept([other])
        return found

    fields = {**page.seen_of(sample), "verdict": "accept"}
    monkeypatch.setattr(Page, "token", page.token)  # no page is asked for from here on
    monkeypatch.setattr(Ledger, "position", position)
    assert page.post(f"/sample/{sample}/decide", fields)["changed"] == 1
    assert wrote == [other]


@pytest.mark.parametrize(
    ("address", "missing"),
    [("/sample/{}/decide", "head"), ("/sample/{}/decide", "version"), ("/sample/{}/edit", "version"),
     ("/sample/{}/edit", "head"), ("/decide", "head"), ("/decide-all", "head"), ("/adopt", "head")],
)  # fmt: skip
def test_a_form_says_what_was_seen(page: Page, sample: str, address: str, missing: str) -> None:
    """Without the head or the version nothing is decided; a head that is not there yet is none."""
    raw = page.json(f"/sample/{sample}.json")["shown"]["raw"]
    all_of_it = page.json("/find/all.json?status=pending")
    setting = {"set.threshold.min_overall": "2.8", f"chosen.{sample}": "1", "verdict": "accept", "content": raw}
    seen = {**page.seen_of(sample), "filters": all_of_it["sent"], "digest": all_of_it["digest"], **setting}
    before = page.json("/overview.json")["head"]
    told = page.post(address.format(sample), {name: value for name, value in seen.items() if name != missing}, 400)
    assert "does not say" in told["error"]["message"]
    page.post(
        address.format(sample), {**seen, "head": "99999999"}, 409 if address in {"/adopt", "/decide-all"} else 400
    )
    assert page.json("/overview.json")["head"] == before


def test_all_of_a_filter_are_decided_in_one_commit(page: Page) -> None:
    """Those that the page counts, none else; not where anything was appended since, nor by another digest or filter."""
    told = page.json("/find/all.json?status=rejected&domain=menus")
    listed = page.json("/find.json?status=rejected&domain=menus")
    assert told["count"] == listed["total"] > 10
    assert 'href="/find/all?status=rejected&amp;domain=menus"' in page.get("/find?status=rejected&domain=menus")
    shown = page.get("/find/all?status=rejected&domain=menus")
    assert f'<strong id="count">{told["count"]}</strong>' in shown
    fields = {"head": str(told["head"]["position"]), "filters": told["sent"], "digest": told["digest"]}
    fields |= {"verdict": "defer", "reason": "look again"}
    page.post("/decide-all", {**fields, "digest": "b3:0"}, 400)
    page.post("/decide-all", {**fields, "filters": "status=rejected"}, 400)
    before, runs = page.json("/overview.json")["by_status"], commits(page)
    done = page.post("/decide-all", fields)
    assert (done["samples"], done["changed"]) == (told["count"], told["count"])
    assert commits(page) == runs + 1
    assert page.json("/overview.json")["by_status"]["pending"] == before["pending"] + told["count"]
    assert page.post("/decide-all", fields, 409)["error"]["name"] == "HeadMoved"
    nothing = page.json("/find/all.json?status=rejected&domain=menus")
    assert nothing["count"] == 0
    fields |= {"head": str(nothing["head"]["position"]), "digest": nothing["digest"]}
    assert "No sample is like that" in page.post("/decide-all", fields, 400)["error"]["message"]


def test_too_many_are_not_decided_at_once(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says so before anybody confirms, and names the command."""
    monkeypatch.setattr(find, "MOST", 3)
    assert "more than a page decides" in page.json("/find/all.json", 400)["error"]["message"]
    assert "ledger accept" in page.get("/find/all", 400)


def test_an_edit_is_a_version(page: Page, sample: str) -> None:
    """The two stand side by side, word by word; what is no sample is refused."""
    raw = page.json(f"/sample/{sample}.json")["shown"]["raw"]
    edit = {**page.seen_of(sample), "content": raw.replace("workspace", "workbench"), "reason": "a slip"}
    page.post(f"/sample/{sample}/edit", edit)
    shown = page.json(f"/sample/{sample}.json")
    assert len(shown["shown"]["versions"]) == 2
    pieces = [piece for side in shown["compared"]["sides"] for piece in side["pieces"]]
    assert any(piece["kind"] == "in" and "workbench" in piece["text"] for piece in pieces)
    assert any(piece["kind"] == "out" and "workspace" in piece["text"] for piece in pieces)
    assert "<del>" in page.get(f"/sample/{sample}")
    first, second = (version["position"] for version in shown["shown"]["versions"])
    turned = page.json(f"/sample/{sample}.json?a={second}&b={first}")["compared"]["sides"]
    assert any(piece["kind"] == "out" and "workbench" in piece["text"] for side in turned for piece in side["pieces"])
    page.get(f"/sample/{sample}?a=0&b=1", 404)
    for content in ("", "{", '{"a": 1}', "[]"):
        assert page.post(f"/sample/{sample}/edit", {**page.seen_of(sample), "content": content}, 400)["error"]["name"]


def test_many_are_decided_in_one_commit(page: Page) -> None:
    """Those that were ticked, none else; nothing ticked, or one that does not exist, decides nothing."""
    chosen = [row["sample"] for row in page.json("/find.json?status=pending")["samples"][:3]]
    fields = {**page.seen(), **{f"chosen.{sample}": "1" for sample in chosen}}
    before, runs = page.json("/overview.json")["by_status"], commits(page)
    assert page.post("/decide", {**fields, "verdict": "reject", "reason": "alike"})["changed"] == 3
    assert commits(page) == runs + 1
    assert page.json("/overview.json")["by_status"]["rejected"] == before["rejected"] + 3
    page.post("/decide", {"verdict": "reject", "reason": "alike"}, 400)
    page.post("/decide", {**fields, "chosen.ffffffff": "1", "verdict": "accept"}, 404)
    page.post("/decide", {**fields, "verdict": "praise"}, 400)
    page.post("/decide", {**fields, "verdict": "reject"}, 400)
    assert page.json("/overview.json")["by_status"]["rejected"] == before["rejected"] + 3


def test_a_policy_is_adopted_as_it_was_asked_about(page: Page) -> None:
    """The counts that what-if told are then what stands; whoever asked before somebody else wrote is refused."""
    asked = page.json("/whatif.json?set.threshold.min_overall=2.8")
    fields = {"set.threshold.min_overall": "2.8", "head": str(asked["head"]["position"]), "reason": "too strict"}
    done = page.post("/adopt", fields)
    assert done["adopted"] is not None
    now = page.json("/overview.json")
    assert now["by_status"]["accepted"] == asked["answer"]["after"]["accepted"]
    assert now["policies"][0]["reason"] == "too strict"
    assert page.post("/adopt", {**fields, "set.threshold.min_overall": "2.9"}, 409)["error"]["name"] == "HeadMoved"
    assert "Nothing was moved" in page.post("/adopt", {"head": "1"}, 400)["error"]["message"]


@pytest.mark.parametrize("address", ["/sample/ffffffff/decide", "/sample/ffffffff/undo", "/sample/ffffffff/edit"])
def test_a_sample_that_is_not_there_is_not_decided(page: Page, address: str) -> None:
    """The error is told as everywhere."""
    fields = {**page.seen(), "version": "x", "verdict": "accept", "event": "@1", "content": json.dumps(chat("q", "a"))}
    page.post(address, fields, 404)


@pytest.mark.parametrize(
    "address",
    ["/sample/x/decide", "/sample/x/undo", "/sample/x/edit", "/decide", "/decide-all", "/adopt", "/words"],
)
def test_nothing_is_changed_without_the_form(page: Page, address: str) -> None:
    """Neither by reading, nor without the token, nor from another page, nor with a form too large or unmeasured."""
    head = page.json("/overview.json")["head"]
    client, origin = page.client, {"origin": ORIGIN}
    assert client.get(address).status_code == 405
    assert client.post(address, data={"verdict": "accept"}, headers=origin).status_code == 403
    assert client.post(address, data={"form_token": "x"}, headers=origin).status_code == 403
    assert client.post(address, data={"form_token": page.token}).status_code == 403
    assert client.post(address, data={"form_token": page.token}, headers={"origin": "http://evil"}).status_code == 403
    assert client.post(address, data={"form_token": page.token}, headers={"origin": "null"}).status_code == 403
    assert client.post(address, content=iter([b"x=1"]), headers=origin).status_code == 413
    large = {**origin, "content-length": "99999999", "content-type": "application/x-www-form-urlencoded"}
    assert client.post(address, content=b"", headers=large).status_code == 413
    assert page.json("/overview.json")["head"] == head


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({"content-length": "10", "transfer-encoding": "chunked"}, [b"x" * 5], 413, id="both lengths"),
        pytest.param({"content-length": "9" * 5_000}, [b"x"], 413, id="a length of 5,000 digits"),
        pytest.param({"content-length": "60"}, [b"form_token=TOKEN&a=", b"x" * 99], 413, id="more than told"),
        pytest.param({"content-length": "4000000"}, [b"a=" + b"x" * 60_000] * 60, 403, id="no token at first"),
        pytest.param({"content-length": "8", "x-ledger-form": "x"}, [b"a=" + b"x" * 6], 403, id="a wrong header"),
        pytest.param(
            {"content-type": "multipart/form-data; boundary=b", "content-length": "5"}, [b"--b--"], 415, id="kind"
        ),
        pytest.param({}, [b"form_token=TOKEN", *[b"&chosen.%d=1" % n for n in range(200)]], 400, id="fields"),
        pytest.param({}, [b"form_token=TOKEN&reason=", b"x" * 1_001], 400, id="a long reason"),
        pytest.param({}, [b"form_token=TOKEN&", b"x" * 201, b"=1"], 400, id="a long name"),
        pytest.param({}, [b"form_token=TOKEN&reason=%ff%fe"], 400, id="no UTF-8"),
    ],
)
def test_a_form_is_bounded_and_read_for_its_token_first(
    page: Page, headers: dict[str, str], body: list[bytes], status: int
) -> None:
    """A stranger's form is thrown away after its first bytes; one of this page's own is of a bounded size and shape."""
    token, taken = page.token.encode(), []
    sent = [part.replace(b"TOKEN", token) for part in body]

    def parts() -> Iterator[bytes]:
        for part in sent:
            taken.append(part)
            yield part

    given = {"origin": ORIGIN, "content-type": KIND, "content-length": str(sum(map(len, sent))), **headers}
    assert asked(page, given, parts()) == (status, "text/plain; charset=utf-8")  # what is decided answers JSON
    assert len(taken) <= (2 if status in {403, 413} else len(sent))


def test_a_token_in_the_header_will_do(page: Page, sample: str) -> None:
    """As a script sends it."""
    fields = {**page.seen_of(sample), "verdict": "accept"}
    headers = {"origin": ORIGIN, "x-ledger-form": page.token}
    assert page.client.post(f"/sample/{sample}/decide", data=fields, headers=headers).status_code == 200
    assert events(page, sample)[-1] == ("accepted", "anna", "ui")


def asked(page: Page, headers: dict[str, str], body: Iterator[bytes]) -> tuple[int, str]:
    """Ask the application itself, which takes a part of the body at a time as it wants one."""
    names = [(name.encode(), value.encode()) for name, value in {"host": HOST, **headers}.items()]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/decide",
        "raw_path": b"/decide",
        "query_string": b"",
    }
    scope |= {
        "headers": names,
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "client": None,
        "server": None,
    }
    told: list[tuple[int, str]] = []

    async def receive() -> dict[str, object]:
        part = next(body, None)
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            told.append((message["status"], dict(message["headers"])[b"content-type"].decode()))

    async def ask() -> None:
        await page.client.app(scope, receive, send)

    asyncio.run(ask())
    return told[0]


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example/", "/\\evil.example", "/x\r\nset-cookie: a=b"]
)
def test_nobody_is_led_elsewhere(page: Page, sample: str, back: str) -> None:
    """An address that is not this server's own is no way back: the answer is JSON."""
    fields = {**page.seen_of(sample), "verdict": "accept", "back": back, "tell": "1"}
    assert page.post(f"/sample/{sample}/decide", fields)["location"] is None
    shown = page.get(f"/edit/{sample}?back={quote(back)}")
    assert "evil" not in shown.partition("<main")[2].partition("</main>")[0]
    assert '<a href="/">Leave it</a>' in shown


def test_the_name_is_that_of_the_token(tmp_path: Path, data: Path) -> None:
    """With tokens whoever brings one decides under the name that it is for."""
    page = Page(world(tmp_path, data), {"t" * 20: "berta"}, "t" * 20)
    sample = page.json("/queue.json")["row"]["sample"]
    page.post(f"/sample/{sample}/decide", {**page.seen_of(sample), "verdict": "accept"})
    assert events(page, sample)[-1] == ("accepted", "berta", "ui")
    with Ledger.open(tmp_path / "ledger.db", read_only=True) as ledger:
        assert ledger.verify(quick=True)["findings"] == []


def test_a_refusal_leads_back(page: Page, sample: str) -> None:
    """To where the form was; a refused edit to the edit with what was written; with a hint for a page, readable."""
    seen = page.seen_of(sample)
    bad = page.send(f"/sample/{sample}/edit", {**seen, "content": '{"a": "mine"}', "back": "/queue?done=3"})
    assert bad.status_code == 400
    assert f'href="/edit/{sample}?back=%2Fqueue%3Fdone%3D3"' in bad.text
    assert 'href="/queue?done=3"' in bad.text
    assert "mine" in bad.text
    hint = page.post(f"/sample/{sample}/edit", {**seen, "content": "{"}, 400)["error"]["hint"]
    assert '{"messages"' in hint
    assert "ledger ingest" not in hint
    assert "{{" not in hint
    empty = page.send("/decide", {**page.seen(), "verdict": "accept", "back": "/find?status=rejected"})
    assert 'href="/find?status=rejected"' in empty.text
    stale = page.send("/adopt", {"head": "1", "set.threshold.min_overall": "2.6", "back": "/whatif"})
    assert (stale.status_code, 'href="/whatif"' in stale.text) == (409, True)
    led = page.client.get("/find?sort=sideways", headers={"referer": f"{ORIGIN}/find?status=rejected"})
    assert 'href="/find?status=rejected"' in led.text
    elsewhere = page.client.get("/find?sort=sideways", headers={"referer": "http://evil.example/find?x=1"})
    assert "evil" not in elsewhere.text
    assert 'href="/find">Go back' in elsewhere.text


def test_the_banner_says_what_the_log_says(page: Page, sample: str) -> None:
    """Nothing of an event that is not there, of another sample, or another's; and no number that is only claimed."""
    seen = page.seen_of(sample)
    done = page.post(f"/sample/{sample}/decide", {**seen, "verdict": "accept"})["events"][-1]
    for asked in (
        "undo=5",
        "undo=999999",
        f"last={'0' * 10}&undo=5",
        "undone=5",
        "did=5",
        "did=1-5",
        "did=x",
        f"did={done}-5",
    ):
        shown = page.get(f"/queue?done=999&{asked}")
        assert "Recorded as" not in shown
        assert "Undone" not in shown
        assert "999 decided" not in shown
    shown = page.get(f"/queue?done=999&undo={done}&last={'0' * 64}")
    assert f"Recorded as @{done}" in shown
    assert sample[:10] in shown.partition("Recorded as")[2][:200]
    assert "1 decided" in shown
    for asked in ("undo=x", "undo=1..2", "undo=99999999999", "undo=-1"):
        page.get(f"/queue?{asked}", 400)
    fields = {**page.seen_of(sample), "verdict": "defer", "tell": "1", "back": "/queue?undo=x"}
    assert "undo=x" not in page.post(f"/sample/{sample}/decide", fields, 303)["location"]


def test_undo_of_many_is_of_ones_own(tmp_path: Path, data: Path) -> None:
    """Neither another person's, nor more than one commit, nor what is no decision."""
    path = world(tmp_path, data)
    anna, bob = Page(path, TOKENS, ANNA), Page(path, TOKENS, BOB)
    chosen = [row["sample"] for row in bob.json("/find.json?status=rejected")["samples"][:3]]
    fields = {
        **bob.seen(),
        **{f"chosen.{one}": "1" for one in chosen},
        "verdict": "accept",
        "tell": "1",
        "back": "/find",
    }
    led = bob.post("/decide", fields, 303)["location"]
    first, last = led.partition("did=")[2].split("-")
    assert int(last) - int(first) == 2
    assert "3 samples <strong>accepted" in bob.get(led)
    assert "Recorded as" not in anna.get(led)
    for events in (f"{first}-{last}", "x", "", "1-2", f"1-{last}", f"{int(first) - 1}-{last}"):
        anna.post("/undo", {"events": events}, 400)
    for events in (f"1-{last}", f"{int(first) - 1}-{last}", f"{last}-{first}"):
        bob.post("/undo", {"events": events}, 400)
    assert bob.post("/undo", {"events": f"{first}-{last}"})["changed"] == 3
    assert 'action="/undo"' not in bob.get(led)
    assert {bob.json(f"/sample/{one}.json")["shown"]["status"] for one in chosen} == {"rejected"}


def test_who_is_no_longer_in_the_queue_is_told(page: Page, sample: str) -> None:
    """No other sample stands in its place; what is no sample at all is refused."""
    page.post(f"/sample/{sample}/decide", {**page.seen_of(sample), "verdict": "accept"})
    told, shown = page.json(f"/queue.json?at={sample}"), page.get(f"/queue?at={sample}")
    assert (told["row"], told["missing"]["sample"]) == (None, sample)
    assert "is <strong>accepted</strong> now, and not in this queue" in shown
    assert "Go on with the queue" in shown
    assert 'data-sample="' not in shown
    page.get("/queue?at=zzz", 400)
    page.get("/queue?at=ffffffff", 404)


def test_a_sample_of_another_page_of_the_queue_is_found(page: Page) -> None:
    """An address without the place of its page shows it all the same, on its page."""
    following = page.json(f"/queue.json?after={page.json('/queue.json')['next']}")
    there = following["near_misses"][2]["sample"]
    told = page.json(f"/queue.json?at={there}")
    assert (told["row"]["sample"], told["position"]) == (there, 2)
    assert told["near_misses"] == following["near_misses"]
    assert told["neighbours"]["next"] == following["near_misses"][3]["sample"]


def test_what_an_edit_changes_is_said(page: Page, sample: str) -> None:
    """The label is not among it; afterwards the sample waits, and the page says so."""
    assert "the label (<strong>" in page.get(f"/edit/{sample}")
    raw = page.json(f"/sample/{sample}.json")["shown"]["raw"]
    fields = {**page.seen_of(sample), "content": raw.replace("workspace", "workbench")}
    led = page.post(f"/sample/{sample}/edit", {**fields, "tell": "1", "back": f"/queue?at={sample}"}, 303)["location"]
    shown = page.get(led)
    assert "It is <strong>pending</strong> now: what was decided was decided about the version before" in shown
    assert "is <strong>pending</strong> now, and not in this queue" in shown


def test_copies_alone_are_ticked(ledger: Ledger, tmp_path: Path) -> None:
    """Never the one that is accepted, nor a label that says the opposite; else all but the first."""
    rows = [chat(f"q{n // 4}", "a", label=n % 4 != 3) for n in range(8)]
    ledger.ingest([write(tmp_path / "x.jsonl", *rows)], campaign="c")
    page = Page(ledger.path)
    ids = sorted(ledger.find(sort="born", limit=20)["samples"], key=lambda row: row["born"])
    first, _, kept, opposite = (row["sample"] for row in ids[:4])
    ledger.reject([first], reason="dull")
    ledger.accept([kept])
    for group in page.json("/duplicates.json")["groups"]:
        members = {one["sample"]: one for one in group["members"]}
        if kept not in members:
            continue
        assert group["kept"] == kept
        assert set(group["ticked"]) == set(members) - {kept, opposite}
    shown = page.get("/duplicates")
    assert f'name="chosen.{first}" value="1" aria-label="Choose {first[:10]}" checked' in shown
    for one in (kept, opposite):
        assert f'name="chosen.{one}" value="1" aria-label="Choose {one[:10]}">' in shown


def test_nothing_is_offered_for_what_was_erased(page: Page, sample: str) -> None:
    """Neither a verdict nor an edit."""
    with Ledger.open(page.path, actor="anna") as ledger:
        ledger.erase([sample], reason="asked for", authority="anna", yes=True)
    shown = page.get(f"/sample/{sample}")
    assert "Its bytes were erased" in shown
    assert f"/sample/{sample}/decide" not in shown
