"""What is decided on the page: the same events as the command line's, once, by whom it was, and to be undone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from tests.review import ORIGIN, Page, world
from tests.small import chat


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
    before = events(page, sample)
    first = page.post(f"/sample/{sample}/decide", fields)
    assert first["changed"] == 1
    assert page.post(f"/sample/{sample}/decide", fields)["events"] == []
    assert events(page, sample) == [*before, (kind, "anna", "ui")]
    why = page.json(f"/sample/{sample}.json")["why"]
    assert {name: why[name] for name in outcome} == outcome


def test_undo_brings_back_what_stood(page: Page, sample: str) -> None:
    """The answer leads back to the queue with what can be undone; undoing it restores the decision before."""
    stood = page.json(f"/sample/{sample}.json")["why"]
    back = f"/queue?at={sample}&done=4"
    led = page.post(f"/sample/{sample}/decide", {"verdict": "accept", "back": back, "tell": "1"}, 303)["location"]
    shown = page.json(led.replace("/queue", "/queue.json"))
    assert (shown["last"], shown["done"]) == (sample, 4)
    assert f'value="@{shown["undo"]}"' in page.get(led)
    page.post(f"/sample/{sample}/undo", {"event": f"@{shown['undo']}"})
    now = page.json(f"/sample/{sample}.json")["why"]
    assert (now["status"], now["reason"], now["deciding"]) == (stood["status"], stood["reason"], stood["deciding"])
    assert [one[0] for one in events(page, sample)][-2:] == ["accepted", "withdrawn"]


def test_only_events_of_the_sample_are_undone(page: Page, sample: str) -> None:
    """Neither somebody else's event nor nonsense."""
    for event in ("@1", "@999999", "x", "", "@1 @2"):
        assert (
            "no event of this sample" in page.post(f"/sample/{sample}/undo", {"event": event}, 400)["error"]["message"]
        )


def test_an_edit_is_a_version(page: Page, sample: str) -> None:
    """The two stand side by side, word by word; what is no sample is refused."""
    raw = page.json(f"/sample/{sample}.json")["shown"]["raw"]
    page.post(f"/sample/{sample}/edit", {"content": raw.replace("workspace", "workbench"), "reason": "a slip"})
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
        assert page.post(f"/sample/{sample}/edit", {"content": content}, 400)["error"]["name"]


def test_many_are_decided_in_one_commit(page: Page) -> None:
    """Those that were ticked, none else; nothing ticked, or one that does not exist, decides nothing."""
    chosen = [row["sample"] for row in page.json("/find.json?status=pending")["samples"][:3]]
    fields = {f"chosen.{sample}": "1" for sample in chosen}
    before = page.json("/overview.json")["by_status"]
    assert page.post("/decide", {**fields, "verdict": "reject", "reason": "alike"})["changed"] == 3
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
    fields = {"verdict": "accept", "event": "@1", "content": json.dumps(chat("q", "a"))}
    page.post(address, fields, 404)


@pytest.mark.parametrize("address", ["/sample/x/decide", "/sample/x/undo", "/sample/x/edit", "/decide", "/adopt"])
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
    "back", ["//evil.example", "https://evil.example/", "/\\evil.example", "/x\r\nset-cookie: a=b"]
)
def test_nobody_is_led_elsewhere(page: Page, sample: str, back: str) -> None:
    """An address that is not this server's own is no way back: the answer is JSON."""
    done = page.post(f"/sample/{sample}/decide", {"verdict": "accept", "back": back, "tell": "1"})
    assert done["location"] is None


def test_the_name_is_that_of_the_token(tmp_path: Path, data: Path) -> None:
    """With tokens whoever brings one decides under the name that it is for."""
    page = Page(world(tmp_path, data), {"t" * 20: "berta"})
    page.client.headers["authorization"] = f"Bearer {'t' * 20}"
    sample = page.json("/queue.json")["row"]["sample"]
    page.post(f"/sample/{sample}/decide", {"verdict": "accept"})
    assert events(page, sample)[-1] == ("accepted", "berta", "ui")
    with Ledger.open(tmp_path / "ledger.db", read_only=True) as ledger:
        assert ledger.verify(quick=True)["findings"] == []
