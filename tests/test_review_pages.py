"""Every page and its twin: what they show is what the ledger says, whatever stands in the address."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from review_page.pages import PAGES, find
from tests.cli import ok
from tests.review import HOST, HOSTILE, ORIGIN, POLICY, Page, world
from tests.small import chat, write

DATA = Path(__file__).parent / "data" / "toolset"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ledger that no test of this module changes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(tmp_path_factory.mktemp("witness")))
        return world(tmp_path_factory.mktemp("world"), DATA)


@pytest.fixture
def page(path: Path) -> Page:
    """Return the page of it."""
    return Page(path)


@pytest.fixture
def looked(path: Path) -> Iterator[Ledger]:
    """Yield the ledger, to compare."""
    with Ledger.open(path, read_only=True) as ledger:
        yield ledger


def places(ledger: Ledger) -> dict[str, str]:
    """Return an address of every page."""
    sample = ledger.near_misses(limit=1)["near_misses"][0]["sample"]
    first, second = sorted(one["position"] for one in ledger.releases()["releases"])
    parts = {"sample": sample, "position": str(first)}
    queries = {"/releases/diff": f"?a={first}&b={second}"}
    return {view.path: view.path.format(**parts) + queries.get(view.path, "") for view in PAGES}


def twin(address: str) -> str:
    """Return the address of a page's twin."""
    place, mark, query = address.partition("?")
    return f"{'/overview' if place == '/' else place}.json{mark}{query}"


@pytest.mark.parametrize("view", PAGES, ids=lambda view: view.path)
def test_every_page_has_a_twin_that_it_names(page: Page, looked: Ledger, view: object) -> None:
    """A page is whole HTML with a title and one heading; it names its twin, which is JSON; nothing is inline."""
    address = places(looked)[view.path]  # type: ignore[attr-defined]
    shown = page.get(address)
    assert shown.startswith("<!doctype html>")
    assert len(re.findall("<h1", shown)) == 1
    assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son[a-z]+=|javascript:", shown)
    named = re.search(r'<link rel="alternate" type="application/json" href="([^"]+)">', shown)
    assert named is not None
    assert page.json(unescape(named[1])) == page.json(twin(address))


@pytest.mark.parametrize("view", PAGES, ids=lambda view: view.path)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_page_is_only_read(page: Page, looked: Ledger, view: object, method: str) -> None:
    """Any other method is refused by the page and by its twin, with an answer that a person can read."""
    address = places(looked)[view.path]  # type: ignore[attr-defined]
    for one in (address, twin(address)):
        answer = page.client.request(method, one, headers={"origin": ORIGIN})
        assert answer.status_code == 405
        assert "cannot be done here" in answer.text


@pytest.mark.parametrize("view", [view for view in PAGES if view.path != "/keys"], ids=lambda view: view.path)
def test_every_page_is_as_of_any_position(page: Page, looked: Ledger, view: object) -> None:
    """With as_of a banner says so, the way back keeps the place, links carry it on, and nothing can be decided."""
    head = looked.status()["head"]["position"]
    address = places(looked)[view.path]  # type: ignore[attr-defined]
    asked = f"{address}{'&' if '?' in address else '?'}as_of={head - 1}"
    shown = page.get(asked)
    assert f"As of {head - 1}: an earlier moment" in shown
    assert 'name="form_token"' not in shown
    assert f"/scores?as_of={head - 1}" in shown
    assert "As of" not in re.sub(r"<label>As of", "", page.get(address))
    for moment in ("999999999", "yesterday", "-1"):
        page.get(asked.replace(f"as_of={head - 1}", f"as_of={moment}"), 400 if moment != "999999999" else 404)


def test_an_earlier_moment_is_that_moment(page: Page) -> None:
    """The counts are those of that position, before anything was decided."""
    early = page.json("/overview.json?as_of=40")
    assert early["samples"] == sum(early["by_status"].values()) < page.json("/overview.json")["samples"]
    assert early["policies"] == []


def test_overview_is_what_status_says(page: Page, path: Path) -> None:
    """The twin holds the CLI's answer, and the page each count as a link to the list that it counts."""
    told = ok("--ledger", path, "status", "--json").json
    shown = page.json("/overview.json")
    assert {name: shown[name] for name in told} == told
    for status, count in told["by_status"].items():
        assert f'<a href="/find?status={status}">{count} {status}</a>' in page.get("/")
        assert page.json(f"/find.json?status={status}")["total"] == count
    for reason, count in told["by_reason"].items():
        assert page.json(f"/find.json?reason={reason}")["total"] == count
    for domain, count in told["by_domain"].items():
        assert page.json(f"/find.json?domain={domain}")["total"] == count
    for campaign in told["campaigns"]:
        assert page.json(f"/find.json?campaign={campaign['name']}")["total"] == campaign["samples"]


