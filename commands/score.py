"""`ledger score`: measure samples with a scorer, or import scores that others gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from commands._asking import asking, finish, render, stopping, watching
from commands._common import Call, verb
from commands._options import actor, everywhere, pair, text

SHIPPED = ("length", "pipeline", "rubric")
"""Scorers that come with the program; those of plug-ins are found when they are named."""


class Scorers(click.Group):
    """One verb for each scorer, whether it comes with the program or with a plug-in, and `import`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `--judge RUBRIC` as the verb `judge`, which it is too long for a mere option."""
        named = next((arg for arg in args if not arg.startswith("-")), None)
        if named != "judge" and any(arg == "--judge" or arg.startswith("--judge=") for arg in args):
            args = ["judge", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        """Return the scorers that come with the program, `judge` and `import`."""
        return [*SHIPPED, "judge", "import"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Return the verb of a scorer; whether there is one of that name shows when it is asked for."""
        return {"import": import_, "judge": judge}.get(cmd_name) or _scoring(cmd_name)


@click.group("score", cls=Scorers, invoke_without_command=True)
@click.option("--list", "listing", is_flag=True, help="List every scorer, those of plug-ins too.")
@click.pass_context
def command(ctx: click.Context, listing: bool) -> None:  # noqa: FBT001 - an option
    """Measure samples with a scorer, or import scores.

    Name a scorer: one of these, or one that an installed plug-in brings.
    """
    if listing:
        _list(ctx.obj)
        ctx.exit()
    if ctx.invoked_subcommand is None:
        raise click.UsageError("Name a scorer, or import; --list shows every scorer.", ctx)


command.params += everywhere()


def _scoring(name: str) -> click.Command:
    @verb(f"score {name} --campaign toolset", name)
    @click.option("--campaign", type=text, metavar="TEXT", help="Only the samples of this campaign.")
    @click.option("--option", "options", multiple=True, type=pair, help="An option of the scorer; may be repeated.")
    @click.option(
        "--max-failures",
        default="0.1",
        show_default=True,
        type=text,
        metavar="SHARE",
        help="Stop, and record nothing, where the scorer fails on more.",
    )
    @actor
    @click.pass_obj
    def scoring(call: Call, campaign: str | None, options: tuple[tuple[str, str], ...], max_failures: str) -> None:
        from commands._progress import steps

        with call.open() as ledger, steps() as progress:
            done = ledger.score(
                name, options=dict(options), campaign=campaign, max_failures=max_failures, progress=progress
            )
        call.answer(done, lambda: _render(done))

    scoring.help = _help(name)
    return scoring


def _help(name: str) -> str:
    """Return what a scorer's verb does; a plug-in is not loaded for that."""
    from ledger import Ledger

    kind = Ledger.built_in_scorer(name)
    if kind is None:
        return f"Score samples with {name}, a plug-in's scorer; `ledger score --list` says what it measures."
    paragraphs = [kind["about"], f"Dimensions: {', '.join(kind['dimensions'])}."]
    paragraphs += [f"Option {option}: {purpose}" for option, purpose in kind["options"].items()]
    paragraphs.append("Samples whose score is in the ledger already are not scored again.")
    return "\n\n".join(paragraphs)


@verb("score judge --judge interaction --campaign toolset --model NAME --budget 5", "judge")
@click.option("--judge", "rubric", required=True, type=text, metavar="FILE", help="A rubric: a TOML file, or shipped.")
@click.option("--where", type=text, metavar="CONDITION", help="All samples for which this holds.")
@click.option("--campaign", type=text, metavar="TEXT", help="All samples of this campaign.")
@click.option("--calibrate", type=click.Path(), metavar="FILE", help="What people scored: say how far they agree.")
@asking
@click.option("--dry-run", is_flag=True, help="Only say how many samples would be judged.")
@actor
@click.pass_obj
def judge(call: Call, /, *, rubric: str, **options: Any) -> None:  # noqa: ANN401 - the options above
    """Have a model judge samples by a rubric (`ledger score --judge RUBRIC`).

    A rubric says what each dimension is and what each point of the scale means. The judge notes why before it scores;
    its reply is stored as evidence. What it could not judge is unscored, with the reason.
    """
    with call.open() as ledger, stopping() as should_stop, watching("judging") as watch:
        done = ledger.judge(rubric, should_stop=should_stop, watch=watch, **options)
    call.answer(done, lambda: _render_judged(done))
    finish(call, done)


