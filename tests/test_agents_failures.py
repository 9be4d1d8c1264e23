"""ledger.agents.failures: why a request has no answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.agents.contract import FAILURES, PAID_PERHAPS, STOPPING, Failure
from ledger.agents.failures import of_break, of_status
from ledger.views import work

SPENT = {"error": {"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}}}
OWN = {"error": {"type": "invalid_request_error", "message": "You have reached your specified API usage limits. Soon."}}
QUOTA = {"error": {"code": "insufficient_quota", "type": "insufficient_quota", "message": "quota"}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {}, "bad_request"),
        (400, OWN, "spend_limit"),
        (401, {}, "not_allowed"),
        (402, {}, "spend_limit"),
        (403, {}, "not_allowed"),
        (404, {}, "bad_request"),
        (408, {}, "timed_out"),
        (413, {}, "bad_request"),
        (429, {}, "rate_limited"),
        (429, SPENT, "spend_limit"),
        (429, QUOTA, "spend_limit"),
        (429, {"error": "text"}, "rate_limited"),
        (499, {}, "reply_lost"),
        (500, OWN, "server_error"),
        (502, {}, "reply_lost"),
        (503, {}, "overloaded"),
        (504, {}, "reply_lost"),
        (529, {}, "overloaded"),
    ],
)
def test_each_status_has_its_kind(status: int, body: object, kind: str) -> None:
    """Limits of spending are told from limits of speed and from mistakes, whatever their status."""
    failure = of_status(status, json.dumps(body).encode(), {})
    assert (failure.kind, failure.status) == (kind, status)


@given(st.integers(300, 599), st.binary(max_size=100), st.dictionaries(st.just("retry-after"), st.text(max_size=20)))
def test_no_word_of_a_provider_is_kept(status: int, body: bytes, headers: dict[str, str]) -> None:
    """A failure is a sentence of this program and a number, whatever came with it."""
    failure = of_status(status, body, headers)
    assert failure.paid == (status in {408, 499, 502, 504})
    assert failure.detail == f"{FAILURES[failure.kind]} (HTTP {status})"
    assert failure.wait is None or 0 <= failure.wait <= 3600


def test_waits_are_read() -> None:
    """In seconds, in thousandths, or as a date."""
    assert of_status(429, b"", {"retry-after": "3"}).wait == 3
    assert of_status(429, b"", {"retry-after-ms": "250", "retry-after": "3"}).wait == 0.25
    assert of_status(429, b"", {"retry-after": "Fri, 01 Jan 2100 00:00:00 GMT"}).wait == 3600
    assert of_status(429, b"", {"retry-after": "Fri, 01 Jan 1999 00:00:00 GMT"}).wait == 0


@pytest.mark.parametrize(
    ("name", "kind", "paid"),
    [
        ("ConnectError", "connection_lost", False),
        ("ConnectTimeout", "connection_lost", False),
        ("PoolTimeout", "connection_lost", False),
        ("WriteError", "connection_lost", False),
        ("ReadTimeout", "timed_out", True),
        ("TimeoutError", "timed_out", True),
        ("ReadError", "reply_lost", True),
        ("RemoteProtocolError", "reply_lost", True),
        ("SomethingOfTomorrow", "reply_lost", True),
        ("UnsupportedProtocol", "bad_request", False),
    ],
)
def test_what_may_have_been_paid_for_is_said(name: str, kind: str, *, paid: bool) -> None:
    """What breaks after a request is whole may have cost; so may whatever nobody knows."""
    failure = of_break(name)
    assert (failure.kind, failure.paid) == (kind, paid)
    assert failure.kind not in STOPPING


def test_the_budget_and_the_log_count_the_same_failures_as_paid() -> None:
    """A kind alone says whether an attempt may have cost something, in a run and in the views."""
    assert frozenset(work.PAID_PERHAPS) == PAID_PERHAPS <= FAILURES.keys()
    assert {kind for kind in FAILURES if Failure(kind, "").paid} == PAID_PERHAPS
