"""Write the generated parts of the documentation, or with --check fail when a file differs from what would be written.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->` in README.md or docs/*.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from commands.cli import cli
from ledger.errors import all_errors
from ledger.event import KINDS
from ledger.faults import FINDINGS
from ledger.projection import VIEWS
from ledger.readers import READERS
from ledger.trainers.contract import BACKENDS, METHODS
from ledger.trainers.settings import BREAKING, BY_METHOD, USUAL
from ledger.trainers.settings import KINDS as KINDS_OF_SETTINGS

ROOT = Path(__file__).resolve().parent.parent
_PART = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WIDTH = 100


def errors() -> str:
    """Return the table of exit codes."""
    rows = ["| code | error | message | next step |", "|---|---|---|---|"]
    rows += [
        "| 0 | | the command did what it says | |",
        "| 1 | | `verify` or `verify-export` found something | read the findings |",
        "| 2 | | the command line was not understood | `--help` |",
    ]
    for cls in all_errors()[1:]:
        rows.append(f"| {cls.exit_code} | {cls.__name__} | {_cell(cls.__doc__)} | {_cell(cls.hint)} |")
    unforeseen = "| 70 | | something that this program did not foresee | `ledger verify`, then report it |"
    rows.append(unforeseen)
    rows.append("| 130 | | interrupted; what was committed is kept | run the same command again |")
    rows.append("| 141 | | the reader of the answer went away (`ledger log \\| head`) | |")
    return "\n".join(rows)


def events() -> str:
    """Return the table of event kinds."""
    rows = ["| kind | v | what happened | what it says | what makes its op |", "|---|---|---|---|---|"]
    for kind in KINDS.values():
        identity = ", ".join(f"`{name}`" for name in kind.identity) or "the sample's identity"
        fields = ", ".join(f"`{name}`" for name in sorted(kind.fields))
        rows.append(f"| `{kind.name}` | {kind.v} | {kind.purpose} | {fields} | {identity} |")
    return "\n".join(rows)


def findings() -> str:
    """Return the table of what `verify` can find."""
    rows = ["| finding | severity | meaning |", "|---|---|---|"]
    rows += [f"| `{name}` | {severity} | {meaning} |" for name, (severity, meaning) in FINDINGS.items()]
    return "\n".join(rows)


def readers() -> str:
    """Return the table of shapes that lines may have."""
    rows = ["| format | what it reads | training fields |", "|---|---|---|"]
    rows += [f"| `{r.name}` | {r.purpose} | {', '.join(f'`{key}`' for key in r.keys)} |" for r in READERS.values()]
    return "\n".join(rows)


def tables() -> str:
    """Return the DDL of every view, with its comments, as SQL."""
    parts = [f"-- {module.__doc__.splitlines()[0]}\n" + _ddl(module.DDL) for module in VIEWS if module.__doc__]
    return "```sql\n" + "\n\n".join(parts) + "\n```"


def commands() -> str:
    """Return `--help` of the program and of every command."""
    return "\n\n".join(_help_pages())


def settings() -> str:
    """Return the table of what may be set for training."""
    rows = ["| setting | is | takes | else |", "|---|---|---|---|"]
    for name, kind in KINDS_OF_SETTINGS.items():
        takers = [each for each, all_ in ((kind.methods, METHODS), (kind.backends, BACKENDS)) if each != all_]
        only = "".join(f"; {' and '.join(each)} only" for each in takers)
        rows.append(f"| `{name}` | {kind.about}{only} | {_takes(kind)} | {_usual(name)} |")
    return "\n".join(rows)


def breaking() -> str:
    """Return the table of what cannot be set."""
    return "\n".join(
        ["| setting | why not |", "|---|---|", *(f"| `{name}` | {why} |" for name, why in BREAKING.items())]
    )


def _takes(kind: Any) -> str:  # noqa: ANN401 - a kind of setting, which has no public type
    if kind.words:
        return ", ".join(f"`{word}`" for word in kind.words)
    if kind.type is bool:
        return "`true`, `false`"
    return f"a {'whole ' if kind.type is int else ''}number from {kind.least:,} to {kind.most:,}"


def _usual(name: str) -> str:
    """Return what is taken where a setting is not set: by method, where methods differ."""
    if name in USUAL:
        return _value(USUAL[name])
    by_method = {method: BY_METHOD[method][name] for method in METHODS if name in BY_METHOD[method]}
    values = set(by_method.values())
    if len(values) == 1:
        return _value(values.pop())
    return ", ".join(f"{method} {_value(value)}" for method, value in by_method.items())


def _value(value: object) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


PARTS: dict[str, Callable[[], str]] = {
    "breaking": breaking,
    "commands": commands,
    "errors": errors,
    "events": events,
    "findings": findings,
    "readers": readers,
    "settings": settings,
    "tables": tables,
}


def filled(text: str) -> str:
    """Return a document with every generated part made anew."""
    return _PART.sub(lambda match: f"{match[1]}{PARTS[match['name']]()}\n{match[3]}", text)


def documents() -> list[Path]:
    """Return the documents that may hold generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def main(arguments: list[str]) -> int:
    """Write the documents, or with --check compare them; return the exit code."""
    stale = [path for path in documents() if filled(path.read_text("utf-8")) != path.read_text("utf-8")]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)} is not up to date; run `make docs`\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(filled(path.read_text("utf-8")), "utf-8")
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


def _help_pages() -> Iterator[str]:
    settings = {**cli.context_settings, "terminal_width": _WIDTH, "max_content_width": _WIDTH}
    for context in _walk(click.Context(cli, info_name="ledger", **settings)):
        yield f"## {context.command_path}\n\n```text\n{context.command.get_help(context).rstrip()}\n```"


def _walk(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            child = context.command.get_command(context, name)
            if child is not None:
                yield from _walk(click.Context(child, parent=context, info_name=name))


def _ddl(statements: tuple[str, ...]) -> str:
    shown = (re.sub(r"\n    ( *)", r"\n\1", text.replace("{schema}.", "")) for text in statements)
    return "\n".join(text + ";" for text in shown if text.startswith("CREATE TABLE"))


def _cell(text: str | None) -> str:
    return (text or "").replace("{{", "{").replace("}}", "}").replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
