"""What there is to train with is used as it should be: off the network, in order, each run counted for itself."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import TrainerMissing
from ledger.trainers import backends, environment, trl_backend, unsloth_backend
from ledger.trainers.contract import BACKENDS, TRL, UNSLOTH
from tests.cli import environment as surroundings
from tests_train.training import released, settings

pytest.importorskip("trl")
pytest.importorskip("datasets")

LISTENING = """
import json, socket, sys
first, database, manifest, out, config = sys.argv[1:]
asked = []
def listening(host, *args, **kwargs):
    asked.append(str(host))
    raise socket.gaierror(f"nothing is looked up: {host}")
socket.getaddrinfo = socket.gethostbyname = socket.gethostbyname_ex = listening
for name in first.split():
    __import__(name)
from ledger import Ledger
with Ledger.open(database) as ledger:
    done = ledger.train("kto", manifest, smoke=True, out=out, config=config)
    ledger.evaluate(out, manifest, limit=2, most_tokens=4)
print(json.dumps([done["state"], asked]))
"""

TOLD = """
from ledger.trainers.backends import require
require("trl")
from datasets import config
from huggingface_hub import constants as hub
print(hub.HF_HUB_OFFLINE, hub.HF_HUB_DISABLE_TELEMETRY, config.HF_HUB_OFFLINE)
"""


def untold() -> dict[str, str]:
    """Return an environment in which nobody asked to stay off the network."""
    return {
        name: value for name, value in surroundings().items() if not name.startswith(("HF_", "TRANSFORMERS_", "CI"))
    }


@pytest.mark.parametrize("first", ["", "huggingface_hub datasets transformers"], ids=["alone", "imported before"])
def test_no_name_is_looked_up(ledger: Ledger, tmp_path: Path, first: str) -> None:
    """In a process that nobody told to stay off the network, whoever imports the packages first."""
    manifest, config = released(ledger, tmp_path), settings(tmp_path, max_steps=1)
    ledger.close()
    given = [first, tmp_path / "ledger.db", manifest, tmp_path / "run", config]
    done = subprocess.run(
        [sys.executable, "-c", LISTENING, *map(str, given)], env=untold(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["finished", []]


def test_packages_are_told_before_they_are_imported() -> None:
    """What a backend needs is off the network from its import on, also outside of a training."""
    done = subprocess.run([sys.executable, "-c", TOLD], env=untold(), capture_output=True, text=True, check=False)
    assert done.stdout == "True True True\n", done.stderr


def test_each_run_has_its_own_peak(ledger: Ledger, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU's peak is counted by process, so it is forgotten before a run: a smaller one is not told a larger one's."""
    use, most = [700, 300], [0]

    def forget() -> None:
        most[0] = 0

    def peak() -> int:
        most[0] = max(most[0], use.pop(0))
        return most[0]

    monkeypatch.setattr(trl_backend, "forget_peak", forget)
    monkeypatch.setattr(trl_backend, "peak_bytes", peak)
    manifest = released(ledger, tmp_path, "sft")
    told = [
        ledger.train("sft", manifest, model=model, out=tmp_path / name, config=settings(tmp_path, max_steps=1))
        for name in ("large", "small")
    ]
    assert [done["peak_bytes"] for done in told] == [700, 300]


def test_the_peak_of_a_gpu_is_what_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """`forget_peak` sets back the very counter that `peak_bytes` reads, and does nothing where there is no GPU."""
    torch = importlib.import_module("torch")
    done: list[str] = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: done.append("reset"))
    environment.forget_peak()
    assert (done, environment.peak_bytes()) == ([], None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 7)
    environment.forget_peak()
    assert (done, environment.peak_bytes()) == (["reset"], 7)


def test_unsloth_after_trl_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes what is imported after it: where TRL came first, it is refused, and where it did, TRL's own is."""
    monkeypatch.setattr(unsloth_backend, "look", lambda: None)
    assert "trl" in sys.modules
    with pytest.raises(TrainerMissing, match="trl was imported before") as caught:
        backends.require(UNSLOTH)
    assert "process of its own" in caught.value.next_step
    monkeypatch.setitem(sys.modules, "unsloth", ModuleType("unsloth"))
    with pytest.raises(TrainerMissing, match="unsloth was imported before") as caught:
        backends.require(TRL)
    assert "process of its own" in caught.value.next_step
    backends.require(UNSLOTH)


def test_looking_does_not_come_before_unsloth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Unsloth can be used, asking what can be imports neither; a package that is not there is still told."""

    def refused(name: str) -> Any:  # noqa: ANN401 - a module, if it were one
        raise AssertionError(name)

    monkeypatch.setattr(unsloth_backend, "look", lambda: None)
    monkeypatch.setattr(backends, "imported", refused)
    assert backends.missing() == dict.fromkeys(BACKENDS)

    def without_peft(name: str) -> ModuleSpec | None:
        return None if name == "peft" else find_spec(name)

    monkeypatch.setattr(trl_backend, "find_spec", without_peft)
    assert all("peft cannot be imported" in str(said) for said in backends.missing().values())
