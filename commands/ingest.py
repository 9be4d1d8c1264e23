"""`ledger ingest`: lines of files become samples, or stand in quarantine."""

from __future__ import annotations

import click

from commands._common import Call, verb
from commands._options import actor, tag_pair, text, whole


@verb("ingest data/*.jsonl --campaign toolset --tag model=gpt-4")
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILES…")
@click.option("--campaign", required=True, type=text, metavar="TEXT", help="The effort that these samples belong to.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    type=tag_pair,
    metavar="KEY[=VALUE]",
    help="A tag for every new sample, true without a value; may be repeated.",
)
@click.option("--source", type=text, metavar="TEXT", help="The source's name, instead of the file's own.")
@click.option(
    "--format", "form", type=text, metavar="TEXT", help="Read every line so: messages, prompt_completion, instruction."
)
@click.option(
    "--map", "places", type=text, metavar="TEXT", help="Where facts stand: domain=meta.topic,tag.persona=tags.persona."
)
@click.option(
    "--decisions", is_flag=True, help="Record the decisions that lines tell (rejection_reason, quality_score, …)."
)
@click.option(
    "--workers",
    type=whole(),
    metavar="N",
    help="Processes: 1 reads and writes; of more, one writes and the others read. By default, as many as pay.",
)
@actor
@click.pass_obj
def command(
    call: Call,
    files: tuple[str, ...],
    campaign: str,
    tags: tuple[tuple[str, str], ...],
    source: str | None,
    form: str | None,
    places: str | None,
    *,
    workers: int | None,
    decisions: bool,
) -> None:
    """Read JSONL files into samples.

    FILES are plain, .gz, .zst or .parquet files, directories, patterns, or - for standard input. The same file again
    adds nothing.
    Of a directory, manifests and the exports beside them are not read; blank lines are not lines.
    Lines that are not valid samples are kept in quarantine, with the reason.

    With --decisions, a line's rejection_reason (with quality_score and rejection_details) or its decision (accepted,
    rejected) is recorded beside its sample, also where the sample is known already; what people and policies decide
    outranks it. --map then also takes decision, reason, score, threshold, similarity and components.
    """
    from commands._progress import reading
    from commands._render import line, many, number, table, total

    with call.open() as ledger, reading(files) as progress:
        done = ledger.ingest(
            files,
            campaign=campaign,
            tags=dict(tags),
            source=source,
            form=form,
            places=places,
            decisions=decisions,
            workers=workers,
            progress=progress,
        )

    def render() -> None:
        total(done["lines"], "line", {name: done[name] for name in ("new", "known", "quarantined")})
        rate = f", {number(round(done['lines'] / done['seconds']))} lines/s" if done["seconds"] else ""
        files_read = "1 file" if done["files"] == 1 else f"{number(done['files'])} files"
        line((f"{files_read} in {done['seconds']:.2f} s{rate}", "dim"))
        if decisions:
            told = {"recorded": "decisions", "known": "decisions_known", "without a decision": "undecided"}
            total(done["new"] + done["known"], "sample", {name: done[key] for name, key in told.items()})
        if twins := done["twins_rejected"]:
            line(
                (f"{many(twins, 'new sample')} with the text of a rejected one; see them: ", "dim"), "ledger conflicts"
            )
        if done["reasons"]:
            line()
            table(("quarantined", ">lines"), [(name, number(count)) for name, count in done["reasons"].items()])
            line(("see them: ", "dim"), "ledger quarantine list")

    call.answer(done, render)
