"""What the order of the rows does to a KTO trainer: the same rows three times, in three orders, on a tiny model.

    .venv-train/bin/python -m bench.kto_orders [--svg docs/kto-orders.svg] [--batch 4] [--epochs 3]

*paired* puts the two answers to a prompt next to one another, as zipping two files does; *shuffled* is one shuffle with
a seed; *ours* is what `ledger project kto-interleaved` wrote. The rows are the slices in tests/data/toolset. Printed
are the labels of each microbatch as the trainer has them, the KL pairs that are no mismatch but rows, and the numbers
of the training; the picture has a line for each order.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger import Ledger
from ledger.reports.loss_plot import Line, chart
from ledger.trainers.contract import KTO, TRL, Job, Rows
from ledger.trainers.environment import imported, quiet
from ledger.trainers.order import Windows, kto_windows
from ledger.trainers.settings import read_settings
from ledger.trainers.tiny import make_tiny
from ledger.trainers.trl_backend import arguments

DATA = Path(__file__).parents[1] / "tests" / "data" / "toolset"
DRAWN = ("loss", "kl", "rewards/margins")
SEED = 42

Row = dict[str, Any]
History = list[dict[str, Any]]


def orders(folder: Path, batch: int) -> dict[str, list[Row]]:
    """Return the same rows in three orders; those of one prompt are taken only where both answers are there."""
    with Ledger.init(folder / "ledger.db") as ledger:
        ledger.ingest([DATA / "poor.jsonl", DATA / "enhanced.jsonl"], campaign="toolset")
        ledger.project("kto-interleaved", folder / "ours.jsonl", batch_size=batch, no_gates=True)
    ours: list[Row] = [json.loads(line) for line in (folder / "ours.jsonl").read_text("utf-8").splitlines()]
    prompts = {json.dumps(row["prompt"]): place for place, row in enumerate(ours)}
    paired = sorted(ours, key=lambda row: (prompts[json.dumps(row["prompt"])], not row["label"]))
    shuffled = list(ours)
    random.Random(SEED).shuffle(shuffled)  # noqa: S311 - an order, not a secret
    return {"paired": paired, "shuffled": shuffled, "ours": ours}


def trained(rows: list[Row], name: str, folder: Path, model: Path, options: argparse.Namespace) -> tuple[Windows, Any]:
    """Train on rows in their order; return what the trainer made of them, and what it logged."""
    file = folder / f"{name}.rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    usual = {"per_device_train_batch_size": options.batch, "num_train_epochs": Decimal(options.epochs)}
    more = {"learning_rate": Decimal("0.0005"), "max_length": 2048, "logging_steps": 1, "save_steps": 10**6}
    labels = Counter(bool(row["label"]) for row in rows)
    about = Rows(file, "", "jsonl", len(rows), (labels[True], labels[False]), b"", file.name)
    job = Job(KTO, TRL, about, model, folder / name, read_settings(KTO, None, usual={**usual, **more}))
    trl, datasets = imported("trl"), imported("datasets")
    trainer = trl.KTOTrainer(
        model=str(model),
        args=trl.KTOConfig(**arguments(job)),
        processing_class=imported("transformers").AutoTokenizer.from_pretrained(str(model)),
        train_dataset=datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(folder / "c")),
    )
    trainer.remove_callback(imported("transformers").PrinterCallback)
    found = kto_windows(trainer)
    trainer.train()
    return found, trainer.state.log_history


def told(name: str, found: Windows, history: History) -> str:
    """Return what is printed of one order."""
    mix = ", ".join(f"{true} true: {count}" for true, count in sorted(Counter(found.true).items()))
    last = [entry for entry in history if "loss" in entry][-len(found.true) :]
    means = {each: sum(entry.get(each, 0.0) for entry in last) / len(last) for each in DRAWN}
    numbers = ", ".join(f"{each} {value:.3f}" for each, value in means.items())
    return (
        f"{name:9} microbatches with {mix}; of one label {found.single} of {len(found.true)}; "
        f"KL pairs that are rows {found.matched} of {found.pairs}; means of the last epoch: {numbers}\n"
    )


def drawing(histories: dict[str, History]) -> str:
    """Return the lines of each order, a strip for each number."""
    strips = [
        [
            Line(f"{each}, {name}", [(entry["step"], entry[each]) for entry in history if each in entry])
            for name, history in histories.items()
        ]
        for each in DRAWN
    ]
    return chart(strips, "The same rows in three orders: paired, shuffled, ours")


def main(arguments_: list[str] | None = None) -> int:
    """Train three times, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--svg", type=Path, help="where the picture goes")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args(arguments_)
    histories: dict[str, History] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = orders(folder, options.batch)
        model = make_tiny(folder / "ours.jsonl", folder / "tiny")
        for each, rows in every.items():
            with quiet():
                found, histories[each] = trained(rows, each, folder, model, options)
            sys.stdout.write(told(each, found, histories[each]))
            sys.stdout.flush()
    if options.svg is not None:
        options.svg.write_text(drawing(histories), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
