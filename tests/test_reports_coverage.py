"""Coverage: every call is counted once, under a tool of the schemas or as unknown; memory stays bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.reports.coverage import MOST_UNKNOWN, Coverage


def test_used_unused_and_unknown() -> None:
    """Calls are counted by tool; tools without a call and calls without a tool are named."""
    coverage = Coverage(["open", "close", "move"])
    coverage.add(["open", "open"])
    coverage.add([])
    coverage.add(["move", "fly"])

    assert coverage.as_json() == {
        "schema_tools": 3,
        "used": {"move": 1, "open": 2},
        "unused": ["close"],
        "unknown": {"fly": 1},
        "unknown_more": 0,
    }


@given(st.lists(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcxyz")))
def test_every_call_is_counted_once(names: list[str], tools: set[str]) -> None:
    """The calls add up, and the tools add up, in any order of samples."""
    forward, backward = Coverage(sorted(tools)), Coverage(sorted(tools, reverse=True))
    forward.add(names)
    for name in reversed(names):
        backward.add([name])
    found = forward.as_json()

    assert found == backward.as_json()
    assert sum(found["used"].values()) + sum(found["unknown"].values()) + found["unknown_more"] == len(names)
    assert len(found["used"]) + len(found["unused"]) == found["schema_tools"] == len(tools)


def test_names_that_nobody_knows_are_bounded() -> None:
    """Beyond a number of different names only their calls are counted."""
    coverage = Coverage([])
    coverage.add(f"tool {n % (2 * MOST_UNKNOWN)}" for n in range(4 * MOST_UNKNOWN))
    found = coverage.as_json()

    assert len(found["unknown"]) == MOST_UNKNOWN
    assert sum(found["unknown"].values()) == found["unknown_more"] == 2 * MOST_UNKNOWN
