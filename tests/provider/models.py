"""The models that this provider has: what each takes, when it retires, and its price; and how tokens are counted.

Prices in dollars per million tokens, lifecycles and rules as the provider's documentation and SDK gave them in late
2026. They stand here on purpose a second time: a bill is checked against a table that the program under test does not
read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

ACTIVE, DEPRECATED, RETIRED = "active", "deprecated", "retired"
EFFORTS = ("low", "medium", "high", "xhigh", "max")
_MILLION = Decimal(1_000_000)
_WRITES = {"5m": Decimal("1.25"), "1h": Decimal(2)}


class Model(NamedTuple):
    """One model: `reads` is the price of cached input over that of input, `long` the prices of prompts over 100,000."""

    id: str
    line: str
    price: tuple[str, str]
    reads: str = "0.1"
    long: tuple[str, str] | None = None
    lifecycle: str = ACTIVE
    retires: str | None = None
    sampling: bool = False
    adaptive: bool = True
    off: bool = True
    budget: bool = False
    cache_minimum: int = 1_024
    most_output: int = 64_000
    context: int = 1_000_000
    bytes_per_token: float = 2.9


MODELS = {
    one.id: one
    for one in (
        Model("claude-fable-5-2", "fable", ("8", "40"), "0.025", off=False, cache_minimum=512),
        Model("claude-fable-5-1", "fable", ("10", "50"), "0.025", off=False, cache_minimum=512),
        Model("claude-haiku-5-5", "haiku", ("0.1", "0.5"), long=("0.5", "2.5")),
        Model("claude-sonnet-5-5", "sonnet", ("2", "10"), "0.05"),
        Model("claude-opus-5-5", "opus", ("4", "20"), "0.05", off=False, cache_minimum=512),
        Model("claude-sonnet-5", "sonnet", ("2", "10")),
        Model("claude-opus-5", "opus", ("5", "25"), cache_minimum=512),
        Model(
            "claude-sonnet-4-6", "sonnet", ("3", "15"), sampling=True, budget=True, bytes_per_token=3.8, context=200_000
        ),
        Model(
            "claude-haiku-4-5",
            "haiku",
            ("1", "5"),
            sampling=True,
            adaptive=False,
            budget=True,
            cache_minimum=4_096,
            context=200_000,
            bytes_per_token=3.8,
        ),
        Model(
            "claude-sonnet-4-5",
            "sonnet",
            ("3", "15"),
            lifecycle=DEPRECATED,
            retires="2026-11-30T00:00:00Z",
            sampling=True,
            adaptive=False,
            budget=True,
            context=200_000,
            bytes_per_token=3.8,
        ),
        Model("claude-sonnet-4-20250514", "sonnet", ("3", "15"), lifecycle=RETIRED, retires="2026-06-15T00:00:00Z"),
        Model("claude-3-5-sonnet-20241022", "sonnet", ("3", "15"), lifecycle=RETIRED, retires="2025-10-28T00:00:00Z"),
    )
}
CHAT_MODELS = {
    one.id: one
    for one in (
        Model("gpt-5-mini", "gpt", ("0.25", "2"), bytes_per_token=3.8),
        Model("gpt-4o-mini", "gpt", ("0.15", "0.6"), "0.5", bytes_per_token=3.8),
        Model("local-model", "local", ("0", "0"), sampling=True, bytes_per_token=3.8),
    )
}


class Tokens(NamedTuple):
    """What a request used: input that no cache held, writes that live five minutes or an hour, reads, and output."""

    fresh: int = 0
    write_5m: int = 0
    write_1h: int = 0
    read: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        """Return all that went in."""
        return self.fresh + self.write_5m + self.write_1h + self.read


def counted(model: Model, texts: Iterable[str]) -> int:
    """Return how many tokens texts are: at least one."""
    return max(1, math.ceil(sum(len(text.encode()) for text in texts) / model.bytes_per_token))


def dollars(model: Model, used: Tokens, *, batch: bool) -> Decimal:
    """Return the price of what was used, to the last digit."""
    given, out = model.long if model.long and used.prompt > 100_000 else model.price
    price = Decimal(given)
    weighted = (
        used.fresh + used.write_5m * _WRITES["5m"] + used.write_1h * _WRITES["1h"] + used.read * Decimal(model.reads)
    )
    whole = (weighted * price + used.output * Decimal(out)) / _MILLION
    return whole / 2 if batch else whole


def lifecycle(model: Model, retired: Iterable[str]) -> str:
    """Return where in its life a model is, with those that a test has retired."""
    return RETIRED if model.id in retired else model.lifecycle


def described(model: Model, retired: Iterable[str]) -> dict[str, Any]:
    """Return a model as the Models API shows it."""

    def yes(supported: object) -> dict[str, bool]:
        return {"supported": bool(supported)}

    effort = model.adaptive
    thinking = {
        "adaptive": yes(model.adaptive),
        "between_tools": yes(False),  # noqa: FBT003 - what `yes` is called with is its whole meaning
        "disabled": yes(model.off),
        "enabled": yes(model.budget),
    }
    tools = {"code_execution": yes(1), "supported": True, "web_search": yes(1)}
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id.replace("-", " ").title(),
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": lifecycle(model, retired),
        "deprecated_at": None if model.lifecycle == ACTIVE else "2026-03-01T00:00:00Z",
        "retires_at": model.retires,
        "line": model.line,
        "max_input_tokens": model.context,
        "max_tokens": model.most_output,
        "capabilities": {
            "batch": yes(1),
            "citations": yes(1),
            "code_execution": yes(1),
            "context_management": yes(0),
            "effort": {"supported": effort, **{name: yes(effort) for name in EFFORTS}},
            "image_input": yes(1),
            "pdf_input": yes(1),
            "server_tools": tools,
            "structured_outputs": yes(1),
            "thinking": {"supported": True, "types": thinking},
        },
    }
