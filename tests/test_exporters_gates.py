"""Gates as values: what a file can say, what is wrong with one that cannot be read, and how a number is judged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import GatesInvalid
from ledger.exporters.gate_kinds import KINDS, Of, of_text, parse_of
from ledger.exporters.gates import (
    Gate,
    Limit,
    Observed,
    failed,
    judged,
    limits,
    parse_gates,
    passed,
    percent,
    shipped_gates,
)

SHARE = """[[gate]]
check = "share"
split = "train"
of = "perfect"
min = "5%"
severity = "error"
"""


def only(text: str) -> Gate:
    """Return the one gate of a text."""
    (gate,) = parse_gates(text, "gates.toml").gates
    return gate


def fault(text: str) -> tuple[int, str]:
    """Return the line and the sentence of what is wrong with a text."""
    with pytest.raises(GatesInvalid) as error:
        parse_gates(text, "gates.toml")
    file, line, what = error.value.args
    assert file == "gates.toml"
    return line, what


def test_the_shipped_gates_are_those_that_the_documentation_names() -> None:
    """Every shipped gate is without options; errors are what makes an export wrong, not what is merely unknown."""
    gates = parse_gates(shipped_gates(), "shipped").gates
    by_severity = {name: {gate.check for gate in gates if gate.severity == name} for name in ("error", "info")}
    assert by_severity["error"] == {
        "family_leakage",
        "conflicts",
        "duplicates_across_splits",
        "windows",
    }
    assert by_severity["info"] == {"change"}
    assert {gate.check for gate in gates} == set(KINDS) - {"share", "count", "batch_set"}


def test_the_examples_at_the_end_of_the_shipped_gates_read() -> None:
    """What stands there as a comment is a gate once the comment sign is taken away."""
    text = shipped_gates()
    more = re.sub(r"^# ?", "", text[text.index("# [[gate]]") :], flags=re.MULTILINE)
    assert [gate.check for gate in parse_gates(more, "more").gates] == ["share", "batch_set"]


def test_a_gate_is_read() -> None:
    """Keys become values; a bare name is a tag; the name says check, split and choice unless another is given."""
    gate = only(SHARE)
    assert gate == Gate(
        "share train tag:perfect", "share", "error", min=Limit(50_000, is_share=True), split="train", of="tag:perfect"
    )
    assert gate.chosen == Of("tag", "perfect")
    assert limits(gate) == {"min": "5%"}
    assert only(SHARE + 'name = "enough"\n').name == "enough"


def test_the_digest_is_of_what_gates_say() -> None:
    """Comments, white space and the order of keys do not enter; a limit does."""
    other = "# mine\n" + "\n".join(["[[gate]]", *reversed(SHARE.splitlines()[1:])])
    digests = {parse_gates(text, "x").digest for text in (SHARE, other)}
    assert len(digests) == 1
    assert parse_gates(SHARE.replace("5%", "6%"), "x").digest not in digests


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", 1, "one [[gate]] table or more"),
        ("gate = 3", 1, "one [[gate]] table or more"),
        ("\nname = 'x'\n" + SHARE, 2, "there is no key 'name' here"),
        (SHARE.replace("severity", "severty"), 6, "did you mean severity?"),
        (SHARE.replace('"share"', '"shares"'), 2, "did you mean share?"),
        (SHARE.replace('"train"', '"trian"'), 3, "did you mean train?"),
        (SHARE.replace('of = "perfect"', ""), 2, "share needs `of`"),
        (SHARE.replace('"perfect"', '"colour:red"'), 4, "'colour:red' chooses nothing"),
        (SHARE.replace('"perfect"', '"label:maybe"'), 4, "there is no label 'maybe'"),
        (SHARE.replace('"perfect"', '"tag:"'), 4, "chooses nothing"),
        (SHARE.replace('"perfect"', '"tag::x"'), 4, "names no tag"),
        (SHARE.replace('"perfect"', "7"), 4, "of must be a text"),
        (SHARE.replace('"5%"', "5"), 5, 'a text such as "5%"'),
        (SHARE.replace('"5%"', "0.05"), 5, 'a text such as "5%"'),
        (SHARE.replace('"5%"', '"105%"'), 5, "at most 100%"),
        (SHARE.replace('min = "5%"', ""), 6, "has no limit"),
        (SHARE + 'max = "1%"', 5, "min is above max"),
        (SHARE + SHARE, 7, "two gates are called"),
        (SHARE.replace("[[gate]]", "[gate]"), 1, "one [[gate]] table or more"),
        ('[[gate]]\nseverity = "error"', 1, "a gate needs `check`"),
        ('[[gate]]\ncheck = "conflicts"\nmax = 0', 1, "a gate needs `severity`"),
        ('[[gate]]\ncheck = "conflicts"\nmax = "5%"\nseverity = "error"', 3, "conflicts counts"),
        ('[[gate]]\ncheck = "conflicts"\nmax = -1\nseverity = "error"', 3, "from 0 to"),
        ('[[gate]]\ncheck = "conflicts"\nmax = true\nseverity = "error"', 3, "max must be a whole number"),
        ('[[gate]]\ncheck = "conflicts"\nmin = 1\nseverity = "error"', 3, "conflicts takes max, not min"),
        ('[[gate]]\ncheck = "conflicts"\nof = "x"\nmax = 1\nseverity = "error"', 3, "conflicts has no key 'of'"),
        ('[[gate]]\ncheck = "batch_set"\nof = "batch"\nmax = 1\nseverity = "error"', 3, "source, or tag:NAME"),
        (
            "[[gate]]\ncheck = \"windows\"\nname = '''\n[[gate]]\ncheck = 1'''\nseverity = \"info\"",
            3,
            "name must be a text",
        ),
        (
            '[[gate]]\ncheck = "windows"\nseverity = "info"\n# [[gate]]\n[[ "gate" ]]\n\'check\' = "w"',
            6,
            "no check 'w'",
        ),
        ('gate = [\n{ check = "windows", severity = "info" },\n{ check = "bad" }]', 3, "no check 'bad'"),
        ('gate = [{ check = "windows" },\n{ check = "bad" }]', 1, "a gate needs `severity`"),
        ('[[gate]]\ncheck = "windows\n', 2, "not TOML"),
        ('[[gate]]\ncheck = "windows"\nmax = ' + "9" * 5_000, 3, "too many digits"),
        ("a." * 9_000 + "b = 1", 1, "at most 16 names"),
        ("[" * 9_000, 1, "not TOML"),
        ("#" * 20_001, 1, "at most 20,000 characters"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, word: str) -> None:
    """A file that cannot be used is refused with the line, what is wrong, and what it may have meant."""
    at, what = fault(text)
    assert word in what
    assert at == line
    assert not what.endswith(".")


@given(st.text(max_size=300))
def test_any_text_is_gates_or_a_sentence(text: str) -> None:
    """Whatever stands in the file, nothing but GatesInvalid comes out."""
    try:
        assert parse_gates(text, "x").gates
    except GatesInvalid as error:
        assert 1 <= error.args[1] <= text.count("\n") + 1  # noqa: PT017 - the other outcome is fine as well


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
def test_what_is_shown_is_what_was_compared(part: int, more: int, limit: int, most: bool) -> None:  # noqa: FBT001 - drawn
    """A share is exact: it passes if and only if the exact fraction keeps the limit, and so does the number shown."""
    bound = Limit(limit, is_share=True)
    gate = Gate("g", "share", "error", max=bound if most else None, min=None if most else bound, of="tag:x")
    total = part + more
    result = judged(gate, Observed(part, total, ""))
    exact = part * 10**6 <= limit * max(total, 1) if most else part * 10**6 >= limit * max(total, 1)
    assert result["passed"] == exact
    shown = round(float(result["observed"][:-1]) * 10**4)
    assert (shown <= limit if most else shown >= limit) == exact


def test_counts_are_compared_as_counts_and_as_shares() -> None:
    """The same count can be limited by a number or by a share of the whole, and is shown as its limit is."""
    by_number = Gate("g", "duplicates", "warning", max=Limit(3))
    by_share = Gate("g", "duplicates", "warning", max=Limit(20_000, is_share=True))
    few, many = Observed(3, 200, "told", ["aa"]), Observed(5, 200, "told", ["aa"])
    assert judged(by_number, few) == {
        "name": "g",
        "severity": "warning",
        "passed": True,
        "observed": 3,
        "limit": {"max": 3},
        "examples": [],
        "about": "told",
    }
    assert (judged(by_number, many)["passed"], judged(by_number, many)["examples"]) == (False, ["aa"])
    assert [judged(by_share, each)["observed"] for each in (few, many)] == ["1.5%", "2.5%"]
    assert [judged(by_share, each)["passed"] for each in (few, many)] == [True, False]
    assert judged(Gate("g", "change", "info"), few)["examples"] == ["aa"]


def test_a_share_of_nothing_is_none() -> None:
    """Where there are no rows, at least 5% of them is not kept, and at most 5% is."""
    least = Gate("g", "share", "error", min=Limit(50_000, is_share=True), of="tag:x")
    most = Gate("g", "share", "error", max=Limit(50_000, is_share=True), of="tag:x")
    assert not judged(least, Observed(0, 0, ""))["passed"]
    assert judged(most, Observed(0, 0, ""))["passed"]


def test_what_cannot_be_judged_is_information() -> None:
    """It has passed, nothing was observed, and the sentence says why."""
    result = judged(Gate("g", "no_call", "error", max=Limit(0)), "nobody looked")
    assert (result["passed"], result["severity"], result["observed"]) == (True, "info", None)
    assert result["about"] == "not judged: nobody looked"


def test_only_errors_stop_a_release() -> None:
    """A warning that fails is told; an error that fails is what `passed` and `failed` are about."""
    told = {"passed": False, "severity": "warning"}
    stops = {"passed": False, "severity": "error"}
    assert passed([told, {"passed": True, "severity": "error"}])
    assert not passed([told, stops])
    assert failed([told, stops, {"passed": True, "severity": "error"}]) == [stops]


@given(st.integers(0, 10**6))
def test_percentages_are_exact(millionths: int) -> None:
    """A limit written as it is shown is the same limit."""
    text = percent(millionths)
    gate = only(SHARE.replace("5%", text))
    assert gate.min == Limit(millionths, is_share=True)


@pytest.mark.parametrize("text", ["tag:a", "tag:a:b", "tag:a:b:c", "tag:a:", "domain:x:y", "label:none", "campaign:c"])
def test_a_choice_in_full_means_itself(text: str) -> None:
    """Writing a choice in full and reading it again changes nothing."""
    assert of_text("share", text) == text
    assert parse_of(of_text("share", text)) == parse_of(text)


def test_the_shipped_gates_stand_in_the_wheel() -> None:
    """The file lies inside a package that is listed for the wheel."""
    root = Path(__file__).parent.parent
    assert (root / "ledger" / "exporters" / "shipped" / "gates.toml").read_text("utf-8") == shipped_gates()
    assert '"ledger"' in (root / "pyproject.toml").read_text("utf-8")


def test_the_documentation_has_every_check() -> None:
    """Each kind has a line in the table of gates, and every gate that is shown there can be read."""
    text = (Path(__file__).parent.parent / "docs" / "releases.md").read_text("utf-8")
    shown = [block for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if block.startswith("[[gate]]")]
    assert shown
    assert all(parse_gates(block, "docs/releases.md").gates for block in shown)
    assert all(f"| `{check}` | " in text for check in KINDS)