def test_every_bar_counts_what_its_link_lists(page: Page, path: Path) -> None:
    """Of every score and domain: the bars add up, and each is what `ledger list --score` finds between its ends."""
    charts = page.json("/scores.json")["charts"]
    assert {chart["name"] for chart in charts} >= {"overall_quality", "sessionMemory_quality"}
    for chart in [*charts, *page.json("/scores.json?name=overall_quality")["charts"]]:
        assert sum(bar["samples"] for bar in chart["bars"]) == chart["samples"]
    for domain in (None, "menus", "notes"):
        where = "" if domain is None else f"&domain={domain}"
        (chart,) = page.json(f"/scores.json?name=overall_quality{where}")["charts"][:1]
        for bar in chart["bars"]:
            score = f"overall_quality={bar['least']}..{bar['most']}"
            options = [] if domain is None else ["--domain", domain]
            listed = ok("--ledger", path, "list", "--score", score, *options, "--json").json
            assert listed["total"] == bar["samples"]
    drawn = re.findall(r'<a href="(/find\?[^"]+)" aria-label="(\d+) samples', page.get("/scores?name=overall_quality"))
    assert drawn
    for address, count in drawn:
        found = re.search(r'<strong id="total">(\d+)</strong>', page.get(unescape(address)))
        assert found is not None
        assert found[1] == count


def test_thresholds_stand_where_the_policy_has_them(page: Page) -> None:
    """The line says the value and the setting; bars that the comparison holds for are marked."""
    chart = next(one for one in page.json("/scores.json")["charts"] if one["name"] == "overall_quality")
    assert [(one["op"], one["value"], one["setting"]) for one in chart["thresholds"]] == [
        ("<", "3.2", "threshold.min_overall")
    ]
    shown = page.get("/scores?name=overall_quality")
    assert 'class="threshold-text"' in shown
    first = re.search(r'class="bar caught" data-n="\d+" data-least="([\d.]+)"', shown)
    assert first is not None
    assert float(first[1]) < 3.2


def test_whatif_is_the_command_line(page: Page, path: Path) -> None:
    """The same settings give the same answer, flip by flip."""
    for value in ("2.2", "3.0", "3.2", "3.61"):
        told = ok("--ledger", path, "whatif", "--set", f"threshold.min_overall={value}", "--limit", 50, "--json").json
        shown = page.json(f"/whatif.json?set.threshold.min_overall={value}")
        assert shown["answer"] == told
    asked = "/whatif?set.threshold.min_overall=2.2"
    counted = sum(int(n) for n in re.findall(r'data-flips="\w+" data-n="(\d+)"', page.get(asked)))
    flips = page.json(twin(asked))["answer"]["flips"]
    assert counted == sum(flips[way] for way in ("to_accepted", "to_rejected", "to_pending"))
    more = page.json("/whatif.json?more=threshold.min_overall%3D2.2%0Aunknown%3Dignore")["answer"]
    assert (
        more["flips"]
        == ok(
            "--ledger", path, "whatif", "--set", "threshold.min_overall=2.2", "--set", "unknown=ignore", "--json"
        ).json["flips"]
    )


@pytest.mark.parametrize("value", ["x", "1e999", "nan", "3.2;", "0." + "1" * 20, "9" * 40])
def test_a_setting_that_is_none_is_refused(page: Page, value: str) -> None:
    """As a page and as JSON, with what is wrong."""
    assert "min_overall" in page.json(f"/whatif.json?set.threshold.min_overall={value}", 400)["error"]["message"]
    page.get(f"/whatif?set.threshold.min_overall={value}", 400)


def test_htmx_is_given_the_part_that_changes(page: Page) -> None:
    """With HX-Request only the part, without a head; whoever keeps answers is told that they differ."""
    answer = page.client.get("/whatif", headers={"HX-Request": "true"})
    assert "<html" not in answer.text
    assert '<section id="outcome"' in answer.text
    assert answer.headers["vary"] == "HX-Request"


