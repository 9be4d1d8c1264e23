"""R14: lines of any bytes, through the program's own commands: kept exactly, each with one fate, never a traceback.

Lines are real ones and odd ones, cut, joined, repeated, and with bytes put in; some are bytes from nowhere. What is not
a sample is in quarantine under its reason. Whatever is shown of them cannot steer a terminal.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger import Ledger
from ledger.digest import blake3_bytes
from tests.cli import Answer
from tests.cli import run as in_process
from tests.conftest import DATA
from tests.logs import store_of
from tests.test_commands_bad_input import LINES
from tests.torture.table import Row, Scale, row

SEED = 14
BATCH = 250
LINES_OF: dict[Scale, int] = {"short": 500, "full": 25_000}
LONG: dict[Scale, tuple[int, ...]] = {"short": (), "full": (64 * 10**6, 64 * 2**20 + 1)}
"""Lengths of lines, bytes: one that is just read, and one that is not."""

BUGS = (70, 99)
"""Exit codes that mean a mistake of the program."""
STEERING = ("\x1b", "\x07", "\x08", "\x9b", "\x00", "\u202e")
"""Characters that can steer a terminal, or turn text round in it."""
GOOD = b'{"prompt": "p", "completion": "c", "label": true}'
SEEDS: tuple[bytes, ...] = (
    GOOD,
    b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
    b'{"instruction": "i", "input": "", "output": "o", "tags": {"k": "v"}}',
    b'{"prompt": "\\u001b[31mred\\u0007", "completion": "\\u202eturned\\u0000", "tags": {"\\u001b": "\\u009b"}}',
    b'{"prompt": "tool_call: x\\narguments: {", "completion": "[TOOL_CALLS] [{\\"name\\": \\"f\\"}]"}',
    b'{"prompt": "' + b"[" * 3000 + b'", "completion": "' + b"\\\\" * 3000 + b'"}',
    b'{"prompt": "p", "completion": "c", "n": ' + b"9" * 5000 + b"}",
    b'{"prompt": "p", "completion": "c", "x": 1e308, "y": -0.0, "z": 1E-400}',
    b'{"prompt": "p", "completion": "c", "label": "\xed\xa0\x80"}',
    b'{"\\u0000": "\\ud800\\udc00", "prompt": "", "completion": ""}',
    b"__proto__",
    b"'; DROP TABLE event; --",
    b"\xef\xbb\xbf" + GOOD,
    b"\xff\xfe{\x00}\x00",
    *(body for body, _ in LINES.values() if len(body) < 10_000),
)
PUT_IN = (
    b"\x00",
    b"\x1b[2J",
    b"\xff",
    b'"',
    b"\\",
    b"{",
    b"]",
    b"\r",
    b"\x85",
    b"\xe2\x80\xa8",
    b"\\ud800",
    b"NaN",
    b"1e999",
)


def run(scale: Scale) -> Row:
    """Ingest hostile lines batch by batch, and look at them in every way."""
    chance = random.Random(SEED)  # noqa: S311 - odd lines, not secrets
    problems: list[str] = []
    fates: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(LINES_OF[scale] // BATCH):
            work = folder / str(number)
            work.mkdir()
            lines = [_line(chance) for _ in range(BATCH)]
            lines[0] = b"." + lines[0]  # how a file begins is another matter: UTF-16, a byte order mark
            problems += _batch(work, lines, fates)
        for size in LONG[scale]:
            problems += _long(folder, size, fates)
    told = f"{fates['new']:,} became samples, {fates['quarantined']:,} went into quarantine, the others stood twice"
    how = "real and odd lines, cut, joined and spoiled, through ingest, show, log, quarantine, project, verify"
    return row("R14", "hostile input", how, fates["lines"], problems, told)


def _line(chance: random.Random) -> bytes:
    """Return a line, not blank."""
    body = chance.choice([chance.choice(SEEDS), _real(chance), chance.randbytes(chance.randrange(1, 80))])
    for _ in range(chance.choice([0, 0, 1, 1, 2, 5])):
        body = chance.choice(CHANGES)(body, chance)
    body = body.replace(b"\n", b" ")
    return body if body.strip() else b"x"


def _real(chance: random.Random) -> bytes:
    return chance.choice(_REAL)


_REAL = [one for name in ("poor", "enhanced", "scored") for one in (DATA / f"{name}.jsonl").read_bytes().splitlines()]


def _at(body: bytes, chance: random.Random) -> int:
    return chance.randrange(len(body) + 1)


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    lambda body, chance: body[: _at(body, chance)],
    lambda body, chance: body[_at(body, chance) :],
    lambda body, chance: body + chance.choice(SEEDS),
    lambda body, chance: body[: (at := _at(body, chance))] + chance.choice(PUT_IN) + body[at:],
    lambda body, chance: body[: (at := _at(body, chance))] + chance.randbytes(3) + body[at + 1 :],
    lambda body, chance: body.replace(b'"', b"'", 1 + chance.randrange(3)),
    lambda body, chance: b"[" * chance.randrange(200) + body + b"]" * chance.randrange(200),
    lambda body, chance: body * (1 + chance.randrange(2)),
    lambda body, _: b" \t" + body + b"\r",
)


def _batch(folder: Path, lines: list[bytes], fates: Counter[str]) -> Iterator[str]:
    source, path = folder / "in.jsonl", folder / "ledger.db"
    source.write_bytes(b"".join(line + b"\n" for line in lines))
    yield from _plain("init", command("--ledger", path, "init"))
    report = command("--ledger", path, "ingest", source, "--campaign", "c", "--json")
    yield from _plain("ingest", report)
    if report.code:
        return
    counts = json.loads(report.out)
    fates.update({name: counts[name] for name in ("lines", "new", "known", "quarantined")})
    if counts["lines"] != len(lines) or counts["lines"] != counts["new"] + counts["known"] + counts["quarantined"]:
        yield f"{len(lines)} lines were counted as {counts}"
    yield from _kept(path, lines)
    yield from _shown(path, folder)


def _kept(path: Path, lines: list[bytes]) -> Iterator[str]:
    """Yield which bytes did not stay what they were: those of samples and those in quarantine."""
    expected = {blake3_bytes(body): body for body in map(_as_read, lines)}
    with Ledger.open(path) as ledger:
        store = store_of(ledger)
        hashes = dict(store.connection.execute("SELECT id, hash FROM blob"))
        stored = {digest: store.body(number) for number, digest in hashes.items()}
        for digest, body in expected.items():
            if stored.get(digest) != body:
                yield f"the bytes {body[:60]!r} were not kept"
        if len(stored) != len(expected):
            yield f"{len(expected)} different lines, {len(stored)} blobs"
        if found := ledger.verify()["findings"]:
            yield f"verify finds {found[0]}"


def _as_read(line: bytes) -> bytes:
    """Return what a reader of lines takes a line to be: without the carriage return that belongs to its end."""
    return line.removesuffix(b"\r")


def _shown(path: Path, folder: Path) -> Iterator[str]:
    """Yield what is wrong with how the lines are shown."""
    said = {name: command("--ledger", path, *words) for name, words in _COMMANDS.items()}
    for name, answer in said.items():
        yield from _plain(name, answer)
    for event in json.loads(said["log"].out)["events"][:25] if not said["log"].code else []:
        if event["kind"] == "ingested":
            for verb in ("show", "why"):
                yield from _plain(verb, command("--ledger", path, verb, event["event"]))
    out = folder / "out.jsonl"
    yield from _plain("project", command("--ledger", path, "project", "pending", "-o", out, "--no-gates"))
    if out.exists() and any(not _is_json(line) for line in out.read_bytes().splitlines()):
        yield "an export has a row that is no JSON"


_COMMANDS: dict[str, tuple[str, ...]] = {
    "status": ("status",),
    "log": ("log", "--limit", "1000", "--json"),
    "log as text": ("log", "--limit", "1000"),
    "quarantine": ("quarantine", "list"),
    "quarantine as JSON": ("quarantine", "list", "--json"),
    "validate": ("validate",),
    "conflicts": ("conflicts",),
    "duplicates": ("duplicates",),
    "verify": ("verify", "--quick"),
}


def command(*arguments: object) -> Answer:
    """Run a command in this process; an exception that nobody caught is an answer too."""
    try:
        return in_process(*arguments)
    except AssertionError as error:
        return Answer(BUGS[0], "", f"Traceback: {error.__cause__!r}")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _plain(name: str, said: Answer) -> Iterator[str]:
    """Yield what is wrong with the answer of a command: a bug, a traceback, or text that steers a terminal."""
    if said.code in BUGS or "Traceback" in said.err:
        yield f"{name} ended with {said.code}: {said.err[-200:]!r}"
    if "JSON" not in name and any(one in said.out + said.err for one in STEERING):
        yield f"{name} prints what can steer a terminal"


def _long(folder: Path, size: int, fates: Counter[str]) -> Iterator[str]:
    """Yield what is wrong with a very long line between two others."""
    work = folder / f"long-{size}"
    work.mkdir()
    frame = b'{"prompt": "p", "completion": ""}'
    body = frame[:-2] + b"x" * (size - len(frame)) + frame[-2:]
    yield from _batch(work, [GOOD, body, b"{"], fates)
