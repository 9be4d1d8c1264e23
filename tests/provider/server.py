"""Which path is answered by what, and the paths by which a test speaks to the provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tests.provider import chat, messages
from tests.provider.batches import Batches
from tests.provider.checks import Refusal, authorised, versioned
from tests.provider.desk import Desk, Reply
from tests.provider.models import CHAT_MODELS
from tests.provider.settings import BadSettings, Settings, changed
from tests.provider.wire import Connection, Request

_JSON = {"content-type": "application/json"}
_ASKING = ("/v1/messages", "/v1/chat/completions")


class Server:
    """A provider that listens."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings that a reset goes back to."""
        self._first = settings
        self.desk = Desk(settings)
        self.batches = Batches(self.desk)
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, port: int = 0) -> asyncio.Server:
        """Listen on this machine."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: Connection(self.handle, self._tasks), "127.0.0.1", port, backlog=2048)

    async def handle(self, request: Request) -> Reply:
        """Answer a request."""
        if request.path.startswith("/_"):
            return await self._control(request)
        desk, counts = self.desk, self.desk.counts
        name = "req_" + sha256(f"{sum(counts.paths.values())}".encode()).hexdigest()[:24]
        asking = request.path in _ASKING
        counts.paths[f"{request.method} {_shape(request.path)}"] += 1
        counts.requests += asking
        counts.in_flight += asking
        counts.max_in_flight = max(counts.max_in_flight, counts.in_flight)
        in_chat = "anthropic-version" not in request.headers and "x-api-key" not in request.headers
        try:
            reply = await self._routed(request)
        except Refusal as refused:
            headers = {**_JSON, **(self._limits(request) if refused.status == 429 else {}), **refused.headers}
            body = chat.error(refused) if in_chat else json.dumps(refused.body(name)).encode()
            reply = Reply(refused.status, body, headers)
        finally:
            counts.in_flight -= asking
        if asking and desk is self.desk:
            counts.statuses[str(reply.status) if reply.cut is None else "cut"] += 1
        return reply._replace(headers={"request-id": name, "x-request-id": name, **reply.headers})

    async def _routed(self, request: Request) -> Reply:
        authorised(request.headers, self.desk.settings)
        method, path = request.method, request.path
        if (method, path) == ("POST", "/v1/chat/completions"):
            return await chat.create(self.desk, messages.body_of(request.body))
        if path.startswith("/v1/models"):
            return self._models(request)
        version = versioned(request.headers)
        if (method, path) == ("POST", "/v1/messages"):
            return await messages.create(self.desk, messages.body_of(request.body), version)
        if (method, path) == ("POST", "/v1/messages/count_tokens"):
            return messages.count_tokens(self.desk, messages.body_of(request.body), version)
        if path.startswith("/v1/messages/batches"):
            return self._batched(request, version)
        raise Refusal(404, "not_found_error", "Not found")

    def _models(self, request: Request) -> Reply:
        name = request.path.removeprefix("/v1/models").strip("/")
        if "anthropic-version" in request.headers:
            return messages.show_model(self.desk, name) if name else messages.list_models(self.desk)
        if not name:
            return chat.list_models()
        if name not in CHAT_MODELS:
            raise Refusal(404, "not_found_error", f"The model `{name}` does not exist")
        shown = {"id": name, "object": "model", "created": 1_767_225_600, "owned_by": "tests"}
        return Reply(200, json.dumps(shown).encode(), _JSON)

    def _batched(self, request: Request, version: str) -> Reply:
        host = request.headers.get("host", "127.0.0.1")
        parts = request.path.removeprefix("/v1/messages/batches").strip("/").split("/")
        match (request.method, *filter(None, parts)):
            case ("POST",):
                return self.batches.create(messages.body_of(request.body), request.body, version, host)
            case ("GET",):
                return self.batches.listed(request.query, host)
            case ("GET", name):
                return self.batches.shown(name, host)
            case ("GET", name, "results"):
                return self.batches.results(name)
            case ("POST", name, "cancel"):
                return self.batches.cancel(name, host)
            case ("DELETE", name):
                return self.batches.delete(name)
        raise Refusal(404, "not_found_error", "Not found")

    def _limits(self, request: Request) -> Mapping[str, str]:
        if not self.desk.settings.headers or request.path != "/v1/messages":
            return {}
        limits = self.desk.limits.get(str(messages.body_of(request.body).get("model")))
        return limits.headers(self.desk.now()) if limits else {}

    async def _control(self, request: Request) -> Reply:
        try:
            found = await self._told(f"{request.method} {request.path}", json.loads(request.body or b"{}"))
        except (BadSettings, TypeError, ValueError) as wrong:
            return _shown({"error": str(wrong)})._replace(status=400)
        return _shown(found)

    async def _told(self, what: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        match what:
            case "GET /_stats":
                return self._stats()
            case "GET /_ledger":
                return {digest: {**one, "usd": str(one["usd"])} for digest, one in self.desk.bills.items()}
            case "GET /_requests":
                return {"requests": self.desk.kept}
            case "POST /_config":
                self.desk.take(changed(self.desk.settings, given))
                return {}
            case "POST /_reset":
                await self.batches.stop()
                self.desk = Desk(changed(self._first, given))
                self.batches = Batches(self.desk)
                return {}
        raise BadSettings(f"nothing is known of {what}")

    def _stats(self) -> dict[str, Any]:
        counts = self.desk.counts
        return {
            "requests": counts.requests,
            "statuses": counts.statuses,
            "faults": counts.faults,
            "paths": counts.paths,
            "in_flight": counts.in_flight,
            "max_in_flight": counts.max_in_flight,
            "billed": counts.billed,
            "distinct": len(self.desk.bills),
            "usd": str(counts.usd),
            "tokens": counts.tokens,
            "batches": len(self.batches.all),
            "seconds": counts.seconds,
        }


async def serve(settings: Settings, port: int = 0) -> None:
    """Listen, print the address, and answer until standard input ends."""
    server = Server(settings)
    listening = await server.listen(port)
    address = listening.sockets[0].getsockname()
    print(f"http://{address[0]}:{address[1]}", flush=True)  # noqa: T201 - whoever started this reads it
    await listening.serve_forever()


def _shown(value: Mapping[str, Any]) -> Reply:
    return Reply(200, json.dumps(value).encode(), _JSON)


def _shape(path: str) -> str:
    """Return a path without the ids in it."""
    parts = path.strip("/").split("/")
    return "/" + "/".join("ID" if part.startswith(("msgbatch_", "claude-")) else part for part in parts)
