"""What a job is about: a name for all that its questions depend on, and the samples in the order of their birth."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.digest import decode
from ledger.errors import ErasedBytes, NoSuchId
from ledger.verbs import planning
from ledger.verbs.engine import How
from ledger.verbs.specs import recipe_from
from tests.logs import store_of
from tests.small import chat, samples, write
from tests.working import Model, spec_file


@pytest.fixture
def five(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of five chats."""
    ledger.ingest([write(tmp_path / "in.jsonl", *(chat(f"q {n}", f"a {n}") for n in range(5)))], campaign="c")
    return ledger


def test_a_recipe_is_named_by_all_that_results_depend_on(tmp_path: Path) -> None:
    """Spec, provider, model and effort; not what changes no answer: address, mode, budget, how many at a time."""
    recipe = recipe_from(spec_file(tmp_path), "improve")
    name = planning.freeze(recipe, How("m")).digest
    same = (How("m", base_url="http://here"), How("m", mode="batch"), How("m", concurrency=3), How("m", price="1/2"))
    assert {planning.freeze(recipe, how).digest for how in same} == {name}
    others = (How("n"), How("m", provider="openai"), How("m", effort="low"))
    assert len({name, *(planning.freeze(recipe, how).digest for how in others)}) == 4
    other = recipe_from(spec_file(tmp_path, spec_file(tmp_path).read_text().replace("anew", "afresh")), "improve")
    assert planning.freeze(other, How("m")).digest != name


def test_what_is_planned_stands_in_the_log_by_sample_and_version(five: Ledger, tmp_path: Path) -> None:
    """In the order of birth, whatever the order in which ids were given; the recipe's bytes are its address."""
    ids = samples(five)
    done = five.improve(spec_file(tmp_path), [ids[3], ids[1]], model="m", opener=Model().opener)
    (planned,) = [event["says"] for event in five.log(limit=99) if event["kind"] == "work_planned"]
    store = store_of(five)
    bodies = [
        store.body(store.find_blobs(digest, digest)[0][1])
        for digest in map(bytes.fromhex, (planned["members"], planned["recipe"]))
    ]
    assert decode(bodies[0] or b"") == [[one, five.show(one)["version"][3:]] for one in (ids[1], ids[3])]
    assert decode(bodies[1] or b"")["model"] == "m"
    assert (planned["recipe"], planned["items"]) == (done["recipe"][3:], 2)


def test_a_large_plan_is_written_in_pieces(five: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that memory does not grow with the number of samples; said once, it is not said again."""
    monkeypatch.setattr(planning, "PIECE", 2)
    monkeypatch.setattr(planning, "CHUNK", 1)
    five.improve(spec_file(tmp_path), campaign="c", model="m", opener=Model().opener)
    items = [event["says"]["items"] for event in five.log(limit=99) if event["kind"] == "work_planned"]
    assert items == [2, 2, 1]


def test_ids_that_are_not_there_or_gone_are_refused(five: Ledger, tmp_path: Path) -> None:
    """By ids somebody means each of them; a selection leaves out what was erased."""
    ids = samples(five)
    five.erase(ids[:1], reason="asked for", authority="me", yes=True)
    model = Model()
    with pytest.raises(ErasedBytes):
        five.improve(spec_file(tmp_path), ids[:2], model="m", opener=model.opener)
    with pytest.raises(NoSuchId):
        five.improve(spec_file(tmp_path), ["abcdef0123"], model="m", opener=model.opener)
    assert five.improve(spec_file(tmp_path), campaign="c", model="m", opener=model.opener)["planned"] == 4


def test_an_edited_sample_is_asked_about_anew(five: Ledger, tmp_path: Path) -> None:
    """Work is about versions."""
    model = Model()
    five.improve(spec_file(tmp_path), campaign="c", model="m", opener=model.opener)
    five.edit(
        samples(five)[0], b'{"messages": [{"role": "user", "content": "other"}, {"role": "assistant", "content": "x"}]}'
    )
    done = five.improve(spec_file(tmp_path), campaign="c", model="m", opener=model.opener)
    assert (done["accepted"], done["reused"]) == (1, 4)
