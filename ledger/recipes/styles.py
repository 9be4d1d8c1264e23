"""Style packs: a corpus file, read once and dealt into a few fixed packs of texts, so that prompts can be cached.

Which text is in which pack depends on the texts alone, which sample gets which pack on the sample alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from ledger.digest import blake3_bytes
from ledger.errors import CorpusEmpty
from ledger.recipes.spec import Style
from ledger.sample import BadJson, strict_json

LARGEST = 64 * 1024 * 1024
"""Bytes of a corpus file that are read; what stands beyond is left out."""

Packs: TypeAlias = Mapping[str, tuple[tuple[str, ...], ...]]
"""Voice -> its packs; "" is the voice of those who have none of their own."""


class _Said(NamedTuple):
    text: str
    voice: str


def packs_of(style: Style, corpus: bytes, place: str | None = None) -> Packs:
    """Return the packs of a corpus: JSON, JSON lines, or paragraphs of plain text.

    A text is a JSON string, or stands under one of the style's keys; its voice stands beside it, or is the key of the
    list that it is in. Raises CorpusEmpty where there is no text for anybody, or for a voice that the style names;
    `place` names the file in it.
    """
    place = place or style.corpus
    by_voice: dict[str, dict[str, None]] = {}
    for said in _texts(style, corpus[:LARGEST].decode("utf-8", "replace")):
        text = " ".join(said.text.split())
        if len(text) >= style.shortest:
            voice = said.voice if said.voice in style.voices else ""
            by_voice.setdefault(voice, {})[text[: style.longest]] = None
    if not by_voice:
        raise CorpusEmpty(place)
    for voice in style.voices:
        if voice not in by_voice:
            raise CorpusEmpty(f"{place}, for the voice {voice!r},")
    return {voice: _dealt(list(texts), style) for voice, texts in sorted(by_voice.items())}


def pack_for(packs: Packs, voice: str, sample: bytes) -> tuple[str, ...]:
    """Return the texts that a sample's prompt shows: a pack of its voice, else of those without; else none."""
    own = packs.get(voice) or packs.get("") or ()
    return own[int.from_bytes(blake3_bytes(sample)[:8]) % len(own)] if own else ()


def _dealt(texts: list[str], style: Style) -> tuple[tuple[str, ...], ...]:
    """Return packs of texts, which come again only where there are too few."""
    order = sorted(texts, key=lambda text: blake3_bytes(text.encode()))
    each, packs = min(style.each, len(order)), min(style.packs, len(order))
    return tuple(tuple(order[(pack * each + nth) % len(order)] for nth in range(each)) for pack in range(packs))


def _texts(style: Style, text: str) -> Iterator[_Said]:
    try:
        yield from _within(style, strict_json(text))
    except BadJson:
        pass
    else:
        return
    lines = [line for line in text.splitlines() if line.strip()]
    values = [value for line in lines if (value := _json(line)) is not None]
    if len(values) * 2 > len(lines):
        for value in values:
            yield from _within(style, value)
    else:
        yield from (_Said(part, "") for part in text.replace("\r\n", "\n").split("\n\n"))


def _json(line: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return strict_json(line)
    except BadJson:
        return None


def _within(style: Style, value: Any) -> Iterator[_Said]:  # noqa: ANN401 - any JSON value
    """Yield the texts of a JSON value, in order."""
    waiting = [(value, "")]
    while waiting:
        value, voice = waiting.pop()
        if isinstance(value, str):
            yield _Said(value, voice)
        elif isinstance(value, list):
            waiting += [(each, voice) for each in reversed(value) if not isinstance(each, (int, float))]
        elif isinstance(value, dict):
            named = value.get(style.voice) if style.voice is not None else None
            voice = named if isinstance(named, str) else voice
            found = [value[key] for key in style.keys if isinstance(value.get(key), str)]
            yield from (_Said(text, voice) for text in found[:1])
            inner = () if found else reversed(value.items())
            waiting += [(each, key if key in style.voices else voice) for key, each in inner if _is_inner(each)]


def _is_inner(value: object) -> bool:
    return isinstance(value, (list, dict))
