"""Evaluating, as far as it goes without a model: what is asked, checked and recorded, and what had been seen before."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, InputUnreadable, ModelUnreadable, SettingsInvalid
from ledger.trainers.generate import Prompt
from ledger.validators import RULES
from ledger.verbs import evaluate as verb
from tests.logs import findings
from tests.small import chat, samples, write
from tests.trained import trained

TOOLS = b'{"open": {"type": "object", "properties": {}}}'


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Prompt]:
    """Put a model in place that answers "Solution" to everything; return what it is asked."""
    heard: list[Prompt] = []

    def answers(model: Path, prompts: Sequence[Prompt], most_tokens: int, on_step: object) -> list[str]:
        if not model.is_dir():
            raise ModelUnreadable(model, "it is not a folder")
        heard.extend(prompts)
        assert (most_tokens, callable(on_step)) == (256, True)
        return ["Solution\n\nyes"] * len(prompts)

    monkeypatch.setattr(verb, "answers", answers)
    return heard


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the folder of a model that everything begins from."""
    folder = weights(tmp_path / "base", b"base")
    (folder / "config.json").write_text("{}")
    return folder


def weights(folder: Path, data: bytes) -> Path:
    """Make a folder with nothing but weights."""
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(data)
    return folder


def released(ledger: Ledger, folder: Path, campaign: str) -> Path:
    """Freeze a campaign as rows for SFT, and return the manifest."""
    view = folder / f"{campaign}.toml"
    view.write_text(f'name = "{campaign}"\nselect = \'campaign = "{campaign}"\'\ntype = "prompt_completion"\n')
    ledger.project(str(view), folder / f"{campaign}.jsonl")
    return folder / f"{campaign}.jsonl.manifest.json"


def fill(ledger: Ledger, folder: Path, **campaigns: Sequence[str]) -> None:
    """Ingest a question a sample, by campaign."""
    for name, questions in campaigns.items():
        rows = [chat(question, f"the answer to {question} of {name}", label=True) for question in questions]
        ledger.ingest(write(folder / "in.jsonl", *rows), campaign=name)


def test_only_prompts_that_are_asked_count_as_seen(
    ledger: Ledger, tmp_path: Path, model: Path, asked: list[Prompt]
) -> None:
    """Three are asked of a release that was trained on: three were seen, not all of it."""
    fill(ledger, tmp_path, old=[f"question {n}" for n in range(12)])
    manifest = released(ledger, tmp_path, "old")
    run = trained(ledger, manifest, tmp_path / "run", method="sft", model=model, weights=b"1")
    told = ledger.evaluate(tmp_path / "run", manifest, limit=3)
    assert (len(asked), told["prompts"], told["seen"]) == (6, 3, 3)
    assert (told["trained"], told["trainings"]) == (run["event"], [run["event"]])
    assert ledger.evaluate(tmp_path / "run", manifest)["seen"] == 12
    few: dict[str, Any] = {"steps": 1, "per_device_train_batch_size": 4}
    trained(ledger, manifest, tmp_path / "few", method="sft", model=model, weights=b"2", **few)
    assert ledger.evaluate(tmp_path / "few", manifest)["seen"] == 4  # one step took four rows
    assert ledger.evaluate(model, manifest)["seen"] == 0


def test_a_checkpoint_is_compared_with_what_its_run_began_from(
    ledger: Ledger, tmp_path: Path, model: Path, asked: list[Prompt]
) -> None:
    """It has a baseline, and of the prompts those count that its own steps took."""
    fill(ledger, tmp_path, old=[f"question {n}" for n in range(12)])
    manifest = released(ledger, tmp_path, "old")
    few: dict[str, Any] = {"steps": 3, "per_device_train_batch_size": 4}
    run = trained(ledger, manifest, tmp_path / "run", method="sft", model=model, weights=b"1", **few)
    checkpoint = weights(tmp_path / "run" / "checkpoint-1", b"half")
    shutil.copy(manifest, checkpoint / "ledger_manifest.json")
    told = ledger.evaluate(checkpoint, manifest)
    assert (told["baseline"], told["trained"], told["seen"]) == (run["model"], run["event"], 4)
    assert ledger.evaluate(tmp_path / "run", manifest)["seen"] == 12
    assert len(asked) == 4 * 12


def test_the_whole_chain_of_trainings_counts(ledger: Ledger, tmp_path: Path, model: Path, asked: list[Prompt]) -> None:
    """What the model before had seen counts too, by the digests of the weights; also where only weights are left."""
    fill(ledger, tmp_path, one=["a?", "b?"], two=["c?"], other=["d?"], held=["b?", "c?", "d?", "e?"])
    held = released(ledger, tmp_path, "held")
    options: dict[str, Any] = {"method": "sft"}
    runs = [trained(ledger, released(ledger, tmp_path, "one"), tmp_path / "1", model=model, weights=b"1", **options)]
    two = released(ledger, tmp_path, "two")
    runs += [trained(ledger, two, tmp_path / "2", model=tmp_path / "1", weights=b"2", **options)]
    trained(ledger, released(ledger, tmp_path, "other"), tmp_path / "3", model=model, weights=b"3", **options)
    told = ledger.evaluate(tmp_path / "2", held)
    assert (told["seen"], told["trainings"]) == (2, [run["event"] for run in runs[::-1]])
    assert ledger.evaluate(tmp_path / "1", held)["seen"] == 1
    told = ledger.evaluate(weights(tmp_path / "copied", b"2"), held)
    assert (told["seen"], told["trained"]) == (2, runs[1]["event"])
    assert len(asked) > 0


