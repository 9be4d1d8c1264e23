"""`ledger train`, `evaluate` and `prove --trained`, as far as they go without a trainer."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.trainers.contract import Job, OnStep, Trained
from ledger.verbs import train as verb
from tests.cli import ok, run
from tests.small import samples
from tests.test_exporters_lengths import tokenizer
from tests.trained import trained


@pytest.fixture
def manifest(toolset: Ledger, tmp_path: Path) -> Path:
    """Return the manifest of a release for KTO."""
    toolset.project("kto-interleaved", tmp_path / "kto.jsonl")
    return tmp_path / "kto.jsonl.manifest.json"


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["train", "kto"],
        ["train", "ppo", "--release", "m"],
        ["train", "--list", "kto"],
        ["train", "--list", "--check"],
        ["train", "--check", "kto", "-o", "run"],
        ["train", "--check", "--smoke"],
        ["train", "kto", "--release", "m", "-o", "-"],
        ["evaluate"],
        ["prove", "--trained", "run"],
        ["prove", "--sample", "0000"],
        ["prove", "--trained", "run", "--sample", "0000", "@1"],
        ["prove", "--trained", "run", "--sample", "0000", "--checkpoint"],
    ],
)
def test_what_does_not_go_together_is_misuse(toolset: Ledger, arguments: list[str]) -> None:
    """With exit code 2, before anything is done."""
    assert run("--ledger", toolset.path, *arguments).code == 2


def test_check_and_list_show_what_there_is(toolset: Ledger, manifest: Path, tmp_path: Path) -> None:
    """Releases, versions and trainings for people, and the same as JSON."""
    assert "nothing was trained yet" in ok("--ledger", toolset.path, "train", "--list").out
    training = trained(toolset, manifest, tmp_path / "run", state="failed")
    shown = ok("--ledger", toolset.path, "train", "--list").out
    assert f"@{training['position']}" in shown
    assert "failed" in shown
    told = run("--ledger", toolset.path, "train", "--check", "kto", "--release", manifest)
    assert told.code in {0, 1}  # 1 where there is no trainer
    for each in ("environment", "releases", "kto.jsonl", "unchanged", "0 of one label", "give --model"):
        assert each in told.out
    assert run("--ledger", toolset.path, "train", "--check", "--json").json == toolset.check_training()
    assert ok("--ledger", toolset.path, "train", "--list", "--json").json == toolset.trainings()


@pytest.mark.parametrize("batch", [2, 6])
def test_check_shows_what_does_not_fit_the_batch(toolset: Ledger, manifest: Path, tmp_path: Path, batch: int) -> None:
    """With a model too, though its lengths are not counted then: the report, what would mend it, and 1."""
    (tmp_path / "s.toml").write_text(f"per_device_train_batch_size = {batch}\n")
    asked = ["train", "--check", "kto", "--release", manifest, "--config", tmp_path / "s.toml"]
    told = run("--ledger", toolset.path, *asked, "--model", tokenizer(tmp_path / "words"))
    assert told.code == 1, told.err
    assert f"with batches of {batch}" in told.out + told.err
    assert f"--batch-size {batch}" in told.out + told.err
    assert "lengths were not counted" in told.out


def test_a_run_is_found_by_its_name(
    toolset: Ledger, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `train --list` shows it, also where its folder is gone; what names nothing is told how runs are named."""
    training = trained(toolset, manifest, tmp_path / "rml")
    monkeypatch.chdir(tmp_path.parent)
    asked = ["--ledger", toolset.path, "prove", "--sample", samples(toolset)[0], "--trained"]
    assert f"@{training['position']}" in ok(*asked, "rml", "-o", tmp_path / "p").out
    for name in ("rmx", "00000000"):
        refused = run(*asked, name)
        assert refused.code not in {0, 70}
        assert "@POSITION" in refused.err


def test_a_sample_is_shown_in_a_training(toolset: Ledger, manifest: Path, tmp_path: Path) -> None:
    """With -o for people; without it the proof stands on standard output, and the sentence beside it."""
    training = trained(toolset, manifest, tmp_path / "run")
    used, left_out = (
        next(one for one in samples(toolset) if toolset.prove_trained(training["event"], one)["used"] is wanted)
        for wanted in (True, False)
    )
    asked = ["--ledger", toolset.path, "prove", "--trained", tmp_path / "run", "--sample"]
    shown = ok(*asked, used, "-o", tmp_path / "p").out
    assert "in kto run run" in shown
    assert "repeated 1x" in shown
    assert "p.members.json" in shown
    assert "not used: " in ok(*asked, left_out, "-o", tmp_path / "q").out
    piped = ok(*asked, used)
    assert "repeated 1x" in piped.err
    assert '"kind":"trained"' in piped.out
    assert "kto was trained on it: run" in ok("--ledger", toolset.path, "why", used).out


@pytest.mark.parametrize(
    "case",
    [
        ("finished", None, 0, ""),
        ("interrupted", None, 83, "Training stopped at step 2 of 3: interrupted."),
        ("failed", "out_of_memory", 83, "another folder with -o"),
        ("failed", "ValueError", 83, "Run the same command again"),
    ],
)
def test_what_came_of_it_is_the_answer(
    toolset: Ledger,
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[str, str | None, int, str],
) -> None:
    """A training that finished is 0, any other 83, with the next step; the answer stands on standard output."""
    state, failure, code, says = case

    def trainer(job: Job, on_step: OnStep) -> Trained:
        numbers: Mapping[str, float] = {"loss": 0.5}
        on_step(2, 3, numbers)
        (job.out / "losses.jsonl").write_text('{"loss": 0.5, "step": 1}\n')
        return Trained(state, failure, 2, 3, Decimal("1.5"), "cpu", {}, {"loss": Decimal("0.5")}, 2**20)

    monkeypatch.setattr(verb, "require", lambda _backend: None)
    monkeypatch.setattr(verb, "train_with", trainer)
    asked = ["train", "kto", "--release", manifest, "--model", tmp_path / "model", "-o", tmp_path / "run"]
    answer = run("--ledger", toolset.path, *asked)
    assert answer.code == code
    assert says in answer.err
    assert f"{state}: " in answer.out
    assert "2 of 3 steps in 1.5 s, cpu, at most 1.0 MB" in answer.out
    assert (tmp_path / "run" / "loss.svg").is_file()
    assert toolset.trainings()["trainings"][0]["failure"] == failure


def test_evaluate_needs_a_trainer_too(
    toolset: Ledger, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without torch it says what to install, and nothing is recorded."""
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    before = toolset.log(limit=1000)
    answer = run("--ledger", toolset.path, "evaluate", "--model", tmp_path, "--release", manifest)
    assert answer.code == 79
    assert "pip install" in answer.err
    assert toolset.log(limit=1000) == before
