"""Looking for templates: what is recorded, batch by batch or of all, and what refuses or stops a look."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.similarity.templates import TemplateRecipe
from ledger.verbs.run import Run, Who
from ledger.verbs.templates import LookReport, look
from ledger.views import templates
from tests.judged import row_of
from tests.logs import findings, log_rows, store_of
from tests.small import chat, samples, write
from tests.test_store import finish, start
from tests.test_views_templates import said as filled

WHO = Who("tester")
RECIPE = TemplateRecipe("completion")


def looked(ledger: Ledger, recipe: TemplateRecipe = RECIPE, campaign: str | None = None, **more: Any) -> LookReport:  # noqa: ANN401 - as look
    """Look for templates."""
    given: dict[str, Any] = {"by_batch": False, "dry_run": False, "progress": lambda *_: None, **more}
    return look(store_of(ledger), recipe, campaign, WHO, **given)


def said(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what each look in the log says."""
    return [event["says"] for event in ledger.log(limit=10_000) if event["kind"] == "templates_found"]


def found(ledger: Ledger, field: str = "completion", scope: str = "") -> dict[str, Any]:
    """Return what the last look stored."""
    last = templates.last(store_of(ledger).connection, field, scope)
    assert last is not None
    assert last.families is not None
    told: dict[str, Any] = json.loads(last.families)
    return told


