"""Erasing: what goes, what stays, and what is refused from then on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from ledger import Ledger
from ledger.errors import (
    BadRequest,
    ContentRefused,
    ErasedBytes,
    HeadMoved,
    LedgerError,
    NoSuchId,
    NotConfirmed,
)
from ledger.event import KINDS
from tests.erasing import PRIVATE, WHY, held_by, left_in
from tests.logs import findings, folded, foreign, improve, log_rows, store_of, tables
from tests.small import chat, samples, write

SAID = f"My name is {PRIVATE}, you know."


def erase(ledger: Ledger, *ids: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as Ledger.erase
    """Erase for good."""
    return ledger.erase(ids, **{**WHY, "yes": True, **more})


def show_all(ledger: Ledger) -> dict[str, str]:
    """Return the status of each sample."""
    return {one: ledger.show(one)["status"] for one in samples(ledger)}


@pytest.fixture
def told(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of four samples: the first and a twin from another file hold a secret, two do not."""
    ledger.ingest(
        write(tmp_path / "in" / "a.jsonl", chat("who?", SAID, label=True), chat("why?", "because")), campaign="c"
    )
    twin = [chat("who?", SAID, label=True, more=[1]), chat("when?", "then")]
    ledger.ingest(write(tmp_path / "in" / "b.jsonl", *twin), campaign="d")
    return ledger


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()


def clear(folder: Path) -> None:
    """Take away what was given to the ledger, which is no part of it."""
    for path in (folder / "in").iterdir():
        path.unlink()


def test_the_bytes_of_every_twin_go_and_nothing_else(told: Ledger, tmp_path: Path) -> None:
    """One event for each blob; both samples are erased, the others stand; the counts add up; verify is content."""
    mine, other, twin, last = samples(told)
    told.accept([mine], reason="good")
    before = told.status()

    done = erase(told, mine)

    assert (done["named"], done["blobs"], done["erased"], done["already"]) == (1, 2, 2, 0)
    assert [one["how"] for one in done["samples"]] == ["named", "same_text"]
    assert show_all(told) == {mine: "erased", other: "pending", twin: "erased", last: "pending"}
    after = told.status()
    assert after["by_status"] == {**dict.fromkeys(before["by_status"], 0), "pending": 2, "erased": 2}
    assert after["conserved"]
    assert (after["samples"], after["blobs"]) == (before["samples"], before["blobs"])
    events = [event for event in told.log() if event["kind"] == "erased"]
    assert [event["position"] for event in events] == done["events"]
    assert {event["says"]["sample"] for event in events} == {mine}
    assert {event["says"]["fingerprint"] for event in events} == {told.show(mine)["fingerprint"][3:]}
    assert {event["says"]["authority"] for event in events} == {"ticket 4711"}
    assert told.verify()["findings"] == []
    assert held_by(told) == []
    clear(tmp_path)
    assert list(left_in(tmp_path)) == []


def test_the_log_before_it_is_what_it_was(told: Ledger) -> None:
    """Events, roots and heads of earlier commits do not change, and neither do addresses and sizes of blobs."""
    before = log_rows(told.path)
    roots = [store_of(told).root_at(position) for position in range(told.status()["events"])]

    erase(told, samples(told)[0])

    after = log_rows(told.path)
    for table in ("meta", "event", "head"):
        assert after[table][: len(before[table])] == before[table]
    assert [row[:3] for row in after["blob"]] == [row[:3] for row in before["blob"]]
    assert [store_of(told).root_at(position) for position in range(len(roots))] == roots


def test_without_yes_nothing_goes(told: Ledger) -> None:
    """The refusal names what would go; a dry run tells it, and changes nothing either."""
    mine = samples(told)[0]
    before = log_rows(told.path)

    with pytest.raises(NotConfirmed, match=rf"2 blobs of 2 samples \({mine[:12]}, "):
        erase(told, mine, yes=False)
    tried = erase(told, mine, yes=False, dry_run=True)

    assert log_rows(told.path) == before
    assert {**erase(told, mine), "events": [], "scrubbed": False} == tried


