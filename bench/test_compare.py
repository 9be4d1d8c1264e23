"""The comparison with other tools runs, small and unmeasured, so that it cannot rot."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import compare, samples, work

ROWS = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a few lines."""
    path = tmp_path_factory.mktemp("compare")
    samples.write(path / work.SOURCE, ROWS)
    return path


@pytest.mark.parametrize("name", compare.JOBS)
def test_each_job_does_all_of_its_work(folder: Path, name: str) -> None:
    """Every tool stores every line and folds every event, and writes rows of both labels for nearly all of them."""
    job = compare.JOBS[name]
    if not compare.present(job):
        pytest.skip(f"{job.package} is not installed")
    cost = compare.run(name, folder)
    if job.kind == compare.EXPORT:
        assert ROWS * 0.7 < cost.items <= ROWS
    elif name != "floor":  # it counts the lines, of which some are the same
        assert cost.items in {ROWS, ROWS + 2}  # the run's start and end are events too
    assert cost.size > 0


def test_a_table_compares_each_kind_with_its_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has a line for each job that was asked for, and the first of a kind has the ratio 1."""
    said = ["--rows", "50", "--runs", "1", "--jobs", "floor,ingest,script", "--folder", str(tmp_path)]
    compare.main(said)
    lines = capsys.readouterr().out.splitlines()
    cells = {line.split(" | ")[1]: line.split(" | ")[5] for line in lines[2:5]}
    assert list(cells) == ["plain SQLite (the floor)", "ledger ingest", "the usual json script"]
    assert cells["plain SQLite (the floor)"] == cells["the usual json script"] == "1.00"
    assert float(cells["ledger ingest"]) > 0
    assert not list(tmp_path.iterdir())
