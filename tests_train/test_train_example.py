"""The example of docs/training.md: it fails the gate, is mended by floors and weights, trains, and is evaluated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import ROOT, examples, matches

pytest.importorskip("trl")
pytest.importorskip("datasets")


def test_the_example_runs_and_prints_what_the_document_says(tmp_path: Path) -> None:
    """Line by line, in an empty folder, with the program of this environment and the real trainer."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "ledger"
    program.write_text(f"#!{sys.executable}\nfrom commands.cli import main\nmain()\n", encoding="utf-8")
    program.chmod(0o755)
    path = f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "120", "PATH": path, "PYTHONPATH": str(ROOT)}
    shown = examples((ROOT / "docs" / "training.md").read_text("utf-8"))
    assert len(shown) >= 15
    for example in shown:
        done = subprocess.run(
            ["/bin/bash", "-c", example.command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"$ {example.command}\n{done.stdout}{done.stderr}"
        assert matches(done.stdout, example.printed), f"$ {example.command}\n{done.stdout}"
