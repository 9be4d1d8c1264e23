"""Rebuild: the same bytes from the log alone, or a clear word why not."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import ExportChanged, ForeignManifest, LedgerError, ManifestUnreadable, NotReproduced, NotWritable
from ledger.exporters.eligibility import Mark
from ledger.store import Store
from ledger.verbs import asked, plans
from tests.small import chat, names, pairs, samples, write


@pytest.fixture
def made(ledger: Ledger, tmp_path: Path) -> Path:
    """Return the manifest of an export from a ledger that went on since."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(6)), campaign="a")
    ledger.project("kto-interleaved", tmp_path / "out.jsonl")
    ledger.reject(samples(ledger)[:5], reason="later")
    ledger.ingest(write(tmp_path / "b.jsonl", *pairs(9)), campaign="b")
    return tmp_path / "out.jsonl.manifest.json"


def change(path: Path, **changes: Any) -> Path:  # noqa: ANN401 - JSON
    """Write a manifest beside the given one with other values; `a__b` means b inside a."""
    value = json.loads(path.read_bytes())
    for key, new in changes.items():
        *steps, last = key.split("__")
        inside = value
        for step in steps:
            inside = inside[step]
        inside[last] = new
    changed = path.with_name("changed.manifest.json")
    changed.write_text(json.dumps(value), encoding="utf-8")
    return changed


@pytest.mark.parametrize("view", ["kto-interleaved", "sft", "train", "val", "test", "accepted", "rejected"])
def test_every_view_comes_back_byte_for_byte(toolset: Ledger, tmp_path: Path, view: str) -> None:
    """Whatever was decided since, the file of a manifest is made again from the log as it stood."""
    ids = samples(toolset)
    toolset.accept(ids[::3])
    toolset.reject(ids[1::3], reason="no")
    toolset.split("40/30/30")
    toolset.project(view, tmp_path / "out.jsonl", seed="7")
    body = (tmp_path / "out.jsonl").read_bytes()
    (tmp_path / "out.jsonl").unlink()
    toolset.relabel(ids, "none")
    toolset.reject(ids, reason="all")
    told = toolset.rebuild(tmp_path / "out.jsonl.manifest.json")
    assert (told["identical"], told["path"]) == (True, str(tmp_path / "out.jsonl"))
    assert (tmp_path / "out.jsonl").read_bytes() == body


def test_rebuild_appends_nothing(ledger: Ledger, made: Path) -> None:
    """Making a file again leaves the log as it is."""
    before = ledger.status()
    ledger.rebuild(made, made.with_name("again.jsonl"))
    assert ledger.status() == before


