"""Unsloth's path as far as it goes without a GPU: a stand-in for the package, the real trainers of TRL behind it.

What Unsloth itself does (kernels, four bits, its generated trainers) is not run here: `bench/gpu_train.sh` does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import OrderBroken, TrainerMissing
from tests.small import read
from tests_train.training import attempts, released, settings

trl = pytest.importorskip("trl")
pytest.importorskip("datasets")

STAND_IN = """
import peft, transformers
asked = []

class FastLanguageModel:
    @staticmethod
    def from_pretrained(model_name, max_seq_length, load_in_4bit, local_files_only):
        asked.append({"max_seq_length": max_seq_length, "load_in_4bit": load_in_4bit, "offline": local_files_only})
        return transformers.AutoModelForCausalLM.from_pretrained(model_name), None

    @staticmethod
    def get_peft_model(model, r, lora_alpha, lora_dropout, target_modules, use_gradient_checkpointing, random_state):
        asked[-1] |= {"r": r, "checkpointing": use_gradient_checkpointing}
        config = peft.LoraConfig(r=r, lora_alpha=lora_alpha, target_modules=target_modules, task_type="CAUSAL_LM")
        return peft.get_peft_model(model, config)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Put a package called unsloth where Python looks, and into what the backend believes a GPU and a fresh process."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "unsloth.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr("ledger.trainers.unsloth_backend.has_gpu", lambda: True)
    monkeypatch.setattr("ledger.trainers.unsloth_backend.comes_first", lambda: True)
    arguments = sys.modules["ledger.trainers.unsloth_backend"].arguments
    monkeypatch.setattr("ledger.trainers.unsloth_backend.arguments", lambda job: {**arguments(job), "use_cpu": True})
    yield
    sys.modules.pop("unsloth", None)


@pytest.mark.usefixtures("stand_in")
def test_nothing_is_left_to_its_defaults(
    ledger: Ledger, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One preparing process, our learning rate and batches, the model loaded for just that length; LoRA by default."""
    given: list[dict[str, Any]] = []
    made = trl.KTOConfig
    monkeypatch.setattr(trl, "KTOConfig", lambda **config: given.append(config) or made(**config))
    manifest = released(ledger, tmp_path)
    config = settings(tmp_path, max_steps=1, max_length=1536)
    done = ledger.train("kto", manifest, model=model, out=tmp_path / "run", config=config, backend="unsloth")
    assert (done["state"], done["backend"]) == ("finished", "unsloth")
    (config_given,) = given
    assert (config_given["dataset_num_proc"], config_given["learning_rate"]) == (1, 5e-4)
    assert (config_given["per_device_train_batch_size"], config_given["gradient_accumulation_steps"]) == (4, 1)
    assert config_given["max_length"] == 1536
    assert "model_init_kwargs" not in config_given
    assert sys.modules["unsloth"].asked == [
        {"max_seq_length": 1536, "load_in_4bit": False, "offline": True, "r": 16, "checkpointing": "unsloth"}
    ]
    assert (tmp_path / "run" / "adapter_model.safetensors").is_file()
    assert attempts(ledger)[0]["rows"] == len(read(tmp_path / "kto-interleaved.jsonl"))


@pytest.mark.usefixtures("stand_in")
def test_a_length_that_is_lowered_is_found(
    ledger: Ledger, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unsloth lowers `max_length` to the model's: rows would be dropped that nobody expects to be."""
    made = trl.KTOConfig

    def lowered(**config: Any) -> Any:  # noqa: ANN401 - a KTOConfig
        return made(**{**config, "max_length": 700, "dataset_num_proc": 2})

    monkeypatch.setattr(trl, "KTOConfig", lowered)
    with pytest.raises(OrderBroken, match="dataset_num_proc is 2, not 1; max_length is 700, not 2048"):
        ledger.train(
            "kto",
            released(ledger, tmp_path),
            model=model,
            out=tmp_path / "run",
            config=settings(tmp_path),
            backend="unsloth",
        )
    assert [said["failure"] for said in attempts(ledger)] == ["OrderBroken"]


@pytest.mark.usefixtures("stand_in")
def test_a_torchvision_of_another_torch_is_named(tmp_path: Path) -> None:
    """PyPI's torchvision breaks the import beside a CPU build of torch; the next step says what to do."""
    (tmp_path / "site" / "unsloth.py").write_text('raise ImportError("operator torchvision::nms does not exist")')
    with pytest.raises(TrainerMissing) as caught:
        sys.modules["ledger.trainers.unsloth_backend"].require()
    assert "pip uninstall torchvision" in caught.value.next_step
