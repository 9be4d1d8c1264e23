"""Templates: the phrases that many texts are made from, found without a list of them, each with its texts.

The word n-gram that stands in the most texts makes the first family, of all texts that have it; of the texts that are
left the next one, and so on until no n-gram stands in enough. Names, numbers and places fill the gaps between phrases.
Texts that miss the anchor by a word or two join a family by what their letters share with its phrase (rapidfuzz).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ledger.errors import BadRequest
from ledger.fixed import ONE

if TYPE_CHECKING:
    from ledger.similarity.anchors import Anchor
    from ledger.similarity.corpus import Corpus
    from ledger.similarity.wording import Run

VERSION = 1
LEAST_ROWS = 3
"""A share never asks for fewer texts than this: two texts that agree are twins, not a template."""

MOST_ROWS = 10**9
"""More texts than any ledger has; larger numbers are no use and do not fit into an array."""

EXAMPLES = 3
_NAMES = {"n": "The number of words", "fuzzy": "The likeness"}
_LIMITS = {"n": (2, 12), "min_share": (1, ONE), "fuzzy": (50, 100)}


@dataclass(frozen=True, slots=True)
class TemplateRecipe:
    """How templates are looked for; raises BadRequest for what cannot be.

    A family has at least `min_rows` texts; without it `min_share` millionths of all texts, but LEAST_ROWS. `fuzzy` is
    the least likeness out of 100 by which a text joins a family without its anchor; 0 is never.
    """

    field: str = "answer"
    n: int = 5
    min_share: int = 20_000
    min_rows: int | None = None
    fuzzy: int = 78
    version: int = VERSION

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if type(self.field) is not str or not self.field:
            raise BadRequest("A field needs a name")
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not (least <= value <= most or (name == "fuzzy" and value == 0)):
                zero = "0, or " if name == "fuzzy" else ""
                if name == "min_share":
                    raise BadRequest("The least share is a number above 0, at most 1")
                raise BadRequest(f"{_NAMES[name]} is a whole number, {zero}from {least} to {most}, not {value!r}")
        if self.min_rows is not None and (type(self.min_rows) is not int or not 2 <= self.min_rows <= MOST_ROWS):  # noqa: PLR2004 - a family of one is none
            raise BadRequest(f"The least number of texts is a whole number from 2 to {MOST_ROWS:,}")
        if self.version != VERSION:
            raise BadRequest(f"Templates of version {self.version!r} are not known here; this is version {VERSION}")

    def line(self, rows: int) -> int:
        """Return how many of `rows` texts make a family."""
        return self.min_rows or max(LEAST_ROWS, -(-rows * self.min_share // ONE))

    def as_json(self) -> dict[str, Any]:
        """Return the recipe as restricted JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Family:
    """The texts that are made from one phrase.

    `phrase` is the longest run of words around the anchor that most of them share, as it stands in the first text that
    has it. Members and examples are places in what was given; members in the order of their ids, examples the first
    that differ. `fuzzy` of the members have not the anchor itself.
    """

    phrase: str
    anchor: tuple[str, ...]
    rows: int
    members: tuple[int, ...]
    fuzzy: int
    examples: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The families, largest first (of equal ones the first anchor in the alphabet); no text is in two of them.

    `rows` counts all texts, `empty` those without a word, `line` is the size from which a family is one.
    """

    rows: int
    empty: int
    line: int
    templated: int
    families: tuple[Family, ...]

    def share(self, rows: int) -> int:
        """Return a number of texts as a share of all, in millionths, rounded down."""
        return rows * ONE // self.rows if self.rows else 0


def recipe_of(value: object) -> TemplateRecipe:
    """Return the recipe that `as_json` wrote; raises BadRequest."""
    names = TemplateRecipe.__dataclass_fields__.keys()
    if not isinstance(value, Mapping) or value.keys() != names:
        raise BadRequest(f"A recipe for templates is an object of {', '.join(names)}")
    return TemplateRecipe(**value)


def find_templates(texts: Sequence[tuple[bytes, str]], recipe: TemplateRecipe) -> Found:
    """Return the families of texts given with their ids. The order in which they are given changes nothing.

    A text of fewer than `n` words counts as one n-gram, so that a short text said often is a family too. A text without
    words is in none. Time is nearly linear in the words, whatever they are. Raises BadRequest if a package is missing.
    """
    try:
        from ledger.similarity import anchors, corpus, wording  # noqa: PLC0415 - they need numpy
    except ImportError as error:
        raise missing(error) from error
    order = sorted(range(len(texts)), key=texts.__getitem__)
    read = corpus.read((texts[place][1] for place in order), fill=recipe.n)
    line = recipe.line(len(texts))
    taken = list(anchors.greedy(read, recipe.n, line))
    runs = [wording.run_around(read, anchor) for anchor in taken]
    more = _joined(read, taken, runs, recipe.fuzzy) if recipe.fuzzy else [[] for _ in taken]
    families = [
        Family(
            wording.shown(texts[order[run.text]][1], run.begin, read.spelled(run.words)),
            tuple(read.spelled(anchor.words).split(" ")),
            len(anchor.texts) + len(fuzzy),
            members := tuple(order[text] for text in sorted([*anchor.texts.tolist(), *fuzzy])),
            len(fuzzy),
            _examples(texts, members),
        )
        for anchor, run, fuzzy in zip(taken, runs, more, strict=True)
    ]
    families.sort(key=lambda family: (-family.rows, family.anchor))
    return Found(len(texts), read.empty, line, sum(family.rows for family in families), tuple(families))


def find_in_groups(
    texts: Sequence[tuple[bytes, str]], groups: Sequence[str], recipe: TemplateRecipe
) -> dict[str, Found]:
    """Return the families of each group by itself, groups in alphabetical order.

    Seven sentences pasted into one batch of fifty are nothing among thousands of texts; a share is one of its group.
    `groups` says the group of each text, in the order in which the texts are given; so do members count.
    """
    places: dict[str, list[int]] = {group: [] for group in sorted(set(groups))}
    for place, group in enumerate(groups):
        places[group].append(place)
    return {
        group: _placed(find_templates([texts[place] for place in own], recipe), own) for group, own in places.items()
    }


def by_group(families: Sequence[Family], groups: Sequence[str | None]) -> list[dict[str | None, int]]:
    """Return for each family how many members each group has (a campaign, a batch, a persona), the largest first.

    `groups` says the group of each text, in the order in which the texts were given; None is no group.
    """
    told = []
    for family in families:
        counts = Counter(groups[place] for place in family.members)
        told.append(dict(sorted(counts.items(), key=lambda each: (-each[1], each[0] is None, each[0] or ""))))
    return told


def missing(error: ImportError) -> BadRequest:
    """Return what to say where a package of the extra `scale` is not installed."""
    what = error.name or "packages"
    return BadRequest(f'Templates need {what}, not installed here: pip install "sample-ledger[scale]"')


def _joined(read: Corpus, taken: list[Anchor], runs: list[Run], least: int) -> list[list[int]]:
    """Return for each anchor the texts that join it, ascending."""
    try:
        import numpy as np  # noqa: PLC0415 - of the extra `scale`

        from ledger.similarity import joining  # noqa: PLC0415 - it needs rapidfuzz
    except ImportError as error:
        raise missing(error) from error
    free = np.ones(read.texts, dtype=np.bool_)
    for anchor in taken:
        free[anchor.texts] = False
    more: list[list[int]] = [[] for _ in taken]
    for text, number in joining.joined(read, [run.words for run in runs], free, least).items():
        more[number].append(text)
    return more


def _placed(found: Found, places: Sequence[int]) -> Found:
    """Return what was found among the texts at `places` with the places that they have among all."""
    families = [
        replace(
            family,
            members=tuple(places[member] for member in family.members),
            examples=tuple(places[example] for example in family.examples),
        )
        for family in found.families
    ]
    return replace(found, families=tuple(families))


def _examples(texts: Sequence[tuple[bytes, str]], members: tuple[int, ...]) -> tuple[int, ...]:
    """Return the first members whose texts differ."""
    found: dict[str, int] = {}
    for place in members:
        found.setdefault(texts[place][1], place)
        if len(found) == EXAMPLES:
            break
    return tuple(found.values())
