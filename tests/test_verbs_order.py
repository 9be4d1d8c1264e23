"""The order of the samples: memory and gate go by it, and not by that of the replies, nor by what was interrupted."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.agents.contract import Call
from tests.small import chat, write
from tests.working import SPEC, Answer, Killed, Model, prompted, spec_file

REGENERATE = (
    SPEC.replace('"improve"', '"regenerate"')
    .replace("field.prompt", "field.answer")
    .replace('path = "prompt"', 'path = "answer"')
    .replace('["prompt"]', '["answer"]')
    + """
[memory]
lag = 3
step = 2
phrases = 5

[gate]
n = 4
seen = 2
"""
)
COUNT = 7


def filled(folder: Path) -> Ledger:
    """Return a ledger of a few chats with templated answers."""
    made = Ledger.init(folder / "ledger.db")
    rows = [chat(f"question number {n}", "As an assistant I can say this.", label=False) for n in range(COUNT)]
    made.ingest([write(folder / "in.jsonl", *rows)], campaign="c")
    return made


def templated(call: Call, _attempt: int) -> Answer:
    """Say the same to everybody, until it is refused; then something of one's own."""
    own = prompted(call).replace("question number ", "")
    if call.request["again"]:
        return json.dumps({"answer": " ".join(f"{word}{own}" for word in ("amber", "birch", "cedar", "dune", "elm"))})
    return json.dumps({"answer": f"The very same words come back to you as number {own} of them all."})


def regenerate(ledger: Ledger, folder: Path, model: Model, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Regenerate everything that was ingested."""
    return ledger.regenerate(
        spec_file(folder, REGENERATE), where="label == 'false'", model="m", opener=model.opener, **options
    )


def children(ledger: Ledger) -> list[str]:
    """Return what the children answer, in the order of their birth."""
    found = [event["event"] for event in ledger.log(limit=10**6) if event["kind"] == "regenerated"]
    return [ledger.show(one)["content"]["completion"][0]["content"] for one in found]


def test_the_gate_lets_few_through_and_asks_again(tmp_path: Path) -> None:
    """Two may say the same; the third is told so, and says something of its own."""
    with filled(tmp_path) as ledger:
        done = regenerate(ledger, tmp_path, Model(templated), concurrency=1)
        assert (done["accepted"], done["failed"], done["left"]) == (COUNT, 0, 0)
        said = children(ledger)
        assert sum("very same words" in one for one in said) == 2
        assert done["requests"] == COUNT + (COUNT - 2)
        assert ledger.verify()["ok"]


def test_a_template_that_does_not_end_is_a_failure(tmp_path: Path) -> None:
    """Asked again and again it says the same: the originals stand."""
    with filled(tmp_path) as ledger:
        same = json.dumps({"answer": "The very same words come back to you as one of them all."})
        done = regenerate(ledger, tmp_path, Model(lambda *_: same), concurrency=1)
        assert done["accepted"] == 2
        assert set(done["by_failure"]) <= {"template", "banned_phrase"}
        assert done["failed"] == COUNT - 2


@pytest.mark.parametrize("at_once", [2, 4, 20])
def test_the_order_of_replies_has_no_say(tmp_path: Path, at_once: int) -> None:
    """Answered one by one, or the last first: the same questions, the same children, in the same order."""
    found = []
    for name, model, options in (
        ("one", Model(templated), {"concurrency": 1}),
        ("many", Model(templated, at_once=at_once), {}),
    ):
        folder = tmp_path / name
        folder.mkdir()
        with filled(folder) as ledger:
            regenerate(ledger, folder, model, **options)
            found.append((children(ledger), Counter(model.heard)))
    assert found[0] == found[1]


@settings(max_examples=8)
@given(deaths=st.lists(st.tuples(st.integers(1, 20), st.booleans()), max_size=4), at_once=st.sampled_from([1, 4]))
def test_interruptions_have_no_say(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[tuple[int, bool]], at_once: int
) -> None:
    """However often the process dies, what is asked and what comes of it is as if it had not."""
    folder = tmp_path_factory.mktemp("order")
    whole = folder / "whole"
    whole.mkdir()
    with filled(whole) as ledger:
        calm = Model(templated)
        regenerate(ledger, whole, calm, concurrency=1)
        wanted = children(ledger)
    ledger = filled(folder)
    heard: set[str] = set()
    options: dict[str, Any] = {"concurrency": 1} if at_once == 1 else {}
    for steps, late in [*deaths, (10**6, True)]:
        model = Model(templated, dies=steps, late=late, at_once=at_once)
        try:
            done = regenerate(ledger, folder, model, **options)
        except Killed:
            ledger.close()
            ledger = Ledger.open(folder / "ledger.db")
        heard |= set(model.heard)
    assert (done["accepted"] + done["reused"], done["left"]) == (COUNT, 0)
    assert (children(ledger), heard) == (wanted, set(calm.heard))
    assert ledger.verify()["ok"]
    ledger.close()
