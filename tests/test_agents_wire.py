"""ledger.agents.wire: what comes of servers that answer as no provider should."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
import pytest

from ledger.agents.api import Refused
from ledger.agents.chat_api import ChatApi
from ledger.agents.contract import FAILURES
from ledger.agents.messages_api import MessagesApi
from ledger.agents.profiles import shipped
from ledger.agents.wire import address

KEY = "sk-" + "s3cr3t" * 6
T = TypeVar("T")


def against(reply: bytes, use: Callable[[MessagesApi], Awaitable[T]], timeout: float = 5.0) -> T:
    """Return what comes of using an interface whose server answers everything with the same bytes and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        await reader.readexactly(int(size.split(b":")[1]))
        writer.write(reply)
        await writer.drain()
        writer.close()

    async def run() -> T:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            api = MessagesApi(
                shipped("anthropic", "m-1"), KEY, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout
            )
            try:
                return await use(api)
            finally:
                await api.aclose()

    return asyncio.run(run())


def http(body: bytes, status: str = "200 OK", size: int | None = None, headers: str = "") -> bytes:
    """Return an answer, whose length may be a lie."""
    length = len(body) if size is None else size
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n"
    return head.encode() + body


def failure_of(reply: bytes, use: Callable[[MessagesApi], Awaitable[Any]]) -> Any:  # noqa: ANN401 - a Failure
    """Return why there was no answer; what was raised says nothing else and comes from nothing."""

    async def run(api: MessagesApi) -> Refused:
        with pytest.raises(Refused) as refused:
            await use(api)
        return refused.value

    refused = against(reply, run)
    assert refused.__cause__ is None
    assert KEY not in f"{refused!r} {refused.failure} {refused.__context__!r}"
    return refused.failure


async def send(api: MessagesApi) -> Any:  # noqa: ANN401 - an answer
    """Send a request."""
    return await api.send({"model": "m-1", "max_tokens": 1, "messages": []})


async def results(api: MessagesApi) -> list[Any]:
    """Read the results of a batch."""
    return [result async for result in api.results("msgbatch_1")]


async def listed(api: MessagesApi) -> list[Any]:
    """Read the list of batches."""
    return [held async for held in api.listed()]


@pytest.mark.parametrize(
    ("reply", "kind", "paid"),
    [
        (b"", "reply_lost", True),
        (b"HTTP/1.1 200", "reply_lost", True),
        (b"SSH-2.0-x\r\n\r\n", "reply_lost", True),
        (http(b'{"a":', size=100), "reply_lost", True),
        (http(KEY.encode(), "401 Unauthorized"), "not_allowed", False),
        (http(b"\xff" * 100, "500 Oh"), "server_error", False),
        (http(b"[" * 100_000, "400 No"), "bad_request", False),
        (http(b'{"error": []}', "429 No", headers="retry-after: soon\r\n"), "rate_limited", False),
        (http(b"", "302 Found", headers="location: ftp://127.0.0.1/\r\n"), "bad_request", False),
        (http(b"", "201 Created"), "bad_request", False),
    ],
)
def test_each_breakage_has_its_kind(reply: bytes, kind: str, *, paid: bool) -> None:
    """Whatever a server does, it becomes one of the known failures, in this program's words."""
    failure = failure_of(reply, send)
    assert (failure.kind, failure.paid) == (kind, paid)
    assert failure.detail.startswith(FAILURES[kind])


def test_results_that_break_off_are_not_whole() -> None:
    """The lines that came are given, and then it is said that they are not all."""
    line = orjson.dumps({"custom_id": "a", "result": {"type": "succeeded", "message": {}}}) + b"\n"

    async def use(api: MessagesApi) -> tuple[int, str]:
        came = 0
        try:
            async for _ in api.results("msgbatch_1"):
                came += 1
        except Refused as refused:
            return came, refused.failure.kind
        return came, "whole"

    assert against(http(line * 3, size=1000), use) == (3, "reply_lost")


