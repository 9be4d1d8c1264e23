"""The review page in a real Chromium: what a person sees, presses and hears, over a ledger of real samples.

LEDGER_SHOTS=docs/review puts a picture of each page into that folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ledger import Ledger
from tests.browser import MISSING, chromium, served
from tests.cli import ok
from tests.review import HOSTILE, world
from tests.small import chat, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e .[dev]")
AXE = Path(__file__).parent / "data" / "axe" / "axe.min.js"
DATA = Path(__file__).parent / "data" / "toolset"
LAPTOP, PHONE = {"width": 1024, "height": 700}, {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a Chromium."""
    program = chromium()
    if program is None:
        pytest.skip(MISSING)
    with sync_api.sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=program, args=flags)
        yield started
        started.close()


@pytest.fixture
def path(tmp_path: Path, browser: Browser) -> Path:  # noqa: ARG001 - without a browser nothing is made
    """Return a ledger that a test may change."""
    return world(tmp_path, DATA)


@pytest.fixture
def address(path: Path) -> Iterator[str]:
    """Yield where it is served."""
    with served(path) as found:
        yield found


class Opening:
    """Opens pages; whatever one writes to the console is kept, but for what a test expects."""

    def __init__(self, browser: Browser) -> None:
        """Open nothing yet."""
        self.told: list[str] = []
        self.expected: list[str] = []
        self.contexts: list[BrowserContext] = []
        self._browser = browser

    def __call__(self, **settings: Any) -> Page:  # noqa: ANN401 - of playwright
        """Open a page with a cookie jar of its own."""
        context = self._browser.new_context(**{"viewport": LAPTOP, "reduced_motion": "reduce", **settings})
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.told.append(message.text))
        page.on("pageerror", lambda error: self.told.append(str(error)))
        page.on("dialog", lambda dialog: self.told.append(f"dialog: {dialog.message}"))
        return page

    def faults(self) -> list[str]:
        """Return what was told and not expected."""
        return [one for one in self.told if not any(each in one for each in self.expected)]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opening]:
    """Yield what opens a page; whatever it writes to the console, or is asked in a dialog, fails the test."""
    opening = Opening(browser)
    yield opening
    for context in opening.contexts:
        context.close()
    assert opening.faults() == []


def pages(path: Path) -> dict[str, str]:
    """Return the address of every page that has something to show, by the name of its picture."""
    with Ledger.open(path, read_only=True) as ledger:
        sample = ledger.near_misses(limit=1)["near_misses"][0]["sample"]
        first, second = sorted(one["position"] for one in ledger.releases()["releases"])
        head = ledger.status()["head"]["position"]
    return {
        "overview": "/",
        "samples": "/find?status=rejected",
        "all-of-them": "/find/all?status=rejected&domain=notes",
        "scores": "/scores",
        "scores-domains": "/scores?name=overall_quality",
        "what-if": "/whatif?set.threshold.min_overall=2.6",
        "near-misses": "/queue",
        "pairs": "/pairs",
        "duplicates": "/duplicates",
        "templates": "/templates",
        "conflicts": "/conflicts",
        "agreement": "/agreement",
        "releases": "/releases",
        "release": f"/release/{second}",
        "two-releases": f"/releases/diff?a={first}&b={second}",
        "sample": f"/sample/{sample}",
        "edit": f"/edit/{sample}",
        "keys": "/keys",
        "earlier": f"/?as_of={head - 1}",
        "not-there": "/release/1.5",
    }


def decisions(path: Path, sample: str) -> list[tuple[str, str, str]]:
    """Return (kind, actor, via) of what was decided in the browser about a sample."""
    with Ledger.open(path, read_only=True) as ledger:
        story = ledger.log(sample)
        return [(one["kind"], one["actor"], one["via"]) for one in story if one["via"] == "ui"]


def last_event(path: Path) -> int:
    """Return the position of the last decision."""
    with Ledger.open(path, read_only=True) as ledger:
        return int(max(one["position"] for one in ledger.log(limit=20) if one["kind"] in {"accepted", "rejected"}))


