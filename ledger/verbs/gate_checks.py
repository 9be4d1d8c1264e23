"""What each gate asks of a plan's rows: kind of check -> what was counted, or a sentence where nothing can be."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ledger.exporters.gate_kinds import Of
from ledger.exporters.gates import Gate, Observed
from ledger.exporters.view_spec import ViewSpec
from ledger.sample import Content, prompt_fingerprint
from ledger.sqlite import Connection
from ledger.views import gating
from ledger.views.changed import Change
from ledger.views.gating import Counted
from ledger.views.near import WHOLE

BYTES_PER_TOKEN = 4
"""What an estimate of lengths takes for a token; a sample's bytes hold its completion and envelope as well."""
_NAMED = 5
"""Missing numbers that are told."""
_DIGITS = re.compile(r"[0-9]{1,15}(?=[^0-9]*\Z)")
_NO_CALL = ("calls/no_call", "calls/prose_only")
_NEVER = "no sample here was validated; run `ledger validate`"


@dataclass(frozen=True, slots=True)
class Subject:
    """What gates are about: a view, its rows in `taken`, what its plan left out, and what differs from the last time.

    `usable` are the statuses that count in the splits of the whole ledger. `measured`: the plan looked at lengths.
    """

    connection: Connection
    spec: ViewSpec
    omitted: Mapping[str, int]
    usable: Collection[str]
    batch_size: int
    measured: bool
    change: Change | None


def observe(gate: Gate, subject: Subject) -> Observed | str:
    """Return what a gate counts, or why it cannot be judged."""
    return _CHECKS[gate.check](gate, subject)


def _family_leakage(_gate: Gate, subject: Subject) -> Observed | str:
    found = gating.leaking(subject.connection, "family")
    return _told(subject, found, "families with a row for training here and a relative in another split")


def _conflicts(_gate: Gate, subject: Subject) -> Observed | str:
    if subject.spec.type == "prompt_only":
        return "the rows of this view are prompts, which labels are not about"
    found = gating.contradicted(subject.connection, subject.usable)
    return _told(subject, found, "texts that have the other label too, here or beside it in the ledger")


def _duplicates(_gate: Gate, subject: Subject) -> Observed | str:
    found = gating.repeated(subject.connection)
    return _told(subject, found, "samples that teach the same as another one here, weights aside")


def _across_splits(gate: Gate, subject: Subject) -> Observed | str:
    if gate.of is None:
        found = gating.leaking(subject.connection, "fingerprint")
        return _told(subject, found, "texts of rows for training that stand in another split as well")
    field = gate.of.partition(".")[2] or WHOLE
    near = gating.near_twins(subject.connection, field)
    if near is None:
        return f"nobody looked for near twins by {field}; run `ledger duplicates --near 0.8 --field {field}`"
    return _told(subject, near, f"pairs of near twins by {field} that stand in two splits")


def _empty_prompt(_gate: Gate, subject: Subject) -> Observed | str:
    found = gating.with_findings(subject.connection, ["structure/empty_prompt"], EMPTY_PROMPTS)
    left = found.total - gating.looked_at(subject.connection)
    more = f"; in {left:,} never validated only prompts of one empty message are seen" if left else ""
    return _told(subject, found, "samples with an empty prompt", more)


def _no_call(_gate: Gate, subject: Subject) -> Observed | str:
    rules = " or ".join(_NO_CALL)
    return _by_findings(subject, _NO_CALL, f"samples that call no tool where their like do (finding {rules})")


def _unknown_tool(_gate: Gate, subject: Subject) -> Observed | str:
    told = "samples that call a tool which the schemas do not have (finding tools/unknown_tool)"
    return _by_findings(subject, ["tools/unknown_tool"], told)


def _failed_validation(_gate: Gate, subject: Subject) -> Observed | str:
    found = gating.failed(subject.connection)
    return _told(subject, found, "samples with an error in their latest validation") if found.total else _NEVER


def _not_validated(_gate: Gate, subject: Subject) -> Observed | str:
    return _told(subject, gating.not_validated(subject.connection), "samples never validated as they are now")


def _unscored(_gate: Gate, subject: Subject) -> Observed | str:
    found = gating.unscored(subject.connection)
    if found is None:
        return "nothing was ever scored"
    return _told(subject, found, "samples without a score of what they are now")


def _pending(_gate: Gate, subject: Subject) -> Observed | str:
    return _told(subject, gating.pending(subject.connection), "samples that nothing has decided about")


def _template_share(gate: Gate, subject: Subject) -> Observed | str:
    found = gating.largest_template(subject.connection, gate.of)
    if found is None:
        return f"nobody looked for templates{f' in {gate.of}' if gate.of else ''}; run `ledger templates --field FIELD`"
    field, counted = found
    where = f"rows of the largest template of {field}" if field else "rows of a template"
    return _told(subject, counted, where)


def _batch_set(gate: Gate, subject: Subject) -> Observed | str:
    tag = None if gate.of is None or gate.of == "source" else gate.of.partition(":")[2]
    sets = numbered(gating.names_in(subject.connection, tag))
    if not sets:
        return "no name here holds a number" if tag is None else f"no value of the tag {tag} here holds a number"
    missing = sum(max(found) - min(found) + 1 - len(found) for found in sets.values())
    names = ", ".join(_absent(sets))
    return Observed(missing, 0, f"numbers missing in {_many(sets)}{f': {names}' if names else ''}")


def _label_balance(_gate: Gate, subject: Subject) -> Observed | str:
    if subject.spec.type not in {"unpaired_preference", "auto"} or not {True, False} <= set(subject.spec.labels):
        return "the rows of this view are not of two labels"
    rows = gating.labels(subject.connection)
    both = rows.get(1, 0), rows.get(0, 0)
    if not sum(both):
        return "no row here has a label"
    return Observed(min(both), sum(both), f"rows with two labels: {both[0]:,} true, {both[1]:,} false")


