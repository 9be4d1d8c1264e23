"""Plug-ins as pip leaves them behind, without pip."""

from __future__ import annotations

from pathlib import Path


def install(folder: Path, name: str, module: str, target: str, text: str | None = None) -> None:
    """Put what installing a package leaves behind into a folder: its module, and the note of its entry point."""
    if text is not None:
        (folder / f"{module}.py").write_text(text, encoding="utf-8")
    info = folder / f"{name}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[sample_ledger.scorers]\n{target}\n", encoding="utf-8")
