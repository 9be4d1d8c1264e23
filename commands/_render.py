"""How answers look: aligned, sparing with colour, and safe whatever stands in the data.

Every text passes through `clean`: a sample can hold escape sequences, carriage returns or marks that reverse the
reading order, and none of them may reach a terminal. rich's markup is never on, so brackets are only brackets.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from ledger import Ledger

Part = str | tuple[str, str]
"""A piece of a line: text, or text with a style."""

_WIDE = 100_000
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, escape among them; not line ends and tabs
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the reading order round
    "\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # what nobody sees
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e0fff]"  # halves of characters, no characters, hidden tags
)
"""Joiners and variation selectors are not here: scripts and emoji need them, and they move nothing."""
_UNITS = ("B", "kB", "MB", "GB", "TB")
STYLES = {
    "accepted": "green",
    "rejected": "red",
    "pending": "yellow",
    "errored": "magenta",
    "superseded": "dim",
    "erased": "dim",
    "true": "green",
    "false": "red",
    "none": "dim",
    "error": "bold red",
    "warning": "yellow",
}


def clean(text: str, *, lines: bool = False) -> str:
    r"""Return text that cannot steer a terminal: what could is written out, an escape character as `\x1b`.

    Line ends and tabs stay with `lines`; otherwise they are written out too.
    """
    safe = _SUSPECT.sub(_written_out, text)
    return safe if lines else safe.replace("\n", "\\n").replace("\t", "\\t")


def _written_out(match: re.Match[str]) -> str:
    point = ord(match[0])
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"  # noqa: PLR2004 - widths


def number(count: int) -> str:
    """Return a count with thousands separators."""
    return f"{count:,}"


def size(count: int) -> str:
    """Return bytes with a unit."""
    value, unit = float(count), 0
    while value >= 999.95 and unit < len(_UNITS) - 1:  # noqa: PLR2004 - 999.95 would round to 1000.0
        value, unit = value / 1000, unit + 1
    return f"{count:,} B" if unit == 0 else f"{value:,.1f} {_UNITS[unit]}"


def many(count: int, noun: str) -> str:
    """Return a count with its noun: 1 sample, 2 samples."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def digest(text: str, length: int = 12) -> str:
    """Return the beginning of a digest, its prefix kept."""
    head, colon, rest = text.partition(":")
    return f"{head}:{rest[:length]}" if colon else head[:length]


def label(value: bool | None) -> str:  # noqa: FBT001 - a label
    """Return a label as a word."""
    return "none" if value is None else str(value).lower()


def word(text: str) -> Part:
    """Return a status, label or severity in its colour."""
    return (text, STYLES.get(text, ""))


def mark(*, good: bool) -> Part:
    """Return a tick or a cross, in letters where the terminal has no such signs."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    signs = ("✓", "✗") if "utf" in encoding.lower() else ("ok", "NOT SO")
    return (signs[0], "green") if good else (signs[1], "bold red")


def short(ledger: Ledger, ids: Iterable[str]) -> dict[str, str]:
    """Return ids as their shortest unique prefixes."""
    return ledger.short(list(dict.fromkeys(ids)))


def emit_json(value: Mapping[str, Any]) -> None:
    """Print one JSON document, in UTF-8; what could steer a terminal is escaped, as JSON allows."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    safe = _SUSPECT.sub(lambda match: json.dumps(match[0])[1:-1], text)
    click.echo(safe.encode("utf-8", "backslashreplace"))


def emit_bytes(data: bytes) -> None:
    """Print exact bytes; on a terminal, as clean text."""
    if _is_terminal(sys.stdout):
        line(clean(data.decode("utf-8", "backslashreplace"), lines=True))
    else:
        click.echo(data, nl=False)


def line(*parts: Part, lines: bool = False) -> None:
    """Print one line made of parts (with `lines`, each of them may hold line ends)."""
    _put(text(*parts, lines=lines))


def heading(title: str) -> None:
    """Print a blank line and a title."""
    line()
    line((title, "bold"))


def total(count: int, whole: str, parts: Mapping[str, int]) -> None:
    """Print a conservation line: the whole is the sum of its parts."""
    sums = " + ".join(f"{amount:,} {name}" for name, amount in parts.items())
    line((f"{many(count, whole)} = {sums}", "bold"), "  ", mark(good=count == sum(parts.values())))


def table(columns: Sequence[str], rows: Iterable[Sequence[Part]], *, indent: int = 0) -> None:
    """Print an aligned table; a column whose name begins with `>` holds numbers."""
    from rich.padding import Padding
    from rich.table import Table

    made = Table(
        box=None, show_header=any(columns), pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_edge=False
    )
    for column in columns:
        numeric = column.startswith(">")
        made.add_column(
            text(column.removeprefix(">")), justify="right" if numeric else "left", overflow="fold", no_wrap=numeric
        )
    for row in rows:
        made.add_row(*(text(cell) for cell in row))
    _put(Padding(made, (0, 0, 0, indent)), soft_wrap=False)


def text(*parts: Part, lines: bool = False) -> Text:
    """Return parts as styled text, every one of them clean."""
    from rich.text import Text

    made = Text(overflow="fold")
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        made.append(clean(words, lines=lines), style or None)
    return made


def note(head: str, message: str, *, style: str) -> None:
    """Print one line to stderr: a head in a style, and a message."""
    if sys.stderr is not None:
        written = StringIO()
        console(written, sys.stderr).print(text((head, style), message if head else (message, style)), soft_wrap=True)
        click.echo(written.getvalue(), nl=False, err=True)


def console(file: TextIO, stream: TextIO | None) -> Console:
    """Return a console that writes to `file` what suits `stream`: in colour only on a terminal that wants it."""
    from rich.console import Console

    colour = is_colourful(stream)
    return Console(
        file=file,
        force_terminal=colour,
        color_system="auto" if colour else None,
        no_color=not colour,
        width=shutil.get_terminal_size().columns if _is_terminal(stream) else _WIDE,
        highlight=False,
        markup=False,
        emoji=False,
    )


def is_colourful(stream: TextIO | None) -> bool:
    """Say whether a stream is a terminal whose user has not asked for no colour (no-color.org)."""
    return _is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _put(renderable: RenderableType, *, soft_wrap: bool = True) -> None:
    written = StringIO()
    console(written, sys.stdout).print(renderable, soft_wrap=soft_wrap)
    click.echo("\n".join(row.rstrip(" ") for row in written.getvalue().split("\n")), nl=False)