def _too_long(gate: Gate, subject: Subject) -> Observed | str:
    left_out = subject.omitted.get("too_long", 0)
    if subject.measured:
        samples = gating.size(subject.connection)[0] + left_out
        return Observed(
            left_out, samples, f"samples left out because their prompts fill the whole length, of {samples:,}"
        )
    if gate.max_length is None:
        return "no length was given (--max-length, or max_length in the gate)"
    found = gating.longer(subject.connection, gate.max_length * BYTES_PER_TOKEN)
    told = f"samples of {gate.max_length:,} tokens or more, at {BYTES_PER_TOKEN} bytes of the whole sample each"
    return _told(subject, found, told, "; for prompts this is too many")


def _windows(_gate: Gate, subject: Subject) -> Observed | str:
    if subject.spec.order != "interleaved":
        return "the order of this view is not interleaved"
    label = gating.one_label(subject.connection, subject.batch_size)
    prompt = gating.one_prompt(subject.connection, subject.batch_size)
    told = (
        f"batches of {subject.batch_size} with one label only: {label.number:,}; with a prompt twice: {prompt.number:,}"
    )
    shown = list(dict.fromkeys((*label.examples, *prompt.examples)))[: gating.EXAMPLES]
    return Observed(label.number + prompt.number, label.total, told, gating.ids(subject.connection, shown))


def _share(gate: Gate, subject: Subject) -> Observed | str:
    return _having(gate, subject, of_rows=True)


def _count(gate: Gate, subject: Subject) -> Observed | str:
    return _having(gate, subject, of_rows=False)


def _change(_gate: Gate, subject: Subject) -> Observed | str:
    change = subject.change
    if change is None:
        return "this view was never released"
    told = f"samples removed since the previous release, of {change.before:,}; {change.added:,} added"
    told += f", {change.relabelled:,} relabelled, {change.moved_split:,} moved to another split"
    return Observed(change.removed, change.before, told, gating.ids(subject.connection, change.gone))


_CHECKS: dict[str, Callable[[Gate, Subject], Observed | str]] = {
    "family_leakage": _family_leakage,
    "conflicts": _conflicts,
    "duplicates": _duplicates,
    "duplicates_across_splits": _across_splits,
    "empty_prompt": _empty_prompt,
    "no_call": _no_call,
    "unknown_tool": _unknown_tool,
    "failed_validation": _failed_validation,
    "not_validated": _not_validated,
    "unscored": _unscored,
    "pending": _pending,
    "template_share": _template_share,
    "batch_set": _batch_set,
    "label_balance": _label_balance,
    "too_long": _too_long,
    "windows": _windows,
    "share": _share,
    "count": _count,
    "change": _change,
}


def numbered(names: Iterable[str]) -> dict[str, set[int]]:
    """Return names with their last number taken out -> the numbers; names without one are no part of a set."""
    sets: defaultdict[str, set[int]] = defaultdict(set)
    for name in names:
        if found := _DIGITS.search(name):
            sets[f"{name[: found.start()]}…{name[found.end() :]}"].add(int(found[0]))
    return dict(sets)


def _absent(sets: Mapping[str, set[int]]) -> list[str]:
    """Return the first few numbers that are missing, each in its name."""
    names: list[str] = []
    for name, found in sorted(sets.items()):
        number, last = min(found), max(found)
        while number < last and len(names) < _NAMED:
            if number not in found:
                names.append(name.replace("…", str(number), 1))
            number += 1
    return names


def _many(sets: Mapping[str, set[int]]) -> str:
    return "one set" if len(sets) == 1 else f"{len(sets):,} sets"


def _having(gate: Gate, subject: Subject, *, of_rows: bool) -> Observed | str:
    of, connection, missing = gate.chosen, subject.connection, gate.min is not None
    kind, values = _chosen(of)
    if gate.split is None:
        samples, rows = gating.having(connection, kind, values, missing=missing)
        where = "here"
    else:
        samples, rows = gating.having_in_split(connection, gate.split, subject.usable, kind, values, missing=missing)
        where = f"in {gate.split} of the whole ledger"
    having = f" with {gate.of}" if gate.of else ""
    count = rows if of_rows else samples
    told = f"samples{having} {where}: {samples.number:,}, with {rows.number:,} of {rows.total:,} rows"
    return Observed(count.number, count.total, told, gating.ids(connection, count.examples))


def _chosen(of: Of | None) -> tuple[str, list[str]]:
    if of is None:
        return "all", []
    if of.kind == "tag" and of.value is not None:
        return "tag_value", [of.name, of.value]
    return of.kind, [of.name]


def _by_findings(subject: Subject, rules: Collection[str], told: str) -> Observed | str:
    if not gating.looked_at(subject.connection):
        return _NEVER
    return _told(subject, gating.with_findings(subject.connection, rules), told)


def _told(subject: Subject, found: Counted, what: str, more: str = "") -> Observed:
    about = f"{what}, of {found.total:,}" if found.total else what
    return Observed(found.number, found.total, about + more, gating.ids(subject.connection, found.examples))


def _empty_prompts() -> tuple[bytes, ...]:
    """Return the fingerprints of prompts that are nothing but one message without words."""
    texts: list[Content] = [Content("standard", blank, "x") for blank in (" ", "\n")]
    texts += [Content("conversational", ({"role": "user", "content": blank},), "x") for blank in ("", " ", "\n")]
    prompts = map(prompt_fingerprint, texts)
    return tuple(prompt for prompt in prompts if prompt is not None)


EMPTY_PROMPTS = _empty_prompts()
"""What an empty question looks like where no validator has looked."""
