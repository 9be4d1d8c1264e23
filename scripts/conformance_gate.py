"""Read what the official conformance tool found, and fail where a scenario of the gate did not pass.

The other scenarios ask for tools, resources and prompts of a server that was made for them (`test_image_content` …).
    python scripts/conformance_gate.py REVISION FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

COMMON = (
    "completion-complete",
    "dns-rebinding-protection",
    "prompts-list",
    "resources-list",
    "server-sse-multiple-streams",
    "tools-call-error",
    "tools-list",
)
GATE = {
    "2025-11-25": (*COMMON, "ping", "server-initialize", "server-session-lifecycle"),
    "2026-07-28": (
        *COMMON,
        "caching",
        "http-header-validation",
        "input-required-result-ignore-extra-params",
        "input-required-result-unsupported-methods",
        "sep-2164-resource-not-found",
        "server-stateless",
    ),
}
FIXTURES = {
    "sep-2575-server-rejects-undeclared-capability",  # calls a tool `test_missing_capability`
    "sep-2575-missing-capability-http-400",
}
"""Checks inside a scenario of the gate that call a tool of the fixture server."""
PASSED = {"SUCCESS", "INFO", "SKIPPED", "WARNING"}


def faults(folder: Path, scenario: str) -> Iterator[str]:
    """Yield what went wrong in a scenario, in words."""
    found = sorted(folder.glob(f"server-{scenario}-20*/checks.json"))
    if len(found) != 1:
        yield "it did not run"
        return
    checks = json.loads(found[0].read_text("utf-8"))
    if not checks:
        yield "it checked nothing"
    for one in checks:
        if one["status"] not in PASSED and one["id"] not in FIXTURES:
            yield f"{one['id']}: {one.get('errorMessage', one['status'])}"


def main(revision: str, folder: str) -> int:
    """Print a line for each scenario and return how many failed."""
    failed = 0
    for scenario in GATE[revision]:
        wrong = list(faults(Path(folder), scenario))
        failed += bool(wrong)
        sys.stdout.write(f"{'failed' if wrong else 'passed'}  {scenario}  {'; '.join(wrong)}\n")
    sys.stdout.write(f"{len(GATE[revision]) - failed} of {len(GATE[revision])} scenarios passed\n")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(*sys.argv[1:3]), 1))