def shown(page: Page) -> str:
    """Return the sample that the queue shows."""
    found = page.locator("form.decide").first.get_attribute("data-sample")
    assert found is not None
    return found


def test_bars_are_counts_and_a_click_lists_them(path: Path, address: str, opened: Opening) -> None:
    """Each bar says how many; the command line counts the same; and a click shows those."""
    page = opened()
    page.goto(f"{address}/scores?name=overall_quality")
    chart = page.locator("svg.chart").first
    bars = chart.locator("rect.bar").evaluate_all("all => all.map(bar => ({...bar.dataset}))")
    assert len(bars) > 5
    for bar in bars:
        asked = f"overall_quality={bar['least']}..{bar['most']}"
        assert ok("--ledger", path, "list", "--score", asked, "--json").json["total"] == int(bar["n"])
    chart.locator("a").nth(2).click()
    page.wait_for_url("**/find?*")
    assert page.locator("#total").inner_text() == bars[2]["n"]


def flips(page: Page) -> dict[str, int]:
    """Return the flips that the page counts."""
    rows = page.locator("[data-flips]").evaluate_all("all => all.map(row => [row.dataset.flips, +row.dataset.n])")
    return dict(rows)


def test_whatif_follows_the_slider_and_the_number(path: Path, address: str, opened: Opening) -> None:
    """Both say the same, one request is made for what is typed at once, and the answer is the command line's."""
    page = opened()
    page.goto(f"{address}/whatif")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/whatif" in request.url else None)
    number, slider = page.locator('input[type="number"]').first, page.locator('input[type="range"]').first
    number.fill("")
    asked.clear()
    with page.expect_response(lambda response: response.url.endswith("min_overall=2.75&more=")):
        number.press_sequentially("2.75", delay=20)
    page.locator("[data-flips]").first.wait_for()
    assert len(asked) == 1
    assert slider.input_value() == "2.75"
    told = ok("--ledger", path, "whatif", "--set", "threshold.min_overall=2.75", "--json").json
    assert flips(page) == {way: n for way, n in told["flips"].items() if way.startswith("to_") and n}
    assert page.locator('[data-after="accepted"]').inner_text() == str(told["after"]["accepted"])
    slider.focus()
    with page.expect_response(lambda response: "min_overall=2.73" in response.url):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
    assert number.input_value() == "2.73"
    page.wait_for_url("**min_overall=2.73**")
    page.reload()
    assert number.input_value() == "2.73"


def test_a_policy_is_adopted(path: Path, address: str, opened: Opening) -> None:
    """One event of the person, and then the counts that were foretold stand in the overview."""
    page = opened()
    page.goto(f"{address}/whatif?set.threshold.min_overall=2.6")
    foretold = page.locator('[data-after="accepted"]').inner_text()
    page.get_by_label("Why").fill("too strict")
    page.get_by_role("button", name="Adopt, and decide by it").click()
    page.wait_for_url(f"{address}/?did=*")
    assert "Adopted @" in page.locator(".notice").inner_text()
    assert f"{foretold} accepted" in page.locator(".conservation").inner_text()
    with Ledger.open(path, read_only=True) as ledger:
        adopted = ledger.policies()["adopted"]
    assert [one["reason"] for one in adopted] == ["", "too strict"]
    page.get_by_role("link", name="Take it back").click()
    page.get_by_role("button", name="Adopt, and decide by it").click()
    page.wait_for_url(f"{address}/?did=*")
    with Ledger.open(path, read_only=True) as ledger:
        assert "min_overall = 3.2" in ledger.policy()["toml"]


