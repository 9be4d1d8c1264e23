"""Putting new texts into the named fields of a content, so that no other byte of it moves."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ledger.recipes.fields import NAMED, Absent, Sheet


def patched(raw: bytes, texts: Mapping[str, str | None], add: Collection[str] = ()) -> bytes:
    """Return a content with a text at each of some paths (None: nothing is to stand there); others stay as they are.

    A path that the content has no place for is passed over; a key that is not there yet is added where `add` names it.
    """
    sheet = Sheet(raw)
    order = sorted(texts, key=lambda path: NAMED.index(path) if path in NAMED else -1)
    found = [(path, sheet.place(path, add=path in add)) for path in order]
    raw = sheet.edited(
        [(place, texts[path]) for path, place in found if place is not None and not isinstance(place, Absent)]
    )
    for path, place in found:
        if isinstance(place, Absent):  # one by one: the second key of an object needs a comma behind the first
            sheet = Sheet(raw)
            now = sheet.place(path, add=True)
            raw = raw if now is None else sheet.edited([(now, texts[path])])
    return raw
