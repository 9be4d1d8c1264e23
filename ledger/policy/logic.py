"""What can be said of conditions without any sample: whether one can never hold, or follows from another.

A condition is first brought into a normal form, in which `not` has gone into the comparisons (which Kleene's logic
allows, as `not x < 1` is `x >= 1` also where x is unknown) and the order of parts does not count. What these
functions say is certain; that they say nothing proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from ledger.fixed import LARGEST, ONE
from ledger.rule import AllOf, Compare, Condition, Field, Findings, Levels, Not, Number, Op, Operand, Tag, Threshold

Normal: TypeAlias = Compare | tuple[str, frozenset["Normal"]]
"""A comparison, or ("and" | "or", parts)."""

_NEGATED: dict[Op, Op] = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
_FAR = LARGEST * ONE


def normal(condition: Condition, *, negated: bool = False) -> Normal:
    """Return the normal form of a condition, or of its opposite."""
    if isinstance(condition, Compare):
        op = _NEGATED[condition.op] if negated else condition.op
        return Compare(condition.left, op, condition.right)
    if isinstance(condition, Not):
        return normal(condition.part, negated=not negated)
    word = "and" if isinstance(condition, AllOf) != negated else "or"
    parts: set[Normal] = set()
    for part in condition.parts:
        form = normal(part, negated=negated)
        parts |= form[1] if isinstance(form, tuple) and form[0] == word else {form}
    return next(iter(parts)) if len(parts) == 1 else (word, frozenset(parts))


def opposite(form: Normal) -> Normal:
    """Return the normal form of the opposite."""
    if isinstance(form, Compare):
        return Compare(form.left, _NEGATED[form.op], form.right)
    word, parts = form
    return ("or" if word == "and" else "and", frozenset(map(opposite, parts)))


def never(form: Normal, thresholds: Mapping[str, Levels]) -> bool:
    """Say whether a condition can be seen to hold for no sample, in no domain."""
    if isinstance(form, Compare):
        return _contradict((form,), thresholds)
    word, parts = form
    if word == "or":
        return all(never(part, thresholds) for part in parts)
    plain = [part for part in parts if isinstance(part, Compare)]
    return _contradict(plain, thresholds) or any(
        never(part, thresholds) for part in parts if not isinstance(part, Compare)
    )


def always(form: Normal, thresholds: Mapping[str, Levels]) -> bool:
    """Say whether a condition can be seen to hold for every sample, also for one of which no number is known."""
    return all(isinstance(compare.left, (Field, Tag)) for compare in _compares(form)) and never(
        opposite(form), thresholds
    )


def follows(form: Normal, earlier: Normal) -> bool:
    """Say whether `earlier` can be seen to hold wherever `form` does.

    That is so where `form` demands all that `earlier` demands, or all that one alternative of it does.
    """
    demands = _demands(form)
    alternatives = earlier[1] if isinstance(earlier, tuple) and earlier[0] == "or" else ()
    return any(_demands(one) <= demands for one in (earlier, *alternatives))


def _demands(form: Normal) -> frozenset[Normal]:
    return form[1] if isinstance(form, tuple) and form[0] == "and" else frozenset((form,))


def _compares(form: Normal) -> Iterator[Compare]:
    if isinstance(form, Compare):
        yield form
    else:
        for part in form[1]:
            yield from _compares(part)


def _contradict(compares: Iterable[Compare], thresholds: Mapping[str, Levels]) -> bool:
    """Say whether comparisons that should all hold leave no value for something that they look up."""
    about: dict[Operand, list[Compare]] = {}
    for compare in compares:
        about.setdefault(compare.left, []).append(compare)
    return any(
        _no_text(group) if isinstance(left, (Field, Tag)) else _no_number(left, group, thresholds)
        for left, group in about.items()
    )


def _no_text(group: list[Compare]) -> bool:
    wanted = {compare.right for compare in group if compare.op == "=="}
    unwanted = {compare.right for compare in group if compare.op == "!="}
    return len(wanted) > 1 or bool(wanted & unwanted)


def _no_number(left: Operand, group: list[Compare], thresholds: Mapping[str, Levels]) -> bool:
    names = {compare.right.name for compare in group if isinstance(compare.right, Threshold)}
    told = False
    for world in _worlds([thresholds[name] for name in sorted(names)], group):
        if not _empty(left, group, world):
            return False
        told = True
    return told


def _worlds(levels: list[Levels], group: list[Compare]) -> Iterator[dict[str, int]]:
    """Yield the values that thresholds can have together; nothing where that cannot be told."""
    if all(level.cross is None for level in levels):
        own = [(level.name, level.default, dict(level.domains)) for level in levels]
        domains = {"": None, **{domain: None for _, _, values in own for domain in values}}
        yield from ({name: values.get(domain, default) for name, default, values in own} for domain in domains)
    elif len(levels) == 1 and all(isinstance(compare.right, Threshold) for compare in group):
        yield {levels[0].name: 1_000 * ONE}  # what contradicts itself at one value does so at all


def _empty(left: Operand, group: list[Compare], world: Mapping[str, int]) -> bool:
    """Say whether no number satisfies every comparison; a count of findings is a whole number from 0."""
    step = ONE if isinstance(left, Findings) else 1
    low, high = (0 if isinstance(left, Findings) else -_FAR), _FAR
    without: set[int] = set()
    for compare in group:
        at = compare.right.value if isinstance(compare.right, Number) else world[getattr(compare.right, "name", "")]
        if compare.op in {">", ">=", "=="}:
            low = max(low, at + (compare.op == ">"))
        if compare.op in {"<", "<=", "=="}:
            high = min(high, at - (compare.op == "<"))
        if compare.op == "!=":
            without.add(at)
    low = -(-low // step) * step
    return low > high or (high - low < step and low in without)
