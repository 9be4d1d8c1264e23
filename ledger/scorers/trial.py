"""A trial that any scorer must pass, for the tests of whoever writes one: `assert faults_of(Shouting) == []`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ledger.digest import DIGEST_BYTES
from ledger.sample import Content, fingerprint
from ledger.scorers.contract import Attempt, Item, Options, Score, Scorer, Unscored, settled

_LONG = 100_000
_CALL = 'tool_call: agent_run\narguments: {"context": {"sessionMemory": ""}, "path": "a\\nb"}'
_FUNCTION = {"id": "c1", "type": "function", "function": {"name": "agent_run", "arguments": '{"path": "x"}'}}


def _chat(asked: str, said: str) -> Content:
    return Content("conversational", ({"role": "user", "content": asked},), ({"role": "assistant", "content": said},))


ODD: tuple[Content, ...] = (
    _chat("What is the capital of France?", "Paris, I think."),
    _chat("What is the capital of France?", "Lyon."),
    _chat("", ""),
    _chat("今天天气怎么样", "晴。"),
    _chat("مرحبا 👋🏽", "أهلا \u202e"),
    _chat("?!", "LDA #$00\nSTA $2100 ; OK {\nreturn 0;"),
    _chat("a " * _LONG, "A" * _LONG),
    _chat("Result: {" * 2_000, ("\ntool_call: x\narguments: {" * 2_000)),
    _chat("list the files", _CALL),
    Content(
        "conversational", ({"role": "system", "content": "s"},), ({"role": "assistant", "tool_calls": [_FUNCTION]},)
    ),
    Content("conversational", (), ({"role": "assistant", "content": [{"type": "text", "text": "x"}]},)),
    Content("conversational", ({"role": "user", "content": "only a question"},), ()),
    Content("standard", "2 + 2 =", " 4"),
    Content("standard", "", "\x00\ud800"),
)
"""Contents that scorers trip over: empty sides, other scripts, twins, long and hostile texts, both forms."""


def items_of(contents: Sequence[Content]) -> list[Item]:
    """Return contents as items, every other one of the domain `asm`, every third with a tag."""
    return [
        Item(
            number.to_bytes(DIGEST_BYTES, "big"),
            content,
            "asm" if number % 2 else None,
            {"persona": "p"} if number % 3 else {},
            fingerprint(content),
        )
        for number, content in enumerate(contents)
    ]


def faults_of(
    make: Callable[[Options], Scorer], options: Options | None = None, contents: Sequence[Content] = ODD
) -> list[str]:
    """Return in what a scorer breaks its contract, as sentences; none is the pass.

    It is made four times and given the same items in two orders, at once and one by one: the scores of an item may
    depend on the set, not on the order, and on nothing that changes from one time to the next.
    """
    items = items_of(contents)
    first, again, turned = (make(options or {}) for _ in range(3))
    faults = list(_shape_faults(first))
    for scorer, order in ((first, items), (again, items), (turned, items[::-1])):
        scorer.prepare(iter(order))
    if not first.rubric == again.rubric == turned.rubric:
        faults.append("the rubric depends on the order of the items, or on the moment")
    if first.rubric is not None and len(first.rubric) != DIGEST_BYTES:
        faults.append("the rubric is neither None nor a digest of 32 bytes")
    backwards = {item.id: _attempt(turned, item) for item in items[::-1]}
    for number, item in enumerate(items):
        said = _attempt(first, item)
        if isinstance(said, str):
            faults.append(f"content {number}: {said}")
        elif said != _attempt(again, item):
            faults.append(f"content {number}: its score changes from one time to the next")
        elif said != backwards[item.id]:
            faults.append(f"content {number}: its score depends on the order of the items")
    return faults


def _attempt(scorer: Scorer, item: Item) -> Score | Unscored | str:
    """Return what a scorer settles on for an item, or what is wrong with that."""
    attempt = Attempt()
    with attempt:
        return settled(scorer.score(item), scorer.dimensions)
    return attempt.fault or ""


def _shape_faults(scorer: Scorer) -> Iterator[str]:
    for name in scorer.files:
        if name not in scorer.options:
            yield f"`files` names {name!r}, which is not among `options`"
    if not (type(scorer).__doc__ or "").strip():
        yield "it has no docstring; its first line says what is measured"
