"""`Ledger.evaluate` with real models: the ledger's own checks on what they answer, before and after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import InputUnreadable, ModelUnreadable, SettingsInvalid
from tests.cli import run as program
from tests.small import chat, write
from tests_train.training import released, settings

pytest.importorskip("trl")
pytest.importorskip("datasets")


@pytest.fixture
def trained(tmp_path: Path, model: str) -> tuple[Ledger, Path]:
    """Return a ledger and the folder of a run that learned to say one thing, with a release of what is held out."""
    rows = [chat(f"Is it {n}?", "Solution\n\nyes yes", label=True) for n in range(64)]
    ledger = Ledger.init(tmp_path / "ledger.db")
    ledger.ingest(write(tmp_path / "rows.jsonl", *rows), campaign="c")
    ledger.split(ratio="80/20/0")
    released(ledger, tmp_path, "val", type="prompt_completion")
    config = settings(
        tmp_path, max_steps=45, save_steps=100, learning_rate="0.02", max_length=64, per_device_train_batch_size=16
    )
    ledger.train("sft", released(ledger, tmp_path, "sft"), model=model, out=tmp_path / "run", config=config)
    return ledger, tmp_path / "run"


def test_the_format_is_checked_before_and_after(trained: tuple[Ledger, Path], tmp_path: Path) -> None:
    """What the training taught shows in the shares; the event keeps counts and the address of every answer."""
    ledger, run = trained
    expectations = tmp_path / "expect.toml"
    expectations.write_text('[[expect]]\nname = "solved"\nheading = "Solution"\n')
    manifest = tmp_path / "val.jsonl.manifest.json"
    told = ledger.evaluate(run, manifest, expectations=expectations, most_tokens=12)
    checks = {one["check"]: one for one in told["checks"]}
    assert list(checks)[:2] == ["no errors", "solved"]
    assert told["seen"] == 0
    assert told["prompts"] == len((tmp_path / "val.jsonl").read_bytes().splitlines()) > 5
    assert checks["solved"]["before"]["passed"] == 0
    learned = checks["solved"]["after"]["passed"]
    assert learned > told["prompts"] / 2
    assert checks["solved"]["word"] == "higher"
    (event,) = [one for one in ledger.log(limit=2000) if one["kind"] == "evaluated"]
    assert ["solved", learned, 0] in event["says"]["results"]
    assert event["says"]["trained"] is not None
    again = ledger.evaluate(run, manifest, expectations=expectations, most_tokens=12)
    assert (again["outputs"], again["checks"]) == (told["outputs"], told["checks"])  # greedy: the same answers
    seen = ledger.evaluate(run, tmp_path / "sft.jsonl.manifest.json", limit=3, most_tokens=2)
    assert (seen["prompts"], seen["seen"]) == (3, 3)  # these are not held out; the others were not asked
    assert seen["trainings"] == [event["says"]["trained"]]
    assert ledger.verify()["ok"]
    ledger.close()


def test_what_the_model_before_had_seen_counts_too(trained: tuple[Ledger, Path], tmp_path: Path) -> None:
    """A run that went on from another's weights is known by their digest, also in a folder without a record."""
    ledger, run = trained
    rows = [chat(f"Will it {n}?", "Solution\n\nyes yes", label=True) for n in range(4)]
    ledger.ingest(write(tmp_path / "more.jsonl", *rows), campaign="more")
    (tmp_path / "more.toml").write_text('name = "more"\nselect = \'campaign = "more"\'\ntype = "prompt_completion"\n')
    ledger.project(str(tmp_path / "more.toml"), tmp_path / "more.jsonl.out")
    config = settings(tmp_path, max_steps=1, max_length=64, per_device_train_batch_size=4)
    second = ledger.train(
        "sft", tmp_path / "more.jsonl.out.manifest.json", model=run, out=tmp_path / "second", config=config
    )
    first = json.loads((run / "trained.json").read_bytes())["event"]
    sft = tmp_path / "sft.jsonl.manifest.json"
    told = ledger.evaluate(tmp_path / "second", sft, limit=3, most_tokens=2)
    assert (told["seen"], told["trainings"]) == (3, [second["event"], first])
    (run / "trained.json").unlink()
    told = ledger.evaluate(run, sft, limit=2, most_tokens=2)
    assert (told["seen"], told["trained"]) == (2, first)
    ledger.close()


def test_what_cannot_be_asked_is_refused(trained: tuple[Ledger, Path], tmp_path: Path) -> None:
    """No model, bad expectations: nothing is recorded. The command shows a table."""
    ledger, run = trained
    manifest, before = tmp_path / "val.jsonl.manifest.json", ledger.log(limit=2000)
    with pytest.raises(ModelUnreadable) as caught:
        ledger.evaluate(tmp_path / "none", manifest)
    assert "trained" not in caught.value.next_step
    changed = tmp_path / "sft.jsonl"
    changed.write_bytes(changed.read_bytes() + b"\n")
    with pytest.raises(InputUnreadable, match="its bytes are b3:") as caught_too:
        ledger.evaluate(run, tmp_path / "sft.jsonl.manifest.json")
    assert "trained" not in caught_too.value.next_step
    (tmp_path / "bad.toml").write_text('[[expect]]\nname = "x"\nhaeding = "y"\n')
    with pytest.raises(SettingsInvalid, match="did you mean 'heading'"):
        ledger.evaluate(run, manifest, expectations=tmp_path / "bad.toml")
    assert ledger.log(limit=2000) == before
    ledger.close()
    asked = ["evaluate", "--model", run, "--release", manifest, "--limit", 2, "--max-tokens", 2]
    answer = program("--ledger", tmp_path / "ledger.db", *asked)
    assert answer.code == 0, answer.err
    assert "2 prompts, recorded as @" in answer.out
    assert "no errors" in answer.out
    assert json.loads((run / "run.json").read_bytes())["model"]
