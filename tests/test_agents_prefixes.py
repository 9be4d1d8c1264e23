"""ledger.agents.prefixes: two requests share what is kept exactly where all before the mark is the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.agents.prefixes import fronts

TEXTS = st.text(max_size=8)


def request(*system: tuple[str, str | None], asked: str = "x", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a request whose instructions are to be kept as said."""
    blocks = [
        {
            "type": "text",
            "text": text,
            **({} if keep is None else {"cache_control": {"type": "ephemeral", "ttl": keep}}),
        }
        for text, keep in system
    ]
    return {"model": "m", "max_tokens": 5, "system": blocks, "messages": [{"role": "user", "content": asked}], **more}


def test_each_mark_is_a_front() -> None:
    """Fronts grow, and say how long they are to be kept."""
    found = fronts(request(("a", "1h"), ("b", None), ("c", "5m")))
    assert [front.keep for front in found] == ["1h", "5m"]
    assert found[0].size < found[1].size
    assert len({front.digest for front in found}) == 2


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_fronts_agree_where_all_before_them_does(one: str, other: str, behind: str, asked: str) -> None:
    """What stands behind a mark does not matter to it; what stands before it does."""
    first, second = fronts(request((one, "1h"), (behind, "5m"))), fronts(request((other, "1h"), (behind, "5m")))
    assert (first[0] == second[0]) == (one == other) == (first[1] == second[1])
    assert fronts(request((one, "1h"), (behind, "5m"), asked=asked, max_tokens=9)) == first


def test_what_a_provider_does_not_keep_together_is_apart() -> None:
    """Another model, another schema: another front. And a request without a mark has none."""
    plain = fronts(request(("a", "1h")))
    assert fronts(request(("a", "1h"), model="n")) != plain
    assert fronts(request(("a", "1h"), output_config={"effort": "low"})) != plain
    assert fronts(request(("a", None))) == fronts({"model": "m", "system": "a", "messages": []}) == []


def test_a_mark_in_a_message_counts() -> None:
    """Tools and messages are part of the prompt."""
    marked = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}
    asked = {"model": "m", "tools": [{"name": "t"}], "messages": [{"role": "user", "content": [marked]}]}
    (front,) = fronts(asked)
    assert front.keep == "5m"
    assert fronts({**asked, "tools": [{"name": "u"}]})[0].digest != front.digest
