"""A small world for torture: a folder with a ledger, its witness and inputs, and commands run in it by forked children.

The children come from this process, which has everything loaded, so one attempt costs milliseconds. Their clock stands
still and the ledger's id is that of a copied file, so the same commands give the same root.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from blake3 import blake3

from commands.cli import VERBS, cli
from ledger import migrations, sqlite
from ledger import store as store_module
from ledger.errors import DestinationExists, LedgerExists
from ledger.transaction import Head
from ledger.verbs import ingest
from tests.logs import line, write_lines

NOW = 1_700_000_000_000_000_000
"""The time of every event, nanoseconds."""

BATCH = 20
"""Lines of one commit."""

SECRET = 3
"""The line of the first input that is erased."""

TRACEBACK = 250
UNFORESEEN = (70, 99, TRACEBACK)
"""Exit codes that mean a bug: an unexpected error, a broken law, an exception that nobody caught."""

Command = tuple[str, ...]


class Mode(NamedTuple):
    """How a ledger keeps its journal; what ships is TRUNCATE or WAL, always with FULL."""

    journal: str
    synchronous: str = "FULL"

    @property
    def name(self) -> str:
        """Return both in one word."""
        return f"{self.journal}+{self.synchronous}"


TRUNCATE, WAL = Mode("TRUNCATE"), Mode("WAL")
SHIPPING = (TRUNCATE, WAL)


class Ended(NamedTuple):
    """How a command ended: exit code (negative: the signal), heads that it acknowledged, and what it printed."""

    code: int
    acknowledged: tuple[tuple[int, str], ...]
    said: str


class World:
    """One folder, and the mode of the ledgers in it."""

    def __init__(self, folder: Path, mode: Mode) -> None:
        """Use an empty folder."""
        self.folder = folder
        self.mode = mode
        self.work = folder / "work"
        self.ledger = self.work / "ledger.db"
        self.inputs = folder / "inputs"
        self.kept = folder / "kept"
        self.secret = blake3(lines("first", 3 * BATCH)[SECRET]).hexdigest()
        self.work.mkdir()
        self.inputs.mkdir()
        for name in ("first", "second"):
            write_lines(self.inputs / f"{name}.jsonl", lines(name, 3 * BATCH))
        (self.kept / "nothing").mkdir(parents=True)

    def warm(self, *commands: Command) -> None:
        """Run commands in this process, so that its children find everything loaded that they need."""
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):  # noqa: PTH123 - a device
            for command in commands:
                execute(self.ledger, command)

    def keep(self, name: str) -> None:
        """Keep the working folder as it is now, under a name."""
        shutil.rmtree(self.kept / name, ignore_errors=True)
        shutil.copytree(self.work, self.kept / name, symlinks=True)

    def back(self, name: str) -> None:
        """Make the working folder what was kept."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.kept / name, self.work, symlinks=True)

    def fill(self, name: str) -> None:
        """Copy what was kept into the working folder, which is empty and stays what it is."""
        shutil.copytree(self.kept / name, self.work, symlinks=True, dirs_exist_ok=True)

    def run(self, *commands: Command) -> Ended:
        """Run commands in a child, one after the other, until one fails."""
        with self.started(*commands) as child:
            child.go()
            return child.wait()

    @contextmanager
    def started(self, *commands: Command, before: Callable[[], None] | None = None) -> Iterator[Child]:
        """Yield a child that waits to be told to go; it is ended and reaped at the end."""
        child = Child(
            lambda: self._execute(commands, before), self.folder / f"said-{os.getpid()}-{time.monotonic_ns()}"
        )
        try:
            yield child
        finally:
            child.end()

    def _execute(self, commands: Sequence[Command], before: Callable[[], None] | None) -> int:
        if before is not None:
            before()
        for command in commands:
            if code := execute(self.ledger, command):
                return code
            os.write(ACKNOWLEDGE, b"-1 %s\n" % " ".join(command).encode())
        return 0


ACKNOWLEDGE = 1000
"""The descriptor on which a child says what it has acknowledged: `position root`, or -1 and a command that is done."""


_GO, _PATIENCE = signal.SIGUSR1, 120
"""What lets a child begin, and the seconds after which it gives up waiting for it."""


