"""The Batches API: made, listed, shown, cancelled, deleted, and its results in an order of their own."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from tests.provider.checks import Refusal, batch_of, checked
from tests.provider.desk import Desk, Question, Reply
from tests.provider.faults import Dice
from tests.provider.messages import message, question_of
from tests.provider.settings import CREATION, ITEMS

_JSON = {"content-type": "application/json"}
_LINES = {"content-type": "application/x-jsonl"}
_FORBIDDEN = ("stream", "speed")


class _Waiting(NamedTuple):
    name: str
    params: Mapping[str, Any]


@dataclass
class Batch:
    """One batch: `lines` are its results, once it has ended."""

    id: str
    requests: Sequence[_Waiting]
    version: str
    created: datetime
    canceling: datetime | None = None
    ended: datetime | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)

    def shown(self, host: str) -> dict[str, Any]:
        """Return it as the API shows it; nothing is counted before the end."""
        counts = Counter(line["result"]["type"] for line in self.lines)
        kinds = ("succeeded", "errored", "canceled", "expired")
        status = "ended" if self.ended else "canceling" if self.canceling else "in_progress"
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": status,
            "request_counts": {
                "processing": 0 if self.ended else len(self.requests),
                **{kind: counts[kind] for kind in kinds},
            },
            "created_at": _text(self.created),
            "expires_at": _text(self.created + timedelta(days=1)),
            "ended_at": _text(self.ended),
            "cancel_initiated_at": _text(self.canceling),
            "archived_at": None,
            "results_url": f"http://{host}/v1/messages/batches/{self.id}/results" if self.ended else None,
        }


class Batches:
    """All batches of a provider."""

    def __init__(self, desk: Desk) -> None:
        """Start with none."""
        self.desk = desk
        self.all: dict[str, Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def create(self, body: Mapping[str, Any], raw: bytes, version: str, host: str) -> Reply:
        """Make a batch; its requests are looked at only when it is worked on."""
        requests = [_Waiting(one["custom_id"], one["params"]) for one in batch_of(body)]
        dice = self.desk.sight(sha256(raw).hexdigest())
        name = sha256(f"{dice.seed}:{dice.digest}:{dice.sighting}".encode()).hexdigest()[:24]
        made = Batch(f"msgbatch_{name}", requests, version, datetime.now(UTC))
        self.all[made.id] = made
        task = asyncio.get_running_loop().create_task(self._work(made))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        lost = self.desk.strike(CREATION, raw, dice)
        return _json(made.shown(host))._replace(cut=0 if lost else None)

    def listed(self, query: Mapping[str, str], host: str) -> Reply:
        """Return a page of batches, the newest first."""
        found = list(reversed(self.all.values()))
        ids = [one.id for one in found]
        if query.get("after_id") in ids:
            found = found[ids.index(query["after_id"]) + 1 :]
        if query.get("before_id") in ids:
            found = found[: ids.index(query["before_id"])]
        limit = int(query.get("limit", "20"))
        page = found[:limit]
        ends = {"first_id": page[0].id if page else None, "last_id": page[-1].id if page else None}
        return _json({"data": [one.shown(host) for one in page], "has_more": len(found) > limit, **ends})

    def shown(self, name: str, host: str) -> Reply:
        """Return one batch."""
        return _json(self._batch(name).shown(host))

    def results(self, name: str) -> Reply:
        """Return the results of a batch that has ended."""
        batch = self._batch(name)
        if batch.ended is None:
            raise Refusal(404, "not_found_error", "Results are not available before the batch has ended.")
        lines = [json.dumps(line, ensure_ascii=False) + "\n" for line in batch.lines]
        return Reply(200, "".join(lines).encode(), _LINES)

    def cancel(self, name: str, host: str) -> Reply:
        """Stop working on a batch."""
        batch = self._batch(name)
        if batch.ended is None and batch.canceling is None:
            batch.canceling = datetime.now(UTC)
        return _json(batch.shown(host))

    def delete(self, name: str) -> Reply:
        """Forget a batch that has ended."""
        if self._batch(name).ended is None:
            raise Refusal(400, "invalid_request_error", "A batch that is being processed cannot be deleted.")
        del self.all[name]
        return _json({"id": name, "type": "message_batch_deleted"})

    async def stop(self) -> None:
        """Leave what is being worked on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, batch: Batch) -> None:
        await asyncio.sleep(self.desk.settings.batch_seconds)
        started = self.desk.now()
        for number, one in enumerate(batch.requests):
            batch.lines.append({"custom_id": one.name, "result": self._result(batch, one, started)})
            if number % 50 == 0:
                await asyncio.sleep(0)
        order = Dice(self.desk.settings.seed, batch.id, 1).draw("order")
        order.shuffle(batch.lines)
        batch.ended = datetime.now(UTC)

    def _result(self, batch: Batch, one: _Waiting, started: float) -> dict[str, Any]:
        if batch.canceling:
            return {"type": "canceled"}
        try:
            question = self._question(one.params, batch.version)
        except Refusal as refused:
            return {"type": "errored", "error": refused.body(None)}
        dice = self.desk.sight(question.digest)
        fault = self.desk.strike(ITEMS, question.raw, dice)
        if fault is not None and fault.kind == "item_errored":
            return {"type": "errored", "error": Refusal(500, "api_error", "Internal server error").body(None)}
        if fault is not None and fault.kind == "item_unpaid":
            return {"type": "errored", "error": Refusal(402, "billing_error", "There is no credit left").body(None)}
        if fault is not None:
            return {"type": fault.kind.removeprefix("item_")}
        # All of a batch begins at once: what one of its requests writes, none of the others can read.
        used, new = self.desk.used(question, started)
        self.desk.cache.write(new, self.desk.now() + 0.001)
        said = self.desk.say(question, used, dice)
        self.desk.bill(question, said.used, batch=True)
        return {"type": "succeeded", "message": message(said, question.model, "batch")}

    def _question(self, params: Mapping[str, Any], version: str) -> Question:
        for name in _FORBIDDEN:
            if params.get(name):
                raise Refusal(400, "invalid_request_error", f"{name}: not allowed in a batch")
        model = checked(params, version, self.desk.settings)
        return question_of(params, model, self.desk.settings.judge)

    def _batch(self, name: str) -> Batch:
        if name not in self.all:
            raise Refusal(404, "not_found_error", f"No batch {name}")
        return self.all[name]


def _json(value: Mapping[str, Any]) -> Reply:
    return Reply(200, json.dumps(value).encode(), _JSON)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
