"""Looking closely through the door: spreads with their thresholds, pairs, old versions, manifests as written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, LedgerError, NoSuchId, NoSuchPosition
from tests.small import chat, write

POLICY = """name = "p"
headline = "quality"
[measure.quality]
weights = { good = 0.5, bad = 0.5 }
invert = ["bad"]
[threshold]
min_quality = 0.5
max_bad = 0.9
[domain.asm]
min_quality = 0.25
[[rule]]
name = "low"
reject = "quality < min_quality or bad > max_bad"
"""


@pytest.fixture
def scored(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of six samples of three prompts, scored and judged."""
    rows = [
        chat(f"q{n}", f"{'good' if label else 'poor'} {n}", label=label, domain=domain, s={"good": good, "bad": 0.5})
        for n, (domain, good) in enumerate((("asm", 0.2), ("cpp", 0.4), (None, 0.9)))
        for label in (False, True)
    ]
    ledger.ingest([write(tmp_path / "x.jsonl", *rows)], campaign="c")
    ledger.import_scores(field="s")
    (tmp_path / "p.toml").write_text(POLICY, encoding="utf-8")
    ledger.decide(tmp_path / "p.toml")
    return ledger


def test_a_measure_spreads_as_its_scores_make_it(scored: Ledger) -> None:
    """With the threshold of each domain, and a listing by it that counts the same."""
    numbers = {one["name"]: one for one in scored.spreads()["numbers"]}
    quality = numbers["quality"]
    assert (quality["kind"], quality["samples"]) == ("measure", 6)
    assert quality["steps"] == [[35, 2], [45, 2], [70, 2]]
    levels = {part["domain"]: part["thresholds"][0] for part in quality["by_domain"]}
    assert {domain: (one["value"], one["setting"]) for domain, one in levels.items()} == {
        "": ("0.5", "threshold.min_quality"),
        "asm": ("0.25", "domain.asm.min_quality"),
        "cpp": ("0.5", "threshold.min_quality"),
    }
    assert [(one["op"], one["value"]) for one in numbers["bad"]["thresholds"]] == [(">", "0.9")]
    assert numbers["good"]["thresholds"] == []
    listed = scored.find(score=("quality", "0.35", "0.359999"), sort="score")
    assert (listed["total"], {row["domain"] for row in listed["samples"]}) == (2, {"asm"})
    assert {row["score"] for row in listed["samples"]} == {"0.35"}


def test_a_name_that_is_a_measure_and_a_score_is_one_of_them(scored: Ledger, tmp_path: Path) -> None:
    """A bar and the list behind it are of the measure, with its thresholds, also where no sample has it."""
    both = POLICY.replace("measure.quality", "measure.good").replace("quality", "good")
    for text, samples in ((both, 6), (both.replace("{ good = 0.5,", "{ never = 0.5,"), 0)):
        (tmp_path / "both.toml").write_text(text, encoding="utf-8")
        scored.decide(tmp_path / "both.toml")
        told = {one["name"]: one for one in scored.spreads()["numbers"]}
        assert scored.find(score=("good", None, None))["total"] == samples
        steps = told["good"]["steps"] if samples else []
        assert sum(count for _, count in steps) == samples
        for step, count in steps:
            bounds = (f"{step / 100:.2f}", f"{step / 100:.2f}9999")
            assert scored.find(score=("good", *bounds))["total"] == count
    assert "good" not in told


def test_one_number_or_domain_is_asked_for(scored: Ledger) -> None:
    """What is left out is only left out; the names of all are told."""
    told = scored.spreads("quality", domain="asm")
    assert [one["name"] for one in told["numbers"]] == ["quality"]
    assert told["numbers"][0]["steps"] == [[35, 2]]
    assert told["numbers"][0]["thresholds"][0]["setting"] == "domain.asm.min_quality"
    assert told["names"] == ["bad", "good", "quality"]
    assert told["domains"] == ["", "asm", "cpp"]
    assert scored.spreads("nothing")["numbers"] == []
    with pytest.raises(BadRequest):
        scored.spreads("a\x00b")


def test_an_earlier_moment_had_other_numbers(scored: Ledger) -> None:
    """Before anybody scored there are none."""
    assert scored.spreads(as_of=3)["numbers"] == []


def test_pairs_of_a_prompt_page_by_page(scored: Ledger) -> None:
    """Each true sample beside the false one of its prompt, the newest first, each once."""
    seen, before = [], None
    while True:
        page = scored.pairs("prompt", before=before, limit=2)
        seen += [
            (pair["poor"]["content"]["completion"], pair["better"]["content"]["completion"]) for pair in page["pairs"]
        ]
        before = page["next"]
        if before is None:
            break
    texts = [(poor[0]["content"], better[0]["content"]) for poor, better in seen]
    assert texts == [(f"poor {n}", f"good {n}") for n in (2, 1, 0)]
    assert page["pairs"][0]["poor"]["scores"] == {"bad": "0.5", "good": "0.2"}


