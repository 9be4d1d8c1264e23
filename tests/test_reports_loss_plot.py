"""Loss plots: SVG that any reader takes, whatever stands in names and numbers."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.reports.loss_plot import Line, chart, loss_plot

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"><script>alert(1)</script>&<!--\x01'


def test_each_number_has_a_strip() -> None:
    """Loss and KL are drawn one below the other, with as many points as were logged."""
    history = [{"step": n, "loss": 1 / n, "kl": n * 0.1, "other": 3} for n in range(1, 6)]
    root = ET.fromstring(loss_plot(history, "a run"))  # noqa: S314 - what this program wrote
    lines = root.findall(f"{SVG}polyline")
    assert [len((line.get("points") or "").split()) for line in lines] == [5, 5]
    assert {"loss", "kl", "a run"} <= {text.text for text in root.iter() if text.text}
    assert "prefers-color-scheme: dark" in loss_plot(history, "a run")


def test_nothing_logged_is_said() -> None:
    """A run that failed before its first line has a picture too."""
    assert "nothing was logged" in loss_plot([], "empty")


def test_hostile_names_are_escaped() -> None:
    """What a file or a line is called never becomes markup."""
    drawn = chart([[Line(HOSTILE, [(0, 1), (1, 2)])]], HOSTILE)
    root = ET.fromstring(drawn)  # noqa: S314 - as above
    assert not root.findall(f".//{SVG}script")
    assert "<script" not in drawn


NUMBERS = st.one_of(st.floats(), st.integers(-(10**20), 10**20), st.none(), st.text(max_size=3), st.booleans())


@given(
    history=st.lists(st.dictionaries(st.sampled_from(["step", "loss", "kl", "x"]), NUMBERS), max_size=8),
    title=st.text(max_size=20),
)
def test_any_history_is_drawn(history: list[dict[str, object]], title: str) -> None:
    """Whatever a trainer logs, even infinities and texts, the picture is well-formed."""
    ET.fromstring(loss_plot(history, title))  # noqa: S314 - as above


@pytest.mark.parametrize("points", [[(0.0, 1.0)], [(1.0, 1e15), (2.0, -1e15)], [(0.0, 0.0), (0.0, 0.0)]])
def test_extreme_points_stay_inside(points: list[tuple[float, float]]) -> None:
    """One point, the same point twice, and the widest range there is are drawn within the strip."""
    root = ET.fromstring(chart([[Line("x", points)]], "t"))  # noqa: S314 - as above
    for line in root.findall(f"{SVG}polyline"):
        for pair in (line.get("points") or "").split():
            x, y = (float(each) for each in pair.split(","))
            assert 0 <= x <= 720
            assert 0 <= y <= 300
