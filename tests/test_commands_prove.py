"""`ledger prove`: proofs and checkpoints, to a file or to standard output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.checkpoint import read_checkpoint
from ledger.proof import Consistency, Inclusion, read_proof
from tests.cli import ok, run
from tests.small import chat, samples, write
from tests.trained import trained


def test_a_sample_is_proved_on_standard_output(toolset: Ledger) -> None:
    """What is printed is the file, and JSON is the dict of Ledger.prove."""
    sample = samples(toolset)[3]
    out = ok("--ledger", toolset.path, "prove", sample).out
    proof = read_proof(out.encode())

    assert isinstance(proof, Inclusion)
    assert proof.fault() is None
    answer = ok("--ledger", toolset.path, "prove", sample, "--json").json
    assert answer == toolset.prove(sample)
    assert set(answer) == {"proof", "ledger", "head", "first", "events", "signed_by", "path", "text"}
    assert answer["text"] == out


def test_files_say_what_they_are(toolset: Ledger, tmp_path: Path) -> None:
    """With -o the file is written and the screen says what of which head it shows, and who signed."""
    ok("keygen", tmp_path / "k")
    said = ok("--ledger", toolset.path, "prove", "@1", "@2", "-o", tmp_path / "p").out
    assert "2 events shown to be in the log" in said
    assert "head @121" in said
    said = ok("--ledger", toolset.path, "prove", "--consistency", "5", "90", "-o", tmp_path / "c").out
    assert "shown to go on from @5" in said
    assert "head @90" in said
    said = ok("--ledger", toolset.path, "prove", "--checkpoint", "--key", tmp_path / "k", "-o", tmp_path / "h").out
    assert "the head, signed by k" in said
    assert isinstance(read_proof((tmp_path / "c").read_bytes()), Consistency)
    assert read_checkpoint((tmp_path / "h").read_text("utf-8")).signatures[0].name == "k"
    said = ok("--ledger", toolset.path, "prove", "--checkpoint", "--as-of", "7").out
    assert read_checkpoint(said).position == 7


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--consistency"],
        ["--consistency", "1", "2", "3"],
        ["--consistency", "1", "--as-of", "5"],
        ["--consistency", "--checkpoint", "1"],
        ["--checkpoint", "@1"],
    ],
)
def test_what_does_not_go_together_is_a_wrong_use(toolset: Ledger, arguments: list[str]) -> None:
    """Before the ledger is looked at."""
    answer = run("--ledger", toolset.path, "prove", *arguments)
    assert answer.code == 2
    assert answer.out == ""


def test_a_refused_ledger_shows_the_proof(toolset: Ledger) -> None:
    """Every verb that opens a ledger that went back prints both heads before what to do; JSON has them."""
    copy = toolset.path.read_bytes()
    before = toolset.checkpoint()["text"]
    ok("--ledger", toolset.path, "accept", samples(toolset)[0])
    after = toolset.checkpoint()["text"]
    toolset.close()
    toolset.path.write_bytes(copy)

    answer = run("--ledger", toolset.path, "status", "--json")

    assert answer.code == 18
    proof = answer.json["error"]["proof"]
    size = int(after.splitlines()[1])
    told = f"A checkpoint counts events: the last of {size} stands at position {size - 1}."
    assert proof == f"{told}\n\nWhat was seen:\n\n{after}\nWhat is there now:\n\n{before}"
    first, *between, last = answer.err.splitlines()
    assert first.startswith("error: ")
    assert last.startswith("next: ")
    assert [line.strip() for line in between] == proof.splitlines()


@pytest.mark.parametrize("to_a_file", [True, False])
def test_people_see_what_a_training_took(ledger: Ledger, tmp_path: Path, *, to_a_file: bool) -> None:
    """Rows that were seen and how often, rows that no step came to, the twin of a duplicate, and another version."""
    rows = [chat(question, "me", label=True) for question in ("who?", "what?", "where?")]
    ledger.ingest(write(tmp_path / "in.jsonl", *rows, {**rows[0], "n": 1}, {**rows[1], "n": 2}), campaign="c")
    ledger.project("sft", tmp_path / "sft.jsonl")
    manifest = tmp_path / "sft.jsonl.manifest.json"
    made = trained(ledger, manifest, tmp_path / "run", method="sft", steps=2, per_device_train_batch_size=1)
    told = [ledger.prove_trained(made["event"], one) for one in samples(ledger)]
    seen = next(one for one in told if one["used"])
    edited = json.dumps(chat("who else?", "you", label=True)).encode()
    ledger.edit(seen["sample"], edited)

    def shown(sample: str) -> str:
        out = ["-o", tmp_path / f"{sample[:12]}.proof"] if to_a_file else []
        answer = ok("--ledger", ledger.path, "prove", "--trained", tmp_path / "run", "--sample", sample, *out)
        return answer.out if to_a_file else answer.err

    said = shown(seen["sample"])
    assert f"row {seen['place'] + 1} of 3 rows, repeated 1x, seen 1x" in said
    assert f"its version there was {seen['version'][:15]}; by now it is b3:" in said
    assert "not used: row 3 of 3 rows, repeated 1x, and no step came so far" in shown(
        next(one["sample"] for one in told if one["omitted"] == "not_reached")
    )
    twin = next(one for one in told if one["survivor"])
    said, row = shown(twin["sample"]), twin["survivor"]
    times = "seen 1x" if row["seen"] else "which no step came to"
    assert "not used: duplicate" in said
    assert (
        f"{row['sample'][:12]} teaches the same, and stands for it: row {row['place'] + 1} of 3 rows, {times}" in said
    )
