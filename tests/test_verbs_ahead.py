"""Reading ahead: other processes read the same lines, and however they end, the ledger is sound."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, BrokenLaw, InputUnreadable, LedgerError
from ledger.readers.lines import Input, find_inputs
from ledger.verbs import ahead, ingest
from ledger.verbs.ready import IngestPlan, Ready, ready_lines
from tests.small import chat, text_of

PLAN = IngestPlan("c", {"persona": "é"})


def processes(field: int, number: int) -> list[int]:
    """Return the living processes whose parent (field 1 of /proc/PID/stat behind the name) or session (3) that is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, *numbers = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if state != "Z" and int(numbers[field - 1]) == number:
            found.append(int(stat.parent.name))
    return found


OTHERS: set[int] = set()
"""Processes that other tests of this run keep, such as a provider."""


@pytest.fixture(autouse=True)
def _others() -> None:
    """Leave what runs already alone."""
    OTHERS.clear()
    OTHERS.update(processes(1, os.getpid()))


def children() -> list[int]:
    """Return the processes that this one has started since the test began."""
    return [one for one in processes(1, os.getpid()) if one not in OTHERS]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Return a file of lines that fill several frames, some of them no samples, some of them twice."""
    rows = [chat(f"question {n % 1500}", f"answer {n % 1500}", label=n % 2 == 0) for n in range(2000)]
    path = tmp_path / "many.jsonl"
    path.write_bytes(text_of(rows).encode() + b'{"no": "sample"}\n\n{broken\n\xff\n')
    return path


@pytest.mark.parametrize("workers", [2, 3, 5, 9])
def test_the_same_lines(many: Path, data: Path, workers: int) -> None:
    """Every line that this process would read the others hand over, in order, with all that is said of it.

    There are five blocks, so some processes have two of them, and some have none.
    """
    inputs = find_inputs([str(many), str(data / "scored.jsonl")])
    here, there = list(ready_lines(inputs, PLAN, "cli")), list(ahead.read_ahead(inputs, PLAN, "cli", workers))
    assert here == there
    assert len(there) == 2043
    assert {type(line) for line in there} == {Ready}


def test_the_same_events(many: Path, tmp_path: Path) -> None:
    """With one process, two or three, the same samples, events and views; decisions that lines tell of too."""
    told = []
    for workers in (1, 2, 3):
        with Ledger.init(tmp_path / f"{workers}.db", actor="a", clock=lambda: 7) as ledger:
            done = ledger.ingest(many, campaign="c", decisions=True, workers=workers)
            events = [
                {**event["says"], "position": event["position"]}
                for event in ledger.log(limit=10_000)
                if event["kind"] not in {"run_started", "run_finished"}
            ]
            told.append(({**done, "seconds": 0}, events, ledger.status()["by_status"], ledger.verify()["ok"]))
    assert told[0] == told[1] == told[2]


def test_when_it_pays(many: Path) -> None:
    """Small inputs and standard input are read here, unless more processes are asked for; packed ones by one more."""
    small = find_inputs([str(many)])
    large = [Input("a", many, ahead.LEAST_BYTES)]
    assert [
        ahead.read_ahead(inputs, PLAN, "cli", workers).__name__  # type: ignore[attr-defined]  # generators have one
        for inputs, workers in ((small, None), (large, 1), ([Input("stdin", None, None)], 2), (small, 2))
    ] == ["ready_lines", "ready_lines", "ready_lines", "_from_others"]
    if (os.cpu_count() or 1) > 1:
        assert ahead.read_ahead(large, PLAN, "cli", None).__name__ == "_from_others"  # type: ignore[attr-defined]  # likewise
        packed = [*large, Input("b.gz", many, None)]
        assert [ahead._readers_that_pay(inputs) for inputs in (small, large, packed)] == [0, 2, 1]  # noqa: SLF001 - the rule itself


def test_an_input_that_cannot_be_read(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncated file is named as ever; what was committed before is kept, and the rest taken up later."""
    monkeypatch.setattr(ingest, "BATCH_LINES", 100)
    whole = gzip.compress(text_of([chat(f"{n} {n * 7919 % 1009}", "a") for n in range(3000)]).encode())
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputUnreadable, match=r"a\.jsonl\.gz"):
        ledger.ingest(file, campaign="a", workers=2)
    kept = ledger.status()["samples"]
    assert 0 < kept < 3000
    file.write_bytes(whole)
    done = ledger.ingest(file, campaign="a", workers=3)
    assert (done["known"], done["new"]) == (kept, 3000 - kept)
    assert not children()


