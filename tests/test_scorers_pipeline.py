"""The pipeline's four components: the formulas, and what is unscored instead of guessed."""

from __future__ import annotations

import time

import pytest

from ledger.fixed import ONE
from ledger.sample import Content, fingerprint
from ledger.scorers import File, Item, Score, find_scorer
from ledger.scorers.lexicon import CODE_DOMAINS, HEDGES, INDICATORS, MNEMONICS, STOP_WORDS
from ledger.scorers.pipeline import coherence_of_code, coherence_of_text, entities_of, risk


def item(asked: str, said: str, domain: str | None = None) -> Item:
    """Return one question and answer."""
    content = Content("standard", asked, said)
    return Item(fingerprint(content), content, domain, {}, fingerprint(content))


def score(*items: Item, graph: bytes | None = None) -> list[Score]:
    """Return the scores of all items, each compared with the others."""
    scorer = find_scorer("pipeline", {} if graph is None else {"graph": File("kg.json", graph)})
    scorer.prepare(items)
    said = [scorer.score(one) for one in items]
    assert all(isinstance(one, Score) for one in said)
    return [one for one in said if isinstance(one, Score)]


def test_what_cannot_be_computed_is_unscored() -> None:
    """Nothing stands at 1.0 or 0.5 for want of a graph, a text or a neighbour."""
    (empty,) = score(item("", ""))
    (alone,) = score(item("what purrs", "a cat"))

    assert empty.dimensions == {}
    assert empty.unscored == {
        "diversity": "empty_prompt",
        "kg_consistency": "no_graph",
        "hallucination_risk": "empty_completion",
        "coherence": "empty_prompt",
    }
    assert alone.unscored == {"diversity": "nothing_to_compare", "kg_consistency": "no_graph"}


def test_before_prepare_there_is_no_diversity() -> None:
    """Without a comparison set the scorer says so."""
    said = find_scorer("pipeline", {}).score(item("what purrs", "a cat"))

    assert isinstance(said, Score)
    assert said.unscored["diversity"] == "not_prepared"


def test_a_code_sample_does_not_pass_by_default() -> None:
    """Without services, a code sample once had 0.69 and more; now two components are open and one is partial."""
    said = score(item("write it", "LDA #$00", "asm"), item("add two numbers", "ADC", "asm"))[0]

    assert said.dimensions == {"diversity": ONE, "hallucination_risk": 0, "coherence": 600_000}
    assert said.unscored == {"kg_consistency": "no_graph"}
    assert said.notes == {"hallucination_risk": "lexical part only"}


def test_diversity_is_one_minus_the_similarity_to_the_nearest() -> None:
    """Of four pairs of words in each, three are shared: 1 - 3/5."""
    near = score(item("open the big red door", "x"), item("open the big red window", "y"), item("sing", "z"))

    assert [one.dimensions["diversity"] for one in near] == [400_000, 400_000, ONE]


def test_twins_and_other_answers() -> None:
    """Samples of one fingerprint do not count against each other; other answers to one question do."""
    twin = item("open the door", "done")

    assert score(twin, twin, item("sing", "la"))[0].dimensions["diversity"] == ONE
    assert score(twin, item("Open the door!", "no"))[0].dimensions["diversity"] == 0


def test_what_it_was_compared_with_is_in_the_rubric() -> None:
    """Another set or another graph is another rubric; the order of the set is not."""
    scorers = [find_scorer("pipeline", {}) for _ in range(3)]
    items = [item("a b", "c"), item("d e", "f"), item("g h", "i")]
    for scorer, order in zip(scorers, (items, items[::-1], items[:2]), strict=True):
        scorer.prepare(order)
    graph = find_scorer("pipeline", {"graph": File("kg.json", b'{"nodes": []}')})
    graph.prepare(items)

    assert scorers[0].rubric == scorers[1].rubric
    assert len({one.rubric for one in (*scorers, graph)}) == 3


def test_consistency_is_the_share_of_entities_that_the_graph_knows() -> None:
    """Exact and case-sensitive; of LINK, RoomHeader, $7E and 0xFF the graph knows two."""
    said = "LINK stands in RoomHeader at $7E, not 0xFF."
    for nodes in (
        b'["LINK", "$7E", "roomheader"]',
        b'{"LINK": {}, "$7E": 1}',
        b'[{"id": "LINK"}, {"name": "$7E"}, "x"]',
    ):
        (found,) = score(item("where", said), graph=b'{"nodes": ' + nodes + b', "edges": []}')
        assert found.dimensions["kg_consistency"] == ONE // 2