def test_twice_is_once(told: Ledger) -> None:
    """What is erased already needs no confirmation and appends nothing."""
    mine, _, twin, _ = samples(told)
    erase(told, mine)
    head = told.status()["head"]

    again = erase(told, mine, twin, yes=False)

    assert (again["blobs"], again["erased"], again["already"], again["events"]) == (2, 0, 2, [])
    assert told.status()["head"] == head


def test_every_version_goes(told: Ledger) -> None:
    """Earlier and withdrawn versions of a named sample go with it, whatever they say."""
    _, other, _, _ = samples(told)
    told.edit(other, json.dumps(chat("why?", f"since {PRIVATE}")).encode())
    told.edit(other, json.dumps(chat("why?", "for nothing")).encode())
    withdrawn = told.edit(other, json.dumps(chat("why?", f"oh, {PRIVATE}")).encode())
    told.withdraw([f"@{withdrawn['events'][0]}"])

    done = erase(told, other)

    assert (done["blobs"], done["samples_count"]) == (4, 1)
    assert [version["erased"] for version in told.show(other)["versions"]] == [True] * 4
    assert held_by(told) == ["blob"]  # the samples that were not named


def test_an_earlier_version_of_another_sample_goes_and_the_sample_stands(told: Ledger) -> None:
    """It says something else now, so it keeps its status; without the edit there is nothing to go back to."""
    mine, _, twin, _ = samples(told)
    edit = told.edit(twin, json.dumps(chat("who?", "nobody")).encode())
    told.accept([twin])

    done = erase(told, mine)

    assert [one["how"] for one in done["samples"]] == ["named", "earlier_version"]
    assert told.show(twin)["status"] == "accepted"
    assert [version["erased"] for version in told.show(twin)["versions"]] == [True, False]
    assert held_by(told) == []
    told.withdraw([f"@{edit['events'][0]}"])
    assert told.show(twin)["status"] == "erased"
    assert told.verify()["findings"] == []


def test_one_blob_by_its_address(told: Ledger) -> None:
    """After an edit the old version can go alone: that is what a redaction leaves behind."""
    mine, _, twin, _ = samples(told)
    old = [told.show(one)["version"] for one in (mine, twin)]
    for one in (mine, twin):
        told.edit(one, json.dumps(chat("who?", "[REDACTED]")).encode())

    done = erase(told, old[0])

    assert (done["blobs"], done["named"]) == (2, 1)
    assert {one["how"] for one in done["samples"]} == {"earlier_version"}
    assert [event["says"]["sample"] for event in told.log() if event["kind"] == "erased"] == [None, None]
    assert set(show_all(told).values()) == {"pending"}
    assert held_by(told) == []


def test_lines_in_quarantine(ledger: Ledger, tmp_path: Path) -> None:
    """They are named by their events; the reason stays, the bytes go."""
    source = tmp_path / "in" / "bad.jsonl"
    source.write_text(json.dumps({"nothing": PRIVATE}) + "\n{" + PRIVATE + "\n", encoding="utf-8")
    ledger.ingest(source, campaign="c")
    first, second = ledger.quarantine()

    done = erase(ledger, first["event"], second["event"][:10])

    assert (done["named"], done["blobs"], done["lines"], done["samples_count"]) == (2, 2, 2, 0)
    assert [line["message"] for line in ledger.quarantine()] == ["its bytes were erased"] * 2
    found, body = ledger.quarantined_line(first["event"])
    assert (found["reason"], body) == (first["reason"], b"")
    assert ledger.retry_quarantine(campaign="c") == {"lines": 2, "new": 0, "quarantined": 2}
    assert held_by(ledger) == []
    assert ledger.verify()["findings"] == []


def test_what_comes_again_is_refused(told: Ledger, tmp_path: Path) -> None:
    """The same text in other bytes and another campaign is quarantined as erased, and none of its bytes are stored."""
    erase(told, samples(told)[0])

    answer = told.ingest(
        write(tmp_path / "in" / "again.jsonl", chat("who?", SAID, None, fresh=2), chat("new?", "yes")), campaign="e"
    )

    assert (answer["new"], answer["quarantined"], answer["reasons"]) == (1, 1, {"erased": 1})
    assert held_by(told) == []
    assert told.verify()["findings"] == []
    assert told.status()["by_status"]["erased"] == 2


