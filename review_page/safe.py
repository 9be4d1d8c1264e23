"""Text as it stands on a page: what nobody sees is written out, and what runs from right to left turns nothing else.

The same characters are written out as on the terminal. Values that a form sends back are left as they are: `exact`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from markupsafe import Markup, escape

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters; not line ends and tabs
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the reading order round
    "\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # what nobody sees
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e0fff]"  # halves of characters, no characters, hidden tags
)
_MAYBE_TURNED = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_APART, _END = "\u2068", "\u2069"


def visible(text: str) -> str:
    r"""Return a text with what nobody sees written out, U+202E as `\u202e`; line ends and tabs stay.

    One line in which something runs from right to left is set apart from what stands around it, in a name as in a list.
    """
    safe = _UNSEEN.sub(_written_out, text)
    return f"{_APART}{safe}{_END}" if "\n" not in safe and _is_turned(safe) else safe


def shown(value: Any) -> Any:  # noqa: ANN401 - whatever a template says
    """Return what a template is about to say, made visible; what is HTML already stays."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def exact(value: object) -> Markup:
    """Return a value that is escaped and nothing else, for the fields of forms."""
    return escape(value)


def _written_out(match: re.Match[str]) -> str:
    point = ord(match[0])
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"  # noqa: PLR2004 - widths


def _is_turned(text: str) -> bool:
    return any(unicodedata.bidirectional(found[0]) in {"R", "AL"} for found in _MAYBE_TURNED.finditer(text))
