"""`ledger agreement`: whether those who score agree with one another, and with themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from commands._common import Call, verb
from commands._options import as_of, text, whole

if TYPE_CHECKING:
    from commands._render import Part
    from ledger import Ledger

Answer = dict[str, Any]


@verb("agreement --campaign scored --by batch")
@click.option("--campaign", type=text, metavar="NAME", help="Only samples of this campaign.")
@click.option("--by", type=click.Choice(["scorer", "batch"]), help="Drift of scorers, or of batches. Default: both.")
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    type=text,
    metavar="DIM=NUMBER",
    help="Call a score below this false, instead of asking the policy in force. May be given several times.",
)
@click.option("--limit", type=whole(0), default=20, show_default=True, metavar="N", help="Flips and drifts to list.")
@as_of
@click.pass_obj
def command(
    call: Call,
    *,
    campaign: str | None,
    by: str | None,
    thresholds: tuple[str, ...],
    limit: int,
    as_of: str | None,
) -> None:
    """Compare scores of the same text.

    Pairs are scores of two samples that teach the same, or of one sample by several scorers: how often they are equal,
    how far apart they are, how often the label that follows differs (Cohen's kappa), and who drifts from the rest.
    """
    with call.open() as ledger:
        found = ledger.agreement(campaign, by=by, thresholds=thresholds, limit=limit, as_of=as_of)
        call.answer(found, lambda: _render(ledger, found))


def _render(ledger: Ledger, found: Answer) -> None:
    from commands._render import heading, line, many

    texts = f"{many(found['scorings'], 'score')} of {many(found['fingerprints'], 'text')}"
    sides = f"{found['between_samples']:,} between samples, {found['within_sample']:,} within one"
    line((many(found["pairs"], "pair"), "bold"), f" among {texts}: {sides}")
    if found["beyond"]:
        line((f"  {many(found['beyond'], 'score')} of very common texts left out: 50 of a text are paired", "dim"))
    if found["nothing_shared"]:
        line((f"  {many(found['nothing_shared'], 'pair')} without a dimension in common not compared", "dim"))
    if found["other_rubric"]:
        line((f"  {many(found['other_rubric'], 'pair')} under two rubrics not compared", "dim"))
    _labels(found)
    _dimensions(found["dimensions"])
    if len(found["scorers"]) > 1:
        heading("by scorers")
        for each in found["scorers"]:
            line(f"  {' and '.join(each['scorers'])}: {many(each['pairs'], 'pair')}, {_agreement(each)}")
    _examples(ledger, found["examples"], found["flips"])
    for key, title in (("by_scorer", "scorers"), ("by_batch", "batches")):
        if key in found:
            _drift(title, found[key], found[f"{title}_counted"])


def _labels(found: Answer) -> None:
    from commands._render import line, many

    if not found["labels_by"]:
        line("  no labels follow: no policy is in force; --threshold DIM=NUMBER gives one")
    elif found["labelled"]:
        line("  labels ", (_agreement(found), "bold"), f" ({many(found['labelled'], 'pair')})")
    elif found["pairs"]:
        line("  no labels follow from these scores")


def _agreement(tally: Answer) -> str:
    if not tally["labelled"]:
        return "no labels"
    kappa = "undefined" if tally["kappa"] is None else f"{tally['kappa']:.3f}"
    of = "" if tally["labelled"] == tally["pairs"] else f" of the {tally['labelled']:,} with labels"
    flips = "1 flip" if tally["flips"] == 1 else f"{tally['flips']:,} flips"
    return f"agree in {tally['label_agreement']:.1%}{of}, kappa {kappa}, {flips}"


def _dimensions(dimensions: Answer) -> None:
    from commands._render import number, table

    rows = [
        (name, number(each["pairs"]), f"{each['exact']:.1%}", f"{each['mean_abs_diff']:.3f}")
        for name, each in dimensions.items()
    ]
    if rows:
        table(("dimension", ">pairs", ">equal", ">apart"), rows, indent=2)


def _examples(ledger: Ledger, examples: list[Answer], flips: int | None) -> None:
    from commands._render import heading, line, short, table

    if not examples:
        return
    heading("labels that differ")
    ids = short(ledger, [sample for each in examples for sample in each["samples"]])
    rows: list[tuple[Part, ...]] = [
        (
            *((ids[sample], "cyan") for sample in each["samples"]),
            " / ".join(each["labels"]),
            ", ".join(f"{name} {one}/{two}" for name, (one, two) in each["values"].items() if one != two),
        )
        for each in examples
    ]
    table(("one", "other", "label", "scores that differ"), rows, indent=2)
    if flips is not None and flips > len(examples):
        line((f"  {len(examples):,} of {flips:,}; --limit shows more", "dim"))


def _drift(title: str, ranked: list[Answer], counted: int) -> None:
    from commands._render import heading, line, number, table

    if counted < 2:  # noqa: PLR2004 - one alone has nothing to drift from
        return
    heading(f"{title} that drift most")
    rows = []
    for each in ranked:
        name = f"{each['scorer']}@{each['scorer_version']}" if "scorer" in each else f"{each['source']}"
        far = each["dimensions"][0]
        rows.append(
            (
                name,
                number(each["scores"]),
                far["dimension"],
                f"{far['mean']:.3f}",
                f"{far['drift']:+.3f}",
                f"{far['deviations']:+.2f}",
            )
        )
    table(("", ">samples", "largest in", ">mean", ">from all", ">deviations"), rows, indent=2)
    if counted > len(ranked):
        line((f"  {len(ranked):,} of {counted:,}; --limit shows more", "dim"))