class Child:
    """A forked process that does some work, reports on a pipe, and can be killed."""

    def __init__(self, work: Callable[[], int], said: Path) -> None:
        """Fork; the child waits for `go`."""
        self._said = said
        self._heard, voice = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            _live(work, voice, said)
        os.close(voice)
        os.read(self._heard, 1)
        self._open = [self._heard]
        self._text = b""
        self._code: int | None = None

    def go(self) -> None:
        """Let it begin."""
        os.kill(self.pid, _GO)

    def listen(self, seconds: float) -> bool:
        """Hear what it says for so long; False once it has ended."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self._heard], [], [], left)[0]:
                block = os.read(self._heard, 1 << 16)
                if not block:
                    return False
                self._text += block
        return True

    def kill(self) -> None:
        """Kill it, wherever it is."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self, limit: float = 300) -> Ended:
        """Wait for its end and return how it came; what has not ended after so many seconds hangs, and is killed."""
        if self.listen(limit):
            self.kill()
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        words = (one.split(" ", 1) for one in self._text.decode().split("\n")[:-1])
        heads = tuple((int(position), root) for position, root in words)
        return Ended(self._code, heads, self._said.read_text(errors="replace") if self._said.exists() else "")

    def end(self) -> None:
        """End and reap it, and close what is open; again: nothing."""
        if self._code is None:
            self.kill()
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        while self._open:
            os.close(self._open.pop())
        self._said.unlink(missing_ok=True)


def _live(work: Callable[[], int], voice: int, said: Path) -> None:
    """Be the child: never returns."""
    code = TRACEBACK
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, {_GO})
        os.dup2(voice, ACKNOWLEDGE)
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(out, 1)
        os.dup2(out, 2)
        for number in {out, voice}:
            os.close(number)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - it lives as long as the process
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - likewise
        sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123 - likewise
        os.write(ACKNOWLEDGE, b"!")  # from here on nothing is this function's own, in whatever is watched
        if signal.sigtimedwait({_GO}, _PATIENCE) is not None:  # a read would be seen by strace, or not, by chance
            code = work()
    except BaseException:  # noqa: BLE001 - the child ends here whatever it was, and says so
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def execute(ledger: Path, command: Command) -> int:
    """Run one command of the program in this process and return its exit code."""
    try:
        cli([*command, "--ledger", str(ledger)], prog_name="ledger")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else TRACEBACK
    return TRACEBACK


@contextmanager
def worlds(mode: Mode = TRUNCATE) -> Iterator[World]:
    """Yield a world in a folder of its own; the process lives in it until the end."""
    with TemporaryDirectory(prefix="torture-") as name, living(Path(name) / "work", mode):
        yield World(Path(name), mode)


@contextmanager
def living(work: Path, mode: Mode) -> Iterator[None]:
    """Set this process's world: witness files in the folder, a clock that stands, small commits, the mode's journal.

    WAL is used here whatever SQLite is linked: what makes it unsafe takes several processes, and none here compete.
    """
    changes: tuple[tuple[Any, str, Any], ...] = (
        (time, "time_ns", lambda: NOW),
        (ingest, "BATCH_LINES", BATCH),
        (store_module.Store, "_remember", _acknowledging(store_module.Store._remember)),  # noqa: SLF001 - the moment after a commit
        (sqlite, "_settle", _settling(sqlite._settle, mode)),  # noqa: SLF001 - where a connection gets its settings
    )
    if mode.journal == "WAL":
        changes += ((sqlite, "wal_is_safe", lambda: True),)
    before = [(place, name, vars(place)[name]) for place, name, _ in changes]
    variables = {"LEDGER_WITNESS_DIR": str(work / "witness"), "LEDGER_ACTOR": "torturer"}
    were = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    for place, name, value in changes:
        setattr(place, name, value)
    try:
        yield
    finally:
        for place, name, value in before:
            setattr(place, name, value)
        for name, value in were.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _acknowledging(remember: Callable[..., None]) -> Callable[..., None]:
    """Return what says on the pipe that a commit stands, when its transaction is about to return."""

    def remembering(store: store_module.Store, head: Head) -> None:
        remember(store, head)
        with suppress(OSError):  # in a process that nobody listens to
            os.write(ACKNOWLEDGE, b"%d %s\n" % (head.position, head.root.hex().encode()))

    return remembering


