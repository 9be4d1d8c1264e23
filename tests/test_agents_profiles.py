"""ledger.agents.profiles: what models take, by the provider's word, the table and careful defaults."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.agents import profiles
from ledger.agents.profiles import ALWAYS, NONE, OFF, Profile, is_name, near, retired, shipped, told

AGENTS = Path(profiles.__file__).parent
_A_MODEL = re.compile(r"(claude|gpt|haiku|sonnet|opus|fable|mythos)-|\bo[134]-")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = ("id", "max_tokens", "max_input_tokens", "retires_at", "lifecycle", "capabilities")
INNER = ("thinking", "effort", "batch", "structured_outputs", "types", "supported", "disabled", "low", "max")


def test_no_code_names_a_model() -> None:
    """Names of models stand in the shipped tables alone."""
    named = [path.name for path in AGENTS.glob("*.py") if _A_MODEL.search(path.read_text(encoding="utf-8"))]
    assert named == []


@pytest.mark.parametrize("provider", profiles.PROVIDERS)
def test_the_tables_say_only_what_a_profile_has(provider: str) -> None:
    """Every family names models and known facts, and every family can be reached."""
    table = tomllib.loads((AGENTS / "shipped" / f"{provider}.toml").read_text(encoding="utf-8"))
    assert set(table) == {"default", "family"}
    for family in (table["default"], *table["family"]):
        assert set(family) - {"models"} <= set(Profile._fields) - {"provider", "model", "retires"}
        assert family.get("thinking", NONE) in {NONE, OFF, ALWAYS}
    for family in table["family"]:
        name = family["models"][0].replace("*", "-0")
        found = shipped(provider, name)
        facts = {key: value for key, value in family.items() if key not in {"models", "efforts"}}
        assert {key: getattr(found, key) for key in facts} == facts


def test_of_an_unknown_model_little_is_assumed() -> None:
    """No temperature, no thinking, no effort is sent to a model that nobody described."""
    profile = shipped("anthropic", "something-else-9")
    assert (profile.sampling, profile.thinking, profile.efforts) == (False, NONE, ())
    assert shipped("openai", "something-else-9").schema is False


def test_what_the_provider_says_goes_first() -> None:
    """Sizes, thinking, efforts, schemas and batches are taken from the provider's list where they stand there."""
    yes, no = {"supported": True}, {"supported": False}
    said = {
        "id": "m-1-20260101",
        "max_tokens": 123,
        "max_input_tokens": 456,
        "retires_at": "2027-01-02T03:04:05Z",
        "capabilities": {
            "batch": no,
            "structured_outputs": no,
            "thinking": {"supported": True, "types": {"disabled": no}},
            "effort": {"supported": True, "low": yes, "high": yes, "max": no},
        },
    }
    expected = Profile(
        "anthropic",
        "m-1-20260101",
        thinking=ALWAYS,
        efforts=("low", "high"),
        schema=False,
        batch=False,
        max_output=123,
        context=456,
        retires="2027-01-02",
    )
    assert told(shipped("anthropic", "m-1"), said) == expected
    off = {"capabilities": {"thinking": {"supported": True, "types": {"disabled": yes}}, "effort": no}}
    assert told(expected, off)[4:6] == (OFF, ())
    assert told(expected, {"capabilities": {"thinking": {"supported": False, "types": {"disabled": yes}}}})[4] == NONE


@given(
    st.dictionaries(st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from(INNER), JSON, max_size=5), max_size=6)
)
def test_whatever_a_provider_says_a_profile_is_sound(said: dict[str, object]) -> None:
    """A list of models that is not what it should be changes nothing that it does not say."""
    before = shipped("anthropic", "m-1")
    after = told(before, said)
    assert is_name(after.model)
    assert after.max_output > 0
    assert after.context > 0
    assert after.thinking in {NONE, OFF, ALWAYS}
    assert isinstance(after.schema, bool)
    assert retired(said) is (said.get("lifecycle") == "retired")


@pytest.mark.parametrize(
    "name", ["", "../batches", "a/../b", "a b", "a\n", "http://x", "ä", "a" * 129, "-x", "a?b=c", "a%2e"]
)
def test_what_could_lead_elsewhere_is_no_name(name: str) -> None:
    """The name of a model becomes part of an address, so it is held to plain characters."""
    assert not is_name(name)


@pytest.mark.parametrize("name", ["m-1", "org/model:free", "model@20260101", "m_1.5"])
def test_names_as_providers_write_them(name: str) -> None:
    """Slashes, colons and dots stand in names of models."""
    assert is_name(name)


def test_names_that_may_have_been_meant() -> None:
    """Near names are told, nearest first; names that are none are left out."""
    assert near("model-5-4", ["model-5-5", "other", "model-5-4-x", "model 5-4\n"]) == ["model-5-4-x", "model-5-5"]
    assert near("quite-different", ["model-5-5"]) == []
