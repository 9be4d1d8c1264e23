"""Make `json_restricted.json`: bytes that are restricted JSON, with RFC 8785's form of them, and bytes that are not.

Written from RFC 8785 (sections 3.2.2 and 3.2.3) alone, with nothing of the ledger in it, so that it can disagree with
it. Run `python tests/vectors/make_json_vectors.py` to write the file again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("json_restricted.json")
LARGEST = 9007199254740991
"""2**53 - 1: the largest integer that every reader of JSON keeps."""

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    LARGEST,
    -LARGEST,
    "",
    "a",
    "/",
    "\x7f",
    "\u0080\u009f",
    "\u2028\u2029",
    "\ufeff",
    "\uffff",
    "\U0001f600",
    "\U0010ffff",
    "e\u0301",
    "\u00e9",
    *(chr(code) for code in range(32)),
    '"\\',
    "</script>",
    [],
    {},
    [[]],
    [{}],
    {"": ""},
    {"b": 1, "a": 2},
    {"a": 1, "A": 2, "_": 3, "0": 4, "10": 5, "2": 6},
    {"aa": 1, "a": 2, "a ": 3, "a\x00": 4, "a~": 5},
    {'"': 1, "\\": 2, "\n": 3, "\x1f": 4, "\x7f": 5},
    {"x": {"z": [1, {"b": None, "a": []}], "y": {}}},
    [1, [2, [3, [4, [5]]]]],
    {"leaf": {"at": 1700000000000000, "tags": [["\u00e4", "\u00f6"]], "v": 1}},
    ["10", 10, "true", True, "null", None],
]
REFUSED: dict[str, str] = {
    "white space before": " 1",
    "white space after": "1 ",
    "a line feed after": "1\n",
    "white space within": '{"a": 1}',
    "keys in another order": '{"b":1,"a":2}',
    "a key twice": '{"a":1,"a":1}',
    "a key that is not ASCII": '{"\u00e9":1}',
    "an escape that is not needed": '"\\u0061"',
    "an escaped slash": '"\\/"',
    "a long escape where there is a short one": '"\\u000a"',
    "an escape in capitals": '"\\u001F"',
    "an escaped character beyond ASCII": '"\\u00e9"',
    "an escaped pair": '"\\ud83d\\ude00"',
    "half of a pair": '"\\ud83d"',
    "a float": "1.5",
    "a whole float": "1.0",
    "an exponent": "1e3",
    "minus nothing": "-0",
    "a zero in front": "01",
    "a plus sign": "+1",
    "2**53": str(LARGEST + 1),
    "-2**53": str(-LARGEST - 1),
    "2**64": str(2**64),
    "not a number": "NaN",
    "infinity": "Infinity",
    "nothing": "",
    "two values": "1 2",
    "a comma at the end": "[1,]",
    "a comment": "1/**/",
    "single quotes": "'a'",
    "no quotes": "a",
    "a raw line feed in a text": '"\n"',
    "a raw zero in a text": '"\x00"',
    "an open text": '"a',
    "an open list": "[1",
    "a byte order mark": "\ufeff1",
}
BROKEN = {
    "a byte that is no UTF-8": b'"\xff"',
    "an overlong form": b'"\xc0\xaf"',
    "half a pair in UTF-8": b'"\xed\xa0\xbd"',
}


def canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value without floats
    """Return RFC 8785's form of a value."""
    if isinstance(value, str):
        return '"' + "".join(_SHORT.get(one) or (f"\\u{ord(one):04x}" if one < " " else one) for one in value) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or value is True or value is False
        else str(value)
    )


def render() -> str:
    """Return the text of the file, one vector to a line; bytes are written in hex."""
    valid = [{"value": value, "bytes": canonical(value).encode().hex()} for value in VALUES]
    refused = [{"name": name, "bytes": text.encode().hex()} for name, text in REFUSED.items()]
    refused += [{"name": name, "bytes": data.hex()} for name, data in BROKEN.items()]
    sections = {"valid": valid, "refused": refused}
    parts = (f'"{name}": [\n' + ",\n".join(map(json.dumps, vectors)) + "\n]" for name, vectors in sections.items())
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8", newline="\n")
