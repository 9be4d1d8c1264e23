"""The words of a condition, one by one: numbers, names, texts in quotes, signs."""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 20_000
"""Characters of one condition."""
LONGEST_TEXT = 1_000
"""Characters of a text in it: a domain or a tag cannot be longer."""

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<number>-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<sign><=|>=|==|!=|<|>|=|[()\[\],.])
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"[ \t\r\n]*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_REMEDIES = {
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`, or != between two sides",
    "~": "write `not`",
    '"': "the text has no closing quote",
    "'": "the text has no closing quote",
    "%": "a share is written as a number, 0.5 for 50 %",
}


class Unreadable(ValueError):  # noqa: N818 - says what a text is; the callers turn it into an error with its place
    """A condition does not read: `at` is the character, from 1, `what` a sentence without its final stop."""

    def __init__(self, at: int, what: str) -> None:
        """Keep the place and the sentence."""
        super().__init__(what)
        self.at = at
        self.what = what


class Token(NamedTuple):
    """One word: its kind (number, name, text, sign or end), how it is written, and where it begins, from 1."""

    kind: str
    text: str
    at: int


class Tokens:
    """The tokens of one condition. `token` is the next one that nobody has taken."""

    def __init__(self, text: str) -> None:
        """Begin at the first token; raise Unreadable where there is none, here and whenever a token is taken."""
        if len(text) > LONGEST:
            raise Unreadable(LONGEST + 1, f"a condition has at most {LONGEST:,} characters")
        self._text = text
        self._at = 0
        self.token = self._next()

    def take(self) -> Token:
        """Return the next token and go on to the one after it."""
        token, self.token = self.token, self._next()
        return token

    def takes(self, text: str, kind: str = "sign") -> bool:
        """Take the next token if it is this one, and say whether it was."""
        if self.token.text != text or self.token.kind != kind:
            return False
        self.take()
        return True

    def need(self, text: str, expected: str, kind: str = "sign") -> None:
        """Take the next token, which must be this one."""
        if not self.takes(text, kind):
            raise self.expected(expected)

    def quoted(self, expected: str) -> str:
        """Take a text in quotes and return what it says."""
        token = self.token
        if token.kind != "text":
            raise self.expected(expected, f'; write "{token.text}" in quotes' if token.kind == "name" else "")
        self.take()
        for escape in _ESCAPE.finditer(token.text):
            if escape[1] not in "\\\"'":
                raise Unreadable(token.at + escape.start(), "after a \\ stands a quote or another \\")
        value = _ESCAPE.sub(r"\1", token.text[1:-1])
        if len(value) > LONGEST_TEXT:
            raise Unreadable(token.at, f"a text has at most {LONGEST_TEXT:,} characters")
        if found := _CONTROL.search(value):
            raise Unreadable(token.at, f"the text holds a character that no text here can have (U+{ord(found[0]):04X})")
        return value

    def expected(self, what: str, more: str = "") -> Unreadable:
        """Return the error that something else stands where `what` is expected."""
        instead = "but the condition ends" if self.token.kind == "end" else f"not {self.token.text[:40]}"
        return Unreadable(self.token.at, f"{what} is expected, {instead}{more}")

    def _next(self) -> Token:
        found = _TOKEN.match(self._text, self._at)
        if found is not None and found.lastgroup is not None:
            self._at = found.end()
            return Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup) + 1)
        space = _SPACE.match(self._text, self._at)
        at = self._at if space is None else space.end()
        sign = self._text[at]
        remedy = _REMEDIES.get(sign, "names with other signs are written score[...] or tag[...], texts in quotes")
        raise Unreadable(at + 1, f"{sign!r} has no meaning here: {remedy}")