def test_while_a_number_does_not_read_nothing_is_adopted(address: str, opened: Opening) -> None:
    """`2.5e` is no number yet: what was answered before cannot be adopted, until there is an answer to what stands."""
    page = opened()
    page.goto(f"{address}/whatif?set.threshold.min_overall=2.6")
    adopt = page.get_by_role("button", name="Adopt, and decide by it")
    assert adopt.is_enabled()
    number = page.locator('input[type="number"]').first
    number.press("End")
    number.press_sequentially("e")
    assert adopt.is_disabled()
    time.sleep(0.6)
    assert adopt.is_disabled()
    assert page.locator("#unread").is_visible()
    number.press("Backspace")
    sync_api.expect(adopt).to_be_enabled()
    assert page.locator("#unread").is_hidden()


def test_undo_goes_back_one_by_one(path: Path, address: str, opened: Opening) -> None:
    """Three decisions, three times `u`: each says what it took back, and the samples stand as before."""
    page = opened()
    page.goto(f"{address}/queue")
    made = []
    for key in ("a", "d", "a"):
        made.append(shown(page))
        with page.expect_navigation():
            page.keyboard.press(key)
    for sample in reversed(made):
        with page.expect_navigation():
            page.keyboard.press("u")
        assert f"Undone: {'deferred' if sample == made[1] else 'accepted'}" in page.locator(".notice").inner_text()
        assert decisions(path, sample)[-1] == ("withdrawn", "anna", "ui")
        assert shown(page) == sample
    assert page.locator("form.undo").count() == 0
    with page.expect_navigation():
        page.keyboard.press("j")
    assert page.locator(".notice").count() == 0


def test_what_many_became_is_told_and_taken_back(path: Path, address: str, opened: Opening) -> None:
    """A line says how many and for what; `u` takes all of it back in one commit."""
    page = opened()
    page.goto(f"{address}/find?status=rejected")
    before = page.locator("#total").inner_text()
    for n in range(3):
        page.locator('input[type="checkbox"]').nth(n).check()
    page.get_by_label("Reason", exact=True).fill("good after all")
    page.get_by_role("button", name="Accept the ticked").click()
    page.wait_for_url("**did=*")
    told = page.locator(".notice").inner_text()
    assert "3 samples accepted" in told
    assert "good after all" in told
    with page.expect_navigation():
        page.keyboard.press("u")
    assert "Undone: 3 decisions" in page.locator(".notice").inner_text()
    assert page.locator("#total").inner_text() == before
    with Ledger.open(path, read_only=True) as ledger:
        kinds = [one["kind"] for one in ledger.log(limit=20) if one["via"] == "ui"]
    assert [kinds.count(kind) for kind in ("run_started", "accepted", "withdrawn")] == [2, 3, 3]


def test_a_histogram_can_be_read(address: str, opened: Opening) -> None:
    """A label stands under the edge that it names, there are a legend and an axis; on a phone 9 pixels or more."""
    for viewport in (LAPTOP, PHONE):
        page = opened(viewport=viewport)
        page.goto(f"{address}/scores?name=overall_quality")
        chart = page.locator("svg.chart").first
        edges = chart.locator("rect.hit").evaluate_all("all => all.map((one) => one.getBoundingClientRect().x)")
        ticks = chart.locator("text.edge").evaluate_all(
            "all => all.map((one) => { const box = one.getBoundingClientRect(); "
            "return [box.x + box.width / 2, box.height]; })"
        )
        assert len(ticks) > 2
        scale = viewport["width"] / 600
        for middle, height in ticks:
            assert height >= 9, viewport
            assert min(abs(middle - edge) for edge in edges) < 3 * scale + 20 * (middle > max(edges))
        boxes = chart.locator("text.edge").evaluate_all(
            "all => all.map((one) => { const box = one.getBoundingClientRect(); return [box.left, box.right]; })"
        )
        assert all(one[1] < other[0] for one, other in pairwise(boxes))
        assert "orange" in page.locator(".legend").first.inner_text()
        assert chart.locator("text.count").count() >= 2


