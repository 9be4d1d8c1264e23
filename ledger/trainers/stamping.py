"""What a model says of its data: the manifest beside it, its card, a key of its configuration.

The card is our own. That of the trainers knows models by their names on a hub; here they are folders, whose names
stand in the card and whose paths do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ledger.trainers.contract import MANIFEST, Job, Rows
from ledger.trainers.environment import versions

CARD = "README.md"
_TINY = "tiny"
"""The folder, in that of the run, of a model that was made for a trial."""
_RANDOM = "a random model of the smoke test"
_BELONGS = (
    "`ledger_manifest.json` says which rows it was trained on, byte for byte; `ledger prove --trained` shows whether "
    "a sample was among them."
)


class Reach(NamedTuple):
    """How far a training is: one of STATES, or None while it goes on; steps taken, and steps in all."""

    state: str | None
    steps: int
    of: int


def facts(rows: Rows) -> dict[str, Any]:
    """Return what stands in a card and in a model's configuration: which release of which ledger, by digests."""
    manifest = orjson.loads(rows.manifest)
    return {
        "blake3": rows.digest,
        "head": manifest["head"],
        "ledger": manifest["ledger"],
        "plan": manifest["plan"],
        "rows": rows.rows,
        "view": manifest["view"],
    }


def stamp_config(model: Any, rows: Rows) -> None:  # noqa: ANN401 - a model
    """Put the facts into a model's configuration, which is saved with its weights as `ledger`."""
    model.config.ledger = facts(rows)


def stamp_checkpoint(folder: Path, job: Job, reach: Reach) -> None:
    """Put the manifest into a checkpoint, after everything else; the card that LoRA wrote there is made anew."""
    if folder.is_dir():
        if (folder / CARD).is_file():
            (folder / CARD).write_text(card(job, reach), encoding="utf-8")
        (folder / MANIFEST).write_bytes(job.rows.manifest)


def stamp_run(folder: Path, job: Job, reach: Reach) -> None:
    """Put the manifest and the card into a run's folder, in place of the card that trainers write."""
    (folder / MANIFEST).write_bytes(job.rows.manifest)
    (folder / CARD).write_text(card(job, reach), encoding="utf-8")


def card(job: Job, reach: Reach) -> str:
    """Return the card of a run: what it began from, on which rows, how far it came; no path of the machine."""
    from huggingface_hub import ModelCardData

    tags = [job.method, job.backend, *(["lora"] if job.settings["lora_r"] else []), "sample-ledger"]
    library = "peft" if job.settings["lora_r"] else "transformers"
    data = ModelCardData(library_name=library, tags=list(dict.fromkeys(tags)), ledger=facts(job.rows))
    told = "".join(f"| {name} | {value} |\n" for name, value in _table(job, reach))
    return f"---\n{data.to_yaml()}\n---\n\n# {_plain(job.out.resolve().name)}\n\n{told}\n{_BELONGS}\n"


def _table(job: Job, reach: Reach) -> Iterator[tuple[str, str]]:
    """Yield the lines of the card's table; the first are its head."""
    yield from (("this model", "is"), ("---", "---"))
    yield "began from", _base(job)
    yield "method", f"{job.method} with {job.backend}" + (f", LoRA of rank {rank}" if (rank := _rank(job)) else "")
    yield "state", reach.state or "under way when this was written"
    yield "steps", f"{reach.steps:,} of {reach.of:,}"
    yield "rows", f"{job.rows.rows:,} of {_code(job.rows.name)}"
    yield "rows, BLAKE3", f"`{job.rows.digest}`"
    yield "versions", ", ".join(f"{name} {version}" for name, version in sorted(versions(job.backend).items()))


def _base(job: Job) -> str:
    return _RANDOM if job.model == job.out.absolute() / _TINY else _code(job.model.resolve().name)


def _rank(job: Job) -> int:
    rank: int = job.settings["lora_r"]
    return rank


def _code(name: str) -> str:
    return f"`{_plain(name)}`"


def _plain(name: str) -> str:
    """Return a name as Markdown holds it in a line and in a table."""
    return "".join("_" if one in "`|<>[]\\" or not one.isprintable() else one for one in name)
