"""What near-duplicates are found by: the recipe, what an engine is, and what is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ledger.errors import BadRequest
from ledger.fixed import ONE, text_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ID_BYTES = 32
VERSION = 1
LOWEST = 500_000
"""The lowest threshold in millionths: below it the bands find too few of the pairs to call it a search."""
MOST_SHINGLE = 16
MOST_HASHES = 1024


@dataclass(frozen=True, slots=True)
class NearRecipe:
    """How near-duplicates are looked for; two runs of one recipe over the same texts find the same.

    Two texts are compared as sets of shingles: all runs of `shingle` words. `threshold` is the least Jaccard index of
    two such sets, in millionths. `bands` keys, each of `rows` hashes, choose which texts are compared at all; they do
    not depend on the threshold, so what is found at a higher one is always part of what is found at a lower one.
    `engine` is the whole name of an engine ("rensa-1.2"); empty where none is chosen yet (`engines.chosen`).
    """

    field: str = "exchange"
    threshold: int = 800_000
    shingle: int = 3
    bands: int = 20
    rows: int = 6
    engine: str = ""
    version: int = VERSION

    def __post_init__(self) -> None:
        """Raise BadRequest for what no search can be made with."""
        if not LOWEST <= self.threshold <= ONE:
            said = f"{text_of(self.threshold)}: it lies between {text_of(LOWEST)} and 1"
            raise BadRequest(f"The similarity of near-duplicates cannot be {said}.")
        if not 1 <= self.shingle <= MOST_SHINGLE:
            raise BadRequest(f"A shingle has 1 to {MOST_SHINGLE} words, not {self.shingle}.")
        if self.bands < 1 or self.rows < 1 or self.hashes > MOST_HASHES:
            raise BadRequest(f"Bands and rows are at least 1 each and at most {MOST_HASHES} together (multiplied).")
        if self.version != VERSION:
            raise BadRequest(f"This program reads near-duplicate recipes of version {VERSION}, not {self.version}.")

    @property
    def hashes(self) -> int:
        """Return how many hashes a text is reduced to."""
        return self.bands * self.rows

    def as_json(self) -> dict[str, Any]:
        """Return the recipe as restricted JSON."""
        return asdict(self)

    def keyed(self) -> dict[str, Any]:
        """Return the part of the recipe that keys depend on: those of two thresholds are the same."""
        return {name: value for name, value in asdict(self).items() if name != "threshold"}

    def recall(self, similarity: int | None = None) -> float:
        """Return the share of the pairs of a similarity (millionths; the threshold's) that get compared at all.

        An expectation over random hashes, for reports: the more similar, the surer.
        """
        likeness = (self.threshold if similarity is None else similarity) / ONE
        return 1 - (1 - likeness**self.rows) ** self.bands


def recipe_of(value: Mapping[str, Any]) -> NearRecipe:
    """Return the recipe that `as_json` wrote; raise BadRequest for anything else."""
    try:
        recipe = NearRecipe(**value)
    except TypeError as error:
        raise BadRequest("That is not a recipe for near-duplicates.") from error
    if any(type(item) is not type(getattr(_DEFAULT, name)) for name, item in value.items()):
        raise BadRequest("That is not a recipe for near-duplicates.")
    return recipe


class Keys(NamedTuple):
    """Of each text its band keys, an array (texts, bands) of 32 bits each, and how many different shingles it has.

    A text without words has none, and its keys mean nothing.
    """

    values: NDArray[np.uint32]
    sizes: NDArray[np.uint32]


class Engine(Protocol):
    """Whatever reduces texts to band keys: two texts that share many shingles probably share a key in some band.

    The same text always has the same keys, on every machine and whatever it is asked together with. Keys of two
    engines, or of two versions of one, have nothing to do with each other; `name` says which, version included.
    """

    @property
    def name(self) -> str:
        """Return the name and the version of the engine."""
        ...

    def keys(self, texts: Sequence[Sequence[str]], recipe: NearRecipe) -> Keys:
        """Return the keys of each text, given as its words (`fields.words`), in order."""
        ...


class Match(NamedTuple):
    """Two rows whose texts are near, the smaller row first, and their similarity in millionths, rounded down."""

    first: int
    second: int
    similarity: int


class Twins(NamedTuple):
    """Two ids whose texts are near, the smaller id first, and their similarity in millionths, rounded down."""

    first: bytes
    second: bytes
    similarity: int


_DEFAULT = NearRecipe()
