"""The program `ledger`: its verbs, loaded one by one, and the one place where errors become words and exit codes."""

from __future__ import annotations

import difflib
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from commands._common import Call
from commands._options import everywhere, no_pager

if TYPE_CHECKING:
    from ledger.errors import LedgerError

VERBS = (
    "init",
    "ingest",
    "quarantine",
    "status",
    "show",
    "why",
    "log",
    "list",
    "search",
    "validate",
    "score",
    "policy",
    "view",
    "decide",
    "whatif",
    "rejections",
    "near-misses",
    "compare",
    "diff",
    "agreement",
    "conflicts",
    "duplicates",
    "templates",
    "families",
    "accept",
    "reject",
    "defer",
    "relabel",
    "tag",
    "weight",
    "edit",
    "redact",
    "estimate",
    "improve",
    "regenerate",
    "gains",
    "checkout",
    "revise",
    "erase",
    "withdraw",
    "propose",
    "proposals",
    "split",
    "check",
    "project",
    "push",
    "rebuild",
    "verify-export",
    "train",
    "evaluate",
    "verify",
    "prove",
    "verify-proof",
    "keygen",
    "rebuild-views",
    "compact",
    "doctor",
    "backup",
    "export-events",
    "import-events",
    "mcp",
    "serve",
)
"""In the order of the work; the verb `verify-export` is `command` in the module `verify_export`."""

UNFORESEEN = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130
READER_GONE = 141
"""What a shell reports for a program that wrote into a closed pipe: 128 + SIGPIPE."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_EPILOG = 'Completion: put eval "$(_LEDGER_COMPLETE=bash_source ledger)" into ~/.bashrc (or zsh_source, fish_source).'


class Program(click.Group):
    """A group that imports a verb's module when it is asked for, and turns every error into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        """Return the verbs in the order of the work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb's command, or None."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        if ctx.resilient_parsing:  # a shell asks what could come next
            import_module("commands._completion").complete(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which one is near."""
        if args[0] not in VERBS and not args[0].startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(args[0], VERBS, 1)
            ctx.fail(f"There is no verb {args[0]!r}" + (f"; did you mean {near[0]}?" if near else "."))
        return super().resolve_command(ctx, args)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - click's own signature
    ) -> click.Context:
        """Read the command line; this is where the program's own help is printed."""
        with _quiet_end():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run the verb."""
        with _quiet_end():
            return super().invoke(ctx)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's own signature
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002 - likewise
        **extra: Any,  # noqa: ANN401 - likewise
    ) -> Any:  # noqa: ANN401 - likewise
        """Run the command line and leave with its exit code."""
        call = extra.setdefault("obj", Call(path=os.environ.get("LEDGER_PATH") or None))

        run = partial(
            super().main, args, prog_name or self.name, complete_var, windows_expand_args=windows_expand_args, **extra
        )
        if not standalone_mode:
            return run(standalone_mode=False)
        sys.exit(_outcome(partial(run, standalone_mode=False), call))


@click.group(cls=Program, name="ledger", epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sample-ledger", prog_name="ledger", message="%(prog)s %(version)s")
def cli() -> None:
    """Keep every fine-tuning sample, version and decision in one append-only file, and export it exactly.

    Answers go to stdout, progress to stderr; every verb takes --json and --help.
    """


cli.params += [no_pager(), *everywhere()]


def main() -> None:
    """Run the program (the entry point of the script `ledger`)."""
    with suppress(ValueError):  # raised in a thread that hears no signals
        signal.signal(signal.SIGTERM, _ended)
    cli()


def _ended(_number: int, _frame: object) -> None:
    """Leave as an interrupt does, so that files in the making are removed."""
    raise KeyboardInterrupt


def _outcome(act: Callable[[], Any], call: Call) -> int:
    """Run and return the exit code; nothing that a user can do ends in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            code = act()
            _flush()
        except (click.Abort, KeyboardInterrupt):  # Ctrl-C, wherever it came
            return _complain(call, "Interrupted", "interrupted; what was committed is kept", "", INTERRUPTED)
        except click.UsageError as error:
            return _misused(call, error)
        except _ledger_error() as error:
            proof = "\n".join(getattr(error, "__notes__", ()))
            return _complain(call, type(error).__name__, str(error), error.next_step, error.exit_code, proof)
    except OSError as error:
        return _system_error(call, error)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        if os.environ.get("LEDGER_DEBUG"):
            raise
        return _complain(
            call, type(error).__name__, f"unexpected {type(error).__name__}: {error}", _UNEXPECTED, UNFORESEEN
        )
    return code if isinstance(code, int) else 0


_UNEXPECTED = (
    "Run `ledger verify`. If it finds damage, restore a good copy of the file; if it finds none, this is a bug: "
    "report it with what the same command prints under LEDGER_DEBUG=1."
)


def _ledger_error() -> type[LedgerError]:
    """Return the class that the ledger's errors share; called only when something was raised."""
    from ledger.errors import LedgerError

    return LedgerError


def _misused(call: Call, error: click.UsageError) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    path = "ledger" if error.ctx is None else error.ctx.command_path
    return _complain(call, "UsageError", error.format_message(), f"Run `{path} --help`.", error.exit_code)


def _complain(call: Call, name: str, message: str, hint: str, code: int, proof: str = "") -> int:
    """Say what went wrong, what proves it and what to do next, on stderr; with --json also as a document on stdout."""
    from commands._render import emit_json, note

    note("error: ", message, style="bold red")
    for line in proof.splitlines():
        note("", f"  {line}" if line else "", style="")
    if hint:
        note("next: ", hint, style="bold")
    if call.json:
        told = {"name": name, "message": message, "hint": hint, "exit_code": code}
        emit_json({"error": {**told, "proof": proof} if proof else told})
        _flush()
    return code


def _system_error(call: Call, error: OSError) -> int:
    """Name an error of the operating system; a reader that has gone away is none."""
    from ledger.errors import DiskFull, StorageFailed

    if error.filename is None:
        _hush()
        call.json = False
    if error.errno == errno.EPIPE:
        return READER_GONE
    where = error.filename or "standard output"
    named = DiskFull(where) if error.errno in _FULL else StorageFailed(where, error.strerror or error)
    with suppress(OSError):
        return _complain(call, type(named).__name__, str(named), named.next_step, named.exit_code)
    return named.exit_code


@contextmanager
def _quiet_end() -> Iterator[None]:
    """Leave quietly where the reader of the answer has gone away; click would make an error of it."""
    try:
        yield
    except BrokenPipeError as error:
        _hush()
        raise click.exceptions.Exit(READER_GONE) from error


def _flush() -> None:
    """Write out what is still in the buffer, where there is a standard output at all."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _hush() -> None:
    """Let what is left of the answer go nowhere: writing it has failed and would fail again when Python exits."""
    if sys.stdout is not None:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