def test_going_back_is_given_the_whole_page(page: Page) -> None:
    """What htmx asks for to restore a page of the history replaces the body: the menu and the footer are in it."""
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    answer = page.client.get("/whatif?set.threshold.min_overall=2.6", headers=headers)
    assert answer.text.startswith("<!doctype html>")
    assert "<nav" in answer.text


@pytest.mark.parametrize("place", ["/%7B", "/%7Bx%7D", "/%7B0.__class__%7D", "/%7D%7B", "/nothing/%7B%7D", "/%7B.json"])
def test_a_brace_is_a_letter(page: Page, place: str) -> None:
    """In an address that is not there, and in the name of a sample."""
    assert "There is no such page" in page.get(place, 404)
    page.get(f"/sample{place}", 404 if "/nothing" in place else 400)


def test_what_is_refused_names_its_own_twin(page: Page) -> None:
    """With the query, so that a program is told the same; where there is no page there is no twin."""
    shown = page.get("/sample/%7B?as_of=3&a=1", 400)
    assert 'type="application/json" href="/sample/%7B.json?as_of=3&amp;a=1"' in shown
    assert 'type="application/json" href="/find.json?status=perfect"' in page.get("/find?status=perfect", 400)
    assert "application/json" not in page.get("/nothing", 404)


def test_what_to_do_is_for_a_page(page: Page) -> None:
    """Not for the command line; a hint that an error brings itself is told."""
    for address in ("/find?sort=sideways", "/find?status=perfect"):
        hint = page.json(twin(address), 400)["error"]["hint"]
        assert hint
        assert "--help" not in hint
    assert "Go back" in page.json("/pairs.json?before=x", 400)["error"]["hint"]


def test_a_moment_that_is_left_empty_is_now(page: Page) -> None:
    """The field at the bottom sends it so."""
    for address in ("/", "/find", "/queue", "/scores"):
        assert "earlier moment" not in page.get(f"{address}?as_of=")
    assert page.json("/find.json?as_of=&status=accepted") == page.json("/find.json?status=accepted")


def test_an_empty_domain_stays_empty(page: Page, path: Path) -> None:
    """Samples without a domain: the links of the queue lead on among them, and the overview's row lists them."""
    shown = page.get("/queue?domain=")
    for address in re.findall(r'href="(/queue\?[^"]+)" data-key', shown):
        assert "domain=&amp;" in address
    assert "domain=&amp;" in re.findall(r'name="back" value="([^"]+)"', shown)[0]
    rows = page.json("/queue.json?domain=")
    assert {row["domain"] for row in rows["near_misses"]} <= {None}
    nowhere = ok("--ledger", path, "status", "--json").json["by_domain"].get("", 0)
    if nowhere:
        assert page.json("/find.json?none=domain")["total"] == nowhere
        assert '<a href="/find?none=domain">none</a>' in page.get("/")


def test_twins_name_what_they_hold(page: Page, looked: Ledger) -> None:
    """Thresholds and turns are objects, not rows of nameless values; 2.50 is no other value than 2.5."""
    (lever,) = page.json("/whatif.json?set.threshold.min_overall=2.6")["levers"]
    assert lever["key"] == "threshold.min_overall"
    assert (lever["value"], lever["asked"]) == ("3.2", "2.6")
    assert page.json("/scores.json")["levers"][0]["key"] == "threshold.min_overall"
    sample = looked.near_misses(limit=1)["near_misses"][0]["sample"]
    for address in ("/queue.json", f"/sample/{sample}.json"):
        assert {"role", "text", "calls"} <= page.json(address)["turns"][0].keys()
    assert page.json("/whatif.json?set.threshold.min_overall=3.20")["changes"] == []
    assert page.json("/whatif.json?set.threshold.min_overall=3.21")["changes"] != []


@pytest.mark.parametrize("of_all", [False, True])
def test_whatif_asks_which_campaign(tmp_path: Path, of_all: bool) -> None:  # noqa: FBT001 - of a test
    """Where campaigns have policies of their own they are offered as links, and scores are shown all the same."""
    made = world(tmp_path, DATA)
    policy = tmp_path / "other.toml"
    policy.write_text(POLICY.replace("3.2", "2.2"), encoding="utf-8")
    with Ledger.open(made, actor="anna") as ledger:
        ledger.decide(policy, campaign="may")
        if not of_all:
            ledger.decide(policy, campaign="june")
    page = Page(made)
    told = page.json("/whatif.json")
    assert (told["levers"], told["answer"], set(told["campaigns"])) == (None, None, {"may", "june"})
    assert '<a href="/whatif?campaign=may">may</a>' in page.get("/whatif")
    assert 'id="levers"' not in page.get("/whatif")
    asked = page.json("/whatif.json?campaign=may&set.threshold.min_overall=2.6")
    change = "threshold.min_overall=2.6"
    assert (
        asked["answer"]
        == ok("--ledger", made, "whatif", "--campaign", "may", "--set", change, "--limit", 50, "--json").json
    )
    assert 'name="campaign" value="may"' in page.get("/whatif?campaign=may&set.threshold.min_overall=2.6")
    assert 'class="chart"' in page.get("/scores")


