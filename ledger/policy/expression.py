"""Conditions as people write them: `quality < min_quality and not finding("tools/*")`.

    condition   = all { "or" all }
    all         = part { "and" part }
    part        = "not" part | "(" condition ")" | comparison
    comparison  = left op right | left [ "not" ] "in" "[" right { "," right } "]" | finding | tagged
    tagged      = "tag" ( "==" | "!=" ) TAG | "tag" [ "not" ] "in" "[" TAG { "," TAG } "]"
    left        = NAME | "score" "[" TEXT "]" | "tag" "." NAME | "tag" "[" TEXT "]" | finding
    finding     = ( "finding" | "findings" ) "(" TEXT [ "," TEXT ] ")"
    op          = "<" | "<=" | ">" | ">=" | "==" | "!="; "=" is another way to write "=="
    right       = NUMBER | NAME of a threshold | TEXT | "true" | "false" | "none"
    TAG         = NAME | TEXT

Reading takes time in proportion to the text: one token of look-ahead, a bounded depth, nothing is tried twice.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from typing import Literal, NamedTuple

from ledger.errors import ConditionInvalid
from ledger.fixed import exactly
from ledger.policy.tokens import LONGEST_TEXT, Token, Tokens, Unreadable
from ledger.rule import (
    FIELDS,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Field,
    Findings,
    Measure,
    Not,
    Number,
    Op,
    Operand,
    Score,
    Tag,
    Text,
    Threshold,
)

DEEPEST = 50
"""Parentheses and `not` that may stand in one another."""
DEEPEST_WORDS = 8
"""`and`, `or` and `not` that may stand in one another once parentheses without effect are gone.

What SQLite can parse in one statement is limited, and every policy that is read has to fit into one.
"""
MOST = 100
"""Comparisons of one condition; a function of SQLite takes up to 127 values."""
MOST_LISTED = 12
"""Names that an error lists."""

COUNTS: dict[str, Literal["error", "warning"]] = {"errors": "error", "warnings": "warning"}
WORDS = ("and", "or", "not", "in", "true", "false", "none")
CALLS = ("finding", "findings", "score", "tag")
RESERVED = frozenset((*WORDS, *CALLS, *COUNTS, *FIELDS))
"""Names that a measure or a threshold cannot have."""

VALUES: dict[str, tuple[str, ...]] = {
    "form": ("conversational", "standard"),
    "label": ("true", "false", "none"),
    "split": ("train", "val", "test", ""),
    "status": ("accepted", "rejected", "pending", "errored", "superseded", "erased"),
    "type": ("prompt_completion", "prompt_only", "language_modeling"),
}
"""The fields that have few values, and which."""

_GLOB = re.compile(r"[A-Za-z0-9_./*?-]{1,100}")
ALIKE, NEAR = 0.6, 0.8
"""How alike a word is that somebody may have meant: where only some words will do, and where any name would."""
_OPS: dict[str, Op] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "=": "==", "!=": "!="}
_TAGS = Tag("")
"""What `tag` alone means on the left: the names of a sample's tags. No tag has this name."""
_LABEL = Field("label")


class Scope(NamedTuple):
    """What names mean: fields and measures on the left, thresholds on the right; any other name is a score."""

    fields: Collection[str] = FIELDS
    measures: Collection[str] = ()
    thresholds: Collection[str] = ()


def parse_condition(text: str, *, measures: Collection[str] = (), thresholds: Collection[str] = ()) -> Condition:
    """Return the condition that `--where` gives: any field, scores, findings and tags.

    Raises ConditionInvalid with the character and what was expected there.
    """
    try:
        return read_condition(text, Scope(FIELDS, measures, thresholds))
    except Unreadable as error:
        raise ConditionInvalid(error.at, error.what) from None


def read_condition(text: str, scope: Scope) -> Condition:
    """Return the condition that a text says; raise Unreadable."""
    return _Parser(Tokens(text), scope).read()


def resolve(name: str, scope: Scope) -> Operand:
    """Return what a bare name on the left means; raise ValueError with a sentence where it is not allowed or a typo."""
    if name == "tag":
        raise ValueError(f"tag is no number; a score of that name is {_score(name)}")
    if name in scope.fields:
        return Field(name)
    if name in FIELDS:
        raise ValueError(f"a policy may not ask for {name}, which decisions make")
    if name in COUNTS:
        return Findings("*", COUNTS[name])
    if name in scope.measures:
        return Measure(name)
    if name in scope.thresholds:
        raise ValueError(f"{name!r} is a threshold and stands on the right; a score of that name is {_score(name)}")
    if close := hint(name, (*scope.measures, *COUNTS), NEAR):
        raise ValueError(f"there is no measure {name!r}{close}; a score of that name is {_score(name)}")
    return Score(name)


