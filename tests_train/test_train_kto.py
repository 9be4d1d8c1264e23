"""`Ledger.train` with the real trainers: a release is trained on as it stands, and what came of it is recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import DestinationExists, OrderBroken, ReleaseUnfit, SettingsInvalid
from tests.cli import run
from tests.small import chat, read, write
from tests_train.training import attempts, released, settings

trl = pytest.importorskip("trl")
transformers = pytest.importorskip("transformers")
pytest.importorskip("datasets")


def test_kto_trains_on_the_release_as_it_stands(
    ledger: Ledger, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every microbatch is the next rows of the file, and the event says what was done with which release."""
    seen: list[list[bool]] = []
    texts: list[str] = []
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    step = trl.KTOTrainer.training_step

    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the version passes
        inputs: Any = kwargs["inputs"] if "inputs" in kwargs else args[1]
        seen.append([bool(label) for label in inputs["label"]])
        texts.extend(tokenizer.batch_decode(inputs["input_ids"]))
        return step(self, *args, **kwargs)

    monkeypatch.setattr(trl.KTOTrainer, "training_step", watched)
    manifest, heard = released(ledger, tmp_path), []
    done = ledger.train(
        "kto",
        manifest,
        model=model,
        out=tmp_path / "run",
        config=settings(tmp_path),
        on_step=lambda *told: heard.append(told[:2]),
    )
    rows = read(tmp_path / "kto-interleaved.jsonl")
    assert seen == [[row["label"] for row in rows[at : at + 4]] for at in (0, 4, 8)]
    for row, text in zip(rows[:12], texts, strict=True):
        assert row["prompt"][-1]["content"] in text
        assert f"{row['completion'][0]['content']}<|im_end|>" in text
    assert (done["state"], done["steps"], done["of"], done["device"]) == ("finished", 3, 3, "cpu")
    assert heard[-1] == (3, 3)
    (said,) = attempts(ledger)
    assert (said["method"], said["backend"], said["output"], said["rows"]) == ("kto", "trl", "run", len(rows))
    assert {"loss", "kl", "train_loss"} <= dict(said["metrics"]).keys()
    assert {"torch", "trl", "transformers", "python"} <= dict(said["versions"]).keys()
    logged = [json.loads(line) for line in (tmp_path / "run" / "losses.jsonl").read_bytes().splitlines()]
    assert [one["step"] for one in logged if "loss" in one] == [1, 2, 3]
    assert (tmp_path / "run" / "loss.svg").read_text().startswith("<svg")
    assert not (tmp_path / "run" / "cache").exists()
    assert ledger.verify()["ok"]
    with pytest.raises(DestinationExists):
        ledger.train("kto", manifest, model=model, out=tmp_path / "run", config=settings(tmp_path))


def test_label_weights_are_those_that_trl_asks_for(tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one true row to two false ones, the true ones weigh twice; what is set in the file stands."""
    lines = [chat(f"question {n}", f"answer {n}", label=n % 3 == 0) for n in range(24)]
    given: list[Any] = []
    made = trl.KTOConfig
    monkeypatch.setattr(trl, "KTOConfig", lambda **config: given.append(config) or made(**config))
    with Ledger.init(tmp_path / "ledger.db") as ledger:
        ledger.ingest(write(tmp_path / "rows.jsonl", *lines), campaign="c")
        manifest = released(ledger, tmp_path)
        for name, more in (("counted", {}), ("set", {"undesirable_weight": "0.4"})):
            config = settings(tmp_path, max_steps=1, **more)
            ledger.train("kto", manifest, model=model, out=tmp_path / name, config=config)
    assert [(one["desirable_weight"], one["undesirable_weight"]) for one in given] == [(2.0, 1.0), (1.0, 0.4)]


def test_rows_that_would_be_dropped_stop_it(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """A `max_length` that prompts fill: nothing is trained, the attempt is recorded, and no folder is left."""
    manifest = released(ledger, tmp_path)
    with pytest.raises(OrderBroken, match="rows were dropped"):
        ledger.train("kto", manifest, model=model, out=tmp_path / "run", config=settings(tmp_path, max_length=64))
    (said,) = attempts(ledger)
    assert (said["state"], said["failure"], said["steps"]) == ("failed", "OrderBroken", [0, 0])
    assert not (tmp_path / "run").exists()
    checked = ledger.check_training("kto", manifest, model=model, config=settings(tmp_path, max_length=64))
    assert not checked["ok"]
    assert checked["plan"]["dropped"] > 0
    assert "would be dropped" in checked["faults"][0]
    assert ledger.check_training("kto", manifest, model=model, config=settings(tmp_path))["ok"]


@pytest.mark.parametrize("setting", ["dataset_num_proc", "auto_find_batch_size", "shuffle_dataset", "packing"])
def test_settings_that_break_the_order_are_refused(ledger: Ledger, tmp_path: Path, model: str, setting: str) -> None:
    """They are refused with their line, before anything is recorded."""
    manifest, before = released(ledger, tmp_path), ledger.log(limit=1000)
    config = settings(tmp_path, **{setting: 2})
    with pytest.raises(SettingsInvalid, match=rf"line 7: {setting} cannot be set"):
        ledger.train("kto", manifest, model=model, out=tmp_path / "run", config=config)
    assert ledger.log(limit=1000) == before


def test_rows_in_another_order_are_refused(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """The view `kto` is not interleaved, pairs are for DPO, and a batch of one row pairs it with itself."""
    for view, says in (("kto", "holds only the label"), ("dpo", "kto takes unpaired_preference, not preference")):
        with pytest.raises(ReleaseUnfit, match=says):
            ledger.train("kto", released(ledger, tmp_path, view), model=model, out=tmp_path / "run")
    config, manifest = settings(tmp_path, per_device_train_batch_size=1), released(ledger, tmp_path)
    with pytest.raises(SettingsInvalid, match="paired with itself"):
        ledger.train("kto", manifest, model=model, out=tmp_path / "run", config=config)


def test_parquet_is_trained_on_too(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """A release as Parquet is compared and trained on like one of JSON lines."""
    ledger.project("kto-interleaved", tmp_path / "rows.parquet", container="parquet")
    manifest = tmp_path / "rows.parquet.manifest.json"
    done = ledger.train("kto", manifest, model=model, out=tmp_path / "run", config=settings(tmp_path, max_steps=1))
    assert done["state"] == "finished"


def test_smoke_makes_its_own_model(ledger: Ledger, tmp_path: Path) -> None:
    """Without a model, a tiny one is made; the whole command line works, and says so as JSON too."""
    manifest = released(ledger, tmp_path)
    ledger.close()
    config = settings(tmp_path, max_steps=1)
    arguments = ["train", "kto", "--release", manifest, "--smoke", "--config", config, "-o", tmp_path / "run"]
    told = run("--ledger", tmp_path / "ledger.db", *arguments, "--json")
    assert told.code == 0, told.err
    assert told.json["state"] == "finished"
    assert (tmp_path / "run" / "tiny" / "config.json").is_file()
    assert "began from | a random model of the smoke test |" in (tmp_path / "run" / "README.md").read_text("utf-8")
    shown = run("--ledger", tmp_path / "ledger.db", "train", "--list")
    assert "kto" in shown.out
    assert "1 of 1" in shown.out