def test_words_can_be_looked_for_from_the_page(tmp_path: Path) -> None:
    """A ledger that nobody searched has no index: the page says so, makes it, and then the list is the command's."""
    made = world(tmp_path, DATA)
    page = Page(made)
    before = page.json("/overview.json")["head"]
    shown = page.get("/find?text=workspace&status=rejected")
    assert "There is no index of words yet" in shown
    assert 'action="/words"' in shown
    back = "/find?text=workspace&status=rejected"
    assert page.post("/words", {"text": "workspace", "back": back}, 303)["location"] == back
    found = page.json("/find.json?text=workspace&status=rejected")
    told = ok("--ledger", made, "list", "--text", "workspace", "--status", "rejected", "--limit", 50, "--json").json
    assert found["total"] == told["total"] > 0
    assert [row["sample"] for row in found["samples"]] == [row["sample"] for row in told["samples"]]
    assert page.json("/overview.json")["head"] == before


def test_words_of_a_large_ledger_are_left_to_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making the index takes long there: the page names the command, and refuses to be asked."""
    page = Page(world(tmp_path, DATA))
    monkeypatch.setattr(find, "MOST", 3)
    shown = page.get("/find?text=workspace")
    assert "ledger search" in shown
    assert 'action="/words"' not in shown
    page.post("/words", {"text": "workspace"}, 400)


def test_the_queue_is_near_misses(page: Page, looked: Ledger) -> None:
    """It shows the nearest first, says how many are left, and leads to the next one and back."""
    rows = looked.near_misses()["near_misses"]
    shown = page.json("/queue.json")
    assert shown["near_misses"] == rows
    assert shown["row"] == rows[0]
    assert shown["left"] == looked.nearness()["total"]
    following = page.json(f"/queue.json?at={rows[1]['sample']}")
    assert following["neighbours"] == {"before": rows[0]["sample"], "next": rows[2]["sample"]}
    assert f"at={rows[1]['sample']}" in page.get("/queue")
    assert page.json("/queue.json?domain=nowhere")["row"] is None
    assert "No sample nearly passed among these" in page.get("/queue?domain=nowhere")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/queue?after=x", 400),
        ("/queue?done=-1", 400),
        ("/queue?undo=x", 400),
        ("/queue?campaign=nobody", 400),
        ("/find?after=x", 400),
        ("/find?after=born:1:1&sort=newest", 400),
        ("/find?status=perfect", 400),
        ("/find?score=nothing", 400),
        ("/find?where=((((", 400),
        ("/find?sort=sideways", 400),
        ("/pairs?before=x", 400),
        ("/pairs?kind=shoes", 400),
        ("/duplicates?offset=-1", 400),
        ("/conflicts?kind=none", 400),
        ("/conflicts?offset=99999999999", 400),
        ("/agreement?campaign=nobody", 400),
        ("/releases?before=x", 400),
        ("/releases/diff", 404),
        ("/releases/diff?a=1&b=2", 404),
        ("/releases/diff?a=x", 400),
        ("/release/1", 404),
        ("/release/x", 400),
        ("/release/1/manifest", 404),
        ("/release/1/rows", 404),
        ("/release/x/rows", 400),
        ("/sample/ffffffff", 404),
        ("/sample/xyz", 400),
        ("/sample/..%2f..%2fetc", 404),
        ("/edit/ffffffff", 404),
        ("/nothing", 404),
        ("/static/../server.py", 404),
        ("/static/%2e%2e/server.py", 404),
    ],
)
def test_what_is_not_there_is_told(page: Page, address: str, status: int) -> None:
    """A bad id, cursor or number is a page that says so, never an error of the server, and JSON from a twin."""
    assert "<h1>" in page.get(address, status)
    if not address.startswith(("/nothing", "/static", "/release/1/", "/release/x/", "/sample/..")):
        assert page.json(twin(address), status)["error"]["message"]


def test_a_cursor_leads_on(page: Page, looked: Ledger) -> None:
    """The pages of a list together are the list."""
    seen: list[str] = []
    after = ""
    while True:
        shown = page.json(f"/find.json?after={after}")
        seen += [row["sample"] for row in shown["samples"]]
        if shown["next"] is None:
            break
        after = shown["next"]
    assert len(seen) == len(set(seen)) == looked.status()["samples"]


def test_pairs_stand_side_by_side(page: Page) -> None:
    """A false and a true sample of one prompt, each with its scores, and their words without those of the other."""
    shown = page.json("/pairs.json")
    assert shown["pairs"]
    for pair in shown["pairs"]:
        assert (pair["poor"]["label"], pair["better"]["label"]) == (False, True)
        for side in pair["sides"]:
            assert {piece["kind"] for piece in side["pieces"]} <= {"same", "in", "out"}
    assert any(row["poor"] for pair in shown["pairs"] for row in pair["scores"])
    assert page.json("/pairs.json?kind=derived")["pairs"] == []


def test_a_release_can_be_taken_away(page: Page, path: Path, looked: Ledger) -> None:
    """The manifest has the bytes that were recorded; the rows are those of the file that was written."""
    for one in looked.releases()["releases"]:
        manifest = page.client.get(f"/release/{one['position']}/manifest")
        assert show(blake3_bytes(manifest.content)) == one["manifest"]
        assert "attachment" in manifest.headers["content-disposition"]
        rows = page.client.get(f"/release/{one['position']}/rows")
        assert rows.content == (path.parent / one["name"]).read_bytes()
        assert "attachment" in rows.headers["content-disposition"]


def test_two_releases_differ_by_what_was_accepted_between(page: Page, path: Path, looked: Ledger) -> None:
    """As `ledger diff` says of their manifests."""
    first, second = sorted(one["position"] for one in looked.releases()["releases"])
    told = ok("--ledger", path, "diff", path.parent / "first.jsonl", path.parent / "second.jsonl", "--json").json
    shown = page.json(f"/releases/diff.json?a={first}&b={second}")["difference"]
    assert shown["counts"] == told["counts"]
    assert shown["counts"]["added"] > 0


def test_hostile_text_is_shown_as_text(ledger: Ledger, tmp_path: Path) -> None:
    """Whatever a sample, a name or an address holds, no tag of it reaches a page."""
    line = chat(HOSTILE, HOSTILE, label=True, domain=HOSTILE, tags={HOSTILE: HOSTILE})
    ledger.ingest([write(tmp_path / "x.jsonl", line)], campaign=HOSTILE)
    (sample,) = (row["sample"] for row in ledger.find()["samples"])
    ledger.reject([sample], reason=HOSTILE)
    page = Page(ledger.path)
    asked = {"/": 200, "/find": 200, f"/sample/{sample}": 200, f"/edit/{sample}": 200, "/queue": 200}
    named = quote(HOSTILE)
    asked |= {f"/find?text={named}": 200, f"/find?domain={named}": 200, f"/find?status={named}": 400}
    asked |= {f"/queue?domain={named}": 200, f"/sample/{named}": 404, f"/pairs?kind={named}": 400}
    for address, status in asked.items():
        shown = page.get(address, status)
        assert "<script>window" not in shown
        assert "<img" not in shown
        assert "<svg onload" not in shown
        told = re.findall(r"gnp\.exe.{0,20}", shown)
        assert not any("49" in one for one in told)
        assert told or address == "/queue"


def test_a_line_of_a_megabyte_is_cut(ledger: Ledger, tmp_path: Path) -> None:
    """The page stays small and says how much is missing; the twin has all of it."""
    long = "x" * 1_000_000
    ledger.ingest([write(tmp_path / "x.jsonl", chat("q", long, label=True))], campaign="c")
    (sample,) = (row["sample"] for row in ledger.find()["samples"])
    page = Page(ledger.path)
    shown = page.get(f"/sample/{sample}")
    assert len(shown) < 300_000
    assert "800,000 more characters" in shown
    assert long in json.dumps(page.json(f"/sample/{sample}.json"))


def test_a_ledger_that_is_empty_has_every_page(ledger: Ledger) -> None:
    """No sample, no policy, no release: each page says so."""
    page = Page(ledger.path)
    for view in PAGES:
        if "{" not in view.path and view.path != "/releases/diff":
            page.get(view.path)
    assert "None was adopted" in page.get("/")
    assert page.json("/whatif.json")["answer"] is None


def test_answers_may_do_nothing_but_show(page: Page) -> None:
    """No script but this server's own files, no frame, no cache, no guessing of types."""
    headers = page.client.get("/").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert HOST not in headers["content-security-policy"]


