"""Settings of a policy, one by one: what can be set, what a change to one makes of the policy, what two differ in.

A setting is a dotted key and a value: `domain.asm.min_quality=0.35`, `rule.low_quality.when=quality < 0.2`. A name
with a dot, a quote or an equals sign in it stands in quotes: `rule."a.b".off=true`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.errors import BadRequest
from ledger.policy.check import Fault
from ledger.policy.document import LABEL_OF, OUTCOME_OF, Written, document_of, policy_from
from ledger.policy.writing import quoted
from ledger.rule import Policy

Key = tuple[str, ...]
Document = dict[str, Any]

NONE = "none"
"""The value that takes a setting away, where there need not be one."""
MOST = 1_000
"""Changes of one request."""
LONGEST = 25_000
"""Characters of one change."""

_STEP = re.compile(r"[ \t]*(\"(?:[^\"\\]|\\[\"\\])*\"|'[^']*'|[^.=\"'\s][^.=\"']*)[ \t]*")
_PLAIN = re.compile(r"[\w+-]+")
_WORDS: dict[str, tuple[str, ...]] = {"rule": tuple(OUTCOME_OF), "label": tuple(LABEL_OF)}


def changed(policy: Policy, changes: Sequence[str]) -> Policy:
    """Return a policy with settings changed, in order: `["domain.asm.min_quality=0.35", "unknown=reject"]`.

    Raises BadRequest for a key that there is not (with the nearest that there are), for a value that does not fit,
    and where the result is unsound.
    """
    if len(changes) > MOST:
        raise BadRequest(f"{len(changes)} changes are too many; the most are {MOST}")
    document = document_of(policy)
    for change in changes:
        key, value = split(change)
        if not _apply(document, key, value):
            raise BadRequest(_unknown(document, key))
    try:
        return policy_from(document)
    except Fault as fault:
        raise BadRequest(f"{_place(document, fault)}: {fault.what}") from None


def settings(policy: Policy) -> list[tuple[str, str]]:
    """Return every key that can be set, with its present value: `changed(p, [f"{k}={v}" ...]) == p`.

    Beside these, each threshold can be given a value in any domain: `domain.NAME.THRESHOLD=NUMBER`.
    """
    return [(key_text(key), value) for key, value in _settings(document_of(policy))]


def differences(before: Policy, after: Policy) -> list[tuple[str, str | None, str | None]]:
    """Return the settings that differ: key, value before, value after; None where there is no such setting.

    The order of the rules counts, because the first that holds decides; it is the key `rules` (`labels`, `caps`).
    Which proposals are accepted at once is the key `proposals`; no change of a setting can widen it.
    """
    olds, news = _compared(before), _compared(after)
    keys = dict.fromkeys((*olds, *news))
    return [(key, olds.get(key), news.get(key)) for key in keys if olds.get(key) != news.get(key)]


def key_text(key: Sequence[str]) -> str:
    """Return a dotted key, names in quotes where they need them."""
    return ".".join(step if _PLAIN.fullmatch(step) else quoted(step) for step in key)


def _compared(policy: Policy) -> dict[str, str]:
    found = {key: value for key, value in settings(policy) if not key.endswith(".off")}
    for word, named in (("rules", policy.rules), ("labels", policy.labels), ("caps", policy.caps)):
        found[word] = ", ".join(each.name for each in named)
    if policy.proposals:
        found["proposals"] = "; ".join(f"{', '.join(one.verdicts)} by {_text(one.actors)}" for one in policy.proposals)
    return found


def split(change: str) -> tuple[Key, str]:
    """Return the key and the value of `key=value`; raises BadRequest."""
    if len(change) > LONGEST:
        raise BadRequest(f"A change has at most {LONGEST:,} characters")
    steps: list[str] = []
    at, ended = 0, False
    while found := _STEP.match(change, at):
        step = found[1].strip()
        steps.append(re.sub(r"\\(.)", r"\1", step[1:-1]) if step[0] in "\"'" else step)
        at = found.end()
        ended = change[at : at + 1] == "="
        if change[at : at + 1] != ".":
            break
        at += 1
    if not ended:
        raise BadRequest(f"{change[:200]!r} is not KEY=VALUE, such as domain.asm.min_quality=0.35")
    return tuple(steps), change[at + 1 :].strip()


def _settings(document: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    for key in ("name", "default", "unknown"):
        yield (key,), document[key]
    yield ("headline",), document.get("headline", NONE)
    for section in ("scores", "threshold"):
        yield from (((section, key), _text(value)) for key, value in document[section].items())
    yield from ((("cross", key), document["cross"].get(key, NONE)) for key in document["threshold"])
    for name, levels in document["domain"].items():
        yield from ((("domain", name, key), _text(value)) for key, value in levels.items())
    for name, measure in document["measure"].items():
        yield from ((("measure", name, "weights", key), _text(value)) for key, value in measure["weights"].items())
        yield from ((("measure", name, key), _text(measure[key])) for key in ("invert", "missing"))
    for section, words in _WORDS.items():
        for rule in document[section]:
            then = next(word for word in words if word in rule)
            yield (section, rule["name"], "when"), rule[then]
            yield (section, rule["name"], "then"), then
            yield (section, rule["name"], "off"), "false"
    for cap in document["cap"]:
        keys = ("then", "per", "keep", "best", "spread")
        yield from ((("cap", cap["name"], key), _text(cap.get(key, NONE))) for key in keys)
        yield ("cap", cap["name"], "off"), "false"


def _text(value: object) -> str:
    return f"[{', '.join(map(quoted, value))}]" if isinstance(value, (list, tuple)) else str(value)


def _apply(document: Document, key: Key, value: str) -> bool:
    """Change one setting; say whether there is such a key."""
    match key:
        case ("name" | "default" | "unknown" | "headline" as name,):
            _put(document, name, value, optional=name == "headline")
        case ("scores", "combine" as name):
            document["scores"][name] = value
        case ("scores", "tolerance" as name):
            document["scores"][name] = Written(value)
        case ("scores", "scorers" as name):
            document["scores"][name] = _list(key, value)
        case ("threshold", name) if name in document["threshold"]:
            document["threshold"][name] = Written(value)
        case ("domain", domain, name) if name in document["threshold"]:
            _put(document["domain"].setdefault(domain, {}), name, Written(value), optional=True)
        case ("cross", name) if name in document["threshold"]:
            word = value in {"min", "max", "mean"}
            _put(document["cross"], name, value if word else Written(value), optional=True)
        case ("measure", name, *rest) if name in document["measure"]:
            return _apply_measure(document["measure"][name], rest, key, value)
        case ("rule" | "label" | "cap" as section, name, what):
            return _apply_rule(document[section], section, (name, what), value)
        case _:
            return False
    return True


def _apply_measure(measure: Document, rest: list[str], key: Key, value: str) -> bool:
    match rest:
        case ["weights", dimension] if dimension in measure["weights"]:
            _put(measure["weights"], dimension, Written(value), optional=True)
        case ["invert"]:
            measure["invert"] = _list(key, value)
        case ["missing"]:
            measure["missing"] = value
        case _:
            return False
    return True


def _apply_rule(rules: list[Document], section: str, key: tuple[str, str], value: str) -> bool:
    name, what = key
    index = next((i for i, rule in enumerate(rules) if rule["name"] == name), None)
    if index is None:
        return False
    if what == "off":
        if value not in {"true", "false"}:
            raise BadRequest(f"{key_text((section, name, what))} is true or false, not {value[:40]!r}")
        if value == "true":
            del rules[index]
        return True
    if section == "cap":
        return _apply_cap(rules[index], (section, name, what), value)
    words = _WORDS[section]
    then = next(word for word in words if word in rules[index])
    if what == "when":
        rules[index][then] = value
    elif what == "then":
        if value not in words:
            raise BadRequest(f"{key_text((section, name, what))} is one of {', '.join(words)}, not {value[:40]!r}")
        rules[index] = {"name": name, value: rules[index][then]}
    else:
        return False
    return True


def _apply_cap(cap: Document, key: Key, value: str) -> bool:
    what = key[-1]
    match what:
        case "then":
            cap[what] = value
        case "per":
            cap[what] = _list(key, value)
        case "keep":
            if not re.fullmatch(r"[0-9]{1,10}", value):
                raise BadRequest(f"{key_text(key)} is a whole number, not {value[:40]!r}")
            cap[what] = int(value)
        case "best" | "spread":
            _put(cap, what, value, optional=True)
        case _:
            return False
    return True


def _put(table: Document, key: str, value: str, *, optional: bool) -> None:
    """Set a value, or take it away where there need not be one."""
    if optional and value == NONE:
        table.pop(key, None)
    else:
        table[key] = value


def _list(key: Key, value: str) -> list[str]:
    """Return the texts of `["a", "b"]`, or of a, b."""
    if not value.startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        found = None if "\n" in value else tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise BadRequest(f'{key_text(key)} is a list of texts such as ["a", "b"], not {value[:40]!r}')
    return found


def _place(document: Document, fault: Fault) -> str:
    """Return the key of a fault, a rule by its name rather than by its number."""
    steps: list[str] = []
    value: Any = document
    for step in fault.path:
        try:
            value = value[step]
        except (LookupError, TypeError):
            break  # what is missing has no value
        steps.append(str(value["name"] if isinstance(step, int) and isinstance(value, dict) else step))
    return key_text(steps) or "The policy"


def _unknown(document: Document, key: Key) -> str:
    known = [key_text(each) for each, _ in _settings(document)]
    wanted = key_text(key)
    if key[0] == "domain" and len(key) == len(("domain", "NAME", "THRESHOLD")):
        known += [key_text(("domain", key[1], name)) for name in document["threshold"]]
    known = list(dict.fromkeys(known))
    close = difflib.get_close_matches(wanted[:200], known, 4, 0.5) or [k for k in known if k[0] == wanted[0]][:4]
    return f"There is no setting {wanted[:200]}; the nearest are {', '.join(close or known[:4])}"
