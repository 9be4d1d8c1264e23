"""The story of one sample in a few lines: what came of it, by what, over whom, and what would have changed it."""

from __future__ import annotations

from shlex import quote
from typing import Any

from commands._render import Part, digest, many, word
from commands._render import label as label_word

Answer = dict[str, Any]
Line = tuple[Part, ...]

_SCORES = 8
"""Dimensions of one scoring that the story names."""
_SCORINGS = 2
"""Scorings that it names, the latest."""


def story(found: Answer, ids: dict[str, str]) -> list[Line]:
    """Return the lines of the story, from where the sample came to the files it stands in."""
    decided = [one for one in found["decided"].values() if one is not None]
    lines: list[Line] = [_origin(found["origin"]), *_scorings(found["scores"], decided)]
    if found["findings"]:
        lines.append(_findings(found["findings"]))
    lines += map(_decided, decided)
    if found["decided"]["status"] is None:
        gone = found["status"] == "erased"
        pending: Line = ("nobody has decided, so it is ", word(found["status"]))
        lines.append(("nobody had decided when its bytes were erased",) if gone else pending)
    if found["failed_rules"]:
        rules = ", ".join(_failed(rule) for rule in found["failed_rules"])
        lines.append(("also holds: ", rules))
    lines += [_override(each) for each in found["overrides"] if each["differs"]]
    lines += _today(found["today"])
    lines += _flips(found["would_flip_if"])
    deciding = found["deciding"]
    if deciding is not None and deciding["twin"] is not None:
        alike = deciding["twin"]["similarity"]
        like = "" if alike is None else f" (similarity {alike:.3f})"
        lines.append(("set aside for ", (ids[deciding["twin"]["sample"]], "cyan"), f"{like}, which stays"))
    return lines


def value(one: Answer) -> str:
    """Return what a decision or a relabeling says, in a word or two."""
    return f"labelled {label_word(one['label'])}" if "label" in one else str(one["outcome"])


def comparison(row: Answer) -> str:
    """Return one comparison: what, what was observed, against what."""
    seen = "unknown" if row["observed"] is None else row["observed"]
    return f"{row['what']} {seen} {row['op']} {row['threshold']}"


def _origin(origin: Answer) -> Line:
    if origin["source"] is None:
        place = f"was {origin['event']} from its parent"
    else:
        place = f"came from {origin['source']}" + (f" line {origin['line']}" if origin["line"] else "")
    return (f"{place}, campaign {origin['campaign']}, labelled {label_word(origin['label'])}",)


def _scorings(scores: list[Answer], decided: list[Answer]) -> list[Line]:
    """Return the latest scorings, those first that a decision looked at, and how many more there are."""
    asked = {name for one in decided for name in one["components"]}
    current = [each for each in scores if each["current"]]
    ranked = sorted(current, key=lambda each: asked.isdisjoint(each["dimensions"]), reverse=True)[-_SCORINGS:]
    told = [_scored(each) for each in current if each in ranked]
    more = len(current) - len(told)
    return [*told, (f"and {many(more, 'more score')} below",)] if more else told


def _scored(scoring: Answer) -> Line:
    numbers = [f"{name} {number}" for name, number in scoring["dimensions"].items()]
    shown = ", ".join(numbers[:_SCORES]) + (f" and {len(numbers) - _SCORES} more" if len(numbers) > _SCORES else "")
    missing = ", ".join(f"{each['dimension'] or 'everything'} ({each['reason']})" for each in scoring["unscored"])
    without = f"{'; ' if shown else ''}could not tell {missing}" if missing else ""
    return (f"scored by {scorer(scoring)}: {shown}{without}",)


def scorer(scoring: Answer) -> str:
    """Return who scored: scorer, version, and the rubric if there is one."""
    rubric = f", rubric {digest(scoring['rubric'])}" if scoring["rubric"] else ""
    return f"{scoring['scorer']}@{scoring['scorer_version']}{rubric}"


