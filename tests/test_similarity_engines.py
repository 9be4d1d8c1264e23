"""The contract of an engine, held by each of them."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import BadRequest
from ledger.fixed import ONE
from ledger.similarity.contract import Engine, NearRecipe, recipe_of
from ledger.similarity.engines import ENGINES, chosen, find_engine

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECIPE = NearRecipe()
TEXTS = st.lists(st.lists(st.sampled_from([*"abcdefgh", "été", "\ud800", "中"]), max_size=9), max_size=8)
FOREIGN = importlib.util.find_spec


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    return find_engine(request.param)


def pairs_of(similarity: float, count: int, size: int = 120) -> tuple[list[list[str]], list[list[str]]]:
    """Return pairs of texts of one-word shingles with about this Jaccard index."""
    own = round(size * (1 - similarity) / (1 + similarity))
    both = size - own
    first = [[f"s{n}-{at}" for at in range(both)] + [f"a{n}-{at}" for at in range(own)] for n in range(count)]
    second = [[f"s{n}-{at}" for at in range(both)] + [f"b{n}-{at}" for at in range(own)] for n in range(count)]
    return first, second


def test_shape(engine: Engine) -> None:
    """One row for each text, one key of 32 bits for each band, the number of its different shingles beside it."""
    keys = engine.keys([["a"], [], ["a", "b", "c", "a", "b", "c"]], RECIPE)
    assert keys.values.shape == (3, 20)
    assert keys.values.dtype == np.dtype(np.uint32)
    assert keys.sizes.tolist() == [1, 0, 3]
    assert engine.keys([], RECIPE).values.shape == (0, 20)
    assert engine.keys([[], []], RECIPE).sizes.tolist() == [0, 0]


@given(TEXTS)
@settings(max_examples=25)
def test_keys_depend_on_the_text_alone(texts: list[list[str]]) -> None:
    """Not on its neighbours, on what the engine saw before, or on the order and number of its shingles."""
    for name in ENGINES:
        seasoned = find_engine(name)
        whole = seasoned.keys(texts, RECIPE).values
        for at, told in enumerate(texts):
            if told:
                assert (find_engine(name).keys([told], RECIPE).values[0] == whole[at]).all()
        again = seasoned.keys(texts[::-1], RECIPE).values[::-1]
        told_at = [at for at, told in enumerate(texts) if told]
        assert (again[told_at] == whole[told_at]).all()


def test_equal_sets_have_equal_keys(engine: Engine) -> None:
    """Texts of the same shingles share every key, however often and in which order they say them."""
    recipe = replace(RECIPE, shingle=1)
    keys = engine.keys([["a", "b", "c"], ["c", "b", "a", "a", "b"]], recipe).values
    assert (keys[0] == keys[1]).all()


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.8, 0.9])
def test_recall_is_what_the_recipe_says(engine: Engine, similarity: float) -> None:
    """The share of pairs with a common key is that of ideal hashes, within four standard errors."""
    count = 300
    recipe = replace(RECIPE, shingle=1)
    first, second = pairs_of(similarity, count)
    one, other = engine.keys(first, recipe).values, engine.keys(second, recipe).values
    own = round(120 * (1 - similarity) / (1 + similarity))
    expected = recipe.recall(ONE * (120 - own) // (120 + own))
    found = float((one == other).any(axis=1).mean())
    assert abs(found - expected) < 4 * (expected * (1 - expected) / count) ** 0.5 + 2 / count


def test_strangers_share_no_key(engine: Engine) -> None:
    """Texts without a common shingle hardly ever meet."""
    keys = engine.keys([[f"{n} {at}" for at in range(30)] for n in range(1000)], RECIPE).values
    meetings = sum(len(column) - len(np.unique(column)) for column in keys.T)
    assert meetings <= 2


def test_keys_are_the_same_on_every_machine(engine: Engine) -> None:
    """What indexes hold. Where these numbers change, the engine's version must."""
    expected: dict[str, list[int]] = {
        "rensa-1.2": [457329429, 4060786736, 810204371],
        "numpy-1": [3087693966, 3218591586, 2864585627],
    }
    recipe = replace(RECIPE, bands=3, rows=2)
    values: NDArray[Any] = engine.keys([["near", "twins", "are", "here"]], recipe).values
    assert values[0].tolist() == expected[engine.name]


def test_finding_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, by name and version, or the fastest there is; whatever is not there is told in a sentence."""
    assert find_engine().name == find_engine("rensa").name
    assert find_engine("numpy-1").name == "numpy-1"
    assert chosen(RECIPE)[0].engine == find_engine().name
    for name in ("numpy-0", "rensa-1", "faiss", "x" * 99):
        with pytest.raises(BadRequest, match="engine"):
            find_engine(name)
    monkeypatch.setattr("ledger.similarity.engines.find_spec", lambda name: None if name == "rensa" else FOREIGN(name))
    assert find_engine().name == "numpy-1"
    with pytest.raises(BadRequest, match=r"sample-ledger\[scale\]"):
        find_engine("rensa")
    monkeypatch.setattr("ledger.similarity.engines.find_spec", lambda _: None)
    with pytest.raises(BadRequest, match=r"sample-ledger\[scale\]"):
        find_engine()


@given(st.integers(500_000, ONE), st.integers(1, 16), st.integers(1, 32), st.integers(1, 32))
@settings(max_examples=30)
def test_a_recipe_survives_being_written(threshold: int, shingle: int, bands: int, rows: int) -> None:
    """As JSON and back it is the same; its keys do not depend on the threshold; recall grows with similarity."""
    recipe = NearRecipe("answer", threshold, shingle, bands, rows)
    assert recipe_of(recipe.as_json()) == recipe
    assert replace(recipe, threshold=ONE).keyed() == recipe.keyed()
    assert recipe.recall() <= recipe.recall(ONE) == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 499_999},
        {"threshold": ONE + 1},
        {"shingle": 0},
        {"shingle": 17},
        {"bands": 0},
        {"rows": 0},
        {"bands": 33, "rows": 32},
        {"version": 2},
        {"threshold": "0.8"},
        {"field": None},
        {"fuzzy": 1},
        {"rows": True},
    ],
)
def test_recipes_that_are_refused(wrong: dict[str, Any]) -> None:
    """What no search can be made with is told in a sentence, from wherever the recipe came."""
    with pytest.raises(BadRequest):
        recipe_of({**RECIPE.as_json(), **wrong})
