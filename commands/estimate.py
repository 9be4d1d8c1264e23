"""`ledger estimate`: what improving, regenerating or judging would cost, and how long it would take."""

from __future__ import annotations

from typing import Any

import click

from commands._asking import asking, selecting, stopping
from commands._common import Call, verb
from commands._options import actor, text, whole

_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


@verb("estimate improve --spec toolset-improve --campaign toolset --model NAME")
@click.argument("purpose", type=click.Choice(["improve", "regenerate", "judge"]))
@selecting
@click.option("--spec", required=True, type=text, metavar="FILE", help="The spec, or the rubric of a judge.")
@asking
@click.option("--offline", is_flag=True, help="Ask nobody: tokens are told from bytes.")
@click.option("--pilot", type=whole(0), default=0, metavar="N", help="Ask about N samples first; that is paid for.")
@click.option("--yes", is_flag=True, help="Pay for the pilot without being asked.")
@actor
@click.pass_obj
def command(call: Call, /, *, purpose: str, spec: str, yes: bool, **options: Any) -> None:  # noqa: ANN401 - the options above
    """Estimate what a job would cost and take.

    Low, likely and high; live, cached and in batches.

    The selection and the options are those of the job. The provider counts the tokens of up to 200 prompts, which is
    free. How long answers are is known from earlier answers to the same file, from a pilot, or from what the file
    says. A pilot is part of the job: its results stay, and are not paid for again.
    """

    def agreed(found: dict[str, Any]) -> bool:
        return yes or _confirmed(found, options["pilot"])

    with call.open() as ledger, stopping() as should_stop:
        found = ledger.estimate(purpose, spec, agreed=agreed, should_stop=should_stop, **options)
    call.answer(found, lambda: _render(found))


def _confirmed(found: dict[str, Any], pilot: int) -> bool:
    """Ask whether the pilot is worth its price."""
    many = min(pilot, found["samples"])
    dearest = max(float(way["usd"]["high"]) for way in found["ways"].values()) * many / found["samples"]
    asked = f"{many:,} samples will be asked about, for ${dearest:.2f} at most. Go on?"
    return click.confirm(asked, default=False, err=True)


def _render(found: dict[str, Any]) -> None:
    from commands._render import line, number, table

    line(f"{found['purpose']} {found['name']} with {found['model']}: {number(found['samples'])} samples to ask about")
    prompt, output, kept = found["prompt_tokens"], found["output_tokens"], found["kept_tokens"]
    line(f"  prompts of {number(prompt['likely'])} tokens ({prompt['how']}), of which {number(kept['each'])} are kept")
    line(f"  answers of {_three(output)} tokens ({output['how']})")
    if found["not_counted"]:
        line(f"  tokens are told from bytes: {found['not_counted']}")
    rows = [
        (f"{name}{' *' if name == found['way'] else ''}", *_dollars(way["usd"]), *_times(way["seconds"]))
        for name, way in found["ways"].items()
    ]
    table(("", ">low $", ">likely $", ">high $", ">soonest", ">likely", ">latest"), rows)
    line("* as the same options would ask")
    if found["pilot"]:
        line(f"the pilot cost ${found['pilot']['cost_usd']} for {number(found['pilot']['requests'])} requests")


def _dollars(usd: dict[str, str]) -> tuple[str, ...]:
    return tuple(
        f"{float(usd[name]):.2f}" if float(usd[name]) >= 1 else usd[name] for name in ("low", "likely", "high")
    )


def _times(seconds: dict[str, int]) -> tuple[str, ...]:
    return tuple(_time(seconds[name]) for name in ("low", "likely", "high"))


def _time(seconds: int) -> str:
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds} s"


def _three(numbers: dict[str, int]) -> str:
    return " to ".join(f"{numbers[name]:,}" for name in ("low", "high"))