@pytest.mark.parametrize(
    "address",
    ["/?nope=1", "/find?statsu=accepted", "/queue?outcome=accepted", "/scores?nope=1", "/whatif?nope=1", "/pairs?x=",
     "/whatif?set.nope=1", "/whatif?set.threshold.nope=1&set.threshold.min_overall=2.6", "/keys?a=b", "/releases?a=1"],
)  # fmt: skip
def test_what_a_page_knows_nothing_of_is_refused(page: Page, address: str) -> None:
    """It would seem to be heeded: a name in an address, a setting of the policy."""
    assert "<h1>Refused" in page.get(address, 400)
    assert page.json(twin(address), 400)["error"]["hint"]


def test_the_queue_says_what_it_is_of(page: Page, path: Path, looked: Ledger) -> None:
    """What it lists and leaves out, with filters on the page; accepted near-misses are as those of the command."""
    shown = page.get("/queue")
    rejected = looked.status()["by_status"]["rejected"]
    assert f"of {rejected:,} rejected samples are listed" in shown
    assert "the same text count once" in shown
    for name in ("status", "campaign", "rule"):
        assert f'<select name="{name}"' in shown
    assert 'href="/queue?domain=notes"' in shown
    told = ok("--ledger", path, "near-misses", "--accepted", "--json").json["near_misses"]
    assert [row["sample"] for row in page.json("/queue.json?status=accepted")["near_misses"]] == [
        row["sample"] for row in told
    ]
    assert told
    page.get("/queue?status=perfect", 400)


