"""The interaction rubric for tool calls, version 1, as far as code can decide it.

The rubric has five dimensions of 1 to 5. A rule here gives a number only where the rubric names a fact that code can
see; everything else is `needs_judgement`. Where the rubric contradicts itself, the anchor of its scale is taken, not
the extra rule: identical goals are 1. Where version 2 of the rubric names a fact that version 1 leaves open, it is
taken as version 1's lowest anchor: "Starting new session" is a placeholder, a "Result:" prompt is command syntax, an
object where a sentence should say why says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ledger.digest import digest_of
from ledger.fixed import ONE
from ledger.sample import BadJson, Message, strict_json
from ledger.scorers import lexicon
from ledger.scorers.contract import Item, Options, Score, Scorer
from ledger.scorers.texts import Call, message_text, messages, parts

MEMORY, CONTEXT, GOALS = "sessionMemory_quality", "toolContext_quality", "goal_coherence"
PROMPT, RESPONSE, OVERALL = "prompt_naturalness", "response_realism", "overall_quality"
PARTS = (MEMORY, CONTEXT, GOALS, PROMPT, RESPONSE)

NEEDS_JUDGEMENT = "needs_judgement"
NO_CALL = "no_call"
UNREADABLE = "unreadable_call"

BANDS = ((20, 2), (50, 3), (100, 4))
"""Characters below which a session memory can have at most this score; only the first band decides by itself."""

_MARK = re.compile(r"^tool_call:", re.MULTILINE)
_EMPTY_MEMORY = re.compile(r'"sessionMemory"[ \t]*+:[ \t]*+(?:""|\[[ \t]*+\])')
_RESULT = re.compile(r"^[ \t*]*+Result[ \t*]*+:[ \t*]*+", re.MULTILINE)
_NOT_LETTERS = re.compile(r"[^a-z]+")
_FLAGS = frozenset({"ok", "status", "success"})
_IDLE = frozenset({"a", "call", "calling", "execute", "executing", "run", "running", "the", "tool", "use", "using"})
_RULES = 1
"""Goes up when a rule changes within one version of the rubric."""


class _Said(NamedTuple):
    """A score of 1 to 5 or the reason for none, and a note."""

    value: int | str
    note: str = ""


class _Turn(NamedTuple):
    """The last message that calls a tool: its first call (None: it does not parse), its text, what came of it."""

    call: Call | None
    text: str
    results: list[str]


class Rubric(Scorer):
    """Five dimensions of an interaction with a tool, 1 to 5, where a mechanical rule decides; the rest is left open.

    `overall_quality`, the mean of the five, is scored only where all five are.
    """

    name = "rubric"
    version = "1"
    dimensions = (*PARTS, OVERALL)

    def __init__(self, options: Options) -> None:  # noqa: ARG002 - every scorer is made from options
        """Take no options."""
        lists = [sorted(lexicon.PLACEHOLDERS), sorted(_FLAGS), sorted(_IDLE), [list(band) for band in BANDS]]
        self.rubric = digest_of({"lists": lists, "rubric": "interaction quality", "rules": _RULES, "version": 1})

    def score(self, item: Item) -> Score:
        """Return the dimensions that a rule decides, and why the others are open."""
        said = messages(item.content)
        found = {**_of_turn(_last_turn(said)), PROMPT: _prompt(said)}
        numbers = {name: one.value * ONE for name, one in found.items() if isinstance(one.value, int)}
        unscored = {name: one.value for name, one in found.items() if isinstance(one.value, str)}
        notes = {name: one.note for name, one in found.items() if one.note}
        if unscored:
            unscored[OVERALL] = NEEDS_JUDGEMENT
        else:
            numbers[OVERALL] = sum(numbers.values()) // len(PARTS)  # of whole numbers: one decimal, exactly
        return Score(numbers, unscored, notes)


def _of_turn(turn: _Turn | None) -> dict[str, _Said]:
    if turn is None:
        return dict.fromkeys((MEMORY, CONTEXT, GOALS, RESPONSE), _Said(NO_CALL))
    response = _response(turn.results)
    context = None if turn.call is None else _context(turn.call)
    if turn.call is None or context is None:
        found = dict.fromkeys((MEMORY, CONTEXT, GOALS), _Said(UNREADABLE if turn.call is None else "no_context"))
        if turn.call is None and _EMPTY_MEMORY.search(turn.text):
            found[MEMORY] = _Said(1, "empty, in a call that does not parse")
        return {**found, RESPONSE: response}
    return {
        MEMORY: _memory(context.get("sessionMemory")),
        CONTEXT: _tool_context(context.get("toolContext"), turn.call.name),
        GOALS: _goals(context.get("primaryGoal"), context.get("subgoal")),
        RESPONSE: response,
    }


def _last_turn(said: list[Message]) -> _Turn | None:
    """Return the last message of an assistant that calls a tool, and what the conversation says came of the call."""
    for at in range(len(said) - 1, -1, -1):
        message = said[at]
        if message.get("role") != "assistant":
            continue
        pieces = parts(message)
        calls = [number for number, piece in enumerate(pieces) if isinstance(piece, Call)]
        text = message_text(message)
        if not calls and not _MARK.search(text):
            continue
        call = pieces[calls[0]] if calls else None
        after = pieces[calls[-1] + 1 :] if calls else [text]
        results = [result for piece in after if isinstance(piece, str) for result in _results(piece)]
        for later in said[at + 1 :]:
            whole = message_text(later)
            results += [whole] if later.get("role") in {"tool", "function"} else _results(whole)
        return _Turn(call if isinstance(call, Call) else None, text, results)
    return None


def _results(text: str) -> list[str]:
    """Return what stands after each `Result:` at the beginning of a line, up to the next."""
    marks = list(_RESULT.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=False)]


def _context(call: Call) -> Mapping[str, Any] | None:
    context = call.arguments.get("context") if isinstance(call.arguments, Mapping) else None
    return context if isinstance(context, Mapping) else None


def _memory(value: Any) -> _Said:  # noqa: ANN401 - any JSON value
    if value is None or value in ([], {}):
        return _Said(1, "empty")
    if not isinstance(value, str):
        return _Said(NEEDS_JUDGEMENT, "not a text")
    text = value.strip()
    if text.lower().rstrip(".").strip() in lexicon.PLACEHOLDERS:
        return _Said(1, "a placeholder" if text else "empty")
    for limit, most in BANDS:
        if len(text) < limit:
            return _Said(most if most == BANDS[0][1] else NEEDS_JUDGEMENT, f"under {limit} characters: at most {most}")
    return _Said(NEEDS_JUDGEMENT)


def _tool_context(value: Any, tool: str) -> _Said:  # noqa: ANN401 - any JSON value
    if value is None or value in ([], {}):
        return _Said(1, "empty")
    if not isinstance(value, str):
        return _Said(1, "an object or a list instead of a text")
    if value.strip().lower().rstrip(".").strip() in lexicon.PLACEHOLDERS:
        return _Said(1, "a placeholder" if value.strip() else "empty")
    return _Said(1, "restates the tool's name") if restates(value, tool) else _Said(NEEDS_JUDGEMENT)


def restates(text: str, tool: str) -> bool:
    """Say whether a text says no more than the name of a tool (`agent_doThis`), or of its part after the underscore."""
    own = _letters(tool)
    words = [word for word in _NOT_LETTERS.split(text.lower()) if word and word not in _IDLE]
    return "".join(words) in {own, _letters(tool.rpartition("_")[2])} and bool(own)


def _goals(primary: Any, sub: Any) -> _Said:  # noqa: ANN401 - any JSON value
    if not isinstance(primary, str) or not isinstance(sub, str) or not primary.strip() or not sub.strip():
        return _Said(1, "a goal is missing")
    same = " ".join(primary.lower().split()).rstrip(".") == " ".join(sub.lower().split()).rstrip(".")
    return _Said(1, "identical goals; the scale's 1, not the extra rule's 2") if same else _Said(NEEDS_JUDGEMENT)


def _prompt(said: list[Message]) -> _Said:
    asked = next((message_text(one) for one in reversed(said) if one.get("role") == "user"), "")
    if not asked.strip():
        return _Said("empty_prompt")
    return _Said(1, "a tool's result as a prompt") if _RESULT.match(asked.lstrip()) else _Said(NEEDS_JUDGEMENT)


def _response(results: list[str]) -> _Said:
    if not results:
        return _Said(1, "no result")
    return _Said(1, "a bare success flag") if all(map(_is_flag, results)) else _Said(NEEDS_JUDGEMENT)


def _is_flag(result: str) -> bool:
    """Say whether a result is an object of nothing but a success flag; prose may follow after a blank line."""
    try:
        value = strict_json(result.partition("\n\n")[0])
    except BadJson:
        return False
    return isinstance(value, dict) and len(value) > 0 and value.keys() <= _FLAGS


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text.lower())