def _settling(settle: Callable[..., None], mode: Mode) -> Callable[..., None]:
    """Return what gives a connection the program's settings, and then the mode's where the mode is none that ships."""

    def settling(connection: sqlite.Connection, opening: str, wait: float) -> None:
        settle(connection, opening, wait)
        if mode in SHIPPING or opening == "ro":
            return
        if mode.journal != "WAL":
            connection.execute(f"PRAGMA journal_mode = {mode.journal}")
        connection.execute(f"PRAGMA synchronous = {mode.synchronous}")

    return settling


# --- what is done in it


def lines(name: str, count: int) -> list[bytes]:
    """Return lines that teach different things, one in ten of them no sample."""
    good = [
        line(f"{name} {n % 7}", f"answer {n} of {name} " + "x" * (n * 37 % 400), label=bool(n % 2))
        for n in range(count)
    ]
    return [b'{"broken ' + name.encode() + b"%d" % n if n % 10 == 9 else one for n, one in enumerate(good)]


def furnish(world: World) -> None:
    """Put a ledger with samples, decisions and a release into a world, and keep it as `base`."""
    _must(world.run(init(world), *past(world)))
    world.keep("base")
    _an_old_one(world)
    world.back("base")
    if "export-events" in VERBS:
        _must(world.run(("export-events", str(world.inputs / "events.jsonl"))))


def _an_old_one(world: World) -> None:
    """Keep an empty ledger of the first format as `old`."""
    world.back("nothing")
    now = migrations.STEPS
    migrations.STEPS = now[:1]
    try:
        store_module.make(world.ledger, "0" * 32, wal=world.mode.journal == "WAL")
    finally:
        migrations.STEPS = now
    world.keep("old")


def init(world: World) -> Command:
    """Return the command that makes the ledger."""
    return ("init", "--wal") if world.mode.journal == "WAL" else ("init",)


def past(world: World) -> tuple[Command, ...]:
    """Return what was done in a world before it is tortured."""
    return (
        ("ingest", str(world.inputs / "first.jsonl"), "--campaign", "first"),
        ("accept", "--campaign", "first", "--reason", "good"),
        ("project", "kto", "-o", str(world.work / "old.jsonl"), "--no-gates"),
    )


class Deed(NamedTuple):
    """One command to torture.

    `base` is the kept world that it begins in, `done` how a second run may end, `copy` another ledger that it makes.
    """

    name: str
    commands: tuple[Command, ...]
    base: str = "base"
    done: tuple[int, ...] = (0,)
    copy: Path | None = None


def deeds(world: World) -> list[Deed]:
    """Return what is tortured: commands that a second run finishes, or finds done."""
    work, made = world.work, (0, DestinationExists.exit_code)
    found = [
        Deed("init", (init(world),), base="nothing", done=(0, LedgerExists.exit_code)),
        Deed("append", (("ingest", str(world.inputs / "second.jsonl"), "--campaign", "second"),)),
        Deed("decide", (("reject", "--campaign", "first", "--reason", "after all"),)),
        Deed("project", (("project", "kto", "-o", str(work / "new.jsonl"), "--no-gates", "--card"),)),
        Deed("rebuild-views", (("rebuild-views",),)),
        Deed("migrate", (("status",),), base="old"),
        Deed("erase", (("erase", f"b3:{world.secret}", "--reason", "asked", "--authority", "ticket 7", "--yes"),)),
        Deed("compact", (("compact", "--codec", "zstd") if find_spec("zstandard") else ("compact",),)),
        Deed("backup", (("backup", str(work / "copy.db")),), done=made, copy=work / "copy.db"),
        Deed("export-events", (("export-events", str(work / "events.jsonl")),), done=made),
        Deed("import-events", (("import-events", str(world.inputs / "events.jsonl")),), base="nothing"),
    ]
    return [deed for deed in found if all(command[0] in VERBS for command in deed.commands)]


def later(world: World) -> list[Command]:
    """Return the commands of the deeds that go on with a ledger, in the order of a life."""
    return [command for deed in deeds(world) if deed.base == "base" for command in deed.commands]


def _must(ended: Ended) -> None:
    if ended.code != 0:
        raise AssertionError(ended)