def test_no_entities_is_not_full_consistency() -> None:
    """An output of mnemonics and registers, or of nothing notable, is unscored."""
    for said in ("LDA STA inidisp INIDISP DMAP0", "no names here"):
        (found,) = score(item("where", said), graph=b'{"nodes": ["A"]}')
        assert found.unscored["kg_consistency"] == "no_entities"


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("NASA and NASA, ABC", ["NASA", "ABC"]),
        ("AB is too short, A_B is not", ["A_B"]),
        ("0x1F $7E2000 x0x1F a$7E", ["0x1F", "$7E2000"]),
        ("CamelCase Camel camelCase CamelCaseTwo2", ["CamelCase", "CamelCaseTwo2"]),
        ("LDA lda Lda STZ VMAIN vmain", []),
        (" ".join(f"ENT{n}" for n in range(30)), [f"ENT{n}" for n in range(20)]),
    ],
)
def test_entities_in_order_of_appearance(text: str, entities: list[str]) -> None:
    """The first twenty distinct ones, the same in every process."""
    assert entities_of(text) == entities


@pytest.mark.parametrize(
    ("asked", "said", "code", "points"),
    [
        ("a b", "c d", False, 0),
        ("a b", "I think it might be", False, 2),
        ("a b", "I THINK it\u2019s so, I don\u2019t know", False, 2),
        ("a b", " ".join(HEDGES), False, 6),
        ("a b c d e f", "g", False, 2),  # over five times as long
        ("a b c d e", "g", False, 0),
        ("a", "b " * 11, False, 2),  # over ten times as short
        ("a", "b " * 10, False, 0),
        ("a " * 11, "b", True, 1),
        ("a " * 10, "b", True, 0),
        ("a", "b " * 21, True, 1),
        ("a", "b " * 20, True, 0),
        ("", "b", False, 2),
    ],
)
def test_lexical_risk(asked: str, said: str, code: bool, points: int) -> None:  # noqa: FBT001 - a parameter of the formula
    """A tenth for each hedge, and for lengths that do not fit one (code) or two."""
    assert risk(asked, said, code=code) == points * ONE // 10


def test_an_empty_output_has_no_risk_to_tell() -> None:
    """There is no length to compare with."""
    assert risk("a", " ", code=True) == "empty_completion"


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("plain words", 200_000),
        ("LDA the thing", 400_000),
        ("lda the and bit", 200_000),  # English words that are mnemonics too are not counted in small letters
        ("int main() {", 600_000),
        ("int main() {\n  return 0;\n}", 800_000),
        ("loop:\n  LDA $10\n  JMP 0x20 {", 800_000),
    ],
)
def test_coherence_of_code(said: str, value: int) -> None:
    """0.2, 0.4, 0.6 and 0.8 by how many families of indicators occur."""
    assert coherence_of_code(said) == value


def test_each_indicator_family_can_be_seen() -> None:
    """None of the seven is dead."""
    texts = ("LDA", "{", "x;", "  return", "0xF", "$F", "loop: ")

    assert [pattern.search(text) is not None for pattern, text in zip(INDICATORS, texts, strict=True)] == [True] * 7


@pytest.mark.parametrize(
    ("asked", "said", "value"),
    [
        ("What is the red fox", "The red fox runs", 666_667),
        ("red", "blue", 0),
        ("red fox", "RED FOX", ONE),
        ("", "x", "empty_prompt"),
        ("x", "", "empty_completion"),
        ("what is the", "x", "only_stop_words"),
        ("x", "it is", "only_stop_words"),
    ],
)
def test_coherence_of_text(asked: str, said: str, value: int | str) -> None:
    """The Jaccard index of the words without stop words; nothing is said of an empty side."""
    assert coherence_of_text(asked, said) == value


def test_the_domain_decides_how_coherence_is_measured() -> None:
    """Code domains are named exactly; `a+b` is one of them only where it is listed."""
    said = {
        domain: score(item("red fox", "red fox", domain))[0] for domain in ("asm", "asm+oracle", "text", "a+b", None)
    }

    assert [one.dimensions["coherence"] for one in said.values()] == [200_000, 200_000, ONE, ONE, ONE]


def test_the_lists_are_whole() -> None:
    """The processor has 92 mnemonics, the list of code domains nine names."""
    assert (len(MNEMONICS), len(CODE_DOMAINS), len(HEDGES)) == (92, 9, 6)
    assert len(STOP_WORDS) > 80


@pytest.mark.parametrize("piece", [" ", "\n", "A", "Ab", "$", "0x", ":", ": ", "{", "\nint", "I think ", "a.", "中"])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """A megabyte of anything is done in a moment."""
    text = piece * (1_000_000 // len(piece))
    started = time.perf_counter()

    score(item(text, text, "asm"), item("other", text), graph=b'{"nodes": []}')

    assert time.perf_counter() - started < 20
