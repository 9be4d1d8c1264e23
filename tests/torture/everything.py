"""A ledger with an event of every kind, and exports of it: what the parts of the matrix begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledger import Ledger
from ledger.event import KINDS, Draft, draft
from tests import working
from tests.logs import Ticks, fill, improve, line, sample_ids, store_of
from tests.scoring import append, give_up
from tests.trained import evaluated, trained

VIEW = """name = "poor"
select = "label == false"
"""
POLICY = """name = "short"
default = "accept"
unknown = "ignore"

[[rule]]
name = "too_short"
reject = "characters < 5"
"""
EXPORTS = ("kto-interleaved", "sft", "rejected", "poor")
"""The views that are exported; the last is defined by the ledger itself."""


def everything(ledger: Ledger, folder: Path, *, erasing: bool = True) -> list[str]:
    """Put an event of every kind into a new ledger (`erased` on request); return the ids in the order of birth."""
    fill(ledger, folder)
    ids = sample_ids(ledger)
    ledger.score("length")
    give_up(ledger, ids[6:7])
    ledger.validate()
    (folder / "poor.toml").write_text(VIEW, encoding="utf-8")
    ledger.define_view(folder / "poor.toml", reason="to look at")
    ledger.duplicates(0.6)
    ledger.templates("completion")
    improve(ledger, ids[7], [line("asked afresh", "answered afresh")], kind="regenerated")
    ledger.weight(ids[8:9], 3)
    (folder / "short.toml").write_text(POLICY, encoding="utf-8")
    ledger.decide(folder / "short.toml", reason="a trial")
    _supersede(ledger, ids[9])
    ledger.accept_proposal(ledger.propose(ids[11:13], "defer", reason="to be looked at")["name"])
    ledger.decline_proposal(ledger.propose(ids[13:14], "label-none", reason="nobody can tell")["name"], reason="we can")
    evaluated(ledger, trained(ledger, folder / "out.jsonl.manifest.json", folder / "run"))
    _ask(ledger, ids[14])
    ledger.checkout(folder / "given", where="label == false", size=10)
    if erasing:
        erase(ledger, ids[10])
    return sample_ids(ledger)


def erase(ledger: Ledger, sample: str) -> dict[str, Any]:
    """Erase a sample and all that teaches the same; return the answer."""
    return ledger.erase([sample], reason="asked for", authority="ticket 7", yes=True)


def absent(ledger: Ledger) -> set[str]:
    """Return the kinds of which a ledger holds no event."""
    return KINDS.keys() - {event["kind"] for event in ledger.log(limit=10**6)}


def made(folder: Path, *, clock: Ticks | None = None) -> Path:
    """Return the path of a ledger with everything in a new folder; nobody has it open."""
    folder.mkdir(parents=True, exist_ok=True)
    with Ledger.init(folder / "ledger.db", actor="torture", clock=clock or Ticks()) as ledger:
        everything(ledger, folder)
    return folder / "ledger.db"


def _ask(ledger: Ledger, sample: str) -> None:
    """Append what a job leaves that asks about a sample, live and in a batch, and gets no result."""
    store, row = store_of(ledger), working.row_of(ledger, sample)
    with store.transaction() as transaction:
        (recipe, blob), (members, _) = transaction.add_blob(b"{}"), transaction.add_blob(b"[]")
    plan = {"budget": "1", "items": 1, "members": members.hex(), "model": "m", "prices": [["source", "given"]]}
    plan |= {"provider": "test", "purpose": "improve", "recipe": recipe.hex()}
    batch = {"adopted": False, "batch": working.key("batch"), "calls": 1, "provider": "test", "provider_id": "b1"}
    drafts = [
        draft("work_planned", None, blob, plan),
        working.asked(row, "one"),
        draft("batch_submitted", None, None, batch),
    ]
    working.append(ledger, [*drafts, working.asked(row, "two", batch=working.key("batch"))], recipe.hex())
    working.answered(ledger, row, "one", text=b"a reply that was cut")
    working.append(ledger, [working.failed(row, "one", "cut", final=True, recipe=recipe.hex())], recipe.hex())


def _supersede(ledger: Ledger, sample: str) -> None:
    """Append a policy's `superseded`."""
    shown = ledger.show(sample)
    fields: dict[str, Any] = {"after": None, "authority": "policy", "details": {}, "policy": "c0" * 32, "reason": ""}
    fields |= {"rule": "a rule", "sample": sample, "version": shown["version"][3:]}
    made_of: Draft = draft("superseded", shown["origin"]["position"], None, fields)
    store = store_of(ledger)
    with store.transaction() as transaction:
        blob = transaction.known_blobs([bytes.fromhex(fields["version"])]).popitem()[1]
    append(ledger, "supersede", [made_of._replace(blob=blob)])
