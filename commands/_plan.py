"""Options that say how a view is planned, for the verbs that plan one: `project` and `check`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from commands._options import text, whole

F = TypeVar("F", bound=Callable[..., Any])

FORMS = ("auto", "conversational", "standard")
TYPES = ("language_modeling", "prompt_only", "prompt_completion", "preference", "unpaired_preference")


def plan_options(function: F) -> F:
    """Add the options that decide which rows a view has, and in which order."""
    options = (
        click.option(
            "--batch-size", default=4, show_default=True, type=whole(), metavar="N", help="Rows of one device's batch."
        ),
        click.option(
            "--world-size", default=1, show_default=True, type=whole(), metavar="N", help="Devices that train together."
        ),
        click.option(
            "--ratio",
            default="keep",
            show_default=True,
            type=text,
            metavar="TEXT",
            help="True to false: keep, 1:1 or a:b.",
        ),
        click.option(
            "--seed",
            default="0",
            show_default=True,
            type=text,
            metavar="TEXT",
            help="Key of the hash that orders rows.",
        ),
        click.option("--form", default="auto", show_default=True, type=click.Choice(FORMS), help="Form of the rows."),
        click.option("--type", type=click.Choice(TYPES), help="TRL's type of the rows; without it, the view's own."),
        click.option(
            "--max-length",
            type=whole(),
            metavar="TOKENS",
            help="Leave out prompts of so many tokens, which a trainer drops.",
        ),
        click.option(
            "--tokenizer",
            type=click.Path(),
            help="A tokenizer.json, or its folder, to count them; without it, an estimate.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function