@pytest.mark.parametrize(("kind", "pairs"), [("prompt", 6), ("derived", 3)])
def test_the_last_page_says_that_it_is_the_last(scored: Ledger, tmp_path: Path, kind: str, pairs: int) -> None:
    """Also where it is full: `next` leads to a page that holds something."""
    made = scored.checkout(tmp_path / "out", where="label == false")
    (batch,) = (tmp_path / "out").glob("batch_*.jsonl")
    batch.write_text(batch.read_text(encoding="utf-8").replace("poor", "better"), encoding="utf-8")
    assert scored.revise([batch], checkout=made["job"])["recorded"] == 3
    for limit in (1, 2, 3, 4, 6):
        sizes: list[int] = []
        before = None
        while not sizes or before is not None:
            page = scored.pairs(kind, before=before, limit=limit)
            sizes.append(len(page["pairs"]))
            before = page["next"]
        assert sum(sizes) == pairs
        assert all(sizes)


def test_a_text_under_both_labels_is_a_conflict_and_no_pair(ledger: Ledger, tmp_path: Path) -> None:
    """A pair is of two texts; and an erased one has none."""
    rows = [
        chat("q", "a", label=True),
        chat("q", "a", label=False),
        chat("p", "x", label=False),
        chat("p", "y", label=True),
    ]
    ledger.ingest([write(tmp_path / "x.jsonl", *rows)], campaign="c")
    (pair,) = ledger.pairs("prompt")["pairs"]
    assert pair["how"] == "prompt"
    ledger.erase([pair["poor"]["sample"]], reason="asked", authority="dpo", yes=True)
    assert ledger.pairs("prompt")["pairs"] == []


def test_old_versions_can_be_read(scored: Ledger) -> None:
    """By the position that `show` tells; of this sample only."""
    sample, other = (row["sample"] for row in scored.find(limit=2)["samples"])
    born = scored.show(sample)["content"]
    scored.edit(sample, b'{"messages": [{"role": "user", "content": "q0"}, {"role": "assistant", "content": "new"}]}')
    first, second = (version["position"] for version in scored.show(sample)["versions"])
    assert scored.version(sample, first)["content"] == born
    assert scored.version(sample, second)["content"] == scored.show(sample)["content"]
    for position in (first, 10**6):
        with pytest.raises(NoSuchId):
            scored.version(other, position)


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        pytest.param(lambda ledger: ledger.pairs("shoes"), BadRequest, id="kind"),
        pytest.param(lambda ledger: ledger.pairs(limit=0), BadRequest, id="limit"),
        pytest.param(lambda ledger: ledger.pairs(before=-1), BadRequest, id="before"),
        pytest.param(lambda ledger: ledger.version("ffffffff", 1), NoSuchId, id="version"),
        pytest.param(lambda ledger: ledger.release_manifest(1), NoSuchId, id="manifest"),
        pytest.param(lambda ledger: ledger.release_manifest(-1), BadRequest, id="negative"),
        pytest.param(lambda ledger: ledger.spreads(as_of=10**6), NoSuchPosition, id="moment"),
    ],
)
def test_what_cannot_be_asked_is_refused(scored: Ledger, ask: object, error: type[LedgerError]) -> None:
    """And the ledger stays as it was."""
    head = scored.status()["head"]
    with pytest.raises(error):
        ask(scored)  # type: ignore[operator]
    assert scored.status()["head"] == head


def test_a_manifest_is_read_as_it_was_written(scored: Ledger, tmp_path: Path) -> None:
    """Byte by byte the file beside the export."""
    scored.split("100/0/0")
    scored.project("train", tmp_path / "out.jsonl", no_gates=True)
    (release,) = scored.releases()["releases"]
    assert scored.release_manifest(release["position"]) == (tmp_path / "out.jsonl.manifest.json").read_bytes()


def test_what_is_answered_is_documented(scored: Ledger) -> None:
    """docs/formats.md names every key of every answer."""
    text = (Path(__file__).parent.parent / "docs" / "formats.md").read_text(encoding="utf-8")
    _, _, text = text.partition("### Methods that no command has")
    text, _, _ = text.partition("\n### ")
    (sample,) = (row["sample"] for row in scored.find(limit=1)["samples"])
    (first,) = scored.show(sample)["versions"]
    answers = [scored.spreads(), scored.pairs("prompt"), scored.version(sample, first["position"])]
    spread, pair = answers[0]["numbers"][0], answers[1]["pairs"][0]
    for told in (*answers, spread, spread["by_domain"][0], spread["thresholds"][0], pair, pair["better"]):
        for key in told:
            assert f"`{key}`" in text, key
