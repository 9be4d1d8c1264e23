"""Why a sample stands as it does, in sentences: what decided, what else held, who overrode whom, what would flip it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from review_page.filters import label


def story(why: Mapping[str, Any]) -> list[str]:
    """Return the sentences, the most telling first."""
    decided = [one for one in why["decided"].values() if one is not None]
    told = [_decided(one, why["today"]) for one in decided] or ["Nobody decided about it."]
    if why["failed_rules"]:
        told.append(f"Also holds: {', '.join(_failed(rule) for rule in why['failed_rules'])}.")
    told += [_override(each) for each in why["overrides"] if each["differs"]]
    today = why["today"]
    if today is not None and today["stale"]:
        told.append(f"The policy in force, {today['policy_name']}, would say {today['outcome']} now ({today['rule']}).")
    told += [_flip(change) for change in why["would_flip_if"] or ()]
    if why["findings"]:
        rules = dict.fromkeys(finding["rule"] for finding in why["findings"])
        told.append(f"Validators found {len(why['findings'])}: {', '.join(rules)}.")
    return told


def _decided(one: Mapping[str, Any], today: Mapping[str, Any] | None) -> str:
    says = f"labelled {label(one['label'])}" if "label" in one else str(one["outcome"])
    if one["authority"] != "policy":
        what = one["rule"] or one["reason"]
        return f"{says} by {one['actor']}, {one['authority']}{f': {what}' if what else ''}."
    rows = ", ".join(
        f"{row['what']} {'unknown' if row['observed'] is None else row['observed']} {row['op']} {row['threshold']}"
        for row in one["compared"]
    )
    if one["rule"] in {None, "default"}:
        return f"{says} by default: no rule of {one['policy_name']} holds."
    if one["rule"] == "unknown":
        return f"{says}, as it cannot be told whether {', '.join(one['unknown'])} holds."
    far = one["margin"] if "label" in one or today is None or not _same(one, today) else today["margin"]
    margin = f"; margin {far}" if far is not None else ""
    return f"{says} by {one['rule']} of {one['policy_name']}{f': {rows}' if rows else ''}{margin}."


def _same(one: Mapping[str, Any], today: Mapping[str, Any]) -> bool:
    """Say whether the policy in force decides the same: then its margin counts, of all rules, as lists have it."""
    return bool((one["outcome"], one["rule"]) == (today["outcome"], today["rule"]))


def _failed(rule: Mapping[str, Any]) -> str:
    if rule["observed"] is None:
        return str(rule["rule"])
    return f"{rule['rule']} ({rule['observed']} against {rule['threshold']}, margin {rule['margin']})"


def _override(each: Mapping[str, Any]) -> str:
    over = each["over"]
    said = f"labelled {label(over['label'])}" if "label" in over else over["outcome"]
    return f"{each['by']['actor']} overrode the policy {over['policy_name']}, which has it {said}."


def _flip(change: Mapping[str, Any]) -> str:
    if "set" in change:
        how = f"with {change['set']}"
    elif "withdraw" in change:
        how = f"if {change['withdraw']} were withdrawn"
    else:
        how = f"if {change['score']} were {change['needs']}"
    gives = change["gives"]
    return f"It would be {gives} {how}." if change["of"] == "status" else f"Its label would be {gives} {how}."