def test_no_edit_brings_it_back(told: Ledger) -> None:
    """An edit into an erased text is refused, and so is any change to an erased sample."""
    mine, other, twin, _ = samples(told)
    erase(told, mine)
    head = told.status()["head"]

    with pytest.raises(ContentRefused, match="was erased"):
        told.edit(other, json.dumps(chat("who?", SAID)).encode())
    changes: tuple[Callable[[], object], ...] = (
        lambda: told.edit(mine, json.dumps(chat("x", "y")).encode()),
        lambda: told.accept([mine]),
        lambda: told.reject([twin], reason="r"),
        lambda: told.defer([other, mine]),
        lambda: told.accept([mine], dry_run=True),
        lambda: told.relabel([mine], "true"),
        lambda: told.tag([mine], "k", "v"),
        lambda: told.weight([mine], 2),
    )
    for change in changes:
        with pytest.raises(ErasedBytes, match="erased by the event at position"):
            change()
    assert told.redact([mine])["unchanged"] == 1
    assert told.status()["head"] == head


def test_relatives_are_told_and_children_can_go_along(told: Ledger) -> None:
    """What was derived from the text stays unless it is asked for; its parent and near twins are told either way."""
    mine, other, _, _ = samples(told)
    body = json.dumps(chat("who?", f"better: {PRIVATE}")).encode()
    (child,) = improve(told, mine, [body])
    (grandchild,) = improve(told, child, [json.dumps(chat("who?", f"best: {PRIVATE}")).encode()])
    (nephew,) = improve(told, other, [json.dumps(chat("why?", "hm")).encode()])

    tried = erase(told, mine, dry_run=True)
    assert {(one["sample"], one["how"]) for one in tried["relatives"]} == {(child, "child"), (grandchild, "child")}
    assert erase(told, grandchild, dry_run=True)["relatives"][0] == {
        "sample": child, "how": "parent", "by": "improved", "same_prompt": True, "status": "pending"
    }  # fmt: skip
    done = erase(told, mine, with_children=True)

    assert {one["sample"]: one["how"] for one in done["samples"]}[child] == "child"
    assert (done["samples_count"], done["relatives"]) == (4, [])
    assert told.show(nephew)["status"] == "pending"
    assert held_by(told) == []
    assert told.verify()["findings"] == []


def test_samples_with_the_same_prompt_are_told(ledger: Ledger, tmp_path: Path) -> None:
    """They hold it word for word, also in an earlier version; what is erased or asks otherwise is not among them."""
    rows = [chat(SAID, "noted"), chat(SAID, "another"), chat("why?", "so"), chat(SAID, "gone"), chat(SAID, "edited")]
    ledger.ingest(write(tmp_path / "in" / "a.jsonl", *rows), campaign="c")
    mine, other, _, gone, edited = samples(ledger)
    erase(ledger, gone)
    ledger.edit(edited, json.dumps(chat("what?", "else")).encode())
    ledger.edit(mine, json.dumps(chat("now?", "this")).encode())
    ledger.project("sft", tmp_path / "o.jsonl")

    done = erase(ledger, mine)

    assert done["relatives"] == [
        {"sample": one, "how": "same_prompt", "by": None, "same_prompt": True, "status": "pending"}
        for one in (other, edited)
    ]
    assert (done["relatives_count"], done["same_prompt"]) == (2, 2)
    assert [one["samples"] for one in done["releases"]] == [1]
    assert held_by(ledger) == ["blob"]
    last = erase(ledger, *(one["sample"] for one in done["relatives"]))
    assert (last["relatives"], last["same_prompt"]) == ([], 0)
    assert held_by(ledger) == []


def test_a_sample_that_stands_by_an_answer_of_its_own_keeps_the_prompt(ledger: Ledger, tmp_path: Path) -> None:
    """What loses an earlier version, and asks the same in the one that stands, is told as a relative too."""
    ledger.ingest(write(tmp_path / "in" / "a.jsonl", chat(SAID, "a"), chat(SAID, "a", label=True)), campaign="c")
    mine, twin = samples(ledger)
    ledger.edit(twin, json.dumps(chat(SAID, "b")).encode())

    done = erase(ledger, mine)

    assert [(one["sample"], one["how"]) for one in done["samples"]] == [(mine, "named"), (twin, "earlier_version")]
    assert [(one["sample"], one["how"]) for one in done["relatives"]] == [(twin, "same_prompt")]


