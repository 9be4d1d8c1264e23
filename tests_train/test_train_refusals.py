"""What stands in the way of training, each said in a line: an attempt that failed is recorded, and nothing is left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import ModelUnreadable, ReleaseUnfit, TrainerMissing
from tests.cli import run
from tests_train.training import attempts, released, settings

pytest.importorskip("trl")
pytest.importorskip("datasets")


def _no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def _template_raises(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{{ raise_exception('roles must alternate') }}")


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _broken_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)


def _broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_no_template, "no chat template"),
        (_template_raises, "roles must alternate"),
        (_no_config, "there is no config.json in it"),
        (_broken_weights, "Safetensor"),
        (_broken_tokenizer, "cannot be used"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_model_that_cannot_be_used(
    ledger: Ledger, tmp_path: Path, model: str, harm: Callable[[Path], None], says: str
) -> None:
    """Whatever its packages raise, it is one line, a failed attempt in the log, and no folder is left."""
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    harm(folder)
    with pytest.raises(ModelUnreadable, match=says):
        ledger.train("kto", released(ledger, tmp_path), model=folder, out=tmp_path / "run", config=settings(tmp_path))
    assert [(said["state"], said["failure"]) for said in attempts(ledger)] == [("failed", "ModelUnreadable")]
    assert not (tmp_path / "run").exists()


def test_a_model_that_is_not_there(ledger: Ledger, tmp_path: Path) -> None:
    """The command says so with its own exit code; the attempt is in the log."""
    manifest = released(ledger, tmp_path)
    ledger.close()
    asked = ["train", "kto", "--release", manifest, "--model", tmp_path / "no", "-o", tmp_path / "run"]
    answer = run("--ledger", tmp_path / "ledger.db", *asked)
    assert answer.code == ModelUnreadable.exit_code
    assert "it is not a folder" in answer.err
    with Ledger.open(tmp_path / "ledger.db") as opened:
        assert [said["failure"] for said in attempts(opened)] == ["ModelUnreadable"]


def test_a_file_that_changed(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """One byte more in the rows: refused before anything is recorded."""
    manifest = released(ledger, tmp_path)
    with (tmp_path / "kto-interleaved.jsonl").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ReleaseUnfit, match="its bytes are"):
        ledger.train("kto", manifest, model=model, out=tmp_path / "run")
    assert attempts(ledger) == []
    assert not (tmp_path / "run").exists()


def test_unsloth_says_what_it_lacks(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """Without Unsloth, or without a GPU, its backend is refused in a sentence, and nothing is recorded."""
    with pytest.raises(TrainerMissing, match="unsloth cannot be imported: it"):
        ledger.train("kto", released(ledger, tmp_path), model=model, out=tmp_path / "run", backend="unsloth")
    assert attempts(ledger) == []
    checked = ledger.check_training(backend="unsloth")
    assert "unsloth" in checked["faults"][0]
    assert checked["environment"]["backends"]["trl"] is None