def _render_judged(done: Mapping[str, Any]) -> None:
    """Print what a judge said, what contradicts in its rubric, and how far people agree."""
    from commands._render import line, number, table

    for fault in done["lint"]:
        line((f"{fault['where']}: {fault['message']}", "yellow"))
    render(dict(done))
    rows = done.get("dimensions", {}).items()
    means = ((name, number(one["n"]), one["mean"] or "", number(one["unscored"])) for name, one in rows)
    table(("dimension", ">scored", ">mean", ">unscored"), means)
    people = done.get("calibration")
    if people is not None:
        both = ((name, number(one["n"]), str(one["exact"]), str(one["kappa"])) for name, one in _by(people))
        table(("with people", ">samples", ">same score", ">kappa"), both)


def _by(people: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return list(people["dimensions"].items())


@verb("score import --field quality_scores --scorer reviewers --campaign toolset", "import")
@click.argument("files", nargs=-1, type=click.Path(), metavar="[FILES…]")
@click.option("--field", type=text, metavar="PATH", help="Where scores stand in a line; in FILES: scores.")
@click.option("--scorer", type=text, metavar="NAME", help="Who scored; without it, the field's name.")
@click.option("--scorer-version", "version", type=text, metavar="TEXT", help="Its version.  [default: unstated]")
@click.option("--rubric", type=click.Path(), metavar="FILE", help="What was judged by; its digest is recorded.")
@click.option("--dimensions", type=text, metavar="A,B,C", help="Take these, and miss none of them.")
@click.option("--campaign", type=text, metavar="TEXT", help="Only the samples of this campaign.")
@actor
@click.pass_obj
def import_(
    call: Call,
    files: tuple[str, ...],
    *,
    field: str | None,
    scorer: str | None,
    version: str | None,
    rubric: str | None,
    dimensions: str | None,
    campaign: str | None,
) -> None:
    """Import scores: from a field of the lines that were ingested, or from FILES of scores.

    With --field alone, the lines that samples were born with are read. With FILES (JSONL, plain or .gz, or - for
    standard input), each line names its sample by id or by its content; docs/scores.md shows the form.
    """
    from commands._progress import steps

    names = [name.strip() for name in (dimensions or "").split(",") if name.strip()]
    with call.open() as ledger, steps() as progress:
        done = ledger.import_scores(
            files,
            field=field,
            scorer=scorer,
            version=version,
            rubric=rubric,
            dimensions=names,
            campaign=campaign,
            progress=progress,
        )
    call.answer(done, lambda: _render(done))


def _render(done: Mapping[str, Any]) -> None:
    from commands._render import heading, line, number, table, total

    always = ("scored", "unscored", "known")
    parts = {name: done[name] for name in (*always, "missing", "erased") if name in always or done[name]}
    total(done["samples"], "sample", parts)
    rate = f", {number(round(done['samples'] / done['seconds']))} samples/s" if done["seconds"] else ""
    line((f"{done['seconds']:.2f} s{rate}", "dim"))
    if done["dimensions"]:
        line()
        rows = [
            (name, number(each["n"]), *(each[key] or "-" for key in ("mean", "min", "max")), number(each["unscored"]))
            for name, each in done["dimensions"].items()
        ]
        table(("dimension", ">scores", ">mean", ">min", ">max", ">unscored"), rows)
    if done["reasons"]:
        line()
        table(("unscored because", ">times"), [(name, number(count)) for name, count in done["reasons"].items()])
    if done.get("ignored"):
        heading("members left out: no numbers, no names for a dimension, or not asked for")
        table(("", ">lines"), [(name, number(count)) for name, count in done["ignored"].items()], indent=2)


def _list(call: Call) -> None:
    from commands._render import line, table
    from ledger import Ledger

    found = Ledger.scorers()

    def render() -> None:
        rows = [
            ((one["name"], "cyan"), one["version"], one["origin"], one["purpose"] if one["fault"] is None else "")
            for one in found
        ]
        table(("scorer", "version", "from", "what it measures"), rows)
        for one in found:
            line()
            line((one["name"], "cyan"), ": ", (one["fault"], "red") if one["fault"] else ", ".join(one["dimensions"]))
            for option, purpose in one["options"].items():
                line(f"  --option {option}={'FILE' if option in one['files'] else 'TEXT'}  {purpose}")

    call.answer({"scorers": found}, render)
