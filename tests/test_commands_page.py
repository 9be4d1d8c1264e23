"""The page of rejections: one file that fetches nothing and runs nothing, whatever stands in the samples."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands._page import COLUMNS, page
from commands._render import clean
from ledger import Ledger
from tests.judged import LOW, decide, ingested, score, taken
from tests.small import chat, write

HOSTILE = (
    "</script><script>alert(1)</script>",
    "</style></title></svg><img src=x onerror=alert(1)>",
    "\"'><a href='javascript:alert(1)'>",
    "a\u202eb\u2066c\u200b",
    "\x1b[31m\x00\x7f\x9b",
    "&lt;b&gt; &amp;",
    "<!-- ]]> {{x}} ${x}",
)
VOID = frozenset({"meta", "br"})
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "strong", "code", "svg", "text", "rect",
    "div", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "ol", "li", "br",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "name", "content", "http-equiv", "role", "aria-label", "viewbox", "width", "height", "x", "y",
    "data-n", "class", "scope", "title",
}  # fmt: skip


class Read(HTMLParser):
    """What a browser would make of a page: tags, attributes, and the text of each kind of element."""

    def __init__(self, text: str) -> None:
        """Read the whole page."""
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open, "an element was not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note its end, which must be that of the innermost."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note its text."""
        if data.strip():
            self.texts.append((self.open[-1], data))

    def handle_comment(self, data: str) -> None:
        """Fail: a page has no comments."""
        raise AssertionError(data)

    def of(self, tag: str) -> list[str]:
        """Return the texts of elements of one kind."""
        return [text for place, text in self.texts if place == tag]


def safe(text: str) -> Read:
    """Check what holds for every page, and return it as read."""
    read = Read(text)
    assert {tag for tag, _ in read.tags} <= TAGS
    for _, attributes in read.tags:
        assert set(attributes) <= ATTRIBUTES
    (style,) = read.of("style")
    assert not re.search(r"//|url|@import|@font-face|expression|\\", style)
    steering = {"Cc", "Cs", "Zl", "Zp"}
    assert not [char for char in text if unicodedata.category(char) in steering and char != "\n"]
    assert not [char for char in text if unicodedata.bidirectional(char) in {"LRE", "RLE", "LRO", "RLO", "PDF"}]
    assert not [char for char in text if unicodedata.bidirectional(char) in {"LRI", "RLI", "FSI", "PDI"}]
    text.encode()
    return read


def hostile(ledger: Ledger, folder: Path) -> dict[str, Any]:
    """Return the answer for samples whose prompts, domains and tags are hostile."""
    lines = [{**chat(text * 3, "a"), "domain": text} for text in HOSTILE]
    ids = ingested(ledger, write(folder / "in.jsonl", *lines), campaign='<b>&"c"')
    score(ledger, {one: {"quality": n / 100} for n, one in enumerate(ids)})
    decide(ledger, LOW)
    ledger.reject(ids[:1], reason="</p>")
    return ledger.rejections('<b>&"c"', limit=100)


def test_a_page_runs_and_fetches_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """No element but the page's own, no script, no link; a policy in the page forbids all but its own style."""
    text = page(hostile(ledger, tmp_path))
    read = safe(text)
    (policy,) = [attributes["content"] for _, attributes in read.tags if "http-equiv" in attributes]
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'"
    assert "style" not in {name for _, attributes in read.tags for name in attributes}


def test_hostile_text_is_shown_as_text(ledger: Ledger, tmp_path: Path) -> None:
    """Prompts and domains can be read on the page; what could steer the reader's eye is written out."""
    found = hostile(ledger, tmp_path)
    read = safe(page(found))
    cells = read.of("td")
    assert len(found["closest"]) == len(HOSTILE) - 1
    for entry in found["closest"]:
        assert clean(" ".join(entry["prompt"].split())) in cells
        assert entry["domain"] is None or clean(entry["domain"]) in cells
    assert any("\\u202eb\\u2066c\\u200b" in cell for cell in cells)
    assert read.of("h1") == ['Rejected samples of the campaign <b>&"c"']


def test_the_same_answer_gives_the_same_bytes(ledger: Ledger, tmp_path: Path) -> None:
    """No clock, no chance; another answer gives another page."""
    found = hostile(ledger, tmp_path)
    assert page(found) == page(found) == page(ledger.rejections('<b>&"c"', limit=100))
    assert page(found) != page({**found, "total": found["total"] + 1})


