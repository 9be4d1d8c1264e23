"""Redact: give samples whose training fields hold secrets a new version without them, and say where they stood.

Nothing else of a sample's text changes. The bytes of the old version stay in the log, as those of any version do,
until `erase` takes them out by their addresses; what was decided about the old version does not apply to the new one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple

from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, ContentRefused, CorruptLedger, HeadMoved
from ledger.event import Draft
from ledger.readers import FactMap, Reading, Unreadable, content_bytes, read_line, reader_of
from ledger.readers.strings import Found, Stretch, find_in_strings, replaced
from ledger.store import Store
from ledger.validators.secrets import RULES, find_secrets
from ledger.verbs.decide import edited
from ledger.verbs.moment import reading
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.selection import Selection, selected
from ledger.verbs.words import plain_text
from ledger.views import samples

MOST_PLACES = 1000
"""Places that a report lists; all are counted."""
_TOLD = 20
"""Places that the reason of one edit names."""
_NOWHERE = FactMap(label=(), domain=(), tag_root=None)


class RedactReport(NamedTuple):
    """Samples looked at, `samples == changed + unchanged`; secrets found, by rule and place (at most MOST_PLACES).

    `decisions_lapsed` counts the changed samples that a decision was in force for. `old_bytes_kept` counts the versions
    with secrets whose bytes stay in the log, `old_versions` are their addresses (at most MOST_PLACES).
    """

    samples: int
    changed: int
    unchanged: int
    secrets: int
    by_rule: dict[str, int]
    places: list[dict[str, str]]
    decisions_lapsed: int
    old_bytes_kept: int
    old_versions: list[str]
    events: list[int]


class _Redacted(NamedTuple):
    content: bytes
    read: Reading
    found: list[Found]

    @property
    def reason(self) -> str:
        """Return what was redacted and where, without a word of it."""
        places = list(dict.fromkeys(f"{one.name} at {one.path}" for one in self.found))
        more = f" and {len(places) - _TOLD} more" if len(places) > _TOLD else ""
        return f"redacted: {', '.join(places[:_TOLD])}{more}"


class _Tally:
    def __init__(self) -> None:
        self.samples = self.changed = self.lapsed = 0
        self.by_rule: Counter[str] = Counter()
        self.places: list[dict[str, str]] = []
        self.old_versions: list[str] = []

    def add(self, row: samples.Row, made: _Redacted | None) -> None:
        self.samples += 1
        if made is None:
            return
        self.changed += 1
        self.lapsed += row.decision is not None
        self.by_rule.update(one.name for one in made.found)
        if len(self.old_versions) < MOST_PLACES:
            self.old_versions.append(show(row.hash))
        room = MOST_PLACES - len(self.places)
        self.places += [{"sample": row.id.hex(), "rule": one.name, "path": one.path} for one in made.found[:room]]

    def report(self, events: list[int]) -> RedactReport:
        return RedactReport(
            samples=self.samples,
            changed=self.changed,
            unchanged=self.samples - self.changed,
            secrets=self.by_rule.total(),
            by_rule=dict(sorted(self.by_rule.items())),
            places=self.places,
            decisions_lapsed=self.lapsed,
            old_bytes_kept=self.changed,
            old_versions=self.old_versions,
            events=events,
        )


@without_collector()
def redact(
    store: Store, chosen: Selection, rule: str | None, who: Who, expected: int | None, *, dry_run: bool = False
) -> RedactReport:
    """Redact the secrets of the samples of a selection in one commit; with `dry_run` only count and place them.

    `rule` is the name of a kind of secret, or a pattern (`text/secret_*`); without it all kinds are redacted.
    """
    rules = _rules(rule)
    find = partial(_secrets, rules=rules)
    tally = _Tally()
    if dry_run:
        with reading(store) as (here, head):
            if expected not in {None, head.position}:
                raise HeadMoved(head.position, expected)
            for rows in selected(here, chosen):
                for row in rows:
                    tally.add(row, _redacted(here, row, find))
        return tally.report([])
    run = Run(store.ledger_id, "redact", {"rules": sorted(rules), **chosen.as_json()}, who)
    first: int | None = None
    with store.transaction(expected) as transaction:
        for rows in selected(store, chosen):
            drafts: list[Draft] = []
            for row in rows:
                made = _redacted(store, row, find)
                tally.add(row, made)
                if made is not None:
                    drafts.append(edited(store, transaction, row, made.content, made.read, made.reason, who))
            begun = run.append(transaction, drafts)
            first = begun if first is None else first
        report = tally.report([] if first is None else list(range(first, first + tally.changed)))
        counts = {"changed": report.changed, "unchanged": report.unchanged}
        conserve("samples", report.samples, counts)
        run.finish(transaction, {**counts, "samples": report.samples, "secrets": report.secrets})
    return report


def _rules(rule: str | None) -> frozenset[str]:
    """Return the kinds of secrets that a name or a pattern stands for; raise BadRequest if there is none."""
    if rule is None:
        return frozenset(RULES)
    pattern = plain_text("The rule", rule, needed=True)
    found = frozenset(name for name in RULES if fnmatchcase(name, pattern))
    if not found:
        raise BadRequest(f"No kind of secret is called {pattern[:100]!r}; there are {', '.join(RULES)}")
    return found


def _secrets(text: str, rules: frozenset[str]) -> list[Stretch]:
    return [Stretch(*secret) for secret in find_secrets(text) if secret.rule in rules]


def _redacted(store: Store, row: samples.Row, find: Callable[[str], list[Stretch]]) -> _Redacted | None:
    """Return a sample's training fields without secrets, or None if they hold none."""
    body = store.body(row.version)
    if body is None:
        return None  # erased: nothing is left to redact
    if blake3_bytes(body) != row.hash:
        raise CorruptLedger(store.path, f"the bytes of sample {row.id.hex()[:12]} are not those of {show(row.hash)}")
    text = content_bytes(body, row.reader).decode()
    found = find_in_strings(text, find)
    if not found:
        return None
    every: list[Found] = []
    keys: Counter[str] = Counter()
    while found:  # what stood against a secret may become one by itself when that is gone
        text = replaced(text, found, partial(_word, keys=keys))
        every += found
        found = find_in_strings(text, find)
    read = read_line(text.encode(), _NOWHERE, reader_of(row.reader))
    if isinstance(read, Unreadable):
        raise ContentRefused(f"without its secrets, sample {row.id.hex()[:12]}: {read.message}")
    return _Redacted(text.encode(), read, every)


def _word(one: Found, keys: Counter[str]) -> str:
    """Return what stands in the place of a secret; in keys each time another word, since no key stands twice."""
    if not one.in_key:
        return f"[REDACTED:{one.name}]"
    keys[one.name] += 1
    return f"[REDACTED:{one.name}#{keys[one.name]}]" if keys[one.name] > 1 else f"[REDACTED:{one.name}]"
