"""Texts as words, and what can be said of a text without understanding it. All of it takes linear time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u9fff\uf900-\ufaff\uff66-\uff9f"
"""Thai, Lao, Burmese, Khmer, Chinese and Japanese, which put no spaces between words: each character is a word."""
_SPOKEN = re.compile(rf"[{_SPACELESS}\U00020000-\U0003ffff]|[^\W_{_SPACELESS}\U00020000-\U0003ffff]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_ESCAPE = re.compile(r"(?<!\\)(\\++)(?:u([0-9a-fA-F]{4})|[bfnrt]|)")

_EMPTY_WORDS = frozenset(
    {"example", "lorem ipsum", "n a", "na", "nil", "none", "null", "placeholder", "same as before", "string", "tbd"}
    | {"starting new session", "text", "to do", "todo", "unchanged", "unknown", "xxx"}
)
"""What stands where a text should, as its words in small letters."""
_SLOT = re.compile(r"[\[<{](?:insert|your|fill in|placeholder)\b|\blorem ipsum\b", re.IGNORECASE)

_SCRIPTS: Mapping[str, tuple[tuple[int, int], ...]] = MappingProxyType(
    {
        "Latin": ((0x41, 0x24F), (0x1E00, 0x1EFF)),
        "Greek or Cyrillic": ((0x370, 0x58F),),
        "Hebrew or Arabic": ((0x590, 0x8FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFF)),
        "Indic": ((0x900, 0xDFF),),
        "East Asian": ((0xE00, 0x10FF), (0x1100, 0x11FF), (0x2E80, 0xD7FF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
    }
)


def unescaped(text: str) -> str:
    """Return JSON as its letters read, whatever depth they are quoted at: what no word needs, escapes, is undone."""
    return _ESCAPE.sub(_meant, text)


def _meant(escape: re.Match[str]) -> str:
    """Return the letter that is escaped, or a space; d deep, a letter has 2^(d-1) backslashes, and one before it 2^d."""
    slashes, code = len(escape[1]), escape[2]
    if code is None:
        return " "
    return chr(int(code, 16)) if slashes & (slashes - 1) == 0 else f" {chr(int(code, 16))}"


def words(text: str) -> list[str]:
    """Return the words of a text, case folded; a character of a script without spaces is a word of its own."""
    return _SPOKEN.findall(text.casefold())


def grams(spoken: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """Yield each run of `n` words, in order; none where there are fewer words."""
    return zip(*(spoken[start:] for start in range(n)), strict=False)


def same(one: str, other: str) -> bool:
    """Say whether two texts have the same words in the same order: case, punctuation and white space apart."""
    return one == other or (words(one) == words(other) and bool(words(one)))


def is_placeholder(text: str, name: str) -> bool:
    """Say whether a text only stands where one should: no word at all, its own name, an empty word, a slot to fill."""
    spoken = words(text)
    return not spoken or spoken == words(name) or " ".join(spoken) in _EMPTY_WORDS or _SLOT.search(text) is not None


def has_controls(text: str) -> bool:
    """Say whether a text has control characters (line feed and tab apart), or changes the direction of writing."""
    return _CONTROL.search(text) is not None


def scripts(text: str) -> Counter[str]:
    """Count the letters of a text by script, as far as _SCRIPTS tells them apart."""
    counts: Counter[str] = Counter()
    for character, times in Counter(text).items():
        if character.isalpha():
            counts[_script(ord(character))] += times
    return counts


def other_script(text: str, beside: str) -> str | None:
    """Return the script of most of a text's letters if what stands beside it has none of it; None otherwise."""
    found, known = scripts(text), scripts(beside)
    if not found or not known:
        return None
    script, letters = found.most_common(1)[0]
    return script if 2 * letters > found.total() and not known[script] else None


def _script(code: int) -> str:
    for name, ranges in _SCRIPTS.items():
        if any(first <= code <= last for first, last in ranges):
            return name
    return "another"


def without_quotes(note: str, spoken: Sequence[str], longest: int) -> str:
    """Return a note without the runs of `longest` words or more that stand in a text of the words `spoken`.

    Each run is cut to an ellipsis in brackets. It is looked up as runs of exactly `longest` words, so that is linear.
    """
    known = set(grams(spoken, longest))
    found = list(_SPOKEN.finditer(note))
    own = [match[0].casefold() for match in found]
    quoted = [False] * len(own)
    for start, gram in enumerate(grams(own, longest)):
        if gram in known:
            quoted[start : start + longest] = [True] * longest
    parts: list[str] = []
    done, at = 0, 0
    while at < len(own):
        end = at
        while end < len(own) and quoted[end]:
            end += 1
        if end > at:
            parts += [note[done : found[at].start()], "[…]"]
            done = found[end - 1].end()
        at = max(end, at + 1)
    return "".join([*parts, note[done:]])
