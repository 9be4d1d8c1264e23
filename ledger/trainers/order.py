"""Whether a prepared trainer will see the rows of a release, all of them, in the order in which they stand.

TRL's KTO trainer pairs the prompt of each row with the completion of the row before it, inside runs of the batch size,
and takes these pairs as mismatched to estimate the KL term (`KL_completion_ids`, trl/trainer/kto_trainer.py of 1.16).
So a run must not hold one prompt twice nor one label alone, no row may be dropped before the runs are cut, and the
sampler must be sequential. Other trainers must keep every row, and the order. That the rows are the file's own, each in
its place, is for `content.py` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

KEPT = (
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "dataset_num_proc",
    "learning_rate",
    "max_length",
    "beta",
    "desirable_weight",
    "undesirable_weight",
    "loss_type",
    "max_steps",
    "num_train_epochs",
    "packing",
    "shuffle_dataset",
    "train_sampling_strategy",
)
"""What a trainer's configuration must have as it was asked for."""
_PLAIN = ("prompt_ids", "completion_ids", "KL_completion_ids", "label")


class Windows(NamedTuple):
    """What a prepared KTOTrainer makes of its rows: how many are true in each microbatch, and what is wrong.

    `single` microbatches have one label only, `elsewhere` ones take KL completions of others, `matched` KL pairs are
    rows, of `pairs`.
    """

    true: list[int]
    single: int
    elsewhere: int
    matched: int
    pairs: int


def kto_windows(trainer: Any) -> Windows:  # noqa: ANN401 - a KTOTrainer of a package without types
    """Return what the windows of a prepared KTOTrainer hold."""
    prepared, batch = trainer.train_dataset, trainer.args.per_device_train_batch_size
    prompts, completions, paired, labels = ([_plain(value) for value in prepared[name]] for name in _PLAIN)
    true: list[int] = []
    single = elsewhere = matched = 0
    for start in range(0, len(prepared), batch):
        run = range(start, min(start + batch, len(prepared)))
        true.append(sum(bool(labels[at]) for at in run))
        single += true[-1] in {0, len(run)}
        there = [completions[at] for at in run]
        elsewhere += any(paired[at] not in there for at in run)
        rows_here = {(prompts[at], completions[at]) for at in run}
        matched += sum((prompts[at], paired[at]) in rows_here for at in run)
    return Windows(true, single, elsewhere, matched, len(prepared))


def check_kto_order(trainer: Any, rows: int) -> list[str]:  # noqa: ANN401 - likewise
    """Return what breaks the order of `rows` rows in a prepared KTOTrainer, in sentences; nothing, if all is well."""
    found = kto_windows(trainer)
    counts = (
        (found.single, "microbatches have a single label"),
        (found.elsewhere, "batches have KL completions from other batches"),
        (found.matched, "KL pairs are matched pairs"),
    )
    return [*check_rows(trainer, rows), *(f"{count} {what}" for count, what in counts if count)]


def check_arguments(trainer: Any, asked: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - likewise
    """Return which of KEPT the trainer has otherwise than was asked, in sentences: some change what they are given."""
    found = []
    for name in KEPT:
        has = getattr(trainer.args, name, None)
        if name in asked and has not in (asked[name], [asked[name]]):  # DPO makes a list of one loss
            found.append(f"{name} is {has}, not {asked[name]}")
    return found


def check_rows(trainer: Any, rows: int) -> list[str]:  # noqa: ANN401 - any of TRL's trainers
    """Return whether rows were dropped, or are not taken by one device in the order in which they stand there.

    In sentences. Several devices multiply the microbatch, so its rows are other ones than those that were checked.
    """
    from torch.utils.data import SequentialSampler

    found = []
    if (left := len(trainer.train_dataset)) != rows:
        found.append(f"{rows - left} rows were dropped" if left < rows else f"{left - rows} rows were added")
    if not isinstance(trainer._get_train_sampler(), SequentialSampler):  # noqa: SLF001 - there is no public way to ask
        found.append("the sampler is not sequential")
    if (devices := max(trainer.args.n_gpu, 1) * trainer.args.world_size) > 1:
        found.append(f"{devices} devices would share the rows; let one be seen, with CUDA_VISIBLE_DEVICES")
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 - token ids or a label
    return tuple(value) if isinstance(value, list) else value