def test_what_nobody_sees_is_written_out(tmp_path: Path, opened: Opening) -> None:
    """Marks that turn the direction, line separators and zero widths; and Hebrew turns nothing but itself."""
    place, name = tmp_path / "ledger.db", "\u202edom\u2028x\u200by"
    rows = [chat("gnp.\u202eexe", "a", label=True, domain=name), chat("b", "c", label=False, domain="\u05d0\u05d1 12")]
    with Ledger.init(place, actor="anna") as ledger:
        ledger.ingest([write(tmp_path / "x.jsonl", *rows)], campaign="c")
        ids = {row["domain"]: row["sample"] for row in ledger.find()["samples"]}
    with served(place) as address:
        page = opened()
        for asked in ("/", "/find", f"/sample/{ids[name]}"):
            page.goto(address + asked)
            text = page.locator("main").inner_text()
            assert not set(text) & set("\u202e\u2028\u200b")
            assert "\\u202edom\\u2028x\\u200by" in text
        assert "gnp.\\u202eexe" in text
        page.goto(f"{address}/find")
        page.get_by_role("link", name="Clear").wait_for()
        page.goto(f"{address}/sample/{ids[chr(0x5D0) + chr(0x5D1) + ' 12']}")
        order = page.evaluate(
            """() => { const line = document.querySelector(".facts"), found = [];
              const walk = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
              for (let node = walk.nextNode(); node; node = walk.nextNode())
                for (let n = 0; n < node.length; n++)
                if (node.data[n] === "\u05d0" || node.data.startsWith("no split", n)) {
                  const range = document.createRange(); range.setStart(node, n); range.setEnd(node, n + 1);
                  found.push([node.data[n], range.getBoundingClientRect().x]); }
              return found; }"""
        )
        hebrew = next(x for letter, x in order if letter == "\u05d0")
        assert hebrew < next(x for letter, x in order if letter == "n")


def test_one_key_is_one_event_and_u_takes_it_back(path: Path, address: str, opened: Opening) -> None:
    """`a` accepts the sample that is shown and shows the next; `u` restores it and shows it again."""
    page = opened()
    page.goto(f"{address}/queue")
    sample = shown(page)
    with Ledger.open(path, read_only=True) as ledger:
        before = ledger.why(sample)["deciding"]
    with page.expect_navigation():
        page.keyboard.press("a")
    assert decisions(path, sample) == [("accepted", "anna", "ui")]
    following = shown(page)
    assert following != sample
    assert "1 decided" in page.locator(".progress").inner_text()
    with page.expect_navigation():
        page.keyboard.press("u")
    assert decisions(path, sample) == [("accepted", "anna", "ui"), ("withdrawn", "anna", "ui")]
    assert shown(page) == sample
    assert decisions(path, following) == []
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.why(sample)["deciding"] == before


def test_every_key_does_what_the_list_says(path: Path, address: str, opened: Opening) -> None:
    """Keys j and k move, r and a digit reject, l and a letter label; d, o, e, ? and Escape."""
    page = opened()
    page.goto(f"{address}/queue")
    first = shown(page)
    for key, same in (("j", False), ("k", True)):
        with page.expect_navigation():
            page.keyboard.press(key)
        assert (shown(page) == first) is same
    page.keyboard.press("?")
    assert page.locator("dialog#keys").is_visible()
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    assert not page.locator("dialog#keys").is_visible()
    page.keyboard.press("1")
    page.keyboard.press("t")
    assert decisions(path, first) == []
    page.keyboard.press("l")
    with page.expect_navigation():
        page.keyboard.press("f")
    assert decisions(path, first) == [("relabeled", "anna", "ui")]
    page.goto(f"{address}/queue?at={first}")
    page.keyboard.press("r")
    with page.expect_navigation():
        page.keyboard.press("3")
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.why(first)["reason"] == "wrong"
    second = shown(page)
    page.keyboard.press("r")
    page.get_by_label("Another reason").fill("a reason with a and j in it")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.why(second)["reason"] == "a reason with a and j in it"
    third = shown(page)
    with page.expect_navigation():
        page.keyboard.press("d")
    assert decisions(path, third) == [("deferred", "anna", "ui")]
    for key, place in (("o", "/sample/"), ("e", "/edit/")):
        page.goto(f"{address}/queue")
        with page.expect_navigation():
            page.keyboard.press(key)
        assert place in page.url


