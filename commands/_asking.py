"""What the verbs share that ask a model: options, progress, and stopping in peace."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import click

from commands._common import Call
from commands._options import text, whole

F = TypeVar("F", bound=Callable[..., Any])
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def asking(function: F) -> F:
    """Add the options that say which model is asked, where, how, and for how much."""
    options = (
        click.option("--model", type=text, metavar="NAME", help="Which model; without it, the file's."),
        click.option(
            "--provider", type=click.Choice(["anthropic", "openai"]), default="anthropic", help="Whose models."
        ),
        click.option(
            "--base-url", type=text, metavar="URL", help="Where the provider is; without it, its own address."
        ),
        click.option("--budget", type=text, metavar="DOLLARS", help="The most that all runs of this job may cost."),
        click.option(
            "--mode", type=click.Choice(["live", "batch"]), default="live", help="At once, or at half the price later."
        ),
        click.option("--concurrency", type=whole(1), metavar="N", help="The most requests at a time."),
        click.option("--price", type=text, metavar="IN/OUT", help="Dollars for a million tokens, where nobody knows."),
        click.option("--effort", type=text, metavar="WORD", help="How much thought, in a word that the model takes."),
        click.option("--limit", type=whole(1), metavar="N", help="Only the first N samples."),
        click.option("--retry-failed", is_flag=True, help="Try those again that failed in an earlier run."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def selecting(function: F) -> F:
    """Add the samples that a model is asked about: ids, or --where and --campaign."""
    campaign = click.option("--campaign", type=text, metavar="TEXT", help="All samples of this campaign, without ids.")
    where = click.option("--where", type=text, metavar="CONDITION", help="All samples for which this holds.")
    return click.argument("ids", nargs=-1, metavar="[ID…]")(where(campaign(function)))


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Yield what says whether the work is to stop: after the first Ctrl-C or TERM. The second one ends the program."""
    asked = False
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        asked = True
        from commands._render import note

        note("", "stopping: what is under way comes to its end; once more leaves at once …", style="yellow")

    try:
        for number in _SIGNALS:
            signal.signal(number, stop)
    except ValueError:  # not in the program's main thread, where nobody can press a key
        yield lambda: False
        return
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def watching(what: str) -> Iterator[Callable[[Any], None] | None]:
    """Yield what hears how far the work is, and draws it: rows a second, dollars, failures, the time left."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from commands._render import console

    told = TextColumn("{task.fields[rate]:.1f}/s  ${task.fields[cost]}  {task.fields[failed]} failed", markup=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), told)
    with Progress(*columns, TimeRemainingColumn(), console=console(sys.stderr, sys.stderr), transient=True) as progress:
        task = progress.add_task(what, total=None, rate=0.0, cost="0", failed=0)
        started = time.monotonic()

        def watch(standing: Any) -> None:  # noqa: ANN401 - how far the work is
            rate = (standing.done - standing.reused) / max(time.monotonic() - started, 0.001)
            progress.update(
                task,
                total=standing.planned,
                completed=standing.done,
                rate=rate,
                cost=f"{standing.cost:.4f}",
                failed=standing.failed,
            )

        yield watch


def finish(call: Call, done: dict[str, Any]) -> None:
    """End with the exit code of work that stopped before its end, where it did; the answer has told all of it."""
    if done.get("stopped") is not None:
        from ledger.errors import WorkStopped

        call.json = False  # one document stands on stdout already
        raise WorkStopped(done["detail"] or done["stopped"], done["left"] + done["unknown"], done["planned"])


def render(done: dict[str, Any]) -> None:
    """Print what became of the samples, and what that cost."""
    from commands._render import line, number, table, total

    if "asked" in done:
        total(done["planned"], "sample", {name: done[name] for name in ("asked", "reused", "skipped")})
        return
    parts = ("accepted", "rejected", "failed", "unknown", "reused", "skipped", "left")
    total(done["planned"], "sample", {name: done[name] for name in parts})
    if done["by_failure"]:
        table(("failure", ">samples"), ((kind, number(count)) for kind, count in done["by_failure"].items()))
    if done["failed"]:
        line(("what failed is not asked again by the same command; --retry-failed does", "dim"))
    line(f"${done['cost_usd']} for {done['requests']:,} requests; ${done['spent_usd']} in all runs of this job")
    if done["found"] or done["lost"]:
        line(f"{done['found']:,} replies of earlier runs were judged; of {done['lost']:,} nobody knows the outcome")
