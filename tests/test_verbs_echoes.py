"""Models and erasure: who was trained on an erased text, who was asked about it, and which answers still quote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, NotConfirmed
from ledger.verbs import echoes
from ledger.views import holders
from tests.cli import ok, run
from tests.erasing import PRIVATE, WHY, held_by
from tests.logs import store_of
from tests.small import chat, samples, write
from tests.trained import evaluated, trained

SAID = f"My name is {PRIVATE}, you know."


@pytest.fixture
def world(ledger: Ledger, tmp_path: Path) -> dict[str, Any]:
    """Make a release with a secret that was trained on twice, once in vain, and another release without it."""
    for name, rows in {"mine": [chat("who?", SAID, label=True)], "other": [chat("what?", "that", label=True)]}.items():
        ledger.ingest(write(tmp_path / "in.jsonl", *rows), campaign=name)
        (tmp_path / "v.toml").write_text(
            f'name = "{name}"\nselect = \'campaign = "{name}"\'\ntype = "language_modeling"\n'
        )
        ledger.project(str(tmp_path / "v.toml"), tmp_path / f"{name}.jsonl")
    manifests = {name: tmp_path / f"{name}.jsonl.manifest.json" for name in ("mine", "other")}
    return {
        "with": trained(ledger, manifests["mine"], tmp_path / "with", method="sft", steps=7),
        "vain": trained(ledger, manifests["mine"], tmp_path / "vain", method="sft", state="failed", steps=0),
        "without": trained(ledger, manifests["other"], tmp_path / "without", method="sft"),
    }


def tried(ledger: Ledger, *ids: str) -> dict[str, Any]:
    """Return what an erasure would do."""
    return ledger.erase(ids, **WHY, dry_run=True)


def test_trainings_and_evaluations_of_its_releases_are_told(ledger: Ledger, world: dict[str, Any]) -> None:
    """A training that took a step on a release with it, and whoever asked such a model or with such prompts."""
    own = evaluated(ledger, world["with"], ["no", "yes"], world["without"]["release"]["event"])
    about = evaluated(ledger, world["without"], ["so", "so"], world["with"]["release"]["event"])
    evaluated(ledger, world["without"], ["on", "and on"])
    told = tried(ledger, samples(ledger)[0])
    (training,) = told["trainings"]
    assert (training["position"], training["steps"], training["output"]) == (world["with"]["position"], 7, "with")
    assert [(one["position"], one["asked"], one["trained"], one["shared"]) for one in told["evaluations"]] == [
        (own["position"], False, True, 0),
        (about["position"], True, False, 0),
    ]
    assert told["unheard"] == 0
    with pytest.raises(NotConfirmed, match="1 training had a release with it; the answers of 2 evaluations may hold"):
        ledger.erase([samples(ledger)[0]], **WHY)
    assert tried(ledger, samples(ledger)[1])["trainings"][0]["output"] == "without"


@pytest.mark.parametrize(
    "spelt", [SAID, json.dumps({"a": SAID}), json.dumps([json.dumps(SAID)]), f"so: {PRIVATE[:30]}"]
)
def test_answers_that_quote_it_are_found_and_can_be_erased(ledger: Ledger, world: dict[str, Any], spelt: str) -> None:
    """However JSON spells it, and whoever said it; by the address that the answer names they go for good."""
    heard = evaluated(ledger, world["without"], ["nothing of the kind", spelt])
    mine, address = samples(ledger)[0], f"b3:{heard['outputs']}"
    told = ledger.erase([mine], **WHY, yes=True)
    (one,) = told["evaluations"]
    assert (one["outputs"], one["asked"], one["trained"]) == (address, False, False)
    assert one["shared"] >= 30
    assert held_by(ledger) == ["blob"]  # the answers
    done = ledger.erase([address], **WHY, yes=True)
    assert (done["erased"], done["answers"], done["samples_count"]) == (1, 1, 0)
    assert held_by(ledger) == []
    assert ledger.verify()["findings"] == []
    assert ledger.erase([address], **WHY)["already"] == 1
    evaluated(ledger, world["without"], ["nothing of the kind", spelt])  # said again, it does not come back
    assert held_by(ledger) == []
    assert tried(ledger, samples(ledger)[1])["evaluations"] == []


def test_what_goes_with_it_is_not_told_of_as_staying(ledger: Ledger, world: dict[str, Any]) -> None:
    """Sample and answers in one erasure; eleven characters in a row are no quotation."""
    heard = evaluated(ledger, world["without"], [SAID])
    evaluated(ledger, world["without"], [SAID[:11], f"{SAID[4:15]}-"])
    told = tried(ledger, samples(ledger)[0], f"b3:{heard['outputs']}")
    assert (told["answers"], told["erased"], told["evaluations"]) == (1, 2, [])


def test_other_stored_bytes_of_a_training_are_not_erased(ledger: Ledger, world: dict[str, Any]) -> None:
    """The settings of a training and what was expected of answers are no text of anybody."""
    heard = evaluated(ledger, world["without"])
    for address in (world["with"]["config"], f"b3:{heard['expectations']}"):
        with pytest.raises(BadRequest, match="neither a version"):
            tried(ledger, address)


def test_the_search_has_bounds_and_says_so(
    ledger: Ledger, world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of answers beyond them, and of texts beyond them, it is said how many were not looked through."""
    evaluated(ledger, world["without"], [SAID])
    newest = evaluated(ledger, world["without"], ["no", SAID])
    size = len(json.dumps({"after": ["no", SAID], "before": None}).encode())
    with monkeypatch.context() as patched:
        patched.setattr(echoes, "_MOST_BYTES", size)
        told = tried(ledger, samples(ledger)[0])
        assert ([one["position"] for one in told["evaluations"]], told["unheard"]) == ([newest["position"]], 1)
    with monkeypatch.context() as patched:
        patched.setattr(echoes, "_MOST_WINDOWS", 5)
        told = tried(ledger, samples(ledger)[0])
        assert (told["evaluations"], told["unheard"]) == ([], 2)
    assert tried(ledger, samples(ledger)[0])["unheard"] == 0


def test_stored_answers_that_are_no_json_are_searched_as_they_are(ledger: Ledger, world: dict[str, Any]) -> None:
    """Another program may have stored them."""
    heard = evaluated(ledger, world["without"], ["x"])
    connection = store_of(ledger).connection
    row = next(one for one in holders.evaluations(connection, 9) if one.position == heard["position"])

    class Other:
        """Stands for a store with other bytes in that row."""

        @staticmethod
        def body(_row: int) -> bytes:
            return b"]" + SAID.encode() + b"\xff"

    assert echoes._Ear([[SAID]]).to(Other(), row) == len(SAID)  # type: ignore[arg-type]  # noqa: SLF001 - no ledger stores such


def test_people_see_it(ledger: Ledger, world: dict[str, Any]) -> None:
    """The list before and after names the training, the evaluation, and how its answers are erased."""
    heard = evaluated(ledger, world["without"], [SAID])
    one, path = samples(ledger)[0], ledger.path
    asked = ["--ledger", path, "erase", one, "--reason", "r", "--authority", "a"]
    for said in (run(*asked).out, ok(*asked, "--yes").out):
        assert "sft was trained on such a release for 7 steps: with @" in said
        assert f"answers of the evaluation @{heard['position']} have {len(SAID)} characters in a row of it" in said
        assert f"`ledger erase` takes b3:{heard['outputs'][:12]}" in said
    gone = ok("--ledger", path, "erase", f"b3:{heard['outputs'][:12]}", *asked[4:], "--yes").out
    assert "1 set of answers" in gone
