"""On stderr: progress bars where it is a terminal, and whom we wait for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress


class Counted(Protocol):
    """What has been ingested so far."""

    lines: int


_FIRST_SECONDS = 5.0
"""After so long it is said again that we wait, then each time that twice as long has passed."""
_SHOWN = 100

OnStep = Callable[[str, int, int], None]
OnTrained = Callable[[int, int, Mapping[str, float]], None]
OnBytes = Callable[[str, int, Counted], None]


@contextmanager
def steps() -> Iterator[OnStep | None]:
    """Yield a callback for (what, done, of), which draws one bar for each `what`; None where nobody watches."""
    if not _watched():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn

    with _progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as progress:
        tasks: dict[str, Any] = {}

        def on_step(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield on_step


@contextmanager
def reading(files: Sequence[str]) -> Iterator[OnBytes | None]:
    """Yield a callback for (source, bytes read of it, report), which draws rate and time left by bytes."""
    if not _watched():
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from ledger import Ledger

    sizes = {source: _plain_size(source, size) for source, size in Ledger.input_sizes(files).items()}
    whole = None if None in sizes.values() else sum(size or 0 for size in sizes.values())
    counts = TextColumn("{task.fields[lines]:,} lines", markup=False)
    with _progress(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), counts) as progress:
        task = progress.add_task("reading", total=whole, lines=0)
        seen: dict[str, int] = {}

        def on_bytes(source: str, read: int, report: Counted) -> None:
            seen.update({passed: sizes.get(passed) or count for passed, count in seen.items()})
            seen[source] = read
            progress.update(task, completed=sum(seen.values()), lines=report.lines)

        yield on_bytes


@contextmanager
def training() -> Iterator[OnTrained | None]:
    """Yield a callback for (step, of, numbers by name), which draws a bar of steps with the loss beside it."""
    if not _watched():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    loss = TextColumn("loss {task.fields[loss]}", markup=False)
    with _progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), loss) as progress:
        task = progress.add_task("training", total=None, loss="…")

        def on_step(step: int, of: int, numbers: Mapping[str, float]) -> None:
            progress.update(task, completed=step, total=of)
            if "loss" in numbers:
                progress.update(task, loss=f"{numbers['loss']:.4f}")

        yield on_step


def waiting(path: str | Path) -> Callable[[float], None]:
    """Return what hears the seconds waited so far for another writer, and says whom we wait for, ever more rarely."""
    said_at = 0.0

    def on_wait(seconds: float) -> None:
        nonlocal said_at
        if said_at and seconds < max(_FIRST_SECONDS, 2 * said_at):
            return
        from commands._render import note
        from ledger import Ledger

        said_at = max(seconds, 0.1)
        holder = Ledger.writer(path)
        who = "another process" if holder is None else f"process {holder['process']} ({holder['command'][:_SHOWN]})"
        so_far = f", for {seconds:,.0f} s so far" if seconds >= _FIRST_SECONDS else ""
        note("", f"waiting{so_far}: {who} is writing the ledger …", style="yellow")

    return on_wait


def _plain_size(source: str, size: int | None) -> int | None:
    """Return the bytes that will be read, or None where that is not known beforehand."""
    return None if source.endswith(".gz") else size


def _progress(*columns: Any) -> Progress:  # noqa: ANN401 - rich's columns
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from commands._render import console

    name = TextColumn("{task.description}", markup=False)
    return Progress(SpinnerColumn(), name, *columns, console=console(sys.stderr, sys.stderr), transient=True)


def _watched() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
