"""Which policies there are: in the program, in files, adopted; found by name and digest, and described."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, InputNotFound, InputUnreadable, NoPolicy, PolicyInvalid
from ledger.policy import parse_policy, to_toml
from ledger.verbs import policies
from ledger.verbs.policies import MOST_BYTES, checked_policy, described, find_policy, listed, shown_policy
from tests.judged import LOW, RELABEL, decide, store_of, taken
from tests.small import chat, write

TEXT = 'name = "mine"  # my own\n[[rule]]\nname = "r"\nreject = "quality < 0.5 or finding(\'tools/*\')"\n'


@pytest.fixture
def judged(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of two campaigns; the policy LOW was adopted for all, then RELABEL for one."""
    taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.3, "memory": 1})], campaign="one")
    taken(ledger, tmp_path / "b.jsonl", [(None, {"quality": 0.8, "memory": 2})], campaign="two")
    decide(ledger, LOW)
    decide(ledger, RELABEL, campaign="two")
    return ledger


def test_a_file_is_a_policy_with_its_text(tmp_path: Path) -> None:
    """What is proposed keeps the bytes that it was read from, comments and all."""
    file = tmp_path / "mine.toml"
    file.write_text(TEXT, encoding="utf-8")
    proposed = find_policy(file)

    assert proposed == (parse_policy(TEXT, "mine.toml"), TEXT.encode(), ())
    assert find_policy(str(file)) == proposed


@pytest.mark.parametrize("name", ["seed-000", "seed-000.toml"])
def test_a_policy_of_the_program(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file has that name, the policies of the program are found by theirs; a file comes first."""
    monkeypatch.chdir(tmp_path)
    assert find_policy(name).policy.name == "seed-000"

    Path(name).write_text(TEXT, encoding="utf-8")
    assert find_policy(name).policy.name == "mine"


def test_what_is_no_policy(tmp_path: Path) -> None:
    """A file that is not there, cannot be read, is no text, or is no policy is refused with a next step."""
    (tmp_path / "bytes.toml").write_bytes(b"name = \xff")
    (tmp_path / "wrong.toml").write_text("\n\nname = ", encoding="utf-8")
    (tmp_path / "long.toml").write_bytes("é".encode() * MOST_BYTES)

    with pytest.raises(InputNotFound) as missing:
        find_policy(tmp_path / "none.toml")
    assert "seed-000, toolset-relabel" in missing.value.next_step
    for name in (tmp_path / "bytes.toml", tmp_path, "a\0b", "x" * 5_000):
        with pytest.raises(InputUnreadable) as unreadable:
            find_policy(name)
        assert "TOML" in unreadable.value.next_step
    with pytest.raises(PolicyInvalid, match="line 3: not TOML"):
        find_policy(tmp_path / "wrong.toml")
    with pytest.raises(PolicyInvalid, match="at most 100,000 characters"):
        find_policy(tmp_path / "long.toml")
    with pytest.raises(PolicyInvalid, match=r"^/dev/zero, line 1: a policy has at most"):
        find_policy("/dev/zero")


def test_a_description() -> None:
    """What a policy looks up is named as conditions name it; its TOML is the policy, its digest that of its bytes."""
    found = checked_policy(TEXT, "mine.toml")

    assert found == described(parse_policy(TEXT, "p"))
    assert (found["name"], found["rules"], found["labels"], found["caps"]) == ("mine", ["r"], [], [])
    assert found["compares"] == ["quality", 'findings("tools/*")']
    assert parse_policy(found["toml"], "again") == parse_policy(TEXT, "p")
    assert found["policy"].startswith("b3:")
    assert checked_policy(TEXT.replace("  # my own", ""), "x")["policy"] == found["policy"]
    assert checked_policy(TEXT.replace("0.5", "0.6"), "x")["policy"] != found["policy"]


def test_every_adoption_is_listed(judged: Ledger) -> None:
    """Oldest first, with what is in force; one for all takes the place of those for campaigns."""
    before = listed(store_of(judged))["adopted"]
    decide(judged, LOW)
    after = listed(store_of(judged))

    assert [(one["name"], one["campaign"], one["in_force"]) for one in before] == [
        ("low", None, True),
        ("relabel", "two", True),
    ]
    assert [(one["name"], one["in_force"]) for one in after["adopted"]] == [
        ("low", False),
        ("relabel", False),
        ("low", True),
    ]
    assert after["shipped"] == ["seed-000", "toolset-relabel"]
    assert before[0]["policy"] == described(LOW)["policy"]


def test_the_policy_in_force(judged: Ledger) -> None:
    """Each campaign has its own; without a name it cannot be said which."""
    store = store_of(judged)

    assert shown_policy(store, "in-force", "one") == described(LOW)
    assert shown_policy(store, "in-force", "two") == described(RELABEL)
    with pytest.raises(BadRequest, match="say which one with --campaign"):
        shown_policy(store, "in-force", None)


def test_no_policy_in_force(ledger: Ledger, tmp_path: Path) -> None:
    """Before one is adopted there is none, and the error says how to adopt one."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a")), campaign="c")

    with pytest.raises(NoPolicy) as caught:
        shown_policy(store_of(ledger), "in-force", None)
    assert "ledger decide --policy" in caught.value.next_step


def test_policies_by_name_and_digest(judged: Ledger) -> None:
    """An adopted policy is found by its name, its digest, or six characters of that, also when it is superseded."""
    store = store_of(judged)
    digest = described(LOW)["policy"].removeprefix("b3:")

    for name in ("low", digest, f"b3:{digest}", digest[:6], f"b3:{digest[:6].upper()}"):
        assert shown_policy(store, name, None) == described(LOW)
    assert shown_policy(store, "seed-000", None)["name"] == "seed-000"
    for name in (digest[:5], f"b3:{digest[:5]}", "nobody"):
        with pytest.raises(InputNotFound):
            shown_policy(store, name, None)


def test_a_digest_that_two_policies_share(judged: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A beginning that several digests have is not taken for any of them."""
    monkeypatch.setattr(policies, "MIN_PREFIX", 0)

    with pytest.raises(BadRequest, match="2 policies have digests that begin with"):
        shown_policy(store_of(judged), "b3:", None)


def test_the_latest_of_a_name(judged: Ledger) -> None:
    """Of several policies of one name, the one that was adopted last is shown."""
    judged.whatif(["threshold.min_quality=0.4"], campaign="one", adopt=True)

    assert shown_policy(store_of(judged), "low", None)["toml"] == to_toml(LOW).replace("0.5", "0.4")
