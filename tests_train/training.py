"""What the tests of training share: a release in a folder, quick settings, and what the log says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledger import Ledger

QUICK: dict[str, object] = {
    "max_steps": 3,
    "logging_steps": 1,
    "save_steps": 1,
    "save_total_limit": 9,
    "max_length": 2048,
    "learning_rate": "0.0005",
}


def released(ledger: Ledger, folder: Path, view: str = "kto-interleaved", **given: Any) -> Path:  # noqa: ANN401 - options of project
    """Freeze a view into a file and return its manifest."""
    ledger.project(view, folder / f"{view}.jsonl", **given)
    return folder / f"{view}.jsonl.manifest.json"


def settings(folder: Path, **more: object) -> Path:
    """Write quick settings, and more, as TOML; text stands as it is."""
    file = folder / "settings.toml"
    file.write_text("".join(f"{name} = {value}\n" for name, value in {**QUICK, **more}.items()), encoding="utf-8")
    return file


def attempts(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what the log says of each training."""
    return [event["says"] for event in ledger.log(limit=1000) if event["kind"] == "trained"]
