"""Text from outside, made safe to stand in Markdown and in YAML: names, tags and domains are anybody's words."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 200
"""Characters of a text that are shown in a table."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;=%+-?()/")
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_LINK = re.compile("www|http|ftp|mailto|xmpp", re.IGNORECASE)
_ASCII_END, _BYTE_END, _PLANE_END = 0x7F, 0x100, 0x10000


def markdown(text: str) -> str:
    """Return text that Markdown shows as it is, in a paragraph, a heading or a cell, and never reads as structure.

    What is no letter or common sign becomes a character reference. What nobody can see (line breaks, other control
    characters, what turns the direction of writing) is shown as its code. Longer texts are cut, visibly.
    """
    if not text:
        return "(empty)"
    shown = text[:LONGEST] + ("…" if len(text) > LONGEST else "")
    plain = _PLAIN - {".", ":", "/"} if _LINK.search(shown) else _PLAIN
    made = "".join(_shown(sign, plain) for sign in shown)
    made = re.sub("(?<=[A-Za-z0-9])&#95;(?=[A-Za-z0-9])", "_", made)  # inside a word it has no meaning
    # A space at either end would vanish, and several would become one.
    made = re.sub(r"^ | $|(?<= ) ", "&#160;", made)
    # What a paragraph would take for a list, at its beginning.
    return re.sub(r"^[-+=]|^[0-9]+(?=[.)]( |$))", lambda found: _reference(found[0][0]) + found[0][1:], made)


def yaml(text: str) -> str:
    """Return text as a YAML scalar in double quotes, on one line, in ASCII."""
    return '"' + "".join(_quoted(sign) for sign in text) + '"'


def _shown(sign: str, plain: frozenset[str]) -> str:
    if sign in plain:
        return sign
    if unicodedata.category(sign) in _UNSEEN:
        return f"&#91;U+{ord(sign):04X}&#93;"
    return sign if ord(sign) > _ASCII_END and sign.isalnum() else _reference(sign)


def _reference(sign: str) -> str:
    return f"&#{ord(sign)};"


def _quoted(sign: str) -> str:
    code = ord(sign)
    if sign in '"\\':
        return "\\" + sign
    if " " <= sign < "\x7f":
        return sign
    if code < _BYTE_END:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _PLANE_END else f"\\U{code:08x}"
