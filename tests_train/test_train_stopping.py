"""A training that stops before its end: by a person, by a failure, by a kill. It is told, and it goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import TrainingStopped
from tests.cli import environment, run
from tests_train.training import attempts, released, settings

trl = pytest.importorskip("trl")
torch = pytest.importorskip("torch")
pytest.importorskip("datasets")

KILLED = """
import os, signal, sys
from ledger import Ledger
database, manifest, model, out, config = sys.argv[1:]
def on_step(step, of, numbers):
    if step == 2:
        os.kill(os.getpid(), signal.SIGKILL)
with Ledger.open(database) as ledger:
    ledger.train("sft", manifest, model=model, out=out, config=config, on_step=on_step)
"""


def weights(folder: Path) -> bytes:
    """Return the weights in a folder."""
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_training_that_is_interrupted_goes_on(ledger: Ledger, tmp_path: Path, model: str, number: int) -> None:
    """After the step under way there is a checkpoint; the same command ends with the weights of an undisturbed run."""
    manifest, config = released(ledger, tmp_path, "sft"), settings(tmp_path, save_steps=100)

    def on_step(step: int, _of: int, numbers: Mapping[str, float]) -> None:
        if step == 1 and not numbers:  # once: a second signal ends the process
            os.kill(os.getpid(), number)

    asked: dict[str, Any] = {"model": model, "out": tmp_path / "run", "config": config}
    before = signal.getsignal(number)
    stopped = ledger.train("sft", manifest, **asked, on_step=on_step)
    assert signal.getsignal(number) == before
    assert (stopped["state"], stopped["steps"], stopped["of"]) == ("interrupted", 1, 3)
    assert (tmp_path / "run" / "checkpoint-1" / "ledger_manifest.json").read_bytes() == manifest.read_bytes()
    again = ledger.train("sft", manifest, **asked)
    assert (again["state"], again["steps"], again["resumed"]) == ("finished", 3, True)
    ledger.train("sft", manifest, model=model, out=tmp_path / "whole", config=config)
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    stopped, again, whole = (one["metrics"] for one in ledger.trainings()["trainings"][::-1])
    assert float(again["train_loss"]) == pytest.approx(float(whole["train_loss"]), abs=1e-4)
    lines = (tmp_path / "run" / "losses.jsonl").read_text("utf-8").splitlines()
    assert sum(float(loss) for line in lines if (loss := json.loads(line).get("loss"))) / 3 == pytest.approx(
        float(again["train_loss"]), abs=1e-4
    )
    assert again["train_loss"] != stopped["train_loss"]
    assert [said["state"] for said in attempts(ledger)] == ["interrupted", "finished", "finished"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_end_while_rows_are_prepared_comes_at_once(
    ledger: Ledger, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Before the first step there is nothing to save: it is told and recorded like a later end, and goes on."""
    manifest, config = released(ledger, tmp_path, "sft"), settings(tmp_path)
    ledger.close()
    prepare = trl.SFTTrainer._prepare_dataset  # noqa: SLF001 - where the time goes
    reached: list[str] = []

    def slow(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the version passes
        os.kill(os.getpid(), number)
        reached.append("after")
        return prepare(self, *args, **kwargs)

    asked = ["--ledger", tmp_path / "ledger.db", "train", "sft", "--release", manifest, "--model", model]
    asked += ["-o", tmp_path / "run", "--config", config, "--json"]
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr(trl.SFTTrainer, "_prepare_dataset", slow)
        answer = run(*asked)
    assert signal.getsignal(number) == before
    assert answer.code == TrainingStopped.exit_code, answer.err
    assert (answer.json["state"], answer.json["failure"], answer.json["steps"]) == ("interrupted", None, 0)
    assert reached == []
    answer = run(*asked)
    assert (answer.code, answer.json["steps"]) == (0, 3), answer.err
    with Ledger.open(tmp_path / "ledger.db") as opened:
        assert [said["state"] for said in attempts(opened)] == ["interrupted", "finished"]


def test_an_interrupt_that_a_package_swallows_is_heard(
    ledger: Ledger, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that takes it for an error, or for nothing, does not make a training of it, nor a refusal."""
    prepare = trl.SFTTrainer._prepare_dataset  # noqa: SLF001 - likewise
    for name, raised in (("nothing", None), ("error", ValueError("interrupted"))):

        def swallowing(self: Any, *args: Any, raised: Any = raised, **kwargs: Any) -> Any:  # noqa: ANN401 - likewise
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            except KeyboardInterrupt:
                if raised is not None:
                    raise raised from None
            return prepare(self, *args, **kwargs)

        monkeypatch.setattr(trl.SFTTrainer, "_prepare_dataset", swallowing)
        manifest = released(ledger, tmp_path, "sft", overwrite=True)
        told = ledger.train("sft", manifest, model=model, out=tmp_path / name, config=settings(tmp_path))
        assert (told["state"], told["steps"]) == ("interrupted", 0)


def _of_a_gpu() -> None:
    raise torch.OutOfMemoryError("no room")


def _of_python() -> None:
    raise MemoryError


def _of_torch() -> None:
    torch.empty(10**15)


def _wrapped() -> None:
    try:
        _of_a_gpu()
    except RuntimeError as error:
        raise ValueError("loading failed") from error


@pytest.mark.parametrize("fail", [_of_a_gpu, _of_python, _of_torch, _wrapped])
@pytest.mark.parametrize("place", ["the tokenizer", "the trainer", "the check"])
def test_memory_that_runs_out_before_the_first_step_is_an_answer(
    ledger: Ledger,
    tmp_path: Path,
    model: str,
    monkeypatch: pytest.MonkeyPatch,
    fail: Callable[[], None],
    place: str,
) -> None:
    """Nothing is wrong with the model or the rows: it is told as it is later, and recorded."""
    places = {
        "the tokenizer": "transformers.AutoTokenizer.from_pretrained",
        "the trainer": "trl.SFTTrainer.__init__",
        "the check": "ledger.trainers.trl_backend.check_content",
    }
    monkeypatch.setattr(places[place], lambda *_args, **_more: fail())
    manifest = released(ledger, tmp_path, "sft")
    told = ledger.train("sft", manifest, model=model, out=tmp_path / "run", config=settings(tmp_path))
    assert (told["state"], told["failure"], told["steps"], told["device"]) == ("failed", "out_of_memory", 0, "cpu")
    assert "torch" in told["versions"]
    assert (tmp_path / "run" / "failure.txt").read_text().startswith("out_of_memory: ")
    assert [said["failure"] for said in attempts(ledger)] == ["out_of_memory"]


@pytest.mark.parametrize(
    ("error", "word"), [(torch.OutOfMemoryError("no room"), "out_of_memory"), (AttributeError("odd"), "AttributeError")]
)
def test_a_training_that_fails_is_an_answer(
    ledger: Ledger, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch, error: Exception, word: str
) -> None:
    """Memory that runs out, or any other error in the middle, is told with exit code 83, recorded, and can go on."""
    manifest, config = released(ledger, tmp_path, "sft"), settings(tmp_path)
    ledger.close()
    step = trl.SFTTrainer.training_step

    def failing(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the version passes
        if self.state.global_step == 1:
            raise error
        return step(self, *args, **kwargs)

    asked = ["--ledger", tmp_path / "ledger.db", "train", "sft", "--release", manifest, "--model", model]
    asked += ["-o", tmp_path / "run", "--config", config, "--json"]
    with monkeypatch.context() as patch:
        patch.setattr(trl.SFTTrainer, "training_step", failing)
        answer = run(*asked)
    assert answer.code == TrainingStopped.exit_code == 83
    assert (answer.json["state"], answer.json["failure"], answer.json["steps"]) == ("failed", word, 1)
    assert f"Training stopped at step 1 of 3: {word}." in answer.err
    assert str(error) in (tmp_path / "run" / "failure.txt").read_text()
    answer = run(*asked)
    assert answer.code == 0, answer.err
    assert (answer.json["resumed"], answer.json["steps"]) == (True, 3)
    assert not (tmp_path / "run" / "failure.txt").exists()
    with Ledger.open(tmp_path / "ledger.db") as opened:
        assert [said["failure"] for said in attempts(opened)] == [word, None]


def test_a_training_that_is_killed_goes_on(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """After kill -9 the log says that it began, and no more; it goes on from the last checkpoint that is whole."""
    manifest, config = released(ledger, tmp_path, "sft"), settings(tmp_path)
    ledger.close()
    given = [tmp_path / "ledger.db", manifest, model, tmp_path / "run", config]
    done = subprocess.run([sys.executable, "-c", KILLED, *map(str, given)], env=environment(), check=False)
    assert done.returncode == -signal.SIGKILL
    shutil.copytree(tmp_path / "run" / "checkpoint-1", tmp_path / "run" / "checkpoint-2", dirs_exist_ok=True)
    (tmp_path / "run" / "checkpoint-2" / "ledger_manifest.json").unlink()  # it was being written
    (tmp_path / "run" / "checkpoint-2" / "trainer_state.json").write_text("{")
    with Ledger.open(tmp_path / "ledger.db") as opened:
        assert attempts(opened) == []
        assert [event["says"]["command"] for event in opened.log(limit=1000) if event["kind"] == "run_started"][
            -1
        ] == "train"
        again = opened.train("sft", manifest, model=model, out=tmp_path / "run", config=config)
    assert (again["state"], again["steps"], again["resumed"]) == ("finished", 3, True)