def test_many_with_the_same_prompt_are_counted(ledger: Ledger, tmp_path: Path) -> None:
    """Of those a thousand are listed."""
    rows = [chat("who?", f"answer {n}") for n in range(1_003)]
    ledger.ingest(write(tmp_path / "in" / "a.jsonl", *rows), campaign="c")

    tried = erase(ledger, samples(ledger)[0], dry_run=True)

    assert (len(tried["relatives"]), tried["relatives_count"], tried["same_prompt"]) == (1_000, 1_002, 1_002)


def test_near_twins_are_told(ledger: Ledger, tmp_path: Path) -> None:
    """Texts that a look found near to the erased one are relatives, and later looks know nothing of it."""
    words = " ".join(f"word{n}" for n in range(60))
    rows = [chat("q", f"{words} {PRIVATE}"), chat("q", f"{words} {PRIVATE}!"), chat("q", f"{words} anything else")]
    ledger.ingest(write(tmp_path / "in" / "a.jsonl", *rows), campaign="c")
    ledger.duplicates(near=0.6, field="completion")
    first, second, third = samples(ledger)

    done = erase(ledger, first, second)

    assert [(one["sample"], one["how"]) for one in done["relatives"]] == [(third, "near")]
    assert done["relatives"][0]["by"].startswith("completion 0.")
    ledger.duplicates(near=0.6, field="completion")
    assert ledger.duplicates()["groups"] == []
    assert held_by(ledger) == []
    assert ledger.verify()["findings"] == []


def test_what_scores_quote_goes(told: Ledger, tmp_path: Path) -> None:
    """The lines of score files about an erased version are erased; those about others are not."""
    mine, other, _, _ = samples(told)
    lines = [
        {"sample": mine, "scores": {"x": 1}, "notes": f"it says {PRIVATE}"},
        {"sample": other, "scores": {"x": 2}, "notes": "fine"},
    ]
    told.import_scores(write(tmp_path / "in" / "scores.jsonl", *lines), scorer="judge")

    done = erase(told, mine)

    assert (done["evidence"], done["blobs"]) == (1, 3)
    assert held_by(told) == []
    assert told.why(mine)["scores"][0]["evidence"] is not None
    again = told.import_scores(write(tmp_path / "in" / "scores.jsonl", *lines), scorer="judge", version="2")
    assert (again["samples"], again["scored"], again["erased"]) == (2, 1, 1)
    assert held_by(told) == []
    assert told.verify()["findings"] == []


def test_phrases_of_templates_go_and_their_counts_stay(ledger: Ledger, tmp_path: Path) -> None:
    """A look that lists an erased text loses its words; another takes its place, so that caps count as before."""
    common = f"as {PRIVATE} would have said of all such machines"
    rows = [chat(f"q{n}", f"{common} number {n} {'again ' * n}") for n in range(6)]
    own = [chat(f"o{n}", " ".join(f"{n}x{m}" for m in range(9))) for n in range(8)]
    ledger.ingest(write(tmp_path / "in" / "a.jsonl", *rows, *own), campaign="c")
    ledger.templates(field="completion")
    ledger.templates(field="completion", by_batch=True)
    assert "Marylebone" in json.dumps(ledger.templates(field="completion", look=False)["families"])
    ids = samples(ledger)

    done = erase(ledger, ids[0])

    assert (done["phrases"], len(done["looks"])) == (2, 1)
    left = ledger.templates(field="completion", look=False)
    assert [(family["phrase"], family["rows"]) for family in left["families"]] == [("", 6)]
    assert left["look"] != done["looks"][0]["look"]
    assert ids[0] not in left["families"][0]["examples"]
    assert ledger.verify()["findings"] == []
    erase(ledger, *ids[1:6])
    assert held_by(ledger) == []
    assert ledger.templates(field="completion", look=False)["families"] == []
    assert ledger.templates(field="completion", look=False, as_of=done["events"][0] - 3)["families"] == []
    assert ledger.verify()["findings"] == []
    clear(tmp_path)
    assert list(left_in(tmp_path)) == []