def test_a_double_click_appends_one(path: Path, address: str, opened: Opening) -> None:
    """Also three clicks, clicks on two buttons, and a form that is sent again after going back."""
    page = opened()
    page.goto(f"{address}/queue")
    sample = shown(page)
    with page.expect_navigation():
        page.get_by_role("button", name="Accept").click(click_count=3)
    page.wait_for_load_state()
    time.sleep(0.3)
    assert decisions(path, sample) == [("accepted", "anna", "ui")]
    page.goto(f"{address}/sample/{sample}")
    with page.expect_navigation():
        page.get_by_role("button", name="Accept").dblclick()
    page.wait_for_load_state()
    page.go_back()
    with page.expect_navigation():
        page.get_by_role("button", name="Accept").click()
    page.wait_for_load_state()
    assert decisions(path, sample) == [("accepted", "anna", "ui")]
    page.goto(f"{address}/queue")
    other = shown(page)
    with page.expect_navigation():
        page.evaluate("for (const key of ['d', 'a', '1']) document.querySelector(`[data-key='${key}']`).click()")
    page.wait_for_load_state()
    time.sleep(0.3)
    assert decisions(path, other) == [("deferred", "anna", "ui")]


def test_an_edit_makes_a_version(path: Path, address: str, opened: Opening) -> None:
    """Written in the page, told word by word on the sample's own, and undone."""
    page = opened()
    page.goto(f"{address}/queue")
    sample = shown(page)
    with page.expect_navigation():
        page.keyboard.press("e")
    field = page.locator("textarea#content")
    field.fill(field.input_value().replace('"content": "', '"content": "Please ', 1))
    with page.expect_navigation():
        page.get_by_role("button", name="Save as a new version").click()
    led = page.url
    page.goto(f"{address}/sample/{sample}")
    assert "Please" in page.locator("ins").first.inner_text()
    assert decisions(path, sample) == [("edited", "anna", "ui")]
    page.goto(led)
    with page.expect_navigation():
        page.keyboard.press("u")
    assert [one[0] for one in decisions(path, sample)] == ["edited", "withdrawn"]
    assert shown(page) == sample
    assert "Please" not in page.locator(".chat").inner_text()


@pytest.mark.parametrize("scripts", [True, False])
def test_enter_in_a_reason_accepts_nothing(path: Path, address: str, opened: Opening, scripts: bool) -> None:  # noqa: FBT001 - of a test
    """In a list it does nothing; in the queue it rejects for the reason that was written; with and without scripts."""
    page = opened(java_script_enabled=scripts)
    with Ledger.open(path, read_only=True) as ledger:
        before = ledger.status()["head"]["position"]
    page.goto(f"{address}/find?status=rejected")
    page.locator('input[type="checkbox"]').first.check()
    page.get_by_label("Reason", exact=True).fill("dull")
    page.keyboard.press("Enter")
    page.locator('input[type="checkbox"]').first.press("Enter")
    time.sleep(0.3)
    assert page.url.endswith("/find?status=rejected")
    page.goto(f"{address}/queue")
    sample = shown(page)
    page.locator("summary", has_text="Reject").click()
    page.locator('input[name="reason"]').fill("it is dull")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert decisions(path, sample) == [("rejected", "anna", "ui")]
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.why(sample)["reason"] == "it is dull"
        assert [one for one in ledger.log(limit=50) if one["position"] > before and one["kind"] == "accepted"] == []


def test_back_brings_the_whole_page(address: str, opened: Opening) -> None:
    """After thresholds were moved, which puts each state into the history, going back keeps the menu and the rest."""
    page = opened()
    page.goto(f"{address}/whatif")
    number = page.locator('input[type="number"]').first
    for value in ("2.6", "2.4"):
        number.fill(value)
        page.wait_for_url(f"**min_overall={value}**")
    for value in ("2.6", "3.2"):
        page.go_back()
        sync_api.expect(page.locator('input[type="number"]').first).to_have_value(value)
        assert [page.locator(one).count() for one in ("nav", "main", "footer", "#outcome")] == [1, 1, 1, 1]
    page.locator("h1").click()
    page.keyboard.press("?")
    assert page.locator("dialog#keys").is_visible()