def test_a_copy_of_the_ledger_rebuilds_too(ledger: Ledger, made: Path, tmp_path: Path) -> None:
    """What counts is the log, not the place or the name of its file."""
    ledger.close()
    shutil.copy(ledger.path, tmp_path / "copy.db")
    with Ledger.open(tmp_path / "copy.db") as copy:
        copy.rebuild(made, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def test_a_changed_export_is_not_overwritten_unasked(ledger: Ledger, made: Path) -> None:
    """The file beside the manifest is replaced only if it is what the manifest names; with a path it always is."""
    out = made.with_name("out.jsonl")
    body = out.read_bytes()
    assert ledger.rebuild(made)["identical"]
    out.write_bytes(b"edited by hand")
    with pytest.raises(ExportChanged):
        ledger.rebuild(made)
    assert out.read_bytes() == b"edited by hand"
    ledger.rebuild(made, out)
    assert out.read_bytes() == body


def test_places_where_no_rebuilt_file_can_stand(ledger: Ledger, made: Path, tmp_path: Path) -> None:
    """The manifest itself, the ledger, a directory: all refused, nothing touched."""
    before = made.read_bytes()
    for out in (made, ledger.path, tmp_path, tmp_path / "no" / "x"):
        with pytest.raises(NotWritable):
            ledger.rebuild(made, out)
    assert made.read_bytes() == before
    assert ledger.verify()["ok"]


def test_an_export_that_became_a_directory(ledger: Ledger, made: Path) -> None:
    """A directory in the file's place is named as such."""
    made.with_name("out.jsonl").unlink()
    made.with_name("out.jsonl").mkdir()
    with pytest.raises(NotWritable, match="it is a directory"):
        ledger.rebuild(made)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"manifest": 3}, "its version is 3"),
        ({"manifest": True}, "its version"),
        ({"view": "everything"}, "there is no view 'everything'"),
        ({"view": "sft"}, "cannot plan sft as 'kto-interleaved/2'"),
        ({"plan": "kto-interleaved/99"}, "cannot plan kto-interleaved as 'kto-interleaved/99'"),
        ({"plan": "plain/1"}, "the parameters of plain/1 are"),
        ({"plan": 1}, "plan: not of the kind"),
        ({"view": None}, "view: not of the kind"),
        ({"params": []}, "params: not of the kind"),
        ({"params": {}}, "the parameters of kto-interleaved/2 are"),
        ({"params__colour": "red"}, "the parameters of kto-interleaved/2 are"),
        ({"params__batch_size": "4"}, "The batch size must be a whole number"),
        ({"params__batch_size": None}, "The batch size must be a whole number"),
        ({"params__batch_size": 0}, "The batch size must be from"),
        ({"params__batch_size": True}, "The batch size must be a whole number"),
        ({"params__world_size": 1.5}, "The world size must be a whole number"),
        ({"params__ratio": 1}, "The ratio must be text"),
        ({"params__ratio": "1:0"}, "The ratio '1:0'"),
        ({"params__seed": ["0"]}, "The seed must be text"),
        ({"params__form": "round"}, "no form 'round'"),
        ({"params__form": {}}, "no form"),
        ({"params__view": "b3:zz"}, "is not the digest of a view"),
        ({"params__view": ""}, "is not the digest of a view"),
        ({"params__view": "b3:" + "0" * 64}, "no view with the digest"),
        ({"params__view": 7}, "not of the kinds"),
        ({"params__lengths": []}, "not of the kinds"),
        ({"params__max_length": 7}, "is not the one that was recorded"),
        ({"head": {}}, "head.position"),
        ({"head__position": -1}, "head.position"),
        ({"head__position": "6"}, "head.position"),
        ({"head__position": 2**60}, "head.position"),
        ({"head__root": "b3:00"}, "is not a digest"),
        ({"head__root": None}, "is not a digest"),
        ({"output__blake3": "x"}, "is not a digest"),
        ({"output__name": "../out.jsonl"}, "output.name"),
        ({"output__name": "/etc/passwd"}, "output.name"),
        ({"output__name": ""}, "output.name"),
        ({"output__name": ".."}, "output.name"),
        ({"output__name": 7}, "output.name"),
        ({"omitted__status": 1}, "do not add up"),
        ({"omitted__status": -1}, "omitted.status"),
        ({"used": 3}, "do not add up"),
    ],
    ids=str,
)
def test_a_manifest_that_cannot_be_carried_out(ledger: Ledger, made: Path, changes: dict[str, Any], says: str) -> None:
    """Whatever was changed in a manifest is named; nothing is written, and no traceback is seen."""
    changed = change(made, **changes)
    there = names(made.parent)
    with pytest.raises(LedgerError, match=says) as raised:
        ledger.rebuild(changed, made.with_name("again.jsonl"))
    assert isinstance(raised.value, ManifestUnreadable)
    assert names(made.parent) == there


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"{}", b'{"manifest": 1}', b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_manifest(ledger: Ledger, tmp_path: Path, body: bytes) -> None:
    """Any other file is called what it is."""
    (tmp_path / "x.manifest.json").write_bytes(body)
    with pytest.raises(ManifestUnreadable):
        ledger.rebuild(tmp_path / "x.manifest.json")
    for path in (tmp_path, tmp_path / "missing.json"):
        with pytest.raises(ManifestUnreadable):
            ledger.rebuild(path)


def test_a_manifest_of_another_ledger(ledger: Ledger, made: Path, tmp_path: Path) -> None:
    """Another ledger, a position that this one has not reached, another root: each is foreign in its own words."""
    with Ledger.init(tmp_path / "other.db") as other, pytest.raises(ForeignManifest, match="it names the ledger"):
        other.rebuild(made, tmp_path / "again.jsonl")
    for changes, says in (
        ({"head__position": 10_000}, "this ledger ends at"),
        ({"head__root": "b3:" + "0" * 64}, "are not those it was made from"),
        ({"head__position": 3}, "are not those it was made from"),
    ):
        with pytest.raises(ForeignManifest, match=says):
            ledger.rebuild(change(made, **changes), tmp_path / "again.jsonl")
    assert not (tmp_path / "again.jsonl").exists()


def test_a_manifest_that_lies(ledger: Ledger, made: Path, tmp_path: Path) -> None:
    """A digest, a seed or a count that is not so is noticed, and nothing is written."""
    for changes in (
        {"output__blake3": "b3:" + "0" * 64},
        {"params__seed": "another"},
        {"labels__true": 5},
        {"output__bytes": 1},
        {"form": "standard"},
        {"policy": "b3:" + "0" * 64},
        {"omitted__status": 1, "considered": 13},
    ):
        with pytest.raises(NotReproduced):
            ledger.rebuild(change(made, **changes), tmp_path / "again.jsonl")
    assert not (tmp_path / "again.jsonl").exists()


