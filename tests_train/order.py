"""What a KTO trainer made of a file: whether the order that the file promises is the order that is trained on.

TRL pairs the prompt of each row with the completion of the row before it, inside runs of the batch size, and takes
these pairs as mismatched to estimate the KL term. So a run must not hold one prompt twice, no row may be dropped
before the runs are cut, and the sampler must be sequential.
"""

from __future__ import annotations

from typing import Any

from torch.utils.data import SequentialSampler


def check_kto_order(trainer: Any, rows: int) -> list[str]:  # noqa: ANN401 - a KTOTrainer
    """Return what breaks the order of `rows` rows in a prepared KTOTrainer, in sentences; nothing, if all is well."""
    prepared, batch = trainer.train_dataset, trainer.args.per_device_train_batch_size
    prompts, completions, paired, labels = (
        [_plain(value) for value in prepared[name]]
        for name in ("prompt_ids", "completion_ids", "KL_completion_ids", "label")
    )
    found = []
    if len(prepared) != rows:
        found.append(f"{rows - len(prepared)} rows were dropped")
    if not isinstance(trainer._get_train_sampler(), SequentialSampler):  # noqa: SLF001 - there is no public way to ask
        found.append("the sampler is not sequential")
    single = elsewhere = matched = 0
    for start in range(0, len(prepared), batch):
        run = range(start, min(start + batch, len(prepared)))
        single += len({labels[at] for at in run}) == 1
        there = [completions[at] for at in run]
        elsewhere += any(paired[at] not in there for at in run)
        rows_here = {(prompts[at], completions[at]) for at in run}
        matched += sum((prompts[at], paired[at]) in rows_here for at in run)
    for count, what in (
        (single, "microbatches have a single label"),
        (elsewhere, "batches have KL completions from other batches"),
        (matched, "KL pairs are matched pairs"),
    ):
        if count:
            found.append(f"{count} {what}")
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 - token ids or a label
    return tuple(value) if isinstance(value, list) else value
