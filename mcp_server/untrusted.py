"""Text of samples, made harmless to look at: what is invisible is taken out and counted, the rest stays as it is.

Only what is shown is cleaned; the stored bytes and their addresses are another matter.
"""

from __future__ import annotations

import re
import secrets
from typing import NamedTuple

PREFIX = "untrusted_"
"""How the name of every field begins that holds text of samples."""

_HIDDEN_RANGES = (
    (0x00, 0x08),
    (0x0B, 0x1F),  # C0 without the tabulator and the line feed
    (0x7F, 0x9F),  # DEL and C1
    (0xAD, 0xAD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x061C, 0x061C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian selectors and separator
    (0x200B, 0x200F),  # zero width, left-to-right and right-to-left marks
    (0x2028, 0x202E),  # line and paragraph separators, embeddings and overrides
    (0x2060, 0x206F),  # word joiner, invisible operators, isolates, deprecated controls
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xDFFF),  # half characters, which no encoding can carry
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # half-width Hangul filler
    (0xFFF0, 0xFFFB),  # unassigned ignorables, interlinear annotation
    (0x13430, 0x1345F),  # Egyptian format controls
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical format controls
    (0xE0000, 0xE0FFF),  # tags and supplementary variation selectors
)
_HIDDEN = re.compile("[" + "".join(f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in _HIDDEN_RANGES) + "]+")
_SPACES = re.compile(r"\s+")


class Shown(NamedTuple):
    """A text to look at, and how many characters were taken out of it."""

    text: str
    removed: int


def shown(text: str) -> Shown:
    """Return `text` without controls, direction marks, zero-width, tag and other invisible characters.

    Line ends become line feeds. Linear in the length of the text.
    """
    plain = text.replace("\r\n", "\n")
    clean = _HIDDEN.sub("", plain)
    return Shown(clean, len(plain) - len(clean))


def one_line(text: str, longest: int) -> str:
    """Return `text` cleaned, in one line, and cut."""
    line = _SPACES.sub(" ", shown(text[: 4 * longest]).text).strip()
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def tag() -> str:
    """Return the name of a pair of tags that no text can have foreseen."""
    return f"sample-{secrets.token_hex(4)}"
