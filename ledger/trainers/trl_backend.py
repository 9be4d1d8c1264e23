"""TRL's own trainers, given a release so that they see its rows as they stand."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

from ledger.errors import LedgerError, ModelUnreadable, OrderBroken, ReleaseUnfit, TrainerMissing
from ledger.trainers.content import check_content
from ledger.trainers.contract import DPO, FAILED, FINISHED, INTERRUPTED, KTO, MANIFEST, SFT, Job, OnStep, Trained
from ledger.trainers.environment import device_name, forget_peak, here, imported, peak_bytes, quiet, versions
from ledger.trainers.losses import last_numbers, of_all_sessions, write_losses
from ledger.trainers.order import check_arguments, check_kto_order, check_rows
from ledger.trainers.settings import label_weights
from ledger.trainers.stamping import Reach, stamp_checkpoint, stamp_config, stamp_run
from ledger.trainers.stopping import Stop

OUT_OF_MEMORY = "out_of_memory"
_LONGEST_NAME = 100
_CACHE = "cache"
_NO_ROOM = "allocate memory"
"""What torch says, as a plain RuntimeError, where the memory is no GPU's."""
FAILURE = "failure.txt"
"""What the trainer said where it failed, in the run's folder."""
NEEDED = ("torch", "transformers", "trl", "datasets", "accelerate", "peft")


def look() -> None:
    """Raise TrainerMissing where a package is not installed; nothing is imported."""
    for name in NEEDED:
        if find_spec(name) is None:
            raise TrainerMissing(name, "it is not installed")


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


def train(job: Job, made_with: Ways, on_step: OnStep) -> Trained:
    """Train, and return what came of it, also where the trainer failed; the run's folder holds what it left.

    Whoever asks for an end before the first step gets it at once, and memory that is too small for the model is an
    answer too: either is returned, with no steps. Raises what else stands in the way before the first step:
    TrainerMissing, ModelUnreadable, ReleaseUnfit, OrderBroken.
    """
    began = time.monotonic()
    with Stop() as stop, quiet():
        forget_peak()
        ready = _ready(job, made_with, stop)
        if isinstance(ready, str):
            return _not_begun(job, ready, began)
        return _trained(job, ready, stop, on_step)


def _ready(job: Job, made_with: Ways, stop: Stop) -> Any:  # noqa: ANN401 - one of TRL's trainers, which has no types
    """Return a trainer that is ready for its first step, or the word for what ended it before: one of two."""
    try:
        with stop.at_once():
            trainer = _prepared(job, made_with)
    except (Exception, KeyboardInterrupt) as error:
        if stop.asked:
            return INTERRUPTED
        if not _is_memory(error):
            raise
        _write_failure(job, OUT_OF_MEMORY, error)
        return OUT_OF_MEMORY
    return INTERRUPTED if stop.asked else trainer


def _not_begun(job: Job, word: str, began: float) -> Trained:
    """Return what came of an attempt that was stopped, or had no room, before its first step."""
    state, failure = (INTERRUPTED, None) if word == INTERRUPTED else (FAILED, word)
    return Trained(state, failure, 0, 0, _since(began), here(), versions(job.backend), {}, peak_bytes())


def _trained(job: Job, trainer: Any, stop: Stop, on_step: OnStep) -> Trained:  # noqa: ANN401 - as above
    began = time.monotonic()
    trainer.remove_callback(imported("transformers").PrinterCallback)
    trainer.add_callback(_watch(job, stop, on_step))
    failure = _failure(job, lambda: _run(job, trainer, stop))
    done = trainer.state
    history = done.log_history if job.resume is None else of_all_sessions(done.log_history)
    write_losses(job.out, history)
    state = FAILED if failure else INTERRUPTED if _is_stopped(trainer, stop) else FINISHED
    _stamp_end(job, Reach(state, done.global_step, done.max_steps))
    return Trained(
        state,
        failure,
        done.global_step,
        done.max_steps,
        _since(began),
        device_name(trainer.args.device),
        versions(job.backend),
        last_numbers(history),
        peak_bytes(),
    )


