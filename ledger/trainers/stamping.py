"""What a model says of its data: the manifest beside it, a key of its card, a key of its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from ledger.trainers.contract import MANIFEST, Rows

CARD = "README.md"


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


def stamp_checkpoint(folder: Path, rows: Rows) -> None:
    """Put the manifest into a checkpoint."""
    if folder.is_dir():
        (folder / MANIFEST).write_bytes(rows.manifest)


def stamp_run(folder: Path, rows: Rows) -> None:
    """Put the manifest into a run's folder, and the facts into the card there, which trainers write anew."""
    (folder / MANIFEST).write_bytes(rows.manifest)
    card = folder / CARD
    if not card.is_file():
        return
    from huggingface_hub import ModelCard

    made = ModelCard.load(card)
    made.data["ledger"] = facts(rows)
    made.save(card)