def test_exports_leave_it_out_and_rebuilds_say_why(told: Ledger, tmp_path: Path) -> None:
    """Later files have nothing of it and count it; an earlier one cannot be made again, and the event is named."""
    mine = samples(told)[0]
    out, other = tmp_path / "out", tmp_path / "other"
    out.mkdir()
    other.mkdir()
    told.project("sft", out / "before.jsonl")
    position = told.status()["head"]["position"]

    done = erase(told, mine)

    assert [(one["name"], one["samples"]) for one in done["releases"]] == [("before.jsonl", 1)]
    made = told.project("sft", other / "after.jsonl")
    assert made["omitted"]["erased"] == 2
    with pytest.raises(ErasedBytes, match=rf"{mine[:12]} .*position {done['events'][0]}\.") as refused:
        told.rebuild(out / "before.jsonl.manifest.json", other / "again.jsonl")
    assert "ledger project" in refused.value.next_step
    with pytest.raises(ErasedBytes):
        told.project("sft", other / "past.jsonl", as_of=position)
    assert sorted(path.name for path in other.iterdir()) == ["after.jsonl", "after.jsonl.manifest.json"]
    assert list(left_in(other)) == []


def test_what_stays_is_told(told: Ledger) -> None:
    """Events that quote the text cannot be erased; the answer says which, and where in them."""
    mine, other, _, _ = samples(told)
    told.reject([mine], reason=f"names {PRIVATE[:20]}")
    told.tag([mine], "short", PRIVATE[:6])
    told.reject([other], reason=f"names {PRIVATE[:20]}")

    done = erase(told, mine)

    begun, one = done["quoting"]
    assert (begun["kind"], begun["fields"]) == ("run_started", ["params"])
    assert (one["kind"], one["fields"]) == ("rejected", ["reason"])
    assert PRIVATE[:20] in told.log(limit=1000)[one["position"]]["says"]["reason"]


def test_releases_count_rows_of_erased_versions_only(told: Ledger, tmp_path: Path) -> None:
    """What a release used is the version that stood at its head: before or after an edit, or after its withdrawal."""
    mine, other, _, _ = samples(told)
    told.weight([other], 3)
    old, before = told.show(other)["version"], told.status()["head"]["position"]
    told.project("sft", tmp_path / "first.jsonl")
    edit = told.edit(other, json.dumps(chat("why?", "for nothing")).encode())
    new = told.show(other)["version"]
    told.project("sft", tmp_path / "edited.jsonl")
    told.project("sft", tmp_path / "past.jsonl", as_of=before)
    told.withdraw([f"@{edit['events'][0]}"])
    told.project("sft", tmp_path / "back.jsonl")

    def counted(name: str) -> list[tuple[str, int, int]]:
        return [(one["name"], one["samples"], one["rows"]) for one in erase(told, name, dry_run=True)["releases"]]

    assert counted(old) == [("first.jsonl", 1, 3), ("past.jsonl", 1, 3), ("back.jsonl", 1, 3)]
    assert counted(new) == [("edited.jsonl", 1, 3)]
    assert [name for name, _, _ in counted(mine)] == ["first.jsonl", "edited.jsonl", "past.jsonl", "back.jsonl"]


def test_what_a_run_was_asked_is_told(told: Ledger) -> None:
    """The event that began the run holds the reason or the tag as well; another run of the sample does not."""
    mine = samples(told)[0]
    told.tag([mine], "innocent", "nothing of it")
    told.tag([mine], "who", f"it is {PRIVATE}")

    quoting = erase(told, mine)["quoting"]

    assert [(one["kind"], one["fields"]) for one in quoting] == [("run_started", ["params"]), ("tagged", ["value"])]
    assert [told.log(limit=1000)[one["position"]]["kind"] for one in quoting] == ["run_started", "tagged"]


def test_keys_and_the_envelope_are_no_text(ledger: Ledger, tmp_path: Path) -> None:
    """A scorer of the name of a key, and a tag with words of the envelope, quote nothing of what a sample teaches."""
    row = chat("who?", SAID, more_of_scores={"a": 1}, remark="words beside the text")
    ledger.ingest(write(tmp_path / "in" / "a.jsonl", row), campaign="c")
    (mine,) = samples(ledger)
    score = {"sample": mine, "scores": {"more_of_scores": 1}}
    ledger.import_scores(write(tmp_path / "in" / "s.jsonl", score), scorer="more_of_scores")
    ledger.tag([mine], "note", "words beside the text")

    assert erase(ledger, mine)["quoting"] == []


