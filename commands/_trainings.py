"""What `ledger train --check` and `--list` show."""

from __future__ import annotations

from typing import Any

from commands._render import heading, line, many, mark, note, number, size, table

_FILES: dict[str, str | tuple[str, str]] = {
    "matches": "unchanged",
    "changed": ("changed", "bold red"),
    "elsewhere": ("not here", "dim"),
}


def render_list(found: dict[str, Any]) -> None:
    """Show trainings, newest first."""
    if not found["trainings"]:
        line("nothing was trained yet")
        return
    rows = [
        (
            f"@{one['position']}",
            one["time"],
            one["method"],
            one["output"],
            one["state"] if one["failure"] is None else (f"{one['state']}: {one['failure']}", "yellow"),
            f"{number(one['steps'])} of {number(one['of'])}",
            one["metrics"].get("train_loss", ""),
            f"@{one['release']['position']}",
        )
        for one in found["trainings"]
    ]
    table((">at", "when", "method", "run", "state", ">steps", ">loss", ">release"), rows)


def render_check(found: dict[str, Any]) -> None:
    """Show what there is to train with and on, and what would come of it."""
    line(mark(good=found["ok"]), "  ", "nothing stands in the way" if found["ok"] else "this stands in the way")
    for fault in found["faults"]:
        note("  ", fault, style="yellow")
    _environment(found["environment"])
    _releases(found["releases"])
    if found["plan"] is not None:
        _plan(found["plan"])


def _environment(there: dict[str, Any]) -> None:
    heading("environment")
    memory = "" if there["device_bytes"] is None else f", {size(there['device_bytes'])}"
    line(f"  Python {there['python']}, device: {there['device'] or 'unknown without torch'}{memory}")
    table(("", ""), [(name, version or ("-", "dim")) for name, version in there["packages"].items()], indent=2)


def _releases(releases: list[dict[str, Any]]) -> None:
    heading("releases")
    rows = [
        (
            f"@{one['position']}",
            one["name"],
            number(one["rows"]),
            " / ".join(number(one["labels"][label]) for label in ("true", "false", "none")),
            ", ".join(one["methods"]),
            _FILES[one["file"]],
            number(one["trained"]),
        )
        for one in releases
    ]
    table((">at", "name", ">rows", ">true / false / none", "for", "file", ">trained"), rows, indent=2)


def _plan(plan: dict[str, Any]) -> None:
    heading(f"{plan['method']} on the release @{plan['release']}")
    told = [f"{many(plan['rows'], 'row')}, batches: {number(plan['batches'])}, {many(plan['steps'], 'step')}"]
    if (weights := plan["label_weights"]) is not None:
        told.append(f"label weights: desirable {weights['desirable']}, undesirable {weights['undesirable']}")
    if (seen := plan["windows"]) is not None:
        told.append(
            f"{many(seen['windows'], 'window')}: {number(seen['single_label'])} of one label, "
            f"{number(seen['same_prompt'])} with one prompt twice"
        )
    told.append(_lengths(plan))
    for each in told:
        line(f"  {each}")


def _lengths(plan: dict[str, Any]) -> str:
    if not plan["measured"]:
        return "lengths: give --model to count them"
    return "lengths were not counted" if plan["dropped"] is None else f"{many(plan['dropped'], 'row')} dropped"
