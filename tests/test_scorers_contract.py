"""The contract of scorers: what each must do, what becomes of what they say, and how plug-ins are found."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest, GraphUnreadable, NoSuchScorer
from ledger.fixed import ONE
from ledger.scorers import (
    BUILT_IN,
    File,
    Item,
    Options,
    Score,
    Scorer,
    Unscored,
    file_options,
    find_scorer,
    is_dimension,
    is_word,
    known_scorers,
    measured,
    settled,
)
from ledger.scorers.trial import ODD, faults_of, items_of
from tests.plugins import install
from tests.strategies import contents

PLUGIN = Path(__file__).parent / "plugin_scorer"
GRAPH = File("kg.json", b'{"nodes": ["LINK", "RoomHeader", "0x1F"]}')


class Plain(Scorer):
    """One number, the same for all."""

    name = "plain"
    version = "1"
    dimensions = ("good",)

    def score(self, item: Item) -> Score | Unscored:  # noqa: ARG002 - the interface
        """Return a half."""
        return measured({"good": 0.5})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder from which packages are imported, as if installed there."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def plugin(site: Path) -> Path:
    """Install the sample package of tests/plugin_scorer by what its pyproject.toml says."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]
    (name, target), *others = project["entry-points"]["sample_ledger.scorers"].items()
    assert others == []
    shutil.copytree(PLUGIN / "shouting", site / "shouting")
    install(site, project["name"], "shouting", f"{name} = {target}")
    return site


@pytest.mark.parametrize("kind", [*BUILT_IN.values(), Plain])
def test_every_scorer_keeps_the_contract(kind: type[Scorer]) -> None:
    """Each is deterministic, does not depend on order, and survives odd contents."""
    assert faults_of(kind) == []


def test_the_pipeline_keeps_the_contract_with_a_graph() -> None:
    """A graph changes numbers, not manners."""
    assert faults_of(BUILT_IN["pipeline"], {"graph": GRAPH}) == []


@given(st.lists(contents(), min_size=1, max_size=4))
def test_built_in_scorers_survive_any_content(some: list[Any]) -> None:
    """Whatever the readers let through can be scored."""
    for kind in BUILT_IN.values():
        assert faults_of(kind, contents=some) == []


class Moody(Plain):
    """What it says depends on how often it was asked."""

    asked = 0

    def score(self, item: Item) -> Score | Unscored:
        """Count."""
        self.asked += item.content is not ODD[0]
        return measured({"good": self.asked})


class Sloppy(Plain):
    """It speaks of a dimension that it does not declare."""

    files = ("graph",)

    def score(self, item: Item) -> Score | Unscored:  # noqa: ARG002 - the interface
        """Return another dimension."""
        return measured({"better": 1})


class Late(Plain):
    """Its rubric depends on the first item."""

    def prepare(self, items: Any) -> None:  # noqa: ANN401 - any iterable
        """Keep the first item's id as the rubric."""
        self.rubric = next(iter(items)).id[1:]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Moody, "depends on the order"),
        (Sloppy, "not among its dimensions"),
        (Sloppy, "not among `options`"),
        (Late, "rubric depends"),
        (Late, "32 bytes"),
    ],
)
def test_the_trial_notices(kind: Callable[[Options], Scorer], says: str) -> None:
    """A scorer that breaks the contract is told in what."""
    assert any(says in fault for fault in faults_of(kind))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "high", None, True, 10**7, [], 0.5])
def test_what_is_no_number_of_millionths_is_unscored(value: object) -> None:
    """A dimension whose value is no whole number of millionths is unscored; the others stand."""
    said = Score({"a": value, "b": ONE}, {}, {})  # type: ignore[dict-item]  # what a careless scorer returns

    found = settled(said, ("a", "b"))

    wanted = {"a": 10**7, "b": ONE} if value == 10**7 else {"b": ONE}
    assert found == Score(wanted, {} if value == 10**7 else {"a": "not_a_number"}, {})