@pytest.fixture
def templated(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of two campaigns: six and four answers from a template, and six of their own in each."""
    for campaign, count in (("a", 6), ("b", 4)):
        made = [chat(f"q{campaign}{n}", filled(n)) for n in range(count)]
        own = [chat(f"o{campaign}{n}", " ".join(f"{campaign}{n}x{m}" for m in range(9))) for n in range(6)]
        ledger.ingest(write(tmp_path / f"{campaign}.jsonl", *made, *own), campaign=campaign)
    return ledger


def test_what_is_recorded(templated: Ledger) -> None:
    """A run with its recipe; families by fingerprint, the figures; no word of any sample in an event."""
    heard: list[tuple[str, int, int]] = []
    report = looked(templated, progress=lambda *step: heard.append(step))
    assert report == (22, 10, 1, templated.status()["head"]["position"] - 1)
    assert heard == [("reading", 22, 22)]
    (told,) = said(templated)
    assert (told["field"], told["campaign"], told["texts"], told["templated"]) == ("completion", None, 22, 10)
    assert told["recipe"] == {**RECIPE.as_json(), "by_batch": False}
    stored = found(templated)
    (family,) = stored["families"]
    ids = [one for one in samples(templated) if "fair and warm" in json.dumps(templated.show(one)["content"])]
    assert family["members"] == sorted({row_of(templated, one).fingerprint.hex() for one in ids})
    assert (family["rows"], family["of"], family["batch"], len(family["examples"])) == (10, 22, "", 3)
    assert (stored["before"]["texts"], stored["after"]["texts"]) == (22, 12)
    assert "fair and warm" not in json.dumps(
        [event for event in templated.log(limit=100) if event["kind"] != "ingested"]
    )


def test_a_campaign_by_itself(templated: Ledger) -> None:
    """Its samples alone are searched, and what stands for all is another look."""
    looked(templated)
    assert looked(templated, campaign="b")[:3] == (10, 4, 1)
    assert [family["of"] for family in found(templated, scope="b")["families"]] == [10]
    assert [family["of"] for family in found(templated)["families"]] == [22]
    assert [one["after"] for one in said(templated)] == [None, None]


def test_each_source_by_itself(templated: Ledger, tmp_path: Path) -> None:
    """A family in each; rows are those of its source, and no figure depends on the order in which they came."""
    assert looked(templated, by_batch=True)[:3] == (22, 10, 2)
    stored = found(templated)
    assert [(family["batch"], family["rows"], family["of"]) for family in stored["families"]] == [
        ("=a.jsonl", 6, 12),
        ("=b.jsonl", 4, 10),
    ]
    with Ledger.init(tmp_path / "other.db") as other:
        for name in "ba":
            other.ingest(tmp_path / f"{name}.jsonl", campaign=name)
        looked(other, by_batch=True)
        again = found(other)
        assert [family["members"] for family in again["families"]] == [one["members"] for one in stored["families"]]
        assert (again["before"], again["after"]) == (stored["before"], stored["after"])


def test_only_news_is_recorded(templated: Ledger, tmp_path: Path) -> None:
    """The same again appends nothing; other settings, another sample or an edit do, and name the look before them."""
    looked(templated)
    before = log_rows(templated.path)
    assert looked(templated).position is None
    assert log_rows(templated.path) == before
    assert looked(templated, TemplateRecipe("completion", n=4)).position is not None
    looked(templated)
    templated.ingest(write(tmp_path / "c.jsonl", chat("new", filled(99))), campaign="c")
    assert looked(templated)[:2] == (23, 11)
    edit = templated.edit(samples(templated)[-1], json.dumps(chat("new", "something else")).encode())
    assert looked(templated)[:2] == (23, 10)
    templated.withdraw([f"@{at}" for at in edit["events"]])
    assert looked(templated)[:2] == (23, 11)
    events = [event["event"] for event in templated.log(limit=100) if event["kind"] == "templates_found"]
    assert [one["after"] for one in said(templated)] == [None, *events[:-1]]


def test_a_dry_run_appends_nothing(templated: Ledger) -> None:
    """It tells what a look would find."""
    before = log_rows(templated.path)
    assert looked(templated, dry_run=True) == (22, 10, 1, None)
    assert log_rows(templated.path) == before


def test_erased_samples_are_not_read(templated: Ledger) -> None:
    """They count nowhere."""
    store_of(templated).connection.execute("UPDATE samples SET status = 'erased' WHERE campaign = 'b'")
    assert looked(templated, dry_run=True)[:2] == (12, 6)


def test_what_cannot_be_looked_for_is_refused(templated: Ledger) -> None:
    """A field that no sample has and a campaign that is not there are told in a sentence; nothing is appended."""
    before = log_rows(templated.path)
    with pytest.raises(BadRequest, match="No sample has the field 'toolContext'"):
        looked(templated, TemplateRecipe("toolContext"))
    with pytest.raises(BadRequest, match="There is no campaign 'x'"):
        looked(templated, campaign="x")
    assert log_rows(templated.path) == before


def test_without_the_extra_it_says_what_to_install(templated: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that is missing, and how to get it; nothing is appended."""
    before = log_rows(templated.path)
    for name in ("anchors", "corpus", "wording", "joining"):
        monkeypatch.delitem(sys.modules, f"ledger.similarity.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(BadRequest, match=r"numpy.*sample-ledger\[scale\]"):
        looked(templated)
    assert log_rows(templated.path) == before


def test_somebody_else_looks_meanwhile(templated: Ledger) -> None:
    """Whoever comes second is refused."""

    def heard(*_: object) -> None:
        with Ledger.open(templated.path, actor="other") as other:
            other.templates("completion")

    with pytest.raises(BadRequest, match="meanwhile"):
        looked(templated, progress=heard)
    assert len(said(templated)) == 1
    assert looked(templated).position is None


def test_others_write_while_it_reads(templated: Ledger, tmp_path: Path) -> None:
    """What arrives meanwhile is for the next look."""
    more = write(tmp_path / "more.jsonl", chat("new", filled(99)))

    def heard(*_: object) -> None:
        with Ledger.open(templated.path, wait=0) as other:
            other.ingest(more, campaign="c")

    assert looked(templated, progress=heard)[:2] == (22, 10)
    assert looked(templated)[:2] == (23, 11)


def test_a_look_that_stops_leaves_nothing(templated: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped at its last event, the file is as it was, bytes and all."""
    before = log_rows(templated.path)

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Run, "finish", stop)
        with pytest.raises(KeyboardInterrupt):
            looked(templated)
    assert log_rows(templated.path) == before
    assert looked(templated).templated == 10


def test_a_killed_look_leaves_nothing(templated: Ledger) -> None:
    """Killed in the middle of its transaction, then done again by the next."""
    templated.close()
    before = log_rows(templated.path)

    def die() -> None:
        Run.finish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
        with Ledger.open(templated.path) as mine:
            mine.templates("completion")

    finish([start(die)])
    assert log_rows(templated.path) == before
    assert findings(templated.path) == set()
    with Ledger.open(templated.path) as again:
        assert again.templates("completion")["templated"] == 10
