"""Rate limits as the provider keeps them: three continuous buckets for each model, and the headers that show them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tests.provider.settings import Settings


class Bucket:
    """What may still be used of one limit: it fills by a sixtieth of the limit in a second, up to its size."""

    def __init__(self, limit: int, burst: float, now: float) -> None:
        """Start full."""
        self.limit = limit
        self.size = max(1.0, limit * burst / 60)
        self.level = self.size
        self.at = now

    def resize(self, limit: int, burst: float, now: float) -> None:
        """Take another limit; what is over the new size is gone."""
        self.refill(now)
        self.limit, self.size = limit, max(1.0, limit * burst / 60)
        self.level = min(self.level, self.size)

    def refill(self, now: float) -> None:
        """Bring the level up to now."""
        self.level = min(self.size, self.level + (now - self.at) * self.limit / 60)
        self.at = now

    def wait(self, needed: float) -> float:
        """Return the seconds until so much is there; a bucket that is too small need only be full."""
        return max(0.0, (min(needed, self.size) - self.level) * 60 / self.limit)


class Refused(NamedTuple):
    """Why a request is turned away, and how long to wait in whole seconds."""

    limit: str
    seconds: int


class Limits:
    """The buckets of one model."""

    def __init__(self, settings: Settings, now: float) -> None:
        """Start with full buckets."""
        self.requests = Bucket(settings.rpm, settings.burst, now)
        self.input = Bucket(settings.itpm, settings.burst, now)
        self.output = Bucket(settings.otpm, settings.burst, now)

    def resize(self, settings: Settings, now: float) -> None:
        """Take the limits of other settings."""
        for bucket, limit in zip(self._all(), (settings.rpm, settings.itpm, settings.otpm), strict=True):
            bucket.resize(limit, settings.burst, now)

    def admit(self, fresh: int, now: float) -> Refused | None:
        """Charge a request and its uncached input, or say which limit does not allow it."""
        for bucket in self._all():
            bucket.refill(now)
        needs = (("requests", self.requests, 1), ("input tokens", self.input, fresh), ("output tokens", self.output, 1))
        for name, bucket, needed in needs:
            if bucket.level < min(needed, bucket.size):
                return Refused(name, max(1, math.ceil(bucket.wait(needed))))
        self.requests.level -= 1
        self.input.level -= fresh
        return None

    def charge_output(self, tokens: int, now: float) -> None:
        """Charge what was answered, once it is; the level may fall below nothing."""
        self.output.refill(now)
        self.output.level -= tokens

    def headers(self, now: float) -> dict[str, str]:
        """Return what the answer says of the limits; tokens are rounded to thousands."""
        for bucket in self._all():
            bucket.refill(now)
        scarcest = min((self.input, self.output), key=lambda one: one.level)
        shown = {
            "requests": (self.requests, 1),
            "input-tokens": (self.input, 1_000),
            "output-tokens": (self.output, 1_000),
            "tokens": (scarcest, 1_000),
        }
        found = {}
        for name, (bucket, unit) in shown.items():
            left = max(0, math.floor(bucket.level / unit) if unit == 1 else round(bucket.level / unit)) * unit
            until = datetime.now(UTC) + timedelta(seconds=bucket.wait(bucket.size))
            found[f"anthropic-ratelimit-{name}-limit"] = str(bucket.limit)
            found[f"anthropic-ratelimit-{name}-remaining"] = str(left)
            found[f"anthropic-ratelimit-{name}-reset"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        return found

    def _all(self) -> tuple[Bucket, Bucket, Bucket]:
        return self.requests, self.input, self.output
