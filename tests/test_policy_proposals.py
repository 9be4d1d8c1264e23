"""`[[proposals]]` in a policy: read, written, told apart, and each wrong one with its line; others' digests stay."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest, PolicyInvalid
from ledger.policy import changed, differences, parse_policy, shipped, to_toml
from ledger.policy.check import VERDICTS
from ledger.rule import Compare, Field, Policy, Rule, Text, Trusted, as_json, policy_of
from tests.proposing import TRUST

BASE = TRUST.split("[[proposals]]")[0]
FROZEN = {
    "seed-000": "a3cebf89489d",
    "toolset-relabel": "f3a9862e1dac",
}
"""The beginnings of digests that adoptions in older ledgers name."""


def with_table(table: str) -> str:
    """Return a policy with one table of proposals, whose first key stands in line 8."""
    return f"{BASE}[[proposals]]\n{table}\n"


NAMES = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=("Cc", "Cs")), min_size=1)


@given(
    st.lists(
        st.builds(
            Trusted,
            st.lists(st.sampled_from(VERDICTS), min_size=1, unique=True).map(tuple),
            st.lists(NAMES.filter(lambda name: name == name.strip()), min_size=1, max_size=3, unique=True).map(tuple),
        ),
        max_size=3,
    )
)
def test_round_trips(trusted: list[Trusted]) -> None:
    """Through TOML and through the frozen form, whatever the actors are called; setting nothing changes nothing."""
    rule = Rule("short", "rejected", Compare(Field("domain"), "==", Text("nowhere")))
    policy = Policy("trusting", rules=(rule,), proposals=tuple(trusted))
    assert parse_policy(to_toml(policy), "t") == policy
    assert policy_of(json.loads(policy.to_bytes())) == policy
    assert changed(policy, []) == policy
    assert changed(policy, ["unknown=reject"]).proposals == policy.proposals
    plain = Policy("trusting", rules=(rule,))
    assert bool(differences(plain, policy)) == (policy != plain)
    assert ("proposals" in as_json(policy)) == bool(trusted)


def test_the_digests_of_policies_without_them_stay() -> None:
    """A frozen policy without proposals has the bytes that it always had."""
    for name, text in shipped().items():
        policy = parse_policy(text, name)
        assert "proposals" not in json.loads(policy.to_bytes())
        assert blake3_bytes(policy.to_bytes()).hex().startswith(FROZEN[name])


@pytest.mark.parametrize(
    ("table", "line", "says"),
    [
        ("", 7, "verdicts is missing here or empty"),
        ('verdicts = ["reject"]', 7, "actors is missing here or empty"),
        ('verdicts = []\nactors = ["a"]', 7, "verdicts is missing here or empty"),
        ('verdicts = ["reject"]\nactors = []', 7, "actors is missing here or empty"),
        ('verdicts = ["rejct"]\nactors = ["a"]', 8, "did you mean 'reject'"),
        ('verdicts = ["everything"]\nactors = ["a"]', 8, "there are accept, reject"),
        ('verdicts = ["reject", "reject"]\nactors = ["a"]', 8, "names the same twice"),
        ('verdicts = ["reject"]\nactors = ["a", "a"]', 9, "names the same twice"),
        ('verdicts = "reject"\nactors = ["a"]', 8, "a list of texts"),
        ('verdicts = ["reject"]\nactors = [1]', 9, "this is a number"),
        ('verdicts = ["reject"]\nactors = [" a"]', 9, "must not be empty nor begin or end with a space"),
        ('verdicts = ["reject"]\nactors = ["a\\u0007"]', 9, "cannot be printed"),
        ('verdicts = ["reject"]\nactors = ["*"]\nall = true', 10, "there is no key 'all' here"),
        (f'verdicts = ["reject"]\nactors = {json.dumps([str(n) for n in range(101)])}', 9, "the most are 100"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(table: str, line: int, says: str) -> None:
    """What is missing, mistyped or said twice; nothing stands for everybody or everything."""
    with pytest.raises(PolicyInvalid) as refused:
        parse_policy(with_table(table), "mine.toml")
    assert f"mine.toml, line {line}" in str(refused.value) or f":{line}" in str(refused.value)
    assert says in str(refused.value)


def test_it_is_a_list_of_tables() -> None:
    """One bracket instead of two is refused, and so are too many tables; proposals alone are no policy."""
    table = 'verdicts = ["reject"]\nactors = ["a"]\n'
    with pytest.raises(PolicyInvalid, match="two brackets"):
        parse_policy(f"{BASE}[proposals]\n{table}", "t")
    with pytest.raises(PolicyInvalid, match="21 tables of proposals; the most are 20"):
        parse_policy(BASE + f"[[proposals]]\n{table}" * 21, "t")
    with pytest.raises(PolicyInvalid, match="the policy is empty"):
        parse_policy(f'name = "p"\n[[proposals]]\n{table}', "t")


@pytest.mark.parametrize("change", ["proposals=all", "proposals.verdicts=accept", "proposals.0.actors=eve"])
def test_no_setting_widens_it(change: str) -> None:
    """Trust is given in a file that somebody adopts, not by changing one number of the policy in force."""
    with pytest.raises(BadRequest, match="There is no setting"):
        changed(parse_policy(TRUST, "t"), [change])


def test_differences_name_it() -> None:
    """Whoever compares two policies sees what is trusted in one and not in the other."""
    plain, trusting = parse_policy(BASE, "t"), parse_policy(TRUST, "t")
    assert differences(plain, trusting) == [("proposals", None, 'reject, label-true by ["robot"]')]
    assert differences(trusting, plain) == [("proposals", 'reject, label-true by ["robot"]', None)]


@pytest.mark.parametrize("broken", [[["reject"]], "x", 7, [7], [[["reject"], ["a"], 1]]])
def test_other_frozen_values_are_refused(broken: object) -> None:
    """A frozen policy of a hostile file is no policy."""
    with pytest.raises(ValueError, match=r"frozen policy|unpack"):
        policy_of({**as_json(parse_policy(TRUST, "t")), "proposals": broken})