def test_every_number_of_the_answer_is_on_the_page(ledger: Ledger, tmp_path: Path) -> None:
    """The bars carry the counts, the table its sums; both can be added up from the page alone."""
    taken(ledger, tmp_path / "a.jsonl", [(f"d{n:02}", {"quality": "0.1", "x": n}) for n in range(COLUMNS + 4)])
    taken(ledger, tmp_path / "b.jsonl", [(None, {"quality": "0.45"})] * 3)
    decide(ledger, LOW)
    ledger.reject([ledger.near_misses()["near_misses"][0]["sample"]], reason="dull")
    found = ledger.rejections()
    read = safe(page(found))
    bars = [int(attributes["data-n"] or "") for tag, attributes in read.tags if tag == "rect"]
    drawn = [*found["by_reason"].values(), *found["by_domain"].values(), *found["histogram"]["counts"]]
    assert bars == drawn
    assert f"{found['total']} = 18 low_quality + 1 person" in read.of("p")
    heads = read.of("th")
    assert heads[: COLUMNS + 3] == [
        "reason",
        "none",
        *sorted(set(found["by_domain"]) - {""})[: COLUMNS - 1],
        "5 others",
        "sum",
    ]
    numbers = [int(cell) for cell in read.of("td")[: (COLUMNS + 2) * 3]]
    table = [numbers[at : at + COLUMNS + 2] for at in range(0, len(numbers), COLUMNS + 2)]
    assert [row[-1] for row in table] == [18, 1, 19] == [sum(row[:-1]) for row in table]
    assert [sum(column) for column in zip(*table[:2], strict=True)] == table[2]
    tried = [text for text in read.of("code") if text.startswith("ledger whatif")]
    assert tried == [f"ledger whatif --set {one['set']}" for one in found["recommendations"] if one["set"]]


@pytest.mark.parametrize("limit", [0, 10])
def test_a_page_of_nothing(ledger: Ledger, limit: int) -> None:
    """An empty ledger has a page that says so."""
    read = safe(page(ledger.rejections(limit=limit)))
    assert read.of("strong") == ["0 of 0 samples"]
    assert [tag for tag, _ in read.tags if tag in {"svg", "table"}] == []


def test_what_is_due_and_what_has_no_score_is_said(ledger: Ledger, tmp_path: Path) -> None:
    """Words where numbers are missing."""
    (one,) = taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": "0.1"})])
    decide(ledger, LOW)
    score(ledger, {one: {"quality": 0.9}}, version="2")
    text = page(ledger.rejections())
    assert "1 of them the policy in force would not reject" in text
    assert "None has a margin." in text
    ledger.reject([one], reason="so")
    ledger.edit(one, b'{"prompt": "p", "completion": "c"}')
    ledger.reject([one], reason="so")
    assert "None of them has a score." in page(ledger.rejections())


@pytest.fixture
def found(ledger: Ledger, tmp_path: Path) -> dict[str, Any]:
    """Return an answer in which there is something of everything."""
    taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": n / 10}) for n in range(5)])
    decide(ledger, LOW)
    return ledger.rejections()


def test_bins_that_read_alike_are_bars_of_their_own(found: dict[str, Any]) -> None:
    """Edges are shortened for people, and of large scores some are the same text then."""
    histogram = {"edges": [999_999 + n / 10 for n in range(11)], "counts": [1] * 10}
    read = safe(page({**found, "histogram": histogram, "scored": 10}))
    bars = [attributes["data-n"] for tag, attributes in read.tags if tag == "rect"]
    assert bars[-10:] == ["1"] * 10


@given(texts=st.lists(st.text(min_size=1, max_size=30) | st.sampled_from(HOSTILE), min_size=1, max_size=5, unique=True))
def test_any_text_is_safe_on_a_page(found: dict[str, Any], texts: list[str]) -> None:
    """Whatever stands in prompts, domains, reasons, names, settings: the elements are the same as for plain words."""
    plain = [f"word{n}" for n in range(len(texts))]
    read, expected = (safe(page(_with(found, words))) for words in (texts, plain))
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in expected.tags]
    assert read.of("title")[0] == f"Rejected samples of the campaign {clean(texts[0])}"


def _with(found: dict[str, Any], texts: list[str]) -> dict[str, Any]:
    """Return an answer in which these texts stand wherever a text of somebody else's can."""
    counts = {text: n + 1 for n, text in enumerate(texts)}
    failed = [{"rule": text, "observed": None, "threshold": None, "margin": None} for text in texts]
    near, advice = found["closest"][0], found["recommendations"][0]
    return {
        **found,
        "campaign": texts[0],
        "headline": texts[0],
        "policies": [{"name": text, "policy": "b3:00", "campaign": text} for text in texts],
        "by_reason": counts,
        "by_domain": counts,
        "by_reason_domain": {text: {text: counts[text]} for text in texts},
        "closest": [
            {**near, "prompt": text, "domain": text, "rule": text, "components": {text: text}, "failed": failed}
            for text in texts
        ],
        "recommendations": [{**advice, "reason": text, "domain": text, "advice": text, "set": text} for text in texts],
    }
