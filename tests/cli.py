"""Run the command line: in this process, or as a program of its own."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from commands.cli import cli

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = (sys.executable, "-c", "from commands.cli import main; main()")

_DROP_FROM_BOUNDING_SET, _CAP_DAC_OVERRIDE = 24, 1  # linux/prctl.h, linux/capability.h


class Answer(NamedTuple):
    """What a run left behind: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Return the one JSON document on stdout."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


def run(*arguments: object, stdin: str | bytes | None = None, env: Mapping[str, str] | None = None) -> Answer:
    """Run in this process; an exception that reaches the user fails the test."""
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin, env=env)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise AssertionError("a traceback reached the user") from done.exception
    return Answer(done.exit_code, done.stdout, done.stderr)


def ok(*arguments: object, stdin: str | bytes | None = None, env: Mapping[str, str] | None = None) -> Answer:
    """Run in this process; anything but success fails the test."""
    answer = run(*arguments, stdin=stdin, env=env)
    assert answer.code == 0, answer.err
    return answer


def environment(**changes: str) -> dict[str, str]:
    """Return the environment for a program of its own."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **changes}


def program(
    *arguments: object,
    cwd: Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    bash: str | None = None,
    before: Callable[[], None] | None = None,
) -> Answer:
    """Run as a program of its own; `bash` is a line of it that starts "$0" "$@", `before` runs in the new process."""
    command = [*PROGRAM, *map(str, arguments)]
    done = subprocess.run(
        command if bash is None else ["bash", "-c", bash, *command],
        cwd=cwd,
        env=environment(**(env or {})),
        input=stdin,
        capture_output=True,
        check=False,
        timeout=120,
        preexec_fn=before,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def without_powers() -> None:
    """Let root obey the permissions of files, from the next program on (does nothing for other users)."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(_DROP_FROM_BOUNDING_SET, _CAP_DAC_OVERRIDE, 0, 0, 0)


def small_files(size: int) -> Callable[[], None]:
    """Return what lets no file grow over `size` bytes, as on a disk that is full."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
