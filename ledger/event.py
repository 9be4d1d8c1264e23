"""What happened: the kinds of events, what each says, and the exact bytes that are hashed.

A *leaf* is the restricted JSON of one event. Its circumstances (when, who, through what, in which run) stand beside
what it says. Its `op` is the digest of what it says alone, so the same statement made twice is one event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from ledger.digest import NotRestricted, decode, digest_of, encode
from ledger.sample import sample_id

Fields: TypeAlias = Mapping[str, Any]
Upcaster: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

SELF = -1
"""In a draft: the event brings its own sample into being."""

AUTHORITIES = ("person", "policy", "agent", "import")
"""On whose authority a decision, a label, a tag or an edit is made: a person's outranks the others'."""

CIRCUMSTANCES = ("actor", "at", "kind", "run", "v", "via")
DECISIONS = ("accepted", "rejected", "deferred", "superseded")
BIRTHS = ("ingested", "improved", "regenerated")
WITHDRAWABLE = (*DECISIONS, "relabeled", "tagged", "weighted", "edited")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event: its current version, its fields, and which of them make its `op`.

    A new version may add, drop and rename fields; what makes the op and what names the blob never changes, or the same
    statement would be made twice in a ledger that is older than the change. Another identity is another kind.
    """

    name: str
    purpose: str
    fields: tuple[str, ...]
    identity: tuple[str, ...]
    blob: str | None = None
    v: int = 1
    names: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Keep the fields as a set too: every draft is compared with it."""
        object.__setattr__(self, "names", frozenset(self.fields))


class Stamp(NamedTuple):
    """The circumstances that all events of one commit share; `at` is microseconds since 1970 UTC."""

    actor: str
    via: str
    at: int
    run: int


class Draft(NamedTuple):
    """An event about to be appended: `sample` is the birth position of its subject (or SELF, or None)."""

    op: bytes
    kind: str
    sample: int | None
    blob: int | None
    fields: Fields


_CONTENT = ("blob", "fingerprint", "form", "prompt", "reader", "type")
_FACTS = ("domain", "label", "tags")
_DECISION = ("after", "authority", "details", "policy", "reason", "rule", "sample", "version")
_SCORED = ("after", "replicate", "rubric", "sample", "scorer", "scorer_version", "version")
_DERIVED = (*_CONTENT, *_FACTS, "campaign", "cost", "ordinal", "parent", "recipe", "request", "usage", "version")
_CALLED = ("attempt", "call", "purpose", "sample")
_DERIVATION = ("blob", "ordinal", "parent", "recipe", "version")

_ALL = (
    Kind(
        "run_started",
        "a command or agent began to change the ledger",
        ("command", "ledger", "params", "recipe", "root", "size", "tool"),
        ("command", "recipe", "size"),
    ),
    Kind("run_finished", "it ended; its counts add up", ("counts", "started"), ("started",)),
    Kind(
        "ingested",
        "a sample came from a source",
        (*_CONTENT, *_FACTS, "campaign", "line", "nth", "source"),
        (),
        blob="blob",
    ),
    Kind(
        "quarantined",
        "a line is not a valid sample; its bytes are kept",
        ("blob", "campaign", "line", "nth", "offset", "reason", "source"),
        ("blob", "campaign", "nth", "source"),
        blob="blob",
    ),
    Kind("accepted", "a person or a policy accepted a version", _DECISION, _DECISION, blob="version"),
    Kind("rejected", "a person or a policy rejected a version", _DECISION, _DECISION, blob="version"),
    Kind("deferred", "a decision was put off", _DECISION, _DECISION, blob="version"),
    Kind("superseded", "a person or a policy replaced it by another sample", _DECISION, _DECISION, blob="version"),
    Kind(
        "relabeled",
        "the label changed",
        (*_DECISION, "label"),
        (*_DECISION, "label"),
        blob="version",
    ),
    Kind(
        "scored",
        "a scorer measured a version; a dimension that it could not measure says why",
        (*_SCORED, "dimensions", "evidence", "notes", "unscored"),
        (*_SCORED, "dimensions", "unscored"),
        blob="version",
    ),
    Kind(
        "unscored",
        "a scorer could measure nothing of a version, and why",
        (*_SCORED, "reason"),
        (*_SCORED, "reason"),
        blob="version",
    ),
    Kind(
        "found",
        "validators looked at a version; what they found, if anything",
        ("after", "findings", "sample", "schema", "validators", "version"),
        ("after", "findings", "sample", "schema", "validators", "version"),
        blob="version",
    ),
    Kind(
        "policy_adopted",
        "a policy is in force from here on, for one campaign or for all",
        ("after", "authority", "campaign", "changes", "name", "policy", "reason", "source"),
        ("after", "authority", "campaign", "policy"),
        blob="policy",
    ),
    Kind(
        "tagged",
        "a tag was set, or removed with value null",
        ("after", "authority", "key", "policy", "reason", "sample", "value"),
        ("after", "authority", "key", "policy", "sample", "value"),
    ),
    Kind(
        "weighted",
        "exports for training repeat the sample so many times; 1 takes an earlier weight back",
        ("after", "authority", "policy", "reason", "sample", "times"),
        ("after", "authority", "policy", "sample", "times"),
    ),
    Kind(
        "edited",
        "a person gave the sample a new version",
        (*_CONTENT, "after", "authority", "reason", "sample", "version"),
        ("after", "authority", "blob", "sample", "version"),
        blob="blob",
    ),
    Kind(
        "improved",
        "a child sample was made from a parent's version to be better",
        _DERIVED,
        _DERIVATION,
        blob="blob",
    ),
    Kind(
        "regenerated",
        "a child sample was made afresh from a parent's version",
        _DERIVED,
        _DERIVATION,
        blob="blob",
    ),
    Kind(
        "withdrawn", "an event no longer applies; what stood before does", ("reason", "sample", "target"), ("target",)
    ),
    Kind(
        "duplicates_found",
        "near-duplicates were looked for; it takes the place of an earlier look, or goes on from it",
        ("after", "base", "campaign", "field", "keys", "recipe", "texts", "twins"),
        ("after", "base", "campaign", "field", "keys", "recipe", "twins"),
        blob="twins",
    ),
    Kind(
        "templates_found",
        "templates were looked for; it takes the place of an earlier look",
        ("after", "campaign", "families", "field", "recipe", "templated", "texts"),
        ("after", "campaign", "families", "field", "recipe"),
        blob="families",
    ),
    Kind(
        "split_assigned",
        "a sample was put in train, val or test, for good unless a merged family is resolved",
        ("after", "family", "ratio", "sample", "seed", "split"),
        ("after", "sample", "split"),
    ),
    Kind(
        "view_defined",
        "a view of that name is this from here on",
        ("after", "authority", "name", "reason", "source", "view"),
        ("after", "authority", "name", "view"),
        blob="view",
    ),
    Kind(
        "released",
        "a view was frozen into a file with a manifest",
        ("after", "manifest", "members", "name", "omissions", "output", "plan", "recipe", "rows", "view"),
        ("after", "members", "name", "omissions", "output", "plan", "recipe", "view"),
        blob="manifest",
    ),
    Kind(
        "trained",
        "a trainer was given a release; what came of it, also where it failed",
        (
            *(
                "backend",
                "config",
                "device",
                "failure",
                "memory",
                "method",
                "metrics",
                "model",
                "output",
                "release",
                "result",
                "rows",
            ),
            *("seconds", "started", "state", "steps", "versions"),
        ),
        ("started",),
        blob="config",
    ),
    Kind(
        "evaluated",
        "a model answered prompts, and its answers were checked",
        (
            *("baseline", "config", "expectations", "model", "outputs", "prompts", "release", "results", "schemas"),
            *("started", "trained", "versions"),
        ),
        ("started",),
        blob="outputs",
    ),
    Kind(
        "erased",
        "the bytes of a blob were erased, on somebody's authority; its hash stays, and keeps it out",
        ("authority", "blob", "fingerprint", "reason", "sample"),
        ("blob",),
        blob="blob",
    ),
    Kind(
        "work_planned",
        "which versions a model is asked about, how, and for how much at most",
        ("budget", "items", "members", "model", "prices", "provider", "purpose", "recipe"),
        ("members", "recipe"),
        blob="recipe",
    ),
    Kind(
        "request_sent",
        "a request is about to go to a provider; it counts as paid for until its outcome is known",
        (*_CALLED, "batch", "mode", "model", "ordinal", "provider", "request", "reserved", "version"),
        ("attempt", "call"),
    ),
    Kind(
        "reply_stored",
        "a provider's reply as it came, before anything reads it, and what it cost",
        (*_CALLED, "blob", "cost", "latency", "request_id", "sent", "status", "stop", "usage"),
        ("sent",),
        blob="blob",
    ),
    Kind(
        "attempt_failed",
        "an attempt failed, or, where it is final, the work on a version ended without a result",
        (*_CALLED, "detail", "failure", "final", "recipe", "sent", "version"),
        ("attempt", "call", "failure", "final", "recipe"),
    ),
    Kind(
        "batch_submitted",
        "a provider holds a batch of requests, or one that had been submitted before was found there",
        ("adopted", "batch", "calls", "provider", "provider_id"),
        ("batch", "provider_id"),
    ),
    Kind(
        "checked_out",
        "a batch of versions was written to a file, to be worked on elsewhere",
        ("batch", "blob", "count", "file", "job", "size"),
        ("batch", "blob", "job"),
        blob="blob",
    ),
    Kind(
        "proposed",
        "somebody proposes a decision about samples; nothing changes until it is accepted",
        ("client", "count", "evidence", "key", "members", "proposer", "reason", "verdict"),
        ("key", "proposer"),
        blob="members",
    ),
    Kind(
        "proposal_accepted",
        "a proposal was accepted; the decisions that it asked for stand behind this event",
        ("authority", "confirmed", "policy", "proposal", "reason"),
        ("proposal",),
    ),
    Kind(
        "proposal_declined",
        "a proposal was declined; it changes nothing",
        ("authority", "proposal", "reason"),
        ("proposal",),
    ),
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""(kind, version) -> a pure function to the fields of the next version. Stored leaves never change."""


