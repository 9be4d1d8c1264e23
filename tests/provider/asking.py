"""Asking a provider with the real clients: bodies of questions, and what comes back."""
# ruff: noqa: ANN401 - bodies are JSON, and what the clients give is described by their own types

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest

from tests.provider.handle import KEY, Provider

MODEL = "claude-haiku-5-5"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["sessionMemory", "goal"],
    "properties": {
        "sessionMemory": {"type": "string", "description": "What was done, in 50 to 150 characters."},
        "goal": {"type": "string", "description": "At most 80 characters."},
        "score": {"type": "integer", "description": "From 1 to 5."},
    },
}
QUIET = {"type": "disabled"}
LONG = [{"type": "text", "text": "rules of the house. " * 400, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
"""A prefix that is long enough to be kept."""


def body(text: str = "find the budget notes of last autumn", **more: Any) -> dict[str, Any]:
    """Return the body of a question."""
    said = [{"role": "user", "content": text}]
    return {"model": MODEL, "max_tokens": 400, "messages": said, "thinking": QUIET, **more}


def formed(schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the part of a body that asks for JSON."""
    return {"output_config": {"format": {"type": "json_schema", "schema": schema or SCHEMA}}}


@asynccontextmanager
async def client(provider: Provider, key: str = KEY) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """Yield the real client, which tries once."""
    async with anthropic.AsyncAnthropic(api_key=key, base_url=provider.url, max_retries=0, timeout=5) as made:
        yield made


def asked(provider: Provider, work: Callable[[Any], Awaitable[Any]], key: str = KEY) -> Any:
    """Do something with the real client and return what comes of it."""

    async def inside() -> Any:
        async with client(provider, key) as made:
            return await work(made)

    return asyncio.run(inside())


def create(provider: Provider, *, key: str = KEY, **sent: Any) -> Any:
    """Return the message that the real client gets."""
    return asked(provider, lambda made: made.messages.create(**sent), key)


def status_of(provider: Provider, *, key: str = KEY, **sent: Any) -> tuple[int, str, str | None]:
    """Return the status, the kind and the code of an error as the real client reads them."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        create(provider, key=key, **sent)
    return caught.value.status_code, str(caught.value.type), caught.value.error_code


def text_of(message: Any) -> str:
    """Return the text of a message."""
    return "".join(block.text for block in message.content if block.type == "text")