def _since(began: float) -> Decimal:
    return Decimal(f"{time.monotonic() - began:.3f}")


def _prepared(job: Job, made_with: Ways) -> Any:  # noqa: ANN401 - as above
    """Return a trainer with the rows prepared; raise OrderBroken where it would not see them as they stand."""
    tokenizer = load_tokenizer(job.model)
    with refusing(ReleaseUnfit, job.rows.name):
        rows = _load(job)
        _check_template(job, rows, tokenizer)
    with refusing(ModelUnreadable, job.model):
        asked = made_with.arguments(job)
        trainer = _build(job, made_with, asked, rows, tokenizer)
    with refusing(ReleaseUnfit, job.rows.name):
        if faults := _faults(job, trainer, asked):
            raise OrderBroken("; ".join(faults))
        with job.rows.path.open("rb") as file:
            digest = hashlib.file_digest(file, blake3)  # type: ignore[arg-type]  # a class of the same methods
        if digest.hexdigest() != job.rows.digest:
            raise ReleaseUnfit(job.rows.name, "its bytes changed while it was being read")
    stamp_config(trainer.model, job.rows)
    return trainer


def _faults(job: Job, trainer: Any, asked: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - as above
    """Return in sentences where a trainer is set otherwise than was asked, or has the rows otherwise than the file."""
    check = check_kto_order if job.method == KTO else check_rows
    return [
        *check_arguments(trainer, asked),
        *check(trainer, job.rows.rows),
        *check_content(trainer, job.method, job.rows),
    ]


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


def _load(job: Job) -> Any:  # noqa: ANN401 - a Dataset
    """Return the rows in the order of the file, through the loader that people use, into a cache made for just them.

    The loader knows a file by its name and time only, so what an earlier attempt cached may be another release's rows.
    """
    kind, cache = "parquet" if job.rows.container == "parquet" else "json", job.out / _CACHE
    if cache.exists():
        shutil.rmtree(cache)
    return imported("datasets").load_dataset(kind, data_files=str(job.rows.path), split="train", cache_dir=str(cache))


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
    if job.method == SFT:
        made |= {"packing": False, "shuffle_dataset": False}
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
    try:
        act()
    except Exception as error:  # noqa: BLE001 - trainers raise anything, and what they raise is what came of it
        word = OUT_OF_MEMORY if _is_memory(error) else type(error).__name__[:_LONGEST_NAME]
        _write_failure(job, word, error)
        return word
    return None


def _write_failure(job: Job, word: str, error: BaseException) -> None:
    with suppress(OSError):  # a full disk may be what went wrong
        (job.out / FAILURE).write_text(f"{word}: {error}\n", encoding="utf-8", errors="replace")


def _is_memory(error: BaseException | None) -> bool:
    """Say whether memory ran out, in whatever that was wrapped."""
    out_of_memory = imported("torch").OutOfMemoryError
    while error is not None:
        if isinstance(error, (MemoryError, out_of_memory)):
            return True
        if isinstance(error, RuntimeError) and _NO_ROOM in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


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
            reach = Reach(None, state.global_step, state.max_steps)
            stamp_run(job.out, job, reach)
            stamp_checkpoint(job.out / f"checkpoint-{state.global_step}", job, reach)

    return Watch()


def _finish(job: Job, trainer: Any) -> None:  # noqa: ANN401 - as above
    trainer.save_model(str(job.out))
    stamp_run(job.out, job, Reach(FINISHED, trainer.state.global_step, trainer.state.max_steps))


def _stamp_end(job: Job, reach: Reach) -> None:
    """Say in the card of what was saved how the training ended."""
    with suppress(OSError):  # a full disk may be what ended it
        if (job.out / MANIFEST).is_file():
            stamp_run(job.out, job, reach)


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