def op_of(kind: str, fields: Mapping[str, Any]) -> bytes:
    """Return the op of what an event of `kind` says; for events that bring a sample into being, its sample id."""
    if kind == "ingested":
        return sample_id(fields["campaign"], fields["source"], bytes.fromhex(fields["blob"]), fields["nth"])
    return digest_of({"kind": kind, **{name: fields[name] for name in KINDS[kind].identity}})


def draft(kind: str, sample: int | None, blob: int | None, fields: Fields, op: bytes | None = None) -> Draft:
    """Return a draft with its op (made here unless the caller has it); the fields must be exactly those of the kind."""
    if fields.keys() != KINDS[kind].names:
        raise ValueError(f"{kind}: fields {sorted(fields)} are not {sorted(KINDS[kind].fields)}")
    return Draft(op_of(kind, fields) if op is None else op, kind, sample, blob, fields)


def pairs(tags: Mapping[str, str]) -> list[list[str]]:
    """Return tags as sorted [name, value] pairs: names need not be ASCII, so they cannot be keys of a leaf."""
    return [list(pair) for pair in sorted(tags.items())]


def leaf_bytes(kind: str, fields: Fields, stamp: Stamp) -> bytes:
    """Return the exact bytes of an event: what is stored, and hashed into the tree."""
    actor, via, at, run = stamp
    return encode({**fields, "actor": actor, "via": via, "at": at, "run": run, "kind": kind, "v": KINDS[kind].v})


def read_leaf(data: bytes | str) -> dict[str, Any]:
    """Return a stored leaf in the current version of its kind; raise NotRestricted if it is not canonical."""
    leaf = decode(data)
    if not isinstance(leaf, dict) or not isinstance(leaf.get("kind"), str) or type(leaf.get("v")) is not int:
        raise NotRestricted("a leaf is an object with a kind and a version")
    return upcast(leaf)


def upcast(leaf: dict[str, Any]) -> dict[str, Any]:
    """Return the leaf raised to the newest version that its kind's upcasters reach."""
    while (step := UPCASTERS.get((leaf["kind"], leaf["v"]))) is not None:
        leaf = {**step(leaf), "kind": leaf["kind"], "v": leaf["v"] + 1}
    return leaf


def is_known(kind: str, v: int) -> bool:
    """Say whether this program can fold events of `kind` in version `v`."""
    while (kind, v) in UPCASTERS:
        v += 1
    return kind in KINDS and KINDS[kind].v == v
