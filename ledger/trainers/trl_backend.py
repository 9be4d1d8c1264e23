"""TRL's own trainers, given a release so that they see its rows as they stand."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

from ledger.errors import LedgerError, ModelUnreadable, OrderBroken, ReleaseUnfit
from ledger.trainers.contract import DPO, FAILED, FINISHED, INTERRUPTED, KTO, LOSSES, SFT, Job, OnStep, Trained
from ledger.trainers.environment import device_name, imported, peak_bytes, quiet, versions
from ledger.trainers.order import check_arguments, check_kto_order, check_rows
from ledger.trainers.settings import label_weights
from ledger.trainers.stamping import stamp_checkpoint, stamp_config, stamp_run
from ledger.trainers.stopping import Stop

OUT_OF_MEMORY = "out_of_memory"
_LONGEST_NAME = 100
_BLOCK = 1 << 20
_PLACES = Decimal("0.000001")
_BOOKKEEPING = ("epoch", "learning_rate", "num_tokens", "step", "total_flos", "train_runtime")
_LARGEST = Decimal(10) ** 15
FAILURE = "failure.txt"
"""What the trainer said where it failed, in the run's folder."""
NEEDED = ("torch", "transformers", "trl", "datasets", "accelerate", "peft")


class Ways(NamedTuple):
    """How a backend goes about it.

    What loads a job's model (or names it), what the configuration is made of, what LoRA the trainer puts on the model.
    """

    model: Callable[[Job], Any]
    arguments: Callable[[Job], dict[str, Any]]
    lora: Callable[[Mapping[str, Any]], Any] | None


def ways() -> Ways:
    """Return TRL's own way: it loads the model by its folder, and puts LoRA on it."""
    return Ways(lambda job: str(job.model), arguments, _lora)


class _Broke(Exception):  # noqa: N818 - the word for what went wrong; handled here
    """Training broke in the middle."""


def train(job: Job, made_with: Ways, on_step: OnStep) -> Trained:
    """Train, and return what came of it, also where the trainer failed; the run's folder holds what it left.

    Raises what stands in the way before the first step: TrainerMissing, ModelUnreadable, ReleaseUnfit, OrderBroken.
    """
    with quiet():
        trainer = _prepared(job, made_with)
        began = time.monotonic()
        with Stop() as stop:
            trainer.remove_callback(imported("transformers").PrinterCallback)
            trainer.add_callback(_watch(job, stop, on_step))
            failure = _failure(job, lambda: _run(job, trainer, stop))
        done = trainer.state
        _write_losses(job.out, done.log_history)
        return Trained(
            FAILED if failure else INTERRUPTED if _is_stopped(trainer, stop) else FINISHED,
            failure,
            done.global_step,
            done.max_steps,
            Decimal(f"{time.monotonic() - began:.3f}"),
            device_name(trainer.args.device),
            versions(job.backend),
            _last_numbers(done.log_history),
            peak_bytes(),
        )


def _prepared(job: Job, made_with: Ways) -> Any:  # noqa: ANN401 - one of TRL's trainers, which has no types
    """Return a trainer with the rows prepared; raise OrderBroken where it would not see them as they stand."""
    tokenizer = load_tokenizer(job.model)
    with refusing(ReleaseUnfit, job.rows.name):
        rows = _load(job)
        _check_template(job, rows, tokenizer)
    with refusing(ModelUnreadable, job.model):
        asked = made_with.arguments(job)
        trainer = _build(job, made_with, asked, rows, tokenizer)
    check = check_kto_order if job.method == KTO else check_rows
    if faults := [*check_arguments(trainer, asked), *check(trainer, job.rows.rows)]:
        raise OrderBroken("; ".join(faults))
    if digest_of(job.rows.path) != job.rows.digest:
        raise ReleaseUnfit(job.rows.name, "its bytes changed while it was being read")
    stamp_config(trainer.model, job.rows)
    return trainer


def load_tokenizer(model: Path) -> Any:  # noqa: ANN401 - a tokenizer
    """Return the tokenizer of a model's folder, with something to pad with; raise ModelUnreadable, TrainerMissing."""
    transformers = imported("transformers")
    if not (model / "config.json").is_file() and not (model / "adapter_config.json").is_file():
        raise ModelUnreadable(model, "there is no config.json in it" if model.is_dir() else "it is not a folder")
    with refusing(ModelUnreadable, model):
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(model))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def digest_of(path: Path) -> str:
    """Return the BLAKE3 of a file in hex, read bit by bit."""
    hasher = blake3()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return hasher.hexdigest()


def _load(job: Job) -> Any:  # noqa: ANN401 - a Dataset
    """Return the rows in the order of the file, through the loader that people use; nothing is cached elsewhere."""
    kind = "parquet" if job.rows.container == "parquet" else "json"
    place = str(job.out / "cache")
    return imported("datasets").load_dataset(kind, data_files=str(job.rows.path), split="train", cache_dir=place)


def _check_template(job: Job, rows: Any, tokenizer: Any) -> None:  # noqa: ANN401 - a Dataset and a tokenizer
    if len(rows) != job.rows.rows:
        raise ReleaseUnfit(job.rows.name, f"it has {len(rows)} rows, and its manifest says {job.rows.rows}")
    chats = any(not isinstance(rows[0][name], str) for name in ("prompt", "messages", "chosen") if name in rows[0])
    if chats and tokenizer.chat_template is None:
        raise ModelUnreadable(job.model, "its tokenizer has no chat template, and the rows are conversations")


