"""What a policy sees of each sample, as one row: the numbers that it compares (x0, x1, ...) and the texts (bits).

The numbers are those of `ledger.rule.observed(policy)` in that order, in millionths, NULL where unknown. Bit i of
`facts` says whether the i-th of the policy's comparisons of texts holds.
"""

from __future__ import annotations

from ledger.rule import Choice, Compare, Field, Findings, Policy, Score, Tag, comparisons, observed
from ledger.sqlite import Connection
from ledger.views import scores
from ledger.views.conditions import Parameters, findings_count, tag_value, text_compared

SLOTS = 16
"""How many numbers a policy may compare."""

COLUMNS = ", ".join(f"x{slot}" for slot in range(SLOTS))

_SAID = "SELECT v.value FROM scores v WHERE v.sample = s.sample AND v.version = s.version AND v.measure IN ({measures})"
_MEAN = "(sum(value) + CASE WHEN sum(value) < 0 THEN -(count(*) / 2) ELSE count(*) / 2 END) / count(*)"
_COMBINED = {
    "latest": "(SELECT value FROM ({said} ORDER BY v.position DESC LIMIT 1))",
    "min": "(SELECT min(value) FROM ({said}))",
    "max": "(SELECT max(value) FROM ({said}))",
    "mean": f"(SELECT {_MEAN} FROM ({{said}}) HAVING count(*) > 0)",
    "agree": f"(SELECT {_MEAN} FROM ({{said}}) HAVING count(*) > 0 AND max(value) - min(value) <= {{tolerance}})",
    "median": f"""(SELECT {_MEAN} FROM (SELECT value, row_number() OVER (ORDER BY value) AS nth, count(*) OVER () AS n
        FROM ({{said}})) WHERE nth IN ((n + 1) / 2, (n + 2) / 2) HAVING count(*) > 0)""",
}

GIVEN_LABEL = """CASE WHEN s.label_event = s.sample
        OR (SELECT l.authority FROM labels l WHERE l.position = s.label_event) <> 'policy'
    THEN CASE s.label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END
    ELSE coalesce(
        (SELECT CASE l.label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END FROM labels l
            WHERE l.sample = s.sample AND l.withdrawn IS NULL AND l.authority <> 'policy'
            ORDER BY l.position DESC LIMIT 1),
        (SELECT CASE json_extract(e.leaf, '$.label') WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END
            FROM told e WHERE e.position = s.sample)) END"""
"""SQL for the label that the sample `s` has without policies: a person's, the latest other, or that of its birth."""

_FIELDS = {
    "domain": "coalesce(s.domain, '')",
    "label": GIVEN_LABEL,
    "source": "coalesce(s.source, '')",
}


def texts(policy: Policy) -> list[Compare]:
    """Return a policy's comparisons of texts, each once, in their order: the bits of `facts`."""
    return list(dict.fromkeys(c for c in comparisons(policy) if isinstance(c.left, (Field, Tag))))


def observations(connection: Connection, policy: Policy, parameters: Parameters) -> str:
    """Return the columns x0 ... x15 and facts of the sample `s`, as SQL for a SELECT."""
    numbers = [_number(connection, policy.scores, item, parameters) for item in observed(policy)]
    if len(numbers) > SLOTS:
        raise ValueError(f"a policy compares at most {SLOTS} numbers")
    numbers += ["NULL"] * (SLOTS - len(numbers))
    bits = [f"({_text(compare, parameters)} << {bit})" for bit, compare in enumerate(texts(policy))]
    columns = [f"{number} AS x{slot}" for slot, number in enumerate(numbers)]
    return ", ".join((*columns, f"{' | '.join(bits) or 0} AS facts"))


def _number(connection: Connection, choice: Choice, item: Score | Findings, parameters: Parameters) -> str:
    if isinstance(item, Findings):
        return findings_count(item, parameters)
    groups = scores.measures(connection, item.dimension, choice.scorers)
    if choice.combine != "first":
        groups = [tuple(measure for group in groups for measure in group)]
    combine = "latest" if choice.combine == "first" else choice.combine
    parts = [
        _COMBINED[combine].format(said=_SAID.format(measures=", ".join(map(str, group))), tolerance=choice.tolerance)
        for group in groups
        if group
    ]
    return f"coalesce({', '.join(parts)})" if len(parts) > 1 else parts[0] if parts else "NULL"


def _text(compare: Compare, parameters: Parameters) -> str:
    if isinstance(compare.left, Tag):
        return text_compared(compare, tag_value(compare.left, parameters), parameters)
    if not isinstance(compare.left, Field):
        raise TypeError("a field or a tag is compared with a text")
    return text_compared(compare, _FIELDS.get(compare.left.name, f"s.{compare.left.name}"), parameters)
