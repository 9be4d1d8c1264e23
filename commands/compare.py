"""`ledger compare`: campaigns side by side, what differs between them, and the trend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of, text

if TYPE_CHECKING:
    from commands._render import Part

Answer = dict[str, Any]

_REASONS = 10
_WAYS = ("reason", "rule", "domain", "source")


@verb("compare spring summer autumn")
@click.argument("campaigns", nargs=-1, type=text, metavar="[CAMPAIGN…]")
@click.option(
    "--scores/--no-scores",
    default=None,
    help="Read every score for the means (some seconds at a million samples). Default: up to 100,000 samples.",
)
@click.option("--by", type=click.Choice(_WAYS), help="Show two campaigns part by part, too.")
@as_of
@click.pass_obj
def command(call: Call, *, campaigns: tuple[str, ...], scores: bool | None, by: str | None, as_of: str | None) -> None:
    """Compare campaigns.

    Counts, acceptance with 95 % intervals, reasons, domains, mean scores and policies of each campaign named (or of
    all), what differs from one to the next, and the trend. One campaign alone is summed up.
    """
    with call.open() as ledger:
        found = ledger.compare(campaigns, scores=scores, by=by, as_of=as_of)
    call.answer(found, lambda: _render(found))


def _render(found: Answer) -> None:
    from commands._render import heading, line, table

    if not found["campaigns"]:
        line("no campaigns yet")
    for number, campaign in enumerate(found["campaigns"]):
        if number:
            line()
        _campaign(campaign)
    for difference in found["differences"]:
        _difference(difference)
    if len(found["trend"]) > 1:
        heading("trend")
        rows = [
            (
                point["campaign"],
                "" if point["began"] is None else point["began"]["time"][:10],
                _rate(point["acceptance"]),
                _interval(point["acceptance"]),
                _rate(point["label_rate"]),
                _interval(point["label_rate"]),
            )
            for point in found["trend"]
        ]
        table(("campaign", "began", ">accepted", "95 %", ">labelled true", "95 %"), rows, indent=2)
    if "parts" in found:
        _parts(found["parts"])
    if not found["scores_read"]:
        line()
        line(("mean scores and label rules are left out: reading every score takes some seconds; add --scores", "dim"))


def _parts(found: Answer) -> None:
    from commands._render import heading, line, many, number, table

    heading(f"by {found['by']}")
    rows = [
        (
            one["key"] or "(none)",
            *(number(one[side]["samples"]) for side in ("a", "b")),
            *("-" if one[side]["share"] is None else f"{one[side]['share']:.1%}" for side in ("a", "b")),
            "" if one["points"] is None else f"{one['points']:+.2f}",
        )
        for one in found["parts"]
    ]
    share = "accepted" if found["by"] in {"domain", "source"} else "of decided"
    columns = (found["by"], f">{found['a']}", f">{found['b']}", f">{share}", f">{share}", ">points")
    table(columns, rows, indent=2)
    if found["left"]:
        line((f"  and {found['left']} more", "dim"))
    line(f"  {many(found['texts_judged_otherwise'], 'text')} of both judged otherwise")


def _campaign(one: Answer) -> None:
    from commands._render import line, number, table, total

    began = "" if one["began"] is None else f"  began {one['began']['time']}"
    line((one["name"], "bold cyan"), (began, "dim"))
    total(one["samples"], "sample", one["by_status"])
    total(one["samples"], "sample", one["by_label"])
    accepted, labelled = one["acceptance"], one["label_rate"]
    line("  accepted ", (_rate(accepted), "bold"), f" of {number(accepted['decided'])} decided", _sure(accepted))
    line("  labelled true ", (_rate(labelled), "bold"), f" of {number(labelled['labelled'])} labelled", _sure(labelled))
    policy = one["policy"]
    if policy is None:
        line("  no policy is in force")
    else:
        own = "for this campaign" if policy["campaign"] else "for all campaigns"
        line(f"  policy {policy['name']}, adopted {policy['time']} @{policy['position']} {own}")
    _reasons("  why not", [(f"{each['rule']} ({each['status']})", each) for each in one["reasons"]])
    _reasons("  label rules", [(each["rule"], each) for each in one["label_rules"] or ()])
    domains = [(name or "(none)", told) for name, told in one["by_domain"].items()]
    if len(domains) > 1:
        rows = [
            (name, number(told["samples"]), _rate(told["acceptance"]), _interval(told["acceptance"]))
            for name, told in domains
        ]
        table(("domain", ">samples", ">accepted", "95 %"), rows, indent=2)
    if one["means"]:
        _means(one["means"])


def _means(means: list[Answer]) -> None:
    from commands._render import digest, number, table

    scorers = {(each["scorer"], each["scorer_version"], each["rubric"]) for each in means}
    rows = []
    for each in means:
        rubric = f", rubric {digest(each['rubric'])}" if each["rubric"] else ""
        by = f"{each['scorer']}@{each['scorer_version']}{rubric}" if len(scorers) > 1 else ""
        labels = [_mean(each["by_label"].get(label)) for label in ("true", "false", "none")]
        rows.append((each["dimension"], number(each["samples"]), f"{each['mean']:.4f}", *labels, by))
    columns = ("mean of", ">samples", ">all", ">true", ">false", ">no label", "by" if len(scorers) > 1 else "")
    table(columns, rows, indent=2)


def _mean(part: Answer | None) -> str:
    return "-" if part is None else f"{part['mean']:.4f}"


def _difference(one: Answer) -> None:
    from commands._render import heading, line, table

    heading(f"{one['from']} -> {one['to']}")
    for name, key in (("acceptance", "acceptance"), ("labelled true", "label_rate")):
        change = one[key]
        if change["rate"] is not None:
            points = f"{change['rate'] * 100:+.1f} points ({change['low'] * 100:+.1f} to {change['high'] * 100:+.1f})"
            line(f"  {name} ", (change["word"], "bold"), f": {points}")
    if one["same_policy"]:
        line("  the same policy")
        return
    line(("  under different policies, so the gate differs as well as the data", "yellow"))
    rows = [(key, before or "-", after or "-") for key, before, after in one["policy_changes"] or ()]
    table(("setting", "before", "after"), rows, indent=2)


def _reasons(title: str, rows: list[tuple[str, Answer]]) -> None:
    from commands._render import line

    if rows:
        told = [f"{name} {each['samples']:,} ({each['share']:.1%})" for name, each in rows[:_REASONS]]
        more = f" and {len(rows) - _REASONS} more" if len(rows) > _REASONS else ""
        line(f"{title}: {', '.join(told)}{more}")


def _sure(rate: Answer) -> Part:
    return ("" if rate["rate"] is None else f"  (95 %: {_interval(rate)})", "dim")


def _rate(rate: Answer) -> str:
    return "-" if rate["rate"] is None else f"{rate['rate']:.1%}"


def _interval(rate: Answer) -> str:
    return "" if rate["rate"] is None else f"{rate['low']:.1%} to {rate['high']:.1%}"