def _findings(findings: list[Answer]) -> Line:
    errors = sum(finding["severity"] == "error" for finding in findings)
    counts = [many(count, noun) for count, noun in ((errors, "error"), (len(findings) - errors, "warning")) if count]
    rules = ", ".join(dict.fromkeys(finding["rule"] for finding in findings))
    return (f"validators found {' and '.join(counts)}: {rules}",)


def _decided(one: Answer) -> Line:
    """Return who or what decided, with the numbers."""
    says = word(value(one)) if "outcome" in one else (value(one), "green" if one["label"] else "red")
    if one["authority"] != "policy":
        reason = f": {one['reason']}" if one["reason"] else ""
        rule = f" for {one['rule']}" if one["rule"] else ""
        observed = f", observed {one['observed']}" if one["observed"] is not None else ""
        return (says, f" by {one['actor']}, {one['authority']}{rule}{reason}{observed}")
    policy = one["policy_name"] or digest(one["policy"] or "")
    if one["rule"] in {None, "default"}:
        by = " by default: no rule holds" if one["rule"] else ": no rule holds any more"
    elif one["rule"] == "unknown":
        by = f", as it cannot be told whether {', '.join(one['unknown'])} holds"
    else:
        rows = ", ".join(comparison(row) for row in one["compared"])
        margin = f"; margin {one['margin']}" if one["margin"] is not None else ""
        rank = f" (place {one['rank']})" if one["rank"] is not None else ""
        by = f" by {one['rule']}{rank}" + (f": {rows}{margin}" if rows else "")
    return (says, by, (f"  policy {policy}", "dim"))


def _failed(rule: Answer) -> str:
    if rule["observed"] is None:
        return str(rule["rule"])
    return f"{rule['rule']} ({rule['observed']} against {rule['threshold']}, margin {rule['margin']})"


def _override(each: Answer) -> Line:
    by, over = each["by"], each["over"]
    policy = over["policy_name"] or digest(over["policy"] or "")
    rule = f" by {over['rule']}" if over["rule"] else ""
    return (f"{by['actor']} overrode the policy {policy}, which has it {value(over)}{rule}",)


def _today(today: Answer | None) -> list[Line]:
    if today is None or not today["stale"]:
        return []
    said = []
    if "status" in today["changes"]:
        said.append(f"{today['outcome']} ({today['rule']})")
    if "label" in today["changes"]:
        rules = "+".join(today["label_rules"])
        said.append(f"labelled {label_word(today['label'])} ({rules})" if rules else "label as it came")
    words = f"the policy in force, {today['policy_name']}, says otherwise now: {', '.join(said)}"
    return [((words, "yellow"), "; `ledger decide` would record that")]


def _flips(changes: list[Answer] | None) -> list[Line]:
    """Return one line for what would change the status and one for the label, the ways joined by `or`."""
    lines: list[Line] = []
    for about in ("status", "label"):
        mine = [change for change in changes or () if change["of"] == about]
        if not mine:
            continue
        ways = [
            " and ".join(_change(change) for change in mine if key in change)
            for key in ("withdraw", "set", "score")
            if any(key in change for change in mine)
        ]
        gives = next((change["gives"] for change in mine if change["gives"]), None)
        caps = dict.fromkeys(cap for change in mine for cap in change["unless"])
        unless = (f" (unless {' or '.join(caps)} keeps it out)" if caps else "", "dim")
        lines.append((f"{_would_be(about, gives)} if: ", (", or ".join(ways), "bold"), unless))
    return lines


def _would_be(about: str, gives: str | None) -> str:
    if gives is None:
        return f"its {about} could be told"
    if about == "status":
        return f"would be {gives}"
    return "would keep the label that it came with" if gives == "unchanged" else f"would be labelled {gives}"


def _change(change: Answer) -> str:
    if "set" in change:
        return f"--set {quote(change['set'])}"  # names can hold dots, quotes and spaces, which a shell would eat
    if "withdraw" in change:
        return f"`ledger withdraw {change['withdraw']}`"
    had = "" if change["has"] is None else f" (it has {change['has']})"
    return f"{change['score']} {change['needs']}{had}"
