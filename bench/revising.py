"""How surely returned rows are aligned with what was given out, on the real batches: `python -m bench.revising FOLDER`.

FOLDER holds `enhanced/` of the Toolset-Training set (see tests/test_real_data.py): 74 batches of originals, and what
came back for each, without a key. Nobody wrote down which row is from which original. What is taken for true is the
alignment of the files as they came back; in all but six batches it is one to one in place.

First, which words decide: everything, without identifiers, the prompt alone, the answer alone. Then the same rows made
harder: shuffled; a fifth lost; a fifth lost and as many rows of another batch put in their places; a fifth of the rows
returned twice, the second time as another text of the same words.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ledger.readers import FactMap, Reading, content_of, read_line
from ledger.sample import Content
from ledger.similarity.aligning import Told, align
from ledger.similarity.fields import field_text, words

_NOWHERE = FactMap(label=(), domain=(), tag_root=None)
_SEED = 8


class Text(NamedTuple):
    """One row: its fingerprint and its content."""

    fingerprint: bytes
    content: Content


class Pair(NamedTuple):
    """A batch and what came back for it."""

    originals: list[Text]
    returned: list[Text]


def read(path: Path) -> list[Text]:
    """Return the rows of a file."""
    found = []
    for body in path.read_bytes().splitlines():
        line = read_line(body, _NOWHERE)
        if isinstance(line, Reading):
            found.append(Text(line.fingerprint, content_of(body, line.reader)))
    return found


def pairs(folder: Path) -> list[Pair]:
    """Return all batches with what came back."""
    given = sorted((folder / "enhanced").glob("batch_*.jsonl"))
    return [Pair(read(path), read(path.with_name(f"enhanced_{path.name}"))) for path in given]


def everything(content: Content) -> list[str]:
    """Return all words of a content."""
    return words(field_text(content, "conversation") or "")


def no_identifiers(content: Content) -> list[str]:
    """Return the words that hold no digit."""
    return [word for word in everything(content) if not any(map(str.isdigit, word))]


def prompt(content: Content) -> list[str]:
    """Return the words of the prompt."""
    return words(field_text(content, "prompt") or "")


def answer(content: Content) -> list[str]:
    """Return the words of the completion, calls included."""
    return words(field_text(content, "completion") or "")


Words = Callable[[Content], list[str]]
Row = tuple[Text, int | None]
"""A returned text, and the number of the original that it is from."""
Matches = list[tuple[str, int | None]]
"""How each row was aligned, and with which original."""
Harder = Callable[[list[Row], list[Row], random.Random], list[Row]]


def matched(pair: Sequence[Text], rows: Sequence[Text], said: Words) -> Matches:
    """Return (how, original) of each row."""
    told = [Told(text.fingerprint, said(text.content)) for text in pair]
    return [(match.by, match.original) for match in align(told, [Told(r.fingerprint, said(r.content)) for r in rows])]


def shuffled(rows: list[Row], _other: list[Row], chance: random.Random) -> list[Row]:
    """Return the rows in another order."""
    return chance.sample(rows, len(rows))


def thinned(rows: list[Row], _other: list[Row], chance: random.Random) -> list[Row]:
    """Return four fifths of the rows, shuffled."""
    return chance.sample(rows, len(rows) * 4 // 5)


def mixed(rows: list[Row], other: list[Row], chance: random.Random) -> list[Row]:
    """Return the rows, a fifth of them replaced in place by rows of another batch."""
    gone = set(chance.sample(range(len(rows)), len(rows) // 5))
    strange = chance.choices(other, k=len(rows))
    return [(strange[n][0], None) if n in gone else row for n, row in enumerate(rows)]


def doubled(rows: list[Row], _other: list[Row], chance: random.Random) -> list[Row]:
    """Return the rows, and a fifth of them again at the end as other texts of the same words, of which none counts."""
    twice = chance.sample(rows, len(rows) // 5)
    return rows + [(Text(bytes(32), again.content), None) for again, _ in twice]


def main() -> None:
    """Measure and print."""
    found = pairs(Path(sys.argv[1]))
    began = time.perf_counter()
    truth = [matched(pair.originals, pair.returned, everything) for pair in found]
    took = time.perf_counter() - began
    originals, rows = (sum(len(getattr(pair, side)) for pair in found) for side in Pair._fields)
    say(f"{len(found)} batches, {originals} originals, {rows} rows, {took:.1f} s")
    say(f"{'words compared':<24}{'equal':>8}{'evidence':>10}{'order':>8}{'open':>8}{'otherwise':>11}")
    for name, said in (
        ("all", everything),
        ("without digits", no_identifiers),
        ("the answer's", answer),
        ("the prompt's", prompt),
    ):
        say_words(name, said, found, truth)
    say(f"\n{'made harder':<24}{'rows':>8}{'right':>8}{'open':>8}{'wrong':>8}{'strange taken':>15}")
    say_harder("shuffled", shuffled, found, truth)
    say_harder("a fifth lost", thinned, found, truth)
    say_harder("a fifth strange", mixed, found, truth)
    say_harder("a fifth twice", doubled, found, truth)


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")


def say_words(name: str, said: Words, found: list[Pair], truth: list[Matches]) -> None:
    """Print how rows are aligned by some of the words, and how many otherwise than by all of them."""
    counts: Counter[str] = Counter()
    for pair, true in zip(found, truth, strict=True):
        for (by, original), (_, right) in zip(matched(pair.originals, pair.returned, said), true, strict=True):
            counts[by if original is not None else "open"] += 1
            counts["otherwise"] += original is not None and right is not None and original != right
    told = "".join(f"{counts[key]:>{width}}" for key, width in (("equal", 8), ("evidence", 10), ("order", 8)))
    say(f"{name:<24}{told}{counts['open']:>8}{counts['otherwise']:>11}")


def say_harder(name: str, change: Harder, found: list[Pair], truth: list[Matches]) -> None:
    """Print how many rows are aligned rightly, left open, and wrongly, when they come back in another way."""
    chance = random.Random(_SEED)  # noqa: S311 - a benchmark that says the same each time
    lists: list[list[Row]] = [
        [(text, original) for text, (_, original) in zip(pair.returned, true, strict=True) if original is not None]
        for pair, true in zip(found, truth, strict=True)
    ]
    counts: Counter[str] = Counter()
    for number, (pair, rows) in enumerate(zip(found, lists, strict=True)):
        came = change(rows, lists[number - 1], chance)
        told = matched(pair.originals, [text for text, _ in came], everything)
        counts["rows"] += len(came)
        for (_, original), (_, right) in zip(told, came, strict=True):
            counts[_verdict(pair.originals, original, right)] += 1
    told_of = "".join(f"{counts[key]:>8}" for key in ("rows", "right", "open", "wrong"))
    say(f"{name:<24}{told_of}{counts['strange']:>15}")


def _verdict(originals: Sequence[Text], original: int | None, right: int | None) -> str:
    if original is None:
        return "open"
    if right is None:
        return "strange"
    return "right" if originals[original].fingerprint == originals[right].fingerprint else "wrong"


if __name__ == "__main__":
    main()