def test_what_somebody_else_did_meanwhile_is_shown(path: Path, address: str, opened: Opening) -> None:
    """A key on a page from before it records nothing: what changed stands there, with the way back to the sample."""
    page = opened()
    page.goto(f"{address}/queue")
    sample = shown(page)
    with Ledger.open(path, actor="bob") as ledger:
        ledger.reject([sample], reason="it is rude")
    told = []
    page.on("response", lambda response: told.append(response.status))
    opened.expected.append("409 (Conflict)")
    with page.expect_navigation():
        page.keyboard.press("a")
    assert told[0] == 409
    assert "it is rude" in page.locator("main").inner_text()
    assert "bob" in page.locator("main").inner_text()
    assert decisions(path, sample) == []
    page.goto(f"{address}/queue?last={sample}&undo={last_event(path)}")
    assert page.locator("form.undo").count() == 0


def test_undo_leads_back_over_the_end_of_a_page(path: Path, address: str, opened: Opening) -> None:
    """The last sample of a page is decided, which leads to the next page; `u` shows that sample again."""
    with Ledger.open(path, read_only=True) as ledger:
        rows = ledger.near_misses()
    assert rows["next"] is not None
    last = rows["near_misses"][-1]["sample"]
    page = opened()
    page.goto(f"{address}/queue?campaign=&at={last}")
    assert shown(page) == last
    with page.expect_navigation():
        page.keyboard.press("a")
    assert shown(page) != last
    assert "after=" in page.url
    with page.expect_navigation():
        page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("u")
    assert [one[0] for one in decisions(path, last)] == ["accepted", "withdrawn"]
    assert shown(page) == last
    assert "20 of 20 on this page" in page.locator(".progress").inner_text()


def test_all_of_a_filter_can_be_decided(path: Path, address: str, opened: Opening) -> None:
    """From the list to a page that says how many, and from there back to the list, in one commit."""
    page = opened()
    page.goto(f"{address}/find?status=rejected&domain=notes")
    counted = int(page.locator("#total").inner_text())
    page.get_by_role("link", name="Decide about all of them").click()
    assert page.locator("#count").inner_text() == str(counted)
    page.get_by_label("Reason").fill("look again")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"Defer all {counted}").click()
    page.wait_for_url("**/find?*")
    assert page.locator("#total").inner_text() == "0"
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.find(status="pending", domain="notes")["total"] >= counted
        told = [one for one in ledger.log(limit=10**6) if one["via"] == "ui"]
    assert [one["kind"] for one in told].count("run_started") == 1
    assert [one["kind"] for one in told].count("deferred") == counted


@pytest.fixture
def hostile(tmp_path: Path, browser: Browser) -> Iterator[tuple[Path, str]]:  # noqa: ARG001 - as above
    """Yield a ledger of samples that mean harm, and the address of its page."""
    place = tmp_path / "ledger.db"
    rows = [
        chat(HOSTILE, HOSTILE, label=False, domain=HOSTILE, tags={"x": HOSTILE}),
        chat(HOSTILE, "fine", label=True, domain=HOSTILE),
        chat("long", "x" * 1_000_000 + HOSTILE, label=False),
        chat("deep", "<b>" * 50_000, label=False),
    ]
    with Ledger.init(place, actor=HOSTILE[:20]) as ledger:
        ledger.ingest([write(tmp_path / "x.jsonl", *rows)], campaign=HOSTILE)
        ledger.reject([row["sample"] for row in ledger.find()["samples"]], reason=HOSTILE)
    with served(place) as found:
        yield place, found