def test_plain_numbers_become_millionths_and_the_rest_is_unscored() -> None:
    """`measured` takes what people count with; a text is no number, whatever it says."""
    found = measured(
        {"a": 0.5, "b": 2.6, "g": "2.6", "c": float("nan"), "d": 10**7, "e": 1}, {"f": "late"}, {"a": "half"}
    )

    assert found.dimensions == {"a": 500_000, "b": 2_600_000, "e": ONE}
    assert found.unscored == {"c": "not_a_number", "d": "not_a_number", "f": "late", "g": "not_a_number"}
    assert found.notes == {"a": "half"}


def test_what_a_scorer_does_not_mention_is_not_given() -> None:
    """A declared dimension is never lost: it has a number or a reason."""
    assert settled(Score({"a": 1}), ("a", "b")) == Score({"a": 1}, {"b": "not_given"}, {})


def test_one_reason_for_everything_is_the_answer() -> None:
    """Where nothing was measured for one reason, the sample is unscored for it, unless there is a note to keep."""
    assert settled(Score({}, {"a": "late", "b": "late"}), ("a", "b")) == Unscored("late")
    assert settled(Score({}, {"a": "late", "b": "lost"}), ("a", "b")) == Score({}, {"a": "late", "b": "lost"}, {})
    assert settled(Score({}, {"a": "late"}, {"a": "why"}), ("a",)) == Score({}, {"a": "late"}, {"a": "why"})


@pytest.mark.parametrize(
    "said",
    [
        None,
        0.5,
        Unscored("The sample said so."),
        Unscored(""),
        Unscored(3),  # type: ignore[arg-type]  # what a careless scorer returns
        Score({"z": 1}),
        Score({}, {"a": "two words"}),
        Score({}, {"z": "late"}),
        Score({"a": 1}, {}, {"a": "x" * 201}),
        Score({"a": 1}, {}, {"a": "two\nlines"}),
        Score({"a": 1}, {}, {"z": "note"}),
    ],
)
def test_what_no_scorer_may_say_is_an_error(said: object) -> None:
    """Undeclared dimensions, sentences as reasons, long notes: the sample's text could come through there."""
    with pytest.raises((ValueError, TypeError)):
        settled(said, ("a",))


def test_names_and_reasons() -> None:
    """Names of dimensions may be in any language; reasons are plain words."""
    assert all(map(is_dimension, ("overall_quality", "a.b-c", "_x", "質", "a" * 64)))
    assert not any(map(is_dimension, ("", "1a", "a b", "a\n", "a" * 65, 3, "a/b")))
    assert all(map(is_word, ("error", "not_a_number", "x1")))
    assert not any(map(is_word, ("", "Error", "two words", "1x", "a" * 41, None)))


def test_the_plugin_is_found_listed_and_keeps_the_contract(plugin: Path) -> None:
    """A package with one file and one entry point is a scorer like any other."""
    assert plugin.exists()

    scorer = find_scorer("shouting", {"least": "3"})
    said = settled(scorer.score(items_of([ODD[0]])[0]), scorer.dimensions)
    known = {one.name: one for one in known_scorers()}["shouting"]

    assert isinstance(said, Score)
    assert said.dimensions["shouting"] == 181_818  # P and I of the 11 letters of "Paris, I think."
    assert known.origin == "sample-ledger-shouting"
    assert (known.fault, known.dimensions, list(known.options)) == (None, ("shouting",), ["least"])
    assert known.purpose == "The share of capital letters among the letters of the completion."
    assert faults_of(lambda options: find_scorer("shouting", options)) == []


def test_the_documented_plugin_is_the_tested_one() -> None:
    """docs/scores.md shows the package of tests/plugin_scorer as it is, and every reason of the shipped scorers."""
    text = (Path(__file__).parent.parent / "docs" / "scores.md").read_text("utf-8")

    assert (PLUGIN / "shouting" / "__init__.py").read_text("utf-8") in text
    assert 'shouting = "shouting:Shouting"\n' in (PLUGIN / "pyproject.toml").read_text("utf-8")
    for content in ODD:
        for name, kind in BUILT_IN.items():
            scorer = kind({})
            scorer.prepare(items_of(ODD))
            said = settled(scorer.score(items_of([content])[0]), scorer.dimensions)
            reasons = {said.reason} if isinstance(said, Unscored) else set(said.unscored.values())
            assert all(f"`{reason}`" in text for reason in reasons), name


