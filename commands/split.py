"""`ledger split`: give every sample without a split train, val or test."""

from __future__ import annotations

from typing import Any

import click

from commands._common import Call, verb
from commands._options import actor, expected_head, text

Answer = dict[str, Any]

_SHOWN = 20
_RULES = click.Choice(["held-out", "train", "val", "test", "largest"])


@verb("split --ratio 90/5/5 --stratify domain,tag:perfect --floor train:perfect=1%")
@click.option(
    "--ratio",
    default="90/5/5",
    show_default=True,
    type=text,
    metavar="TEXT",
    help="Train/val/test, or train/val, in percent of the samples.",
)
@click.option(
    "--stratify",
    default="",
    type=text,
    metavar="FACTS",
    help="Keep the ratio within each value of these: domain, label, campaign, source, tag:NAME, with commas between.",
)
@click.option(
    "--floor",
    "floors",
    multiple=True,
    type=text,
    metavar="SPLIT:WHAT=AMOUNT",
    help="What a split must hold at least: 5% of its rows by weight, or 40 samples. WHAT is a tag's NAME, "
    "tag:NAME, tag:NAME:VALUE, domain:X, campaign:X, source:X, or label:true, label:false or label:none. May be given "
    "again.",
)
@click.option(
    "--seed", default="0", show_default=True, type=text, metavar="TEXT", help="Key of the hashes that order families."
)
@click.option(
    "--pin",
    "pins",
    multiple=True,
    type=text,
    metavar="ID=SPLIT",
    help="Put the family of a sample there. May be given again.",
)
@click.option("--resolve", type=_RULES, help="Move families that were merged across splits into one: the only move.")
@click.option("--dry-run", is_flag=True, help="Only say how it would come out; nothing is recorded.")
@expected_head
@actor
@click.pass_obj
def command(call: Call, /, *, stratify: str, dry_run: bool, **asked: Any) -> None:  # noqa: ANN401 - as Ledger.split has them
    """Put samples into train, val or test.

    Every sample that has no split yet gets one, family by family, so that the ratio is met as exactly as whole
    families allow. Nothing assigned moves, but for what --resolve names: a family that stands in several splits goes
    to the one farthest from training (held-out), to where most of it stands (largest; if even, the farther one),
    or to the one that is named.
    """
    facts = [fact for fact in (part.strip() for part in stratify.split(",")) if fact]
    with call.open() as ledger:
        done = ledger.split(stratify=facts, dry_run=dry_run, **asked)
    call.answer(done, lambda: _render(done, dry_run=dry_run))


def _render(done: Answer, *, dry_run: bool) -> None:
    from commands._render import line, many, note, number, table, total

    if before := done["previous_ratio"]:
        note("note: ", f"the last split of this ledger was made with --ratio {before}", style="yellow")
    total(sum(done["by_split"].values()), "sample", done["by_split"])
    when = "would be assigned" if dry_run else "assigned now"
    families = "1 family" if done["families"] == 1 else f"{number(done['families'])} families"
    line(f"{number(done['assigned'])} {when}; {families}")
    if done["resolved"]:
        line(f"{many(done['resolved'], 'sample')} of merged families {'would be moved' if dry_run else 'moved'}")
    if done["moved_for_floors"]:
        line(
            f"{many(done['moved_for_floors'], 'sample')} put elsewhere than dealt, for a floor or to make room for one"
        )
    _quotas(done["quotas"])
    if done["stratify"]:
        _strata(done)
    if done["floors"]:
        _floors(done["floors"])
    if done["leaks"]:
        table(("", ">families"), [(("in more than one split", "yellow"), number(done["leaks"]))])
        line("their members in train are left out of training views (family_crosses_splits); --resolve settles it")


def _quotas(quotas: Answer) -> None:
    from commands._render import number, table

    wanted, got = (sum(one[key] for one in quotas.values()) for key in ("wanted", "got"))
    rows = [
        (name, _share(one["wanted"], wanted), _share(one["got"], got), number(one["wanted"]), number(one["got"]))
        for name, one in quotas.items()
    ]
    table(("split", ">share wanted", ">share got", ">wanted", ">got"), rows, indent=2)


def _strata(done: Answer) -> None:
    from commands._render import heading, line, number, table

    heading("strata: samples got, each by its own value, and wanted where that is another number")
    splits = list(done["quotas"])
    rows = [
        (
            *(value or ("none", "dim") for value in one["stratum"]),
            *(_of(one["by_split"][name], one["wanted"][name]) for name in splits),
        )
        for one in done["strata"][:_SHOWN]
    ]
    table((*done["stratify"], *(f">{name}" for name in splits)), rows, indent=2)
    if more := len(done["strata"]) - len(rows) + done["strata_cut"]:
        line((f"  {number(more)} more; --json lists up to 200", "dim"))


def _floors(floors: list[Answer]) -> None:
    from commands._render import heading, mark, number, table

    heading("floors")
    rows = [
        (
            one["floor"],
            f"{one['observed']:.2%}" if one["floor"].rstrip().endswith("%") else number(one["observed"]),
            mark(good=one["met"]),
        )
        for one in floors
    ]
    table(("floor", ">observed", ""), rows, indent=2)


def _of(got: int, wanted: int) -> str:
    return f"{got:,}" if got == wanted else f"{got:,} ({wanted:,})"


def _share(part: int, whole: int) -> str:
    return "-" if not whole else f"{part / whole:.2%}"
