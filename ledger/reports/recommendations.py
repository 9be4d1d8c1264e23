"""What could be done about rejections, reason by reason, with the numbers that each piece of advice rests on.

Where a threshold of the policy in force decides, the advice is the setting that would let in the nearest tenth of the
samples of that reason and domain (at least one), and how many it would accept: exactly what `ledger whatif --set`
says, since it is counted from the same judgements.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ledger.fixed import text_of
from ledger.policy.changes import changed
from ledger.policy.verdict import DEFAULT, UNKNOWN
from ledger.reports.levers import Setting, Way, lever, setting, untouched, ways, window
from ledger.rule import Findings, Policy, Threshold, comparisons
from ledger.sqlite import Connection
from ledger.views import nearest, policies, rejected, retried, rollups
from ledger.views.judging import slots_of
from ledger.views.retried import Window

MOST = 12
"""Reasons and domains for which a setting is worked out: the largest. Each reason has at least one piece of advice."""

REPLAYED = 60_000
"""Samples times settings up to which caps are replayed; beyond, `would_accept` is null."""

SHARE = 10
"""A setting is to let in one in so many, at least."""

CAUSES = {
    "duplicate": "Each teaches what another sample already does, so none is worth letting in; vary prompts or sources.",
    "near_duplicate": "Each is close to another sample; vary prompts or sources.",
    "low_diversity": "They are close to other samples: vary the prompts, add sources.",
    "kg_inconsistent": "They name what the knowledge graph does not: bring it up to date, or look at what is missing.",
    "high_hallucination": "They sound unsure or fit their prompts badly: give the teacher more context.",
    "low_coherence": "Answers take up little of their prompts; short questions score low by construction.",
    "validation_failed": "Validators found errors: `ledger why` names them; mend or make these samples again.",
    "person": "People rejected them, which outranks policies; `ledger withdraw` takes such a decision back.",
    "agent": "An agent rejected them; look at its reasons with `ledger why`.",
    UNKNOWN: "The policy could not tell, for want of scores or findings: run the scorers and validators it asks for.",
}
"""What tends to be behind a reason, by its name."""


class Group(NamedTuple):
    """The rejected samples of one reason in one domain ('': none)."""

    reason: str
    domain: str
    samples: int


class Try(NamedTuple):
    """A setting that would let in some of a group."""

    group: Group
    way: Way
    setting: Setting
    window: Window


def recommendations(
    connection: Connection,
    counts: Mapping[tuple[str, str], int],
    adoption: policies.Adoption | None,
    campaign: str | None,
    judged: int,
) -> list[dict[str, Any]]:
    """Return advice for every reason, largest first; `counts` are those of each reason and domain.

    `adoption` is the one policy in force in question, None where there is none or several; it judged `judged` samples.
    """
    total = sum(counts.values())
    reasons: Counter[str] = Counter()
    for (reason, _), samples in counts.items():
        reasons[reason] += samples
    policy = None if adoption is None else policies.frozen(adoption)
    made: list[dict[str, Any]] = []
    if adoption is not None and policy is not None:
        groups = _largest(policy, counts)
        tried = _tries(connection, adoption, policy, groups, campaign)
        gains = _gains(connection, adoption, policy, tried, campaign, judged)
        made = [_advice(one, gain, total) for one, gain in zip(tried, gains, strict=True) if gain != 0]
    short = rejected.shortfalls(connection, campaign) if reasons and nearest.any_recorded(connection) else []
    advised = {one["reason"] for one in made}
    made += [
        _plain(policy, reason, samples, short, total) for reason, samples in reasons.items() if reason not in advised
    ]
    return sorted(made, key=lambda one: (-one["samples"], one["reason"], one["domain"] or ""))


def _largest(policy: Policy, counts: Mapping[tuple[str, str], int]) -> list[Group]:
    """Return the groups for which a setting is worked out: the largest of all, and the largest of each reason."""
    sizes: Counter[tuple[str, str]] = Counter()
    for (reason, domain), samples in counts.items():
        if found := ways(policy, reason):
            sizes[reason, domain if _is_named(found[0]) else ""] += samples
    groups = [Group(reason, domain, samples) for (reason, domain), samples in sizes.items()]
    groups.sort(key=lambda group: (-group.samples, group.reason, group.domain))
    firsts = {group.reason: group for group in reversed(groups)}
    return [group for place, group in enumerate(groups) if place < MOST or firsts[group.reason] is group]


def _tries(
    connection: Connection,
    adoption: policies.Adoption,
    policy: Policy,
    groups: Sequence[Group],
    campaign: str | None,
) -> list[Try]:
    """Return a setting for each group that one threshold alone keeps out some of."""
    slots = slots_of(policy)
    chosen = {group.reason: ways(policy, group.reason)[0] for group in groups}
    levers = [lever(policy, reason, way, slots) for reason, way in chosen.items()]
    missing: dict[tuple[str, str], list[tuple[int, int]]] = {}
    strict = policy.unknown in {"rejected", "deferred"}
    masks = {untouched(policy, way) for way in chosen.values()}
    retried.gather(connection, adoption, campaign, sorted(masks), strict=strict)
    for one in retried.missing(connection, levers, strict=policy.unknown != "ignore"):
        domain = one.domain if _is_named(chosen[one.rule]) else ""
        missing.setdefault((one.rule, domain), []).append((one.hundredths, one.samples))
    domains = sorted({group.domain for group in rollups.groups(connection)})
    tried = []
    for group in groups:
        way = chosen[group.reason]
        steps = sorted(missing.get((group.reason, group.domain), ()), reverse=way.down)
        made = setting(policy, way, group.domain, _nearest(steps, group.samples)) if steps else None
        if made is not None:
            tried.append(Try(group, way, made, window(policy, way, made, domains, slots)))
    return tried


def _is_named(way: Way) -> bool:
    """Say whether a threshold has a name, and so can have a value for each domain."""
    return isinstance(way.compare.right, Threshold)


def _nearest(steps: Sequence[tuple[int, int]], samples: int) -> int:
    """Return, of (hundredths, samples), nearest first, the first that reaches one in SHARE of so many, or the last."""
    wanted, so_far = -(-samples // SHARE), 0
    for hundredths, found in steps:
        so_far += found
        if so_far >= wanted:
            return hundredths
    return steps[-1][0]


def _gains(
    connection: Connection,
    adoption: policies.Adoption,
    policy: Policy,
    tried: Sequence[Try],
    campaign: str | None,
    judged: int,
) -> list[int | None]:
    """Return, for each setting, how many samples it would newly accept; None where those are too many to replay."""
    if policy.caps:
        few = min(len(tried), REPLAYED // max(judged, 1))
        counts = retried.replayed(connection, adoption, [one.setting.after for one in tried[:few]], campaign)
        return [*counts, *[None] * (len(tried) - few)]
    gains: list[int | None] = [None] * len(tried)
    for batch in _batches(tried):
        after = changed(policy, [tried[place].setting.text for place in batch])
        windows = [tried[place].window for place in batch]
        accepted = retried.gained(connection, policy, after, windows)
        for place in batch:
            domains = tried[place].window.domains
            gains[place] = accepted.total() if domains is None else sum(accepted[domain] for domain in domains)
    return gains


def _batches(tried: Sequence[Try]) -> list[list[int]]:
    """Return settings (by place) in batches that touch no domain in common, so that one pass counts a whole batch."""
    batches: list[tuple[list[int], set[str]]] = []
    alone: list[list[int]] = []
    for place, one in enumerate(tried):
        if one.window.domains is None:
            alone.append([place])
            continue
        free = next((batch for batch in batches if batch[1].isdisjoint(one.window.domains)), None)
        if free is None:
            free = ([], set())
            batches.append(free)
        free[0].append(place)
        free[1].update(one.window.domains)
    return [*alone, *(members for members, _ in batches)]


def _advice(one: Try, gain: int | None, total: int) -> dict[str, Any]:
    group, made = one.group, one.setting
    where = f" in {group.domain}" if group.domain else ""
    everywhere = "" if group.domain or one.window.domains is None else ", for every domain without a value of its own,"
    change = f"{made.name}{where}{everywhere} from {text_of(made.before)} to {text_of(made.value)}"
    of = f"(of {group.samples:,} rejected by {group.reason}{where})"
    if gain is None:
        told = (
            f"{change} comes nearest {of}; caps choose among what passes, so ask `ledger whatif` how many it lets in."
        )
    else:
        told = f"{change} would accept {gain:,} more {of}."
    return {
        "reason": group.reason,
        "domain": group.domain or None,
        "samples": group.samples,
        "share": round(group.samples / total, 4),
        "advice": " ".join(filter(None, (told, CAUSES.get(group.reason)))),
        "set": made.text,
        "would_accept": gain,
    }


def _plain(
    policy: Policy | None, reason: str, samples: int, short: Sequence[rejected.Short], total: int
) -> dict[str, Any]:
    """Return advice that no setting follows from."""
    told = (_shape(policy, reason) if policy else None, _fell_short(reason, short), CAUSES.get(reason))
    return {
        "reason": reason,
        "domain": None,
        "samples": samples,
        "share": round(samples / total, 4),
        "advice": " ".join(filter(None, told)) or "Look at some of them with `ledger why`.",
        "set": None,
        "would_accept": None,
    }


def _shape(policy: Policy, reason: str) -> str | None:
    """Return what can be said of a reason from how the policy is made."""
    for cap in policy.caps:
        if cap.name == reason:
            return f"There are more than {cap.keep:,} for the same {' and '.join(cap.per)}; the best stay."
    rule = next((rule for rule in policy.rules if rule.name == reason), None)
    if rule is not None and ways(policy, reason):
        others = "other rules, caps" if policy.caps else "other rules"
        return f"No threshold alone would let any of them in: {others} or what cannot be told keep them out, too."
    if rule is not None and any(isinstance(one.left, Findings) for one in comparisons(Policy("", rules=(rule,)))):
        return (
            "Validators found what this rule does not allow: `ledger why` names it; mend or make these samples again."
        )
    if rule is not None:
        return "The rule asks for no more or less of anything, so no threshold would let any of them in."
    return "No rule accepts them." if reason == DEFAULT else None


def _fell_short(reason: str, short: Sequence[rejected.Short]) -> str | None:
    """Return by how much the nearest tenth of the rejections that files told fell short."""
    steps = sorted((one.hundredths, one.samples) for one in short if one.rule == reason)
    known = sum(samples for _, samples in steps)
    if not known:
        return None
    at_most = _nearest(steps, known)
    nearest = sum(samples for hundredths, samples in steps if hundredths <= at_most)
    fell_short = text_of(at_most * rejected.HUNDREDTH)
    return f"Of {known:,} whose file tells the margin, {nearest:,} fell short by at most {fell_short}."