def test_a_prompt_counts_as_it_stood_in_the_release(
    ledger: Ledger, tmp_path: Path, model: Path, asked: list[Prompt]
) -> None:
    """Edits after the release change nothing of what was seen."""
    fill(ledger, tmp_path, old=["a?"], held=["a?", "b?"])
    trained(ledger, released(ledger, tmp_path, "old"), tmp_path / "1", method="sft", model=model, weights=b"1")
    held = released(ledger, tmp_path, "held")
    assert ledger.evaluate(tmp_path / "1", held)["seen"] == 1
    ledger.edit(samples(ledger)[0], b'{"prompt": "z?", "completion": "z", "label": true}')
    assert ledger.evaluate(tmp_path / "1", held)["seen"] == 1
    assert asked[0].said == [{"role": "user", "content": "a?"}]


@pytest.mark.parametrize("name", ["no errors", "calls/malformed_arguments", max(RULES)])
def test_an_expectation_cannot_be_called_as_a_check(
    ledger: Ledger, tmp_path: Path, model: Path, asked: list[Prompt], name: str
) -> None:
    """Both would be counted as one; nothing is asked or recorded then. Each check is listed once."""
    fill(ledger, tmp_path, held=["a?"])
    held, file = released(ledger, tmp_path, "held"), tmp_path / "e.toml"
    before = ledger.log(limit=1000)
    file.write_text(f'[[expect]]\nname = "{name}"\nheading = "Other"\n')
    with pytest.raises(SettingsInvalid, match=r"e\.toml, line 1: '.*' is a check already") as refused:
        ledger.evaluate(model, held, expectations=file)
    assert "nothing was asked" in refused.value.next_step
    assert "trained" not in refused.value.next_step
    assert (asked, ledger.log(limit=1000)) == ([], before)
    file.write_text('[[expect]]\nname = "errors"\nheading = "Other"\n')
    told = {one["check"]: one["after"]["passed"] for one in ledger.evaluate(model, held, expectations=file)["checks"]}
    assert told == {"no errors": 1, "errors": 0}


def test_what_was_checked_can_be_read_again(ledger: Ledger, tmp_path: Path, model: Path, asked: list[Prompt]) -> None:
    """The files of expectations and tools are stored, and `verify` misses them where they are gone."""
    fill(ledger, tmp_path, held=["a?"])
    expectations, schemas = tmp_path / "e.toml", tmp_path / "t.json"
    expectations.write_text('[[expect]]\nname = "errors"\nheading = "Other"\n')
    schemas.write_bytes(TOOLS)
    given: dict[str, Any] = {"expectations": expectations, "schemas": schemas}
    told = ledger.evaluate(model, released(ledger, tmp_path, "held"), **given)
    assert {name: told[name] for name in given} == {
        name: show(blake3_bytes(file.read_bytes())) for name, file in given.items()
    }
    assert {event["kind"] for event in ledger.log(limit=9)} >= {"evaluated"}
    archive = tmp_path / "log.jsonl"
    ledger.export_events(archive)
    assert expectations.read_text().splitlines()[2] in archive.read_text().replace('\\"', '"')
    assert ledger.verify()["ok"]
    assert len(asked) == 1
    path = ledger.path
    ledger.close()
    assert findings(path) == set()


def test_what_is_in_the_way_is_told_of_asking(ledger: Ledger, tmp_path: Path, model: Path, asked: list[Prompt]) -> None:
    """A changed file, a file without prompts, Parquet, no model: nothing of training is said, and what helps is."""
    fill(ledger, tmp_path, held=["a?"])
    held = released(ledger, tmp_path, "held")
    with pytest.raises(ModelUnreadable) as no_model:
        ledger.evaluate(tmp_path / "none", held)
    ledger.project("sft", tmp_path / "p.parquet", container="parquet")
    with pytest.raises(BadRequest) as parquet:
        ledger.evaluate(model, tmp_path / "p.parquet.manifest.json")
    assert "`--as jsonl`" in parquet.value.next_step
    rows = tmp_path / "held.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b"answer", b"ANSWER"))
    with pytest.raises(InputUnreadable, match="its bytes are b3:") as changed:
        ledger.evaluate(model, held)
    for caught in (no_model, changed):
        said = f"{caught.value} {caught.value.next_step}"
        assert "train" not in said
        assert "nothing was " in said
    assert asked == []