def test_readers_that_saw_different_files(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that grows between two readers is never read with a gap: it is said, and the same command goes on.

    The first of them is slow to start, and finds more lines than the other, which ended in the middle of a block.
    """
    file, more = tmp_path / "a.jsonl", tmp_path / "more.jsonl"
    rows = [chat(f"question {n}", "a") for n in range(5000)]
    file.write_text(text_of(rows[:700]), encoding="utf-8")
    more.write_text(text_of(rows[700:]), encoding="utf-8")
    grow = f"open({str(file)!r}, 'a').write(open({str(more)!r}).read())"
    first = f"told['share'][0] == 0 and (__import__('time').sleep(3), {grow}); "
    monkeypatch.setattr(ahead, "_START", ahead._START.replace("from ledger", f"{first}from ledger"))  # noqa: SLF001 - how it starts
    with pytest.raises(InputUnreadable, match="changed while it was read") as caught:
        ledger.ingest(file, campaign="a", workers=3)
    assert "same command again" in caught.value.next_step
    monkeypatch.undo()
    kept = ledger.status()["samples"]
    done = ledger.ingest(file, campaign="a", workers=3)
    assert (done["known"], done["new"]) == (kept, 5000 - kept)
    assert not children()


@pytest.mark.parametrize("workers", [2, 3])
def test_a_reader_that_is_killed(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """It is said; whole batches are kept, the ledger is sound, and the same command goes on."""
    monkeypatch.setattr(ingest, "BATCH_LINES", 100)
    rows = [chat(f"question {n}", "a" * 3000) for n in range(30_000)]  # more than a pipe and what waits before it hold
    file = tmp_path / "large.jsonl"
    file.write_text(text_of(rows), encoding="utf-8")

    def kill(_name: str, _offset: int, _report: ingest.IngestReport) -> None:
        for child in children():
            os.kill(child, signal.SIGKILL)

    with pytest.raises(InputUnreadable, match="ended by signal 9") as caught:
        ledger.ingest(file, campaign="a", workers=workers, progress=kill)
    assert "--workers 1" in caught.value.next_step
    kept = ledger.status()["samples"]
    assert 0 < kept < 30_000
    monkeypatch.undo()
    done = ledger.ingest(file, campaign="a", workers=2)
    assert (done["known"], done["new"]) == (kept, 30_000 - kept)
    assert ledger.verify()["ok"]
    assert not children()


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("raise SystemExit(3)", "status 3"),
        ("print('hello')", "status 0"),
        ("import os; os.write(1, b'sample-ledger lines\\n' + b'x' * 99)", "no frame"),
    ],
)
def test_a_reader_that_is_no_reader(
    ledger: Ledger, many: Path, monkeypatch: pytest.MonkeyPatch, start: str, said: str
) -> None:
    """Whatever comes out of it instead of lines is not read, and not called a fault of the input."""
    monkeypatch.setattr(ahead, "_START", start)
    with pytest.raises(BrokenLaw, match=said):
        ledger.ingest(many, campaign="a", workers=2)
    assert ledger.status()["samples"] == 0
    assert not children()


def test_where_no_other_process_can_be_started(ledger: Ledger, many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines are read here."""
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert ledger.ingest(many, campaign="a", workers=2)["lines"] == 2003


def test_what_is_printed_over_there_is_no_frame(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that prints when it is imported does not come between the frames."""
    monkeypatch.setattr(ahead, "_START", ahead._START.replace("from ledger", "print('hello'); from ledger"))  # noqa: SLF001 - how it starts
    assert len(list(ahead.read_ahead(find_inputs([str(many)]), PLAN, "cli", 2))) == 2003


@pytest.mark.parametrize("path", ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
def test_what_only_this_process_can_open_is_read_here(many: Path, tmp_path: Path, path: str) -> None:
    """Standard input under another name is the file that the shell put there, for this process alone."""
    start = "import sys; from commands.cli import main; sys.argv[0] = 'ledger'; main()"
    command = [sys.executable, "-c", start, "--ledger", str(tmp_path / "l.db")]
    subprocess.run([*command, "init"], check=True, stdout=subprocess.DEVNULL)
    with many.open("rb") as file:
        told = subprocess.run(
            [*command, "ingest", path, "--campaign", "c", "--workers", "2", "--json"],
            stdin=file,
            check=True,
            stdout=subprocess.PIPE,
        )
    assert b'"lines": 2003' in told.stdout


@pytest.mark.parametrize(
    ("name", "body"),
    [("a.jsonl.zst", b"\x28\xb5\x2f\xfdbroken"), ("b.jsonl", "{}\n".encode("utf-16")), ("c.parquet", b"PAR1 no")],
)
def test_bad_inputs_are_the_same_errors(ledger: Ledger, tmp_path: Path, name: str, body: bytes) -> None:
    """Class, sentence and next step, whichever process met them."""
    (tmp_path / name).write_bytes(body)
    met = []
    for workers in (1, 2, 3):
        with pytest.raises(LedgerError) as caught:
            ledger.ingest(tmp_path / name, campaign="c", workers=workers)
        met.append((type(caught.value), str(caught.value), caught.value.next_step))
    assert met[0] == met[1] == met[2]


@pytest.mark.parametrize("workers", [2, 3])
def test_whoever_stops_listening_ends_the_reader(many: Path, workers: int) -> None:
    """A caller that takes three lines and leaves leaves no process behind."""
    lines = ahead.read_ahead(find_inputs([str(many)]), PLAN, "cli", workers)
    assert [line.number for line, _ in zip(lines, range(3), strict=False)] == [1, 2, 3]
    assert children()
    lines.close()
    assert not children()


def test_an_interrupt_ends_both(tmp_path: Path) -> None:
    """Ctrl-C in the terminal goes to both processes: exit code 130, no trace of the reader, whole batches kept."""
    file = tmp_path / "large.jsonl"
    file.write_text(text_of([chat(f"question {n}", "a" * 400) for n in range(120_000)]), encoding="utf-8")
    env = {**os.environ, "LEDGER_PATH": str(tmp_path / "ledger.db")}
    start = "import sys; from commands.cli import main; sys.argv[0] = 'ledger'; main()"
    command = [sys.executable, "-c", start]
    subprocess.run([*command, "init"], env=env, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    child = subprocess.Popen(
        [*command, "ingest", str(file), "--campaign", "c"],
        env=env,
        cwd=tmp_path,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - as a terminal starts it
    )
    while not processes(1, child.pid):
        assert child.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    os.killpg(child.pid, signal.SIGINT)
    err = child.communicate(timeout=60)[1]
    assert child.returncode == 130
    assert b"Traceback" not in err
    assert not processes(3, child.pid)


@pytest.mark.parametrize("workers", [0, -1, 17])
def test_the_number_of_workers_is_checked(ledger: Ledger, many: Path, workers: int) -> None:
    """From one process to sixteen."""
    with pytest.raises(BadRequest):
        ledger.ingest(many, campaign="c", workers=workers)