def test_hostile_text_fires_nothing(hostile: tuple[Path, str], opened: Opening) -> None:
    """Tags, handlers, marks that turn the direction, a line of a megabyte: text on every page, and nothing runs."""
    place, address = hostile
    page = opened()
    with Ledger.open(place, read_only=True) as ledger:
        ids = [row["sample"] for row in ledger.find()["samples"]]
    asked = ["/", "/find", "/queue", "/pairs", "/conflicts", "/duplicates", *(f"/sample/{one}" for one in ids)]
    for one in [*asked, f"/edit/{ids[0]}", f"/find?domain={HOSTILE}", f"/queue?domain={HOSTILE}"]:
        page.goto(address + one)
        assert page.evaluate("window.fired") is None
        assert page.locator("main img, main script, main [onload], main [onerror]").count() == 0
    page.goto(f"{address}/sample/{ids[0]}")
    assert "<script>window.fired=1</script>" in page.locator("pre").first.inner_text()
    assert page.evaluate("getComputedStyle(document.querySelector('pre')).unicodeBidi") in {"plaintext", "isolate"}


def test_everything_can_be_done_from_the_keyboard(path: Path, address: str, opened: Opening) -> None:
    """Tab reaches the skip link first, then everything; what has the focus is seen; Space and Enter press."""
    page = opened()
    page.goto(f"{address}/queue")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    sample = shown(page)
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')"))
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert style != "none", reached[-1]
        if reached[-1].startswith("Accept"):
            break
    assert reached[-1].startswith("Accept")
    with page.expect_navigation():
        page.keyboard.press("Space")
    assert decisions(path, sample) == [("accepted", "anna", "ui")]
    page.goto(f"{address}/scores?name=overall_quality")
    page.locator("svg.chart a").first.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "/find?" in page.url


def test_without_scripts_it_works(path: Path, address: str, opened: Opening) -> None:
    """Plain forms and links: deciding, the list of reasons, what-if, the keys."""
    page = opened(java_script_enabled=False)
    page.goto(f"{address}/queue")
    first = page.locator("form.decide").get_attribute("data-sample")
    page.get_by_role("button", name="Accept").click()
    page.wait_for_url("**/queue?*")
    page.locator("summary", has_text="Reject").click()
    second = page.locator("form.decide").get_attribute("data-sample")
    page.get_by_role("button", name="off topic").click()
    page.wait_for_url("**done=2**")
    assert [decisions(path, str(one))[0][0] for one in (first, second)] == ["accepted", "rejected"]
    page.get_by_role("button", name="Undo").click()
    assert [one[0] for one in decisions(path, str(second))] == ["rejected", "withdrawn"]
    page.goto(f"{address}/whatif")
    page.locator('input[type="number"]').first.fill("2.6")
    page.get_by_role("button", name="Ask").click()
    assert "min_overall=2.6" in page.url
    assert page.locator("[data-flips]").count() > 0
    page.get_by_role("link", name="Keys").click()
    assert page.url.endswith("/keys")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_anybody(path: Path, address: str, opened: Opening, scheme: str) -> None:
    """axe-core finds nothing serious on any page, in light and in dark, with lists of choices open."""
    page = opened(color_scheme=scheme)
    found = {}
    for name, place in pages(path).items():
        if name == "not-there":
            continue  # a browser tells the console of a 404
        page.goto(address + place)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        found[name] = [
            (one["id"], [node["html"][:120] for node in one["nodes"][:3]])
            for one in result["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_every_page_fits(path: Path, address: str, opened: Opening, viewport: dict[str, int], tmp_path: Path) -> None:
    """No page is wider than the screen; pictures of them are taken on the way."""
    asked = os.environ.get("LEDGER_SHOTS")
    folder = Path(asked) if asked else tmp_path
    page = opened(viewport=viewport, color_scheme="dark" if viewport is PHONE else "light")
    for name, place in pages(path).items():
        if name == "not-there":
            continue
        page.goto(address + place)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], name
        picture = page.screenshot()
        assert len(picture) > 1_000
        if viewport is LAPTOP or name in {"overview", "near-misses", "scores"}:
            (folder / f"{name}{'-phone' if viewport is PHONE else ''}.png").write_bytes(picture)
