"""Events as people and programs read them: what happened, when, by whom, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger.digest import NotRestricted
from ledger.errors import CorruptLedger
from ledger.event import read_leaf
from ledger.store import Store

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_text(at: int) -> str:
    """Return microseconds since 1970 as ISO 8601 in UTC."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="seconds").replace("+00:00", "Z")


def events(store: Store, *, sample: int | None, upto: int, limit: int) -> list[dict[str, Any]]:
    """Return the last events (of one sample, or all), oldest first."""
    rows = store.events(sample=sample, upto=upto, limit=limit)
    return [event(position, op, leaf_of(store, text)) for position, op, text in rows]


def leaf_of(store: Store, text: str) -> dict[str, Any]:
    """Return a stored leaf in the newest version of its kind; raise CorruptLedger if it is none."""
    try:
        return read_leaf(text)
    except (NotRestricted, TypeError, KeyError) as error:
        raise CorruptLedger(store.path, f"an event's bytes are not a leaf ({error})") from error


def event(position: int, op: bytes, leaf: dict[str, Any]) -> dict[str, Any]:
    """Return one event: its place, its circumstances, what it says, and that in a sentence."""
    said = {key: value for key, value in leaf.items() if key not in {"actor", "at", "kind", "run", "v", "via"}}
    return {
        "position": position,
        "event": op.hex(),
        "kind": leaf["kind"],
        "time": time_text(leaf["at"]),
        "actor": leaf["actor"],
        "via": leaf["via"],
        "run": leaf["run"],
        "sentence": sentence(leaf),
        "says": said,
    }


def sentence(leaf: dict[str, Any]) -> str:
    """Return what a leaf says, in one line."""
    kind = leaf["kind"]
    maker = _SENTENCES.get(kind)
    return kind if maker is None else maker(leaf)


def _label(value: bool | None) -> str:  # noqa: FBT001 - a label
    return "none" if value is None else str(value).lower()


def _quoted(text: str | None) -> str:
    return f": {text}" if text else ""


def _by(e: Mapping[str, Any]) -> str:
    """Return the rule that decided, and what somebody wrote."""
    rule = "" if e["rule"] is None else f" by the rule {e['rule']}"
    return f"{rule}{_quoted(e['reason'])}"


def _scores(e: Mapping[str, Any]) -> str:
    parts = [f"{name} {value}" for name, value in e["dimensions"]]
    if unknown := len(e["unscored"]):
        parts.append(f"{unknown} unscored")
    return ", ".join(parts)


def _found(findings: Sequence[Sequence[str]]) -> str:
    errors = sum(severity == "error" for _, severity, _ in findings)
    return f"{errors} errors, {len(findings) - errors} warnings" if findings else "nothing found"


def _dollars(cost: str | None) -> str:
    return "a cost that nobody knows" if cost is None else f"${cost}"


def _where(campaign: str | None) -> str:
    return "" if campaign is None else f" for {campaign}"


_SENTENCES = {
    "run_started": lambda e: f"{e['command']} began",
    "run_finished": lambda e: (
        "finished: " + ", ".join(f"{count} {name}" for name, count in sorted(e["counts"].items()))
    ),
    "ingested": lambda e: (
        f"came from {e['source']} line {e['line']} (campaign {e['campaign']}, label {_label(e['label'])})"
    ),
    "quarantined": lambda e: f"{e['source']} line {e['line']} is not a valid sample: {e['reason']}",
    "accepted": lambda e: f"accepted{_by(e)}",
    "rejected": lambda e: f"rejected{_by(e)}",
    "deferred": lambda e: f"deferred{_by(e)}",
    "superseded": lambda e: f"superseded{_by(e)}",
    "relabeled": lambda e: f"labelled {_label(e['label'])}{_by(e)}",
    "scored": lambda e: f"scored by {e['scorer']}: {_scores(e)}",
    "unscored": lambda e: f"not scored by {e['scorer']}: {e['reason']}",
    "found": lambda e: f"validated: {_found(e['findings'])}",
    "policy_adopted": lambda e: f"adopted the policy {e['name']}{_where(e['campaign'])}{_quoted(e['reason'])}",
    "duplicates_found": lambda e: (
        f"looked for near-duplicates in {e['field']}{_where(e['campaign'])}: {e['texts']} new texts"
    ),
    "templates_found": lambda e: (
        f"looked for templates in {e['field']}{_where(e['campaign'])}: {e['templated']} of {e['texts']} texts"
    ),
    "tagged": lambda e: f"tag {e['key']} " + ("removed" if e["value"] is None else f"= {e['value']}"),
    "weighted": lambda e: f"weight {e['times']}{_quoted(e['reason'])}",
    "edited": lambda e: f"edited into b3:{e['blob'][:12]}{_quoted(e['reason'])}",
    "improved": lambda e: f"improved from {e['parent'][:12]}",
    "regenerated": lambda e: f"regenerated from {e['parent'][:12]}",
    "work_planned": lambda e: f"{e['model']} is to {e['purpose']} {e['items']} sample{'' if e['items'] == 1 else 's'}",
    "request_sent": lambda e: f"asked {e['model']} to {e['purpose']} it, attempt {e['attempt']}",
    "reply_stored": lambda e: f"a reply came for {_dollars(e['cost'])}: {e['stop'] or 'it does not say why it ends'}",
    "attempt_failed": lambda e: (
        f"{'could not ' + e['purpose'] + ' it' if e['final'] else 'the attempt failed'}: {e['failure']} ({e['detail']})"
    ),
    "batch_submitted": lambda e: (
        f"{e['provider']} holds a batch of {e['calls']} requests{', which was found there' if e['adopted'] else ''}"
    ),
    "checked_out": lambda e: f"checked out {e['count']} sample{'' if e['count'] == 1 else 's'} into {e['file']}",
    "withdrawn": lambda e: f"withdrew {e['target'][:12]}{_quoted(e['reason'])}",
    "split_assigned": lambda e: f"assigned to {e['split']}",
    "view_defined": lambda e: f"defined the view {e['name']}{_quoted(e['reason'])}",
    "released": lambda e: f"released {e['view']} as {e['name']}: {e['rows']} rows",
    "trained": lambda e: (
        f"trained {e['output']} with {e['method']} on the release {e['release'][:12]}: {e['state']} after "
        f"{e['steps'][0]} of {e['steps'][1]} steps{_quoted(e['failure'])}"
    ),
    "evaluated": lambda e: (
        f"evaluated a model on the release {e['release'][:12]}: {e['prompts']} prompts, {len(e['results'])} checks"
    ),
    "proposed": lambda e: (
        f"proposed {e['verdict']} of {e['count']} sample{'' if e['count'] == 1 else 's'}{_quoted(e['reason'])}"
    ),
    "proposal_accepted": lambda e: f"accepted the proposal {e['proposal'][:12]}{_quoted(e['reason'])}",
    "proposal_declined": lambda e: f"declined the proposal {e['proposal'][:12]}{_quoted(e['reason'])}",
    "erased": lambda e: f"erased b3:{e['blob'][:12]} on the authority of {e['authority']}{_quoted(e['reason'])}",
}