def test_another_version_of_the_program_may_have_made_it(ledger: Ledger, made: Path, tmp_path: Path) -> None:
    """What the program was called then does not matter, as long as it still knows the plan."""
    assert ledger.rebuild(change(made, tool="99.0"), tmp_path / "again.jsonl")["identical"]


FIRST = {"kto-interleaved": ("batch_size", "form", "ratio", "seed", "world_size"), "sft": ("form", "seed")}
LATER = ("beside", "composition", "gates", "gates_digest", "interleaving", "weights")


@pytest.mark.parametrize("view", FIRST)
def test_a_manifest_of_the_first_version_is_carried_out(ledger: Ledger, made: Path, view: str) -> None:
    """What the first planners made is made again, by their names, parameters and reasons alone."""
    ledger.project(view, made.with_name("new.jsonl"))
    first = made.with_name("new.jsonl.manifest.json")
    value = json.loads(first.read_bytes())
    value |= {"manifest": 1, "plan": value["plan"].replace("/2", "/1")}
    value["params"] = {name: value["params"][name] for name in FIRST[view]}
    for name in LATER:
        del value[name]
    for reason in ("not_selected", "unpaired"):
        del value["omitted"][reason]
    first.write_text(json.dumps(value), "utf-8")

    assert ledger.rebuild(first, made.with_name("again.jsonl"))["identical"]
    assert made.with_name("again.jsonl").read_bytes() == made.with_name("new.jsonl").read_bytes()
    first.write_text(json.dumps(value | {"rows": 3}), "utf-8")
    with pytest.raises(ManifestUnreadable, match="a row for each sample"):
        ledger.rebuild(first, made.with_name("again.jsonl"))


def test_an_older_plan_stays_executable(
    ledger: Ledger, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest is carried out by the planner that it names, not by today's: here both exist beside each other."""
    monkeypatch.setattr("ledger.exporters.kto_plan.PLAN_VERSION", "kto-interleaved/3")
    first = plans.PLANS["kto-interleaved/2"]

    def backwards(store: Store, request: asked.Asked, form: str, mark: Mark | None) -> plans.Planned:
        planned = first(store, request, form, mark)
        return planned._replace(rows=planned.rows[::-1])

    monkeypatch.setitem(plans.PLANS, "kto-interleaved/3", backwards)
    monkeypatch.setitem(asked.RECORDED, "kto-interleaved/3", asked.RECORDED["kto-interleaved/2"])
    assert ledger.rebuild(made, tmp_path / "again.jsonl")["identical"]
    assert ledger.project("kto-interleaved", tmp_path / "new.jsonl", no_gates=True)["plan"] == "kto-interleaved/3"
    assert ledger.rebuild(tmp_path / "new.jsonl.manifest.json")["identical"]


def test_rebuild_of_an_edited_and_withdrawn_history(ledger: Ledger, tmp_path: Path) -> None:
    """Edits and withdrawals before the manifest count, those after it do not."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(6)), campaign="a")
    one, two, *_ = samples(ledger)
    ledger.edit(one, json.dumps(chat("new question", "new answer")).encode())
    withdrawn = ledger.reject([two], reason="no")["events"]
    ledger.withdraw([f"@{withdrawn[0]}"])
    ledger.project("kto-interleaved", tmp_path / "out.jsonl")
    body = (tmp_path / "out.jsonl").read_bytes()
    assert b"new answer" in body
    ledger.withdraw([ledger.log(one)[1]["event"]])
    ledger.edit(two, json.dumps(chat("later", "later")).encode())
    ledger.rebuild(tmp_path / "out.jsonl.manifest.json", tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == body


OLD = Path(__file__).parent / "data" / "first_release"


@pytest.mark.parametrize("name", ["kto-interleaved", "sft", "rejected", "train"])
def test_what_the_first_planners_made_is_made_again(tmp_path: Path, name: str) -> None:
    """Exports of the program before this one, with its ledger: the tag `group` tied no families then."""
    (tmp_path / "ledger.db").write_bytes(gzip.decompress((OLD / "ledger.db.gz").read_bytes()))
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        made = ledger.rebuild(OLD / f"{name}.jsonl.manifest.json", tmp_path / "again.jsonl")
        assert made["identical"]
        assert (tmp_path / "again.jsonl").read_bytes() == (OLD / f"{name}.jsonl").read_bytes()
        assert ledger.verify()["ok"]
        again = ledger.rebuild(OLD / f"{name}.jsonl.manifest.json", tmp_path / "again.jsonl")  # of a second time too
        assert again["identical"]