def _build(job: Job, made_with: Ways, asked: dict[str, Any], rows: Any, tokenizer: Any) -> Any:  # noqa: ANN401 - as above
    trl = imported("trl")
    kinds = {SFT: ("SFTTrainer", "SFTConfig"), KTO: ("KTOTrainer", "KTOConfig"), DPO: ("DPOTrainer", "DPOConfig")}
    trainer, config = (getattr(trl, name) for name in kinds[job.method])
    return trainer(
        model=made_with.model(job),
        args=config(**asked),
        processing_class=tokenizer,
        train_dataset=rows,
        peft_config=None if made_with.lora is None else made_with.lora(job.settings),
    )


def arguments(job: Job) -> dict[str, Any]:
    """Return what TRL's configuration is made of: the same for every backend, and how it loads the model."""
    made = plain_arguments(job)
    dtype = "bfloat16" if made["bf16"] and not made["use_cpu"] else "float32"
    return {**made, "dataset_num_proc": None, "model_init_kwargs": {"dtype": dtype, "local_files_only": True}}


def plain_arguments(job: Job) -> dict[str, Any]:
    """Return what the configuration of a job's trainer is made of: its settings, and what keeps the rows in order."""
    torch = imported("torch")
    gpu = torch.cuda.is_available()
    skip = ("lora_r", "lora_alpha", "lora_dropout", "load_in_4bit")
    given = {
        name: float(value) if isinstance(value, Decimal) else value
        for name, value in job.settings.items()
        if name not in skip
    }
    given.setdefault("bf16", bool(gpu and torch.cuda.is_bf16_supported()))
    made: dict[str, Any] = {
        **given,
        "output_dir": str(job.out),
        "train_sampling_strategy": "sequential",
        "dataloader_num_workers": 0,
        "logging_first_step": True,
        "save_strategy": "steps",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not gpu,
    }
    if job.method == KTO and job.rows.labels is not None:
        true, false = label_weights(job.settings, *job.rows.labels)
        made |= {"desirable_weight": float(true), "undesirable_weight": float(false)}
    return made


def _lora(settings: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a LoraConfig, or None
    if not settings["lora_r"]:
        return None
    return imported("peft").LoraConfig(
        r=settings["lora_r"],
        lora_alpha=settings["lora_alpha"],
        lora_dropout=float(settings["lora_dropout"]),
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _run(job: Job, trainer: Any, stop: Stop) -> None:  # noqa: ANN401 - as above
    """Train, and save what was trained unless somebody stopped it."""
    trainer.train(resume_from_checkpoint=None if job.resume is None else str(job.resume))
    if not _is_stopped(trainer, stop):
        _finish(job, trainer)


def _is_stopped(trainer: Any, stop: Stop) -> bool:  # noqa: ANN401 - as above
    return bool(stop.asked and trainer.state.global_step < trainer.state.max_steps)


def _failure(job: Job, act: Callable[[], None]) -> str | None:
    """Do something that may break for any reason; return the word for it, or None."""
    torch = imported("torch")
    try:
        try:
            act()
        except (MemoryError, torch.OutOfMemoryError) as error:
            raise _Broke(OUT_OF_MEMORY) from error
        except Exception as error:
            raise _Broke(type(error).__name__) from error
    except _Broke as broke:
        with suppress(OSError):  # a full disk may be what went wrong
            (job.out / FAILURE).write_text(f"{broke}: {broke.__cause__}\n", encoding="utf-8", errors="replace")
        return str(broke)[:_LONGEST_NAME]
    return None


def _watch(job: Job, stop: Stop, on_step: OnStep) -> Any:  # noqa: ANN401 - a TrainerCallback
    transformers = imported("transformers")

    class Watch(transformers.TrainerCallback):  # type: ignore[misc,name-defined]  # a class of a package without types
        """Tells of losses, stops when asked to, and leaves the manifest in every checkpoint."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ANN401, ARG002 - its signature
            """Tell of numbers."""
            numbers = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, (int, float))}
            on_step(state.global_step, state.max_steps, numbers)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002 - likewise
            """Save and stop where somebody asked for it."""
            on_step(state.global_step, state.max_steps, {})
            if stop.asked:
                control.should_save = control.should_training_stop = True

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002 - likewise
            """Stamp the checkpoint, and the card that was just written anew."""
            stamp_checkpoint(job.out / f"checkpoint-{state.global_step}", job.rows)
            stamp_run(job.out, job.rows)

    return Watch()


def _finish(job: Job, trainer: Any) -> None:  # noqa: ANN401 - as above
    trainer.save_model(str(job.out))
    trainer.create_model_card(tags=["sample-ledger"])
    stamp_run(job.out, job.rows)


def _write_losses(out: Path, history: list[dict[str, Any]]) -> None:
    """Write what was logged, a line each; what is no finite number is left out."""
    kept = [{name: value for name, value in entry.items() if _is_plain(value)} for entry in history]
    with suppress(OSError):  # the event says the last of them
        lines = "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in kept)
        (out / LOSSES).write_text(lines, encoding="utf-8")


def _is_plain(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _last_numbers(history: list[dict[str, Any]]) -> dict[str, Decimal]:
    """Return the last of each number that was logged; what is no finite number is left out."""
    found: dict[str, Decimal] = {}
    for entry in history:
        for name, value in entry.items():
            if name in _BOOKKEEPING or name.endswith("_per_second"):
                continue
            if isinstance(value, (int, float)) and _is_plain(value):
                number = Decimal(str(value))
                found[name] = number.quantize(_PLACES) if abs(number) < _LARGEST else number
    return dict(sorted(found.items()))


@contextmanager
def refusing(kind: type[LedgerError], what: object) -> Iterator[None]:
    """Turn what packages raise into an error that says so in a line."""
    try:
        yield
    except LedgerError:
        raise
    except Exception as error:  # packages raise bare ones, and templates their own
        said = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise kind(what, f"{type(error).__name__}: {said[:300]}") from error
