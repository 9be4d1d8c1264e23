"""Unsloth: the same trainers of TRL, made faster and smaller on a GPU, with defaults of its own that are not taken.

Facts of unsloth 2026.10: importing it replaces TRL's classes by generated ones, so it comes before trl. These change
the learning rate to 5e-5, the batch to 4 rows in 2 microbatches, and `dataset_num_proc` to several, each of which
starts the batches anew; and they lower `max_length` to the model's. So everything is given, one process prepares the
rows, the model is loaded for just that length, and what the trainer has is compared with what was asked. It raises
without a GPU; what stands here was run as far as that.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from ledger.errors import TrainerMissing
from ledger.trainers.contract import Job
from ledger.trainers.environment import has_gpu, imported
from ledger.trainers.trl_backend import Ways, plain_arguments

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The layers that LoRA is put on, as Unsloth names them."""
_INSTALL = 'Run `pip install "sample-ledger[unsloth]"` on a machine with a GPU; without one, use --backend trl.'
_ANEW = "Train with unsloth in a process of its own."
_TORCHVISION = "Run `pip uninstall torchvision`, or install the one that was built for this torch."


def look() -> None:
    """Raise TrainerMissing where Unsloth cannot work, without importing it: it is not there, or there is no GPU."""
    if find_spec("unsloth") is None:
        raise TrainerMissing("unsloth", "it is not installed", hint=_INSTALL)
    if not has_gpu():
        raise TrainerMissing("unsloth", "it needs a GPU, and there is none", hint=_INSTALL)


def comes_first() -> bool:
    """Say whether Unsloth is imported already, or can still be before TRL is."""
    return "unsloth" in sys.modules or "trl" not in sys.modules


def require() -> None:
    """Import Unsloth; raise TrainerMissing, which names torchvision where that is what is broken."""
    look()
    if not comes_first():
        raise TrainerMissing("unsloth", "trl was imported before, and unsloth has to come first", hint=_ANEW)
    try:
        imported("unsloth")
    except TrainerMissing as error:
        hint = _TORCHVISION if "torchvision" in str(error) else _INSTALL
        raise TrainerMissing(*error.args, hint=hint) from error


def ways() -> Ways:
    """Return how Unsloth's way differs: what loads the model, and what its configuration is made of."""
    return Ways(_model, arguments, None)


def arguments(job: Job) -> dict[str, Any]:
    """Return what the configuration of a job's trainer is made of; nothing is left to Unsloth's own defaults."""
    made = {**plain_arguments(job), "dataset_num_proc": 1, "use_cpu": False}
    made.pop("model_init_kwargs", None)  # these are for a model that is loaded by TRL
    made["gradient_checkpointing"] = False  # Unsloth's own stands in the model
    return made


def _model(job: Job) -> Any:  # noqa: ANN401 - a model
    unsloth = imported("unsloth")
    settings = job.settings
    model, _ = unsloth.FastLanguageModel.from_pretrained(
        model_name=str(job.model),
        max_seq_length=settings["max_length"],
        load_in_4bit=settings["load_in_4bit"],
        local_files_only=True,
    )
    return unsloth.FastLanguageModel.get_peft_model(
        model,
        r=settings["lora_r"],
        lora_alpha=settings["lora_alpha"],
        lora_dropout=float(settings["lora_dropout"]),
        target_modules=list(TARGETS),
        use_gradient_checkpointing="unsloth" if settings["gradient_checkpointing"] else False,
        random_state=settings["seed"],
    )