def test_lines_of_results_are_cut_at_line_feeds_alone() -> None:
    """Other characters that end a line stand in texts; lines that say no call are left out; the last needs no end."""
    text = "a\u2028b\u0085c\x0bd"
    good = {"custom_id": "k", "result": {"type": "succeeded", "message": {"content": [{"type": "text", "text": text}]}}}
    dumped = orjson.dumps(good)
    body = b"\n".join([dumped, b"not json", b"[]", b'{"custom_id":5}', b"", dumped])
    came = against(http(body), results)
    assert [one.body for one in came] == [dumped, dumped]


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        ({"type": "expired"}, "expired"),
        ({"type": "canceled"}, "canceled"),
        ({"type": "errored", "error": {"type": "error", "error": {"type": "invalid_request_error"}}}, "bad_request"),
        ({"type": "errored", "error": {"type": "overloaded_error"}}, "overloaded"),
        ({"type": "errored", "error": "text"}, "server_error"),
        ({"type": "of tomorrow"}, "server_error"),
    ],
)
def test_what_became_of_a_request_in_a_batch(result: dict[str, Any], kind: str) -> None:
    """Each end has its kind; none of them was paid for."""
    (came,) = against(http(orjson.dumps({"custom_id": "k", "result": result})), results)
    assert (came.key, came.body, came.failure.kind, came.failure.paid) == ("k", None, kind, False)


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b'{"data": {}}',
        b'{"data": [{"id": "../x"}, 5], "has_more": true, "last_id": "a"}',
        b'{"data": [{"id": "a"}], "has_more": true, "last_id": "../a?"}',
    ],
)
def test_a_list_of_batches_that_is_none_ends(body: bytes) -> None:
    """Strange pages are left out and lead nowhere."""
    assert len(against(http(body), listed)) <= 1


def test_a_batch_that_has_no_name_may_be_there() -> None:
    """An answer that does not say which batch the provider holds is a lost one."""

    async def submit(api: MessagesApi) -> Any:  # noqa: ANN401 - never comes
        return await api.submit([])

    assert failure_of(http(b'{"id": "a/b"}'), submit).kind == "reply_lost"
    assert failure_of(http(b"[]"), submit).paid


def test_strange_counts_and_models_are_none() -> None:
    """What is no number of tokens is not one, and a list of models that is none is empty."""

    async def use(api: MessagesApi) -> tuple[Any, ...]:
        return await api.count({"model": "m"}), await api.models(), dict(await api.model("m"))

    assert against(http(b'{"input_tokens": -5, "data": [5, {"id": 5}]}'), use)[:2] == (None, [])
    assert against(http(b"[]"), use) == (None, [], {})


def test_a_server_that_never_answers_is_given_up() -> None:
    """After the time that was given; the request may have been paid for."""

    async def run() -> Any:  # noqa: ANN401 - a failure
        left = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            left.set()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            api = MessagesApi(shipped("anthropic", "m-1"), KEY, url, 0.2)
            with pytest.raises(Refused) as refused:
                await send(api)
            await api.aclose()
            await left.wait()
            return refused.value.failure

    failure = asyncio.run(run())
    assert (failure.kind, failure.paid) == ("timed_out", True)


def test_what_servers_after_openai_do_not_have() -> None:
    """No batches and no counts there; asking for them says so."""

    async def run() -> list[Any]:
        api = ChatApi(shipped("openai", "m-1"), KEY, "http://127.0.0.1:9")
        kinds: list[Any] = [await api.count({})]
        for asked in (api.submit([]), api.held("a"), api.cancel("a")):
            with pytest.raises(Refused) as refused:
                await asked
            kinds.append(refused.value.failure.kind)
        kinds += [[held async for held in api.listed()], [one async for one in api.results("a")]]
        await api.aclose()
        return kinds

    assert asyncio.run(run()) == [None, "bad_request", "bad_request", "bad_request", [], []]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:pw@host:8443/v1?key=x#y", "https://host:8443"),
        ("http://host:99999/", "http://host"),
        ("host", "://"),
    ],
)
def test_addresses_are_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    """No name, password, path or query."""
    assert address(url) == shown
