"""ledger.agents.limits: what headers tell, and buckets that mirror a provider's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.agents.limits import OUTPUT, PROMPT, REQUESTS, TOKENS, Bucket, Seen, seen, wait

GAP = st.floats(0, 3)


class Theirs:
    """A provider's bucket: fills with the whole limit, holds so many seconds of it."""

    def __init__(self, limit: float, seconds: float) -> None:
        """Start full."""
        self.rate, self.size = limit / 60, max(1.0, limit * seconds / 60)
        self.level, self.at = self.size, 0.0

    def take(self, amount: float, now: float) -> float:
        """Take so much and return what is left."""
        self.level = min(self.size, self.level + (now - self.at) * self.rate) - amount
        self.at = now
        return self.level


@given(
    st.sampled_from([60.0, 500.0, 1000.0, 5000.0]),
    st.sampled_from([1.0, 6.0, 60.0]),
    st.lists(st.tuples(GAP, st.floats(0, 0.2)), min_size=1, max_size=80),
)
def test_what_the_mirror_allows_the_provider_has(
    limit: float, seconds: float, steps: list[tuple[float, float]]
) -> None:
    """Whenever the mirror has a request to give, the provider's own bucket has one, however the requests come."""
    theirs = Theirs(limit, seconds)
    mirror = Bucket(Seen(limit, int(theirs.take(1, 0.0))), 0.0)
    now = 0.0
    for gap, held_up in steps:
        now += gap
        now += mirror.wait(1, now) * 1.000001 + 1e-9
        mirror.take(1, now)
        now += held_up if seconds > 1 else 0.0
        left = theirs.take(1, now)
        assert left >= -1e-6
        mirror.sync(Seen(limit, max(0.0, float(int(left)))), now)


def test_a_mirror_uses_nearly_all() -> None:
    """Asked without a pause, it lets through 98 to 99 of 100 that the limit allows."""
    mirror, now, taken = Bucket(Seen(1000, 99), 0.0), 0.0, 0
    while now < 600:
        now += mirror.wait(1, now) + 1e-9
        mirror.take(1, now)
        taken += 1
    assert 0.98 * 10_000 <= taken <= 0.99 * 10_000


def test_a_lower_limit_is_followed_at_once() -> None:
    """The rate, what may come at once and what is left follow the headers, and never go up by what is left."""
    mirror = Bucket(Seen(1000, 99), 0.0)
    rate, burst = mirror.rate, mirror.burst
    assert mirror.sync(Seen(500, 20), 0.0)
    assert [mirror.rate, mirror.burst] == pytest.approx([rate / 2, burst / 2])
    assert mirror.level <= 20
    level = mirror.level
    assert not mirror.sync(Seen(500, 49), 0.0)
    assert mirror.level == level


def test_what_is_larger_than_the_bucket_goes_when_it_is_full() -> None:
    """A prompt that no burst covers is sent when the mirror is full, and the next waits for it."""
    mirror = Bucket(Seen(6000, 600), 0.0)
    assert mirror.wait(10_000, 0.0) == 0
    mirror.take(10_000, 0.0)
    assert mirror.wait(1, 0.0) == pytest.approx((10_001 - mirror.burst) / mirror.rate, rel=0.01)


def test_headers_of_both_kinds() -> None:
    """Anthropic's three limits, OpenAI's two; what is no number is not there."""
    ours = {
        "anthropic-ratelimit-requests-limit": "1000",
        "anthropic-ratelimit-requests-remaining": "999",
        "anthropic-ratelimit-input-tokens-limit": "2000000",
        "anthropic-ratelimit-input-tokens-remaining": "1999000",
        "anthropic-ratelimit-output-tokens-limit": "400000",
        "anthropic-ratelimit-output-tokens-remaining": "400000",
        "anthropic-ratelimit-tokens-limit": "2400000",
        "anthropic-ratelimit-tokens-remaining": "2399000",
    }
    assert seen(ours) == {
        REQUESTS: Seen(1000, 999),
        PROMPT: Seen(2_000_000, 1_999_000),
        OUTPUT: Seen(400_000, 400_000),
    }
    theirs = {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499"}
    assert seen(theirs) == {REQUESTS: Seen(500, 499)}
    tokens = {"x-ratelimit-limit-tokens": "30000", "x-ratelimit-remaining-tokens": "29000"}
    assert seen(theirs | tokens)[TOKENS] == Seen(30_000, 29_000)
    assert seen({}) == {}


@given(st.text(max_size=20))
def test_headers_that_are_none(text: str) -> None:
    """Strange headers are as good as none: no limit is 0, and no wait is endless."""
    name = "anthropic-ratelimit-requests"
    found = seen({f"{name}-limit": text, f"{name}-remaining": "5"})
    assert all(one.limit > 0 for one in found.values())
    asked = wait({"retry-after": text}, 0.0)
    assert asked is None or 0 <= asked <= 3600
