"""Timing one piece of work a stated number of times, and what the times say."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pytest_benchmark.fixture import BenchmarkFixture

T = TypeVar("T")
ROUNDS = 3
"""For work that takes seconds; the median of three leaves out one disturbance."""


def timed(
    benchmark: BenchmarkFixture, work: Callable[..., T], fresh: Callable[[], tuple[object, ...]], rounds: int = ROUNDS
) -> T:
    """Time `work(*fresh())`, without `fresh`, `rounds` times; keep the 95th percentile and return the last result."""
    result: T = benchmark.pedantic(work, setup=lambda: (fresh(), {}), rounds=rounds)  # type: ignore[no-untyped-call]  # pytest-benchmark's own
    if benchmark.stats is not None:  # None where nothing is measured
        benchmark.extra_info["p95"] = percentile(benchmark.stats.stats.data, 95)
    return result


def percentile(times: Sequence[float], percent: int) -> float:
    """Return the time that so many percent of the times do not exceed."""
    return sorted(times)[min(len(times) * percent // 100, len(times) - 1)]


def peak_mb() -> float:
    """Return the most memory that this process has had resident, in MB.

    Linux hands the parent's peak on to a child in getrusage, so there the kernel's own mark is read.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = next(text for text in status.read_text(encoding="ascii").splitlines() if text.startswith("VmHWM:"))
        return int(found.split()[1]) * 1024 / 1e6
    import resource  # noqa: PLC0415 - not on every system

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
