"""Of a large ledger a page is shown at once, and what takes long comes after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from review_page import site
from tests.review import Page, world


@pytest.fixture
def page(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    """Return the page of a ledger that counts as large."""
    monkeypatch.setattr(site, "MANY", 10)
    return Page(world(tmp_path, data))


@pytest.mark.parametrize("address", ["/duplicates", "/conflicts?kind=labels", "/agreement", "/scores?as_of=40"])
def test_the_answer_comes_after_the_page(page: Page, address: str) -> None:
    """The page asks for it; a browser without scripts has a link; the twin waits for it."""
    first = page.get(address)
    assert f'hx-get="{address}"' in first
    assert "this takes a while" in first
    answer = page.get(address, htmx=True)
    assert "this takes a while" not in answer
    assert "<html" not in answer
    waited = page.get(f"{address}{'&' if '?' in address else '?'}now=1")
    assert "this takes a while" not in waited
    assert answer.strip().splitlines()[0] in waited
    assert page.json(address.replace("?", ".json?") if "?" in address else f"{address}.json")


def test_what_is_quick_is_not_put_off(page: Page) -> None:
    """Nor is anything of a small ledger, as the other tests see."""
    for address in ("/", "/find", "/scores", "/whatif", "/queue", "/releases"):
        assert "this takes a while" not in page.get(address)


def test_what_is_refused_is_refused_then(page: Page) -> None:
    """With the status that it has."""
    page.get("/conflicts?kind=shoes", 400, htmx=True)
    page.get("/scores?as_of=999999999", 404, htmx=True)
