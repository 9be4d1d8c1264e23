"""One exchange with a provider through its own client, which repeats nothing: bytes go out, and bytes come back.

What the client says when something breaks can quote what it was given, a key among it; none of its words are kept.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from ledger.agents.api import Answer, Refused
from ledger.agents.contract import Failure
from ledger.agents.failures import of_break, of_status

TIMEOUT = 120.0
"""Seconds for an answer, from the first byte sent to the last byte read."""
CONNECT = 10.0
_RAW = "X-Stainless-Raw-Response"
"""The header by which both clients are told to leave a body on the wire until it is asked for."""
_LOGGERS = ("anthropic", "openai", "httpx2", "httpcore2", "httpx", "httpcore")
_OK = 200
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Got(NamedTuple):
    """What one exchange brought: an answer, or why there is none, and the headers of what came."""

    answer: Answer | None
    failure: Failure | None
    headers: Mapping[str, str] = _NO_HEADERS


class Wire:
    """A provider's client, made by the provider's own package (`sdk`) with retries turned off."""

    def __init__(self, sdk: Any, client: Any, timeout: float = TIMEOUT) -> None:  # noqa: ANN401 - either of two packages
        """Keep the client; nothing is sent."""
        self._sdk = sdk
        self._client = client
        self._timeout = timeout

    async def ask(
        self, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] = _NO_HEADERS
    ) -> Answer:
        """Send a body (none: ask for what is there) and return the answer; raise Refused where there is none."""
        got = await self._exchange(path, body, dict(headers))
        if got.answer is None:
            raise Refused(got.failure or of_break(""), got.headers)
        return got.answer

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """Yield the lines of a long answer as they come; raise Refused where there is none, or where it breaks off."""
        response, failure = await self._begun(path)
        if response is None:
            raise Refused(failure or of_break(""))
        rest, broken = b"", ""
        blocks = response.aiter_bytes()
        while True:
            try:
                block = await anext(blocks, None)
            except self._breaks() as error:
                broken = type(error).__name__
                break
            if block is None:
                break
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                if line.strip():
                    yield line
        await response.aclose()
        if broken:
            raise Refused(of_break(broken))
        if rest.strip():
            yield rest

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _exchange(self, path: str, body: Mapping[str, Any] | None, headers: dict[str, str]) -> Got:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._send(path, body, headers)
        except self._sdk.APIStatusError as error:
            response = error.response
        except self._breaks() as error:
            return Got(None, of_break(_what_broke(error)))
        told = {name.lower(): value for name, value in response.headers.items()}
        if response.status_code != _OK:
            return Got(None, of_status(response.status_code, response.content, told), told)
        request_id = told.get("request-id") or told.get("x-request-id")
        answer = Answer(response.content, told, request_id, round((time.monotonic() - began) * 1000))
        return Got(answer, None, told)

    async def _begun(self, path: str) -> tuple[Any, Failure | None]:
        try:
            return await self._send(path, None, {_RAW: "stream", "Accept": "application/binary"}), None
        except self._sdk.APIStatusError as error:
            return None, of_status(error.status_code, b"", error.response.headers)
        except self._breaks() as error:
            return None, of_break(_what_broke(error))

    async def _send(self, path: str, body: Mapping[str, Any] | None, headers: dict[str, str]) -> Any:  # noqa: ANN401
        import httpx2  # noqa: PLC0415 - only whoever asks a model needs it

        options = {"headers": headers, "max_retries": 0}
        if body is None:
            return await self._client.get(path, cast_to=httpx2.Response, options=options)
        return await self._client.post(path, cast_to=httpx2.Response, body=dict(body), options=options)

    def _breaks(self) -> tuple[type[Exception], ...]:
        import httpx2  # noqa: PLC0415 - as above

        return (self._sdk.APIConnectionError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError)


def address(base_url: str) -> str:
    """Return the part of an address that may be shown: no name, no password, no query."""
    parts = urlsplit(base_url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def loaded(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of an answer; an empty one where it is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the clients from writing: their log lines hold headers, the key among them, and the text of samples."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _what_broke(error: BaseException) -> str:
    """Return the name of what a client's error comes from, for the client's own name says less."""
    return "TimeoutError" if isinstance(error, TimeoutError) else type(error.__cause__ or error).__name__
