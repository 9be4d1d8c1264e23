"""The interface that OpenAI and many servers after it speak: a request is turned into theirs, and sent live alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NoReturn

from ledger.agents.api import Answer, Held, Refused, Result
from ledger.agents.contract import Call, Failure, Request
from ledger.agents.layout import SAMPLING
from ledger.agents.profiles import Profile
from ledger.agents.wire import CONNECT, TIMEOUT, Wire, address, loaded

ADDRESS = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"
NO_KEY = "none"
"""What is sent as a key to a server of the user's own that asks for none."""

_COMPLETIONS, _MODELS = "/chat/completions", "/models"
_EFFORTS = ("minimal", "low", "medium", "high", "xhigh")


class ChatApi:
    """The interface of OpenAI, or of a server that speaks as it does, opened for one model."""

    provider = "openai"

    def __init__(self, profile: Profile, key: str, base_url: str | None = None, timeout: float = TIMEOUT) -> None:
        """Make a client; nothing is sent."""
        import httpx2  # noqa: PLC0415 - only whoever asks a model needs it
        import openai  # noqa: PLC0415 - as above

        self.profile = profile
        self.address = address(base_url or ADDRESS)
        self._own_address = base_url is None
        self._wire = Wire(
            openai,
            openai.AsyncOpenAI(
                api_key=key,
                base_url=base_url or ADDRESS,
                timeout=httpx2.Timeout(timeout, connect=min(CONNECT, timeout)),
                max_retries=0,
            ),
            timeout,
        )

    async def send(self, request: Request) -> Answer:
        """Send one request, once; raise Refused where there is no answer."""
        return await self._wire.ask(_COMPLETIONS, completion(request, own_address=self._own_address))

    async def count(self, request: Request) -> int | None:  # noqa: ARG002 - the protocol's signature
        """Return None: nobody counts here."""
        return None

    async def submit(self, calls: Sequence[Call]) -> Held:  # noqa: ARG002 - the protocol's signature
        """Refuse: batches of this interface are files, which this program does not write."""
        _no_batches()

    async def held(self, provider_id: str) -> Held:  # noqa: ARG002 - the protocol's signature
        """Refuse, as `submit` does."""
        _no_batches()

    async def listed(self) -> AsyncIterator[Held]:
        """Yield nothing."""
        return
        yield  # what makes this a generator

    async def results(self, provider_id: str) -> AsyncIterator[Result]:  # noqa: ARG002 - the protocol's signature
        """Yield nothing."""
        return
        yield  # what makes this a generator

    async def cancel(self, provider_id: str) -> Held:  # noqa: ARG002 - the protocol's signature
        """Refuse, as `submit` does."""
        _no_batches()

    async def model(self, name: str) -> Mapping[str, Any]:
        """Return what the server says of a model, which is little; raises Refused."""
        return {"id": loaded((await self._wire.ask(f"{_MODELS}/{name}")).body).get("id")}

    async def models(self) -> list[str]:
        """Return the names of the models that the server offers; raises Refused."""
        listed = loaded((await self._wire.ask(_MODELS)).body).get("data")
        names = [entry.get("id") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        return [name for name in names if isinstance(name, str)]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()


def completion(request: Request, *, own_address: bool) -> dict[str, Any]:
    """Return a request as this interface takes it.

    OpenAI itself takes `max_completion_tokens`; of the servers after it, all take the older `max_tokens`.
    """
    messages = [{"role": "system", "content": _joined(request["system"])}] if request.get("system") else []
    messages += [{"role": one["role"], "content": _joined(one["content"])} for one in request["messages"]]
    made: dict[str, Any] = {"model": request["model"], "messages": messages}
    made["max_completion_tokens" if own_address else "max_tokens"] = request["max_tokens"]
    made |= {name: request[name] for name in SAMPLING if name in request}
    output = request.get("output_config", {})
    if (effort := output.get("effort")) in _EFFORTS:
        made["reasoning_effort"] = effort
    if "format" in output:
        schema = {"name": "answer", "strict": True, "schema": output["format"]["schema"]}
        made["response_format"] = {"type": "json_schema", "json_schema": schema}
    return made


def _joined(content: str | Sequence[Mapping[str, Any]]) -> str:
    return content if isinstance(content, str) else "\n\n".join(str(block["text"]) for block in content)


def _no_batches() -> NoReturn:
    raise Refused(Failure("bad_request", "this interface takes no batches here"))