def hint(word: str, known: Iterable[str], alike: float = ALIKE) -> str:
    """Return a question about the known word that somebody who typed `word` probably meant, or ''."""
    found = difflib.get_close_matches(word[:LONGEST_TEXT], list(known), 1, alike)
    return f" (did you mean {found[0]!r}?)" if found else ""


def listed(known: Collection[str]) -> str:
    """Return the names that there are, for an error; the first few of many."""
    more = len(known) - MOST_LISTED
    return f"; there are {', '.join(list(known)[:MOST_LISTED])}{f' and {more:,} more' if more > 0 else ''}"


class _Parser:
    def __init__(self, tokens: Tokens, scope: Scope) -> None:
        self._tokens = tokens
        self._scope = scope
        self._compared = 0

    def read(self) -> Condition:
        condition = self._any(0)
        if self._tokens.token.kind != "end":
            raise self._tokens.expected("`and`, `or` or the end", self._in_small())
        if _depth(condition) > DEEPEST_WORDS:
            raise Unreadable(1, f"`and`, `or` and `not` stand more than {DEEPEST_WORDS} deep in one another")
        return condition

    def _any(self, depth: int) -> Condition:
        return _joined(AnyOf, self._chain("or", self._all, depth))

    def _all(self, depth: int) -> Condition:
        return _joined(AllOf, self._chain("and", self._part, depth))

    def _chain(self, word: str, part: Callable[[int], Condition], depth: int) -> tuple[Condition, ...]:
        parts = [part(depth)]
        while self._tokens.takes(word, "name"):
            parts.append(part(depth))
        return tuple(parts)

    def _part(self, depth: int) -> Condition:
        if depth > DEEPEST:
            at = self._tokens.token.at
            raise Unreadable(at, f"parentheses and `not` stand more than {DEEPEST} deep in one another")
        if self._tokens.takes("not", "name"):
            return Not(self._part(depth + 1))
        if self._tokens.takes("("):
            inside = self._any(depth + 1)
            if not self._tokens.takes(")"):
                raise self._tokens.expected("`and`, `or` or )", self._in_small())
            return inside
        return self._comparison()

    def _comparison(self) -> Condition:
        first = self._tokens.token
        left = self._left()
        if self._tokens.takes("in", "name"):
            return self._within(left)
        if self._tokens.takes("not", "name"):
            self._tokens.need("in", "`in`", "name")
            return Not(self._within(left))
        sign = self._tokens.token
        op = _OPS.get(sign.text) if sign.kind == "sign" else None
        if op is None:
            if first.text in {"finding", "findings"} and isinstance(left, Findings):
                return self._counted(first.at, Compare(left, ">", Number(0)))
            raise self._tokens.expected("a comparison (< <= > >= == != in)", self._in_small())
        self._tokens.take()
        if isinstance(left, (Field, Tag)) and op not in {"==", "!="}:
            more = _NO_SCORE if left == _TAGS else ""
            what = f"{_named(left)} is a text, which is compared with ==, != or in, not with {op}"
            raise Unreadable(sign.at, f"{what}{more}")
        return self._counted(first.at, self._compare(left, op))

    def _compare(self, left: Operand, op: Op) -> Compare:
        """Read the right side; what is asked of the names of tags is whether there is one of that name."""
        if left == _TAGS:
            return Compare(Tag(self._tag_name()), "!=" if op == "==" else "==", Text(""))
        return Compare(left, op, self._right(left))

    def _within(self, left: Operand) -> Condition:
        self._tokens.need("[", 'a list such as ["a", "b"]' if isinstance(left, (Field, Tag)) else "a list as [1, 2]")
        found: dict[Compare, None] = {}
        while not found or self._tokens.takes(","):
            at = self._tokens.token.at
            found[self._counted(at, self._compare(left, "=="))] = None
        self._tokens.need("]", "a comma or ]")
        return _joined(AnyOf, tuple(found))

    def _counted(self, at: int, compare: Compare) -> Compare:
        self._compared += 1
        if self._compared > MOST:
            raise Unreadable(at, f"a condition has at most {MOST} comparisons")
        return compare

    def _left(self) -> Operand:
        token = self._tokens.token
        if token.kind != "name" or token.text in WORDS:
            more = "; a comparison begins with what is looked up" if token.kind == "number" else ""
            raise self._tokens.expected("a name (a score, a field, a measure), finding(...), `not` or (", more)
        self._tokens.take()
        sign = self._tokens.token.text if self._tokens.token.kind == "sign" else ""
        if token.text in {"finding", "findings"} and sign == "(":
            return self._findings()
        if token.text == "score" and sign == "[":
            return Score(self._bracketed())
        if token.text == "tag" and sign in {".", "["}:
            return Tag(self._bracketed() if sign == "[" else self._dotted())
        if token.text == "tag":
            return _TAGS
        try:
            return resolve(token.text, self._scope)
        except ValueError as error:
            raise Unreadable(token.at, str(error)) from None

    def _findings(self) -> Findings:
        self._tokens.take()
        at = self._tokens.token.at
        rule = self._tokens.quoted('the rule of a finding in quotes, such as "tools/*"')
        if not _GLOB.fullmatch(rule):
            raise Unreadable(at, 'the rule of a finding is letters, digits and _ . / -, with * and ? as in "tools/*"')
        if not self._tokens.takes(","):
            self._tokens.need(")", "a comma or )")
            return Findings(rule)
        at = self._tokens.token.at
        severity = self._tokens.quoted('"error" or "warning"')
        self._tokens.need(")", ")")
        if severity == "error":
            return Findings(rule, "error")
        if severity == "warning":
            return Findings(rule, "warning")
        raise Unreadable(at, f'the severity is "error" or "warning", not {severity!r}')

    def _dotted(self) -> str:
        self._tokens.take()
        if self._tokens.token.kind != "name":
            raise self._tokens.expected('the name of a tag; an unusual one is written tag["my tag"]')
        return self._tokens.take().text

    def _tag_name(self) -> str:
        token = self._tokens.token
        if token.kind == "name" and token.text not in WORDS:
            return self._tokens.take().text
        if token.kind != "text":
            quotes = f'; write "{token.text}" in quotes' if token.kind == "name" else _NO_SCORE
            raise self._tokens.expected("the name of a tag", quotes)
        return self._quoted_name()

    def _bracketed(self) -> str:
        self._tokens.take()
        name = self._quoted_name()
        self._tokens.need("]", "]")
        return name

    def _quoted_name(self) -> str:
        at = self._tokens.token.at
        name = self._tokens.quoted("a name in quotes")
        if not name or name != name.strip():
            raise Unreadable(at, "a name that is not empty and does not begin or end with a space is expected")
        return name

    def _right(self, left: Operand) -> Operand:
        return Text(self._text_for(left)) if isinstance(left, (Field, Tag)) else self._number_for(left)

    def _number_for(self, left: Operand) -> Operand:
        token = self._tokens.token
        thresholds = self._scope.thresholds
        if token.kind == "number":
            self._tokens.take()
            return Number(_exact(token))
        if token.kind == "name" and token.text in thresholds:
            return Threshold(self._tokens.take().text)
        if token.kind == "name" and token.text not in WORDS and thresholds:
            close = hint(token.text, thresholds) or listed(thresholds)
            raise Unreadable(token.at, f"no threshold {token.text!r}{close}")
        name = _named(left)
        close = hint(name, self._scope.fields, NEAR) if isinstance(left, Score) else ""
        more = "" if token.kind in {"sign", "end"} else f"; {name} is a number{close}"
        raise self._tokens.expected("a number or a threshold" if thresholds else "a number", more)

    def _text_for(self, left: Field | Tag) -> str:
        token = self._tokens.token
        values = VALUES.get(left.name) if isinstance(left, Field) else None
        if token.kind == "name" and (token.text == "none" or (left == _LABEL and token.text in {"true", "false"})):
            self._tokens.take()
            value = "" if token.text == "none" and left != _LABEL else token.text
        else:
            value = self._tokens.quoted(_one_of(values) if values else "a text in quotes")
        if values is not None and value not in values:
            raise Unreadable(token.at, f"{_named(left)} is {_one_of(values)}, never {value!r}{hint(value, values)}")
        return value

    def _in_small(self) -> str:
        """Return a remedy for AND, OR and the like."""
        word = self._tokens.token.text
        return f"; write {word.lower()}" if word not in WORDS and word.lower() in WORDS else ""


def _exact(token: Token) -> int:
    try:
        return exactly(token.text)
    except ValueError as error:
        raise Unreadable(token.at, str(error)) from None


def _depth(condition: Condition) -> int:
    """Return how deep `and`, `or` and `not` stand in one another."""
    if isinstance(condition, Compare):
        return 0
    if isinstance(condition, Not):
        return 1 + _depth(condition.part)
    return 1 + max(map(_depth, condition.parts))


def _joined(kind: type[AllOf | AnyOf], parts: tuple[Condition, ...]) -> Condition:
    return parts[0] if len(parts) == 1 else kind(parts)


def _named(operand: Operand) -> str:
    if isinstance(operand, Findings):
        return "a count of findings"
    if operand == _TAGS:
        return "tag"
    return operand.dimension if isinstance(operand, Score) else getattr(operand, "name", "")


def _score(name: str) -> str:
    return f'score["{name}"]'


_NO_SCORE = f"; a score of that name is {_score('tag')}"


def _one_of(values: tuple[str, ...]) -> str:
    return "one of " + ", ".join(value or '""' for value in values)