def test_an_empty_ledger_has_no_head_and_one_is_singular(ledger: Ledger, tmp_path: Path) -> None:
    """And without a policy the queue says that there is none."""
    page = Page(ledger.path)
    assert "@-1" not in page.get("/")
    assert "No policy is in force" in page.get("/queue")
    ledger.ingest([write(tmp_path / "x.jsonl", chat("q", "a", label=True))], campaign="c")
    assert "<strong>1</strong> sample =" in page.get("/")
    assert '<strong id="total">1</strong> sample</p>' in page.get("/find")


def test_a_twin_that_is_not_there_is_json_and_a_method_is_none(page: Page) -> None:
    """As every twin; and PUT is no method here, from wherever it comes."""
    assert page.json("/nothing.json", 404)["error"]["name"] == "404"
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        assert page.client.request(method, "/").status_code == 405
    assert page.client.post("/decide").status_code == 403


def test_names_of_samples_are_written_out(ledger: Ledger, tmp_path: Path) -> None:
    """On every page that says them; a field of a form holds them as they are, so that it asks for the same."""
    name = "\u202edom\u2028x\u200by"
    ledger.ingest([write(tmp_path / "x.jsonl", chat(name, name, label=True, domain=name))], campaign=name[1:])
    (sample,) = (row["sample"] for row in ledger.find()["samples"])
    ledger.reject([sample], reason=name[4:])
    page = Page(ledger.path)
    for address in ("/", "/find", f"/sample/{sample}", "/queue"):
        shown = re.sub(r'value="[^"]*"', "", page.get(address))
        assert not set(shown) & set("\u202e\u2028\u200b")
        assert "\\u2028x\\u200by" in shown
    found = page.get(f"/find?domain={quote(name)}")
    assert f'name="domain" value="{name}"' in found
    assert '<strong id="total">1</strong>' in found


def test_a_margin_is_the_same_in_the_list_and_in_why(page: Page, looked: Ledger) -> None:
    """Of several rules that hold the one that is hardest to escape counts, in the list, the queue and the story."""
    rows = looked.find(status="rejected", limit=1_000)["samples"]
    several = [
        row for row in rows if row["margin"] and looked.why(row["sample"])["deciding"]["margin"] != row["margin"]
    ]
    assert several
    for row in [*several[:5], *[row for row in rows if row["margin"]][:5]]:
        assert f"margin {row['margin']}." in page.json(f"/sample/{row['sample']}.json")["story"][0]