def test_shipped_scorers_are_listed_first() -> None:
    """The list says what each measures, under which names."""
    listed = known_scorers()[: len(BUILT_IN)]

    assert [one.name for one in listed] == ["length", "pipeline", "rubric"]
    assert all(one.purpose and one.version and one.dimensions and one.fault is None for one in listed)
    assert listed[1].files == file_options("pipeline") == ("graph",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("def Broken(", "SyntaxError"),
        ("x = 1", "AttributeError"),
        ("1 / 0", "ZeroDivisionError"),
        ("never", "NameError"),
        ("class Broken:\n    name = 'other'\n    version = '1'\n    dimensions = ('a',)", "its name is 'other'"),
        ("class Broken:\n    name = 'broken'\n    version = 1\n    dimensions = ('a',)", "version is not a text"),
        ("class Broken:\n    name = 'broken'\n    version = '1'\n    dimensions = ('a b',)", "not a tuple of names"),
        ("class Broken:\n    name = 'broken'\n    version = '1'\n    dimensions = ('a', 'a')", "a dimension twice"),
        ("class Broken:\n    name = 'broken'\n    version = '1'\n    dimensions = ('a',)", "no method `score`"),
    ],
)
def test_a_broken_plugin_is_listed_with_its_fault(site: Path, text: str, says: str) -> None:
    """It stops neither the list nor other scorers; who names it is told what is wrong with it."""
    install(site, "breaking", "breaking", "broken = breaking:Broken", text)

    known = {one.name: one for one in known_scorers()}

    assert says in str(known["broken"].fault)
    assert known["length"].fault is None
    with pytest.raises(BadRequest, match="cannot be"):
        find_scorer("broken", {})


def test_a_plugin_cannot_take_a_name_of_the_program(site: Path) -> None:
    """The shipped scorer stands, and the list says so."""
    install(site, "imposing", "imposing", "length = imposing:Length", "class Length:\n    name = 'length'")

    assert type(find_scorer("length", {})) is BUILT_IN["length"]
    assert [one.fault for one in known_scorers() if one.name == "length"] == [None, "its name is taken by the program"]


def test_two_plugins_of_one_name_are_refused(plugin: Path) -> None:
    """Which of the two is meant cannot be told."""
    install(plugin, "louder", "louder", "shouting = louder:Shouting", "")

    with pytest.raises(BadRequest, match="Several packages bring a scorer shouting"):
        find_scorer("shouting", {})


def test_a_scorer_that_is_not_there() -> None:
    """The error names those that are."""
    with pytest.raises(NoSuchScorer, match="there are length, pipeline, rubric"):
        find_scorer("nonesuch", {})


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("length", {"graph": GRAPH}, "takes no option 'graph'; it takes none"),
        ("pipeline", {"grpah": GRAPH}, "it takes graph"),
        ("pipeline", {"graph": "kg.json"}, "takes a file"),
    ],
)
def test_options_that_a_scorer_does_not_take(name: str, options: Options, says: str) -> None:
    """A misspelt option is refused, not ignored."""
    with pytest.raises(BadRequest, match=says):
        find_scorer(name, options)


def test_an_option_that_a_plugin_cannot_read(plugin: Path) -> None:
    """What a plug-in raises about its options is told as a bad request."""
    assert plugin.exists()

    with pytest.raises(BadRequest, match="invalid literal for int"):
        find_scorer("shouting", {"least": "many"})
    with pytest.raises(BadRequest, match="takes a text"):
        find_scorer("shouting", {"least": GRAPH})


def test_a_graph_that_is_none() -> None:
    """The name of the file and what is wrong with it."""
    with pytest.raises(GraphUnreadable, match=r"^kg\.json is not a knowledge graph"):
        find_scorer("pipeline", {"graph": File("kg.json", b"[]")})