def test_calls_are_text(ledger: Ledger, tmp_path: Path) -> None:
    """What a tool is called with is part of the text, also where it is JSON in a text."""
    inner = json.dumps({"q": PRIVATE})
    call = {"type": "function", "function": {"name": "find", "arguments": inner}}
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "", "tool_calls": [call]}]}
    ledger.ingest(write(tmp_path / "in" / "a.jsonl", row), campaign="c")
    (mine,) = samples(ledger)
    ledger.reject([mine], reason=f"it says {PRIVATE}")

    assert [one["kind"] for one in erase(ledger, mine)["quoting"]] == ["run_started", "rejected"]


def test_of_what_is_gone_no_quotation_is_found(told: Ledger) -> None:
    """The second time the answer says for how many versions nothing could be looked for."""
    mine = samples(told)[0]
    told.reject([mine], reason=f"names {PRIVATE[:20]}")

    first, again = erase(told, mine), erase(told, mine)

    assert (len(first["quoting"]), first["unread"]) == (2, 0)
    assert (again["quoting"], again["unread"]) == ([], 2)


_TURNS = chat("who?", SAID)["messages"]


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        (json.dumps({"note": 1, "messages": _TURNS}), True),
        (json.dumps({"messages": _TURNS}, ensure_ascii=False, indent=None, separators=(" ,", " : ")), True),
        (json.dumps({"messages": [dict(reversed(one.items())) for one in _TURNS]}), True),
        (json.dumps({"messages": [{**one, "content": normalize("NFD", one["content"])} for one in _TURNS]}), True),
        (json.dumps({"messages": [{**one, "content": one["content"] + "\n"} for one in _TURNS]}), False),
        (json.dumps({"messages": [{**one, "content": one["content"].upper()} for one in _TURNS]}), False),
        (json.dumps({"messages": [{"role": "system", "content": "s"}, *_TURNS]}), False),
        (json.dumps({"messages": [{**one, "weight": 1} for one in _TURNS]}), False),
        (json.dumps({"prompt": "who?", "completion": SAID}), False),
    ],
    ids=["envelope", "spelling", "key order", "nfd", "line end", "words", "message", "key", "shape"],
)
def test_what_keeps_a_line_out_is_its_fingerprint(told: Ledger, tmp_path: Path, line: str, refused: bool) -> None:  # noqa: FBT001 - a column
    """The same messages in any spelling and envelope are refused; what else docs/care.md names comes in."""
    erase(told, samples(told)[0])
    source = tmp_path / "in" / "again.jsonl"
    source.write_text(line + "\n", encoding="utf-8")

    answer = told.ingest(source, campaign="e")

    assert (answer["new"], answer["reasons"]) == ((0, {"erased": 1}) if refused else (1, {}))


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("abcdef", NoSuchId, "abcdef"),
        ("b3:abcdef", NoSuchId, "abcdef"),
        ("xyz", BadRequest, "not an id"),
        ("run", BadRequest, "of the kind run_started"),
        ("policy", BadRequest, "neither a version of a sample"),
        ("view", BadRequest, "neither a version of a sample"),
        ("manifest", BadRequest, "neither a version of a sample"),
    ],
)
def test_what_cannot_be_erased(told: Ledger, tmp_path: Path, name: str, error: type[LedgerError], says: str) -> None:
    """Policies, views, manifests and events other than quarantined lines are refused, and nothing is done."""
    told.project("sft", tmp_path / "o.jsonl")
    told.decide("seed-000")
    view = write(tmp_path / "in" / "v.toml")
    view.write_text('name = "mine"\ntype = "prompt_completion"\n')
    told.define_view(view)
    said = {event["kind"]: event for event in told.log(limit=1000)}
    ids = {
        "run": said["run_started"]["event"],
        "policy": "b3:" + said["policy_adopted"]["says"]["policy"],
        "view": "b3:" + said["view_defined"]["says"]["view"],
        "manifest": "b3:" + said["released"]["says"]["manifest"],
    }
    before = log_rows(told.path)

    with pytest.raises(error, match=says):
        erase(told, samples(told)[0], ids.get(name, name))

    assert log_rows(told.path) == before


def test_bytes_that_a_view_stands_on_are_kept_whatever_else_they_are(told: Ledger, tmp_path: Path) -> None:
    """A policy's bytes that also came as a line, and so stand in quarantine, are not erased."""
    told.decide("seed-000")
    (policy,) = (event["says"]["policy"] for event in told.log(limit=1000) if event["kind"] == "policy_adopted")
    row = store_of(told).find_blobs(bytes.fromhex(policy), bytes.fromhex(policy))[0][1]
    source = tmp_path / "in" / "p.jsonl"
    source.write_bytes((store_of(told).body(row) or b"") + b"\n")
    told.ingest(source, campaign="c")
    (line,) = told.quarantine()
    assert line["blob"] == f"b3:{policy}"

    with pytest.raises(BadRequest, match="of the kind policy_adopted stands on"):
        erase(told, line["event"])


def test_what_must_be_said(told: Ledger) -> None:
    """A reason and an authority are needed, and ids; another head is refused."""
    mine = samples(told)[0]
    for lacking in ({"reason": " "}, {"authority": ""}):
        with pytest.raises(BadRequest, match="must not be empty"):
            erase(told, mine, **lacking)
    with pytest.raises(BadRequest, match="No ids"):
        erase(told)
    for dry_run in (True, False):
        with pytest.raises(HeadMoved):
            erase(told, mine, dry_run=dry_run, expected_head=0)
    assert show_all(told)[mine] == "pending"


def test_the_past_is_shown_without_the_text(told: Ledger) -> None:
    """As of an earlier moment a sample has the status that it had; its bytes are gone at every moment."""
    mine = samples(told)[0]
    told.accept([mine])
    before = told.status()
    erase(told, mine)

    assert told.status(as_of=before["head"]["position"])["by_status"] == before["by_status"]
    shown = told.show(mine, as_of=before["head"]["position"])
    assert (shown["status"], shown["content"], shown["raw"]) == ("accepted", None, None)
    assert shown["erased"]["authority"] == "ticket 4711"


def test_the_views_are_those_of_a_rebuild(told: Ledger) -> None:
    """Folded as the events came, from nothing, and aside, the views are equal."""
    mine, other, twin, _ = samples(told)
    told.decide("seed-000")
    told.reject([mine], reason="r")
    told.edit(other, json.dumps(chat("who?", SAID)).encode())
    erase(told, twin)
    stood = tables(store_of(told).connection)
    assert stood == folded(told.path, told.status()["head"]["position"])
    told.rebuild_views()
    assert tables(store_of(told).connection) == stood
    assert {row[0] for row in stood["judgements"]} == {told.show(samples(told)[3])["origin"]["position"]}


def test_nobody_else_can_take_bytes_away(told: Ledger) -> None:
    """Before and after an erasure no statement of this program changes the log; a stranger is stopped by the file."""
    connection = store_of(told).connection
    erase(told, samples(told)[0])
    for statement in (
        "UPDATE main.blob SET body = NULL",
        "UPDATE main.blob SET size = 0",
        "DELETE FROM main.blob",
        "UPDATE event SET leaf = ''",
    ):
        with pytest.raises(Exception, match=r"not authorized|prohibited"):
            connection.execute(statement)
    with foreign(told.path) as other, pytest.raises(Exception, match="append only"):
        other.execute("UPDATE blob SET body = NULL WHERE body IS NOT NULL")


def test_verify_finds_bytes_that_are_gone_without_an_event(told: Ledger) -> None:
    """An erasure that no event tells of is a fault."""
    told.close()
    with foreign(told.path) as other:
        other.execute("DROP TRIGGER blob_only_erased")
        other.execute("UPDATE blob SET body = NULL WHERE id = 2")
    assert "blob_erased_without_event" in findings(told.path)


def test_the_kind_names_its_blob() -> None:
    """One blob is erased once: the statement is the same whoever makes it."""
    assert KINDS["erased"].identity == ("blob",)
