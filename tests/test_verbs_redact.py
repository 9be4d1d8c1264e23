"""Redact: no secret is left in the training fields, nothing else of them changes, and no event tells the secret."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, CorruptLedger, HeadMoved
from ledger.validators.secrets import RULES, find_secrets
from ledger.verbs.redact import MOST_PLACES, RedactReport, redact
from ledger.verbs.run import Who
from ledger.verbs.selection import selection
from ledger.verbs.validate import validate, validate_plan
from tests.logs import store_of
from tests.small import chat, read, samples, write

WHO = Who("tester")
AWS = "AKIA" + "Q" * 16
GITHUB = "ghp_" + "r" * 36
SK = "sk-" + "s" * 40
PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIE" * 30 + "\n-----END RSA PRIVATE KEY-----"
SECRETS = (AWS, GITHUB, SK, PEM)


def gone(kind: str) -> str:
    """Return what stands in the place of a kind of secret."""
    return f"[REDACTED:text/secret_{kind}]"


def clean(ledger: Ledger, *ids: str, rule: str | None = None, **more: Any) -> RedactReport:  # noqa: ANN401 - as redact has them
    """Redact samples, all of the campaign `a` where none is named."""
    chosen = selection(ids) if ids else selection([], None, "a")
    return redact(store_of(ledger), chosen, rule, WHO, None, **more)


def taken(ledger: Ledger, folder: Path, *rows: dict[str, Any]) -> Ledger:
    """Ingest rows into the campaign `a`."""
    ledger.ingest(write(folder / "a.jsonl", *rows), campaign="a")
    return ledger


def call(arguments: Any, text: str | None = None) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a line whose answer calls a tool."""
    made = {"id": "c1", "type": "function", "function": {"name": "login", "arguments": arguments}}
    answer = {"role": "assistant", "content": text, "tool_calls": [made]}
    return {"messages": [{"role": "user", "content": "q"}, answer]}


@pytest.fixture
def leaky(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of four samples, of which the first three hold secrets."""
    return taken(
        ledger,
        tmp_path,
        chat(f"my key is {AWS}, is it good?", f"{PEM} and {SK}", label=True, domain="ops"),
        call(json.dumps({"token": f"\n{GITHUB}", "n": 1.50})),
        call({"token": AWS}),
        chat("no secret", "AKIA is a prefix"),
    )


def test_secrets_are_gone_and_their_places_are_told(leaky: Ledger) -> None:
    """Samples = changed + unchanged; each secret is counted by its rule and told with its place."""
    one, two, three, _ = samples(leaky)
    report = clean(leaky)
    assert (report.samples, report.changed, report.unchanged, report.secrets) == (4, 3, 1, 5)
    assert report.by_rule == {
        "text/secret_api_key": 1, "text/secret_aws_key": 2, "text/secret_github_token": 1, "text/secret_private_key": 1,
    }  # fmt: skip
    told = [(place["sample"], place["rule"].removeprefix("text/secret_"), place["path"]) for place in report.places]
    assert told == [
        (one, "aws_key", "messages[0].content"),
        (one, "private_key", "messages[1].content"),
        (one, "api_key", "messages[1].content"),
        (two, "github_token", "messages[1].tool_calls[0].function.arguments"),
        (three, "aws_key", "messages[1].tool_calls[0].function.arguments.*"),
    ]
    assert leaky.show(one)["content"] == {
        "prompt": [{"role": "user", "content": f"my key is {gone('aws_key')}, is it good?"}],
        "completion": [{"role": "assistant", "content": f"{gone('private_key')} and {gone('api_key')}"}],
    }
    arguments = leaky.show(two)["content"]["completion"][0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"token": f"\n{gone('github_token')}", "n": 1.5}
    assert '"n": 1.5' in arguments
    assert leaky.verify()["ok"]


def test_the_new_version_is_an_edit(leaky: Ledger) -> None:
    """Label, domain and first version stay; the edit says what was redacted and where, and can be withdrawn."""
    one = samples(leaky)[0]
    report = clean(leaky, one)
    shown = leaky.show(one)
    assert (shown["label"], shown["domain"], len(shown["versions"])) == (True, "ops", 2)
    event = leaky.log(one)[-1]
    assert (event["kind"], event["position"]) == ("edited", report.events[0])
    assert event["says"]["reason"] == (
        "redacted: text/secret_aws_key at messages[0].content, text/secret_private_key at messages[1].content, "
        "text/secret_api_key at messages[1].content"
    )
    leaky.withdraw([event["event"]])
    assert AWS in leaky.show(one)["raw"]
    assert clean(leaky, one).changed == 1


def test_no_event_tells_a_secret(leaky: Ledger, tmp_path: Path) -> None:
    """Events name rules and places; exports made afterwards hold no secret, and the old bytes are still there."""
    clean(leaky)
    events = json.dumps(leaky.log(limit=1000))
    leaky.project("sft", tmp_path / "out.jsonl")
    out = json.dumps(read(tmp_path / "out.jsonl"))
    for secret in SECRETS:
        assert json.dumps(secret)[1:-1] not in events + out
    assert AWS.encode() in leaky.path.read_bytes()


def test_again_changes_nothing(leaky: Ledger) -> None:
    """A redacted sample holds no secret, so the second time there is no event."""
    clean(leaky)
    events = leaky.status()["events"]
    again = clean(leaky)
    assert again == RedactReport(4, 0, 4, 0, {}, [], 0, 0, [], [])
    assert leaky.status()["events"] == events


def test_a_dry_run_tells_and_appends_nothing(leaky: Ledger) -> None:
    """It says what would be redacted, and the log stays as it is."""
    before = leaky.status()
    tried = clean(leaky, dry_run=True)
    assert leaky.status() == before
    with pytest.raises(HeadMoved):
        redact(store_of(leaky), selection([], None, "a"), None, WHO, 3, dry_run=True)
    done = clean(leaky)
    assert tried == done._replace(events=[])
    assert len(done.events) == 3


def test_a_decision_about_the_old_version_lapses(leaky: Ledger) -> None:
    """What was decided is about the version with the secret; the report counts how many that were."""
    ids = samples(leaky)
    leaky.accept(ids)
    report = clean(leaky)
    assert (report.decisions_lapsed, report.old_bytes_kept) == (3, 3)
    assert [leaky.show(one)["status"] for one in ids] == ["pending", "pending", "pending", "accepted"]


@pytest.mark.parametrize(
    ("rule", "found"),
    [("text/secret_aws_key", 2), ("*aws*", 2), ("text/secret_*key", 4), ("text/secret_jwt", 0), (None, 5)],
)
def test_one_kind_at_a_time(leaky: Ledger, rule: str | None, found: int) -> None:
    """A rule, or a pattern of rules, says which kinds of secrets are redacted; the others stay."""
    assert clean(leaky, rule=rule).secrets == found
    assert clean(leaky).secrets == 5 - found


@pytest.mark.parametrize("rule", ["", "text/empty", "aws_key", "\x1b"])
def test_a_kind_that_is_none(leaky: Ledger, rule: str) -> None:
    """What names no kind of secret is refused with their names."""
    with pytest.raises(BadRequest):
        clean(leaky, rule=rule)


def test_only_the_training_fields_are_looked_at(ledger: Ledger, tmp_path: Path) -> None:
    """A secret in the envelope is not exported and not redacted; there is nothing to change."""
    taken(ledger, tmp_path, chat("q", "a", note=AWS))
    assert clean(ledger).secrets == 0


def test_every_shape_of_line(ledger: Ledger, tmp_path: Path) -> None:
    """Instructions, texts, tools and text calls are redacted where they stand, spelled as they are."""
    tools = [{"type": "function", "function": {"name": "f", "description": f"use {AWS}", "parameters": {"x-key": AWS}}}]
    said = f'ok\ntool_call: f\narguments: {{"a": "\\u0041{AWS[1:]}", "b": 1.0}}'
    rows = [
        {"instruction": f"is {AWS} a key?", "input": AWS, "output": "yes"},
        {"prompt": "p", "completion": f"{AWS}\n"},
        chat("q", said, tools=tools),
    ]
    taken(ledger, tmp_path, *rows)
    report = clean(ledger)
    assert [place["path"] for place in report.places] == [
        "instruction", "input", "completion", "messages[1].content", "tools[0].function.description",
        "tools[0].function.parameters.*",
    ]  # fmt: skip
    first, second, third = (ledger.show(one)["content"] for one in samples(ledger))
    assert first["prompt"][0]["content"] == f"is {gone('aws_key')} a key?\n\n{gone('aws_key')}"
    assert second == {"prompt": "p", "completion": f"{gone('aws_key')}\n"}
    assert third["completion"][0]["content"] == said.replace("\\u0041" + AWS[1:], gone("aws_key"))
    assert ledger.verify()["ok"]


def test_secrets_as_keys_stay_different_keys(ledger: Ledger, tmp_path: Path) -> None:
    """Two keys of one object that were secrets are still two, since a key that stands twice means nothing."""
    taken(ledger, tmp_path, call({AWS: 1, "AKIA" + "Z" * 16: 2, "x": AWS}))
    assert clean(ledger).secrets == 3
    arguments = ledger.show(samples(ledger)[0])["content"]["completion"][0]["tool_calls"][0]["function"]["arguments"]
    assert arguments == {gone("aws_key"): 1, "[REDACTED:text/secret_aws_key#2]": 2, "x": gone("aws_key")}
    assert clean(ledger).secrets == 0


def test_what_a_secret_hid_is_found_too(ledger: Ledger, tmp_path: Path) -> None:
    """A token that stood right against another becomes one by itself when that is gone, and goes in the same run."""
    hidden = PEM + SK
    assert len(find_secrets(hidden)) == 1
    taken(ledger, tmp_path, chat("q", hidden))
    assert clean(ledger).secrets == 2
    assert clean(ledger).secrets == 0


def test_a_chain_of_keys_goes_at_once(ledger: Ledger, tmp_path: Path) -> None:
    """Thousands of keys without a gap take one pass, not one each."""
    taken(ledger, tmp_path, chat("q", ("AIza" + "g" * 35) * 3_200))
    started = time.process_time()
    report = clean(ledger)

    assert time.process_time() - started < 10
    assert (report.changed, report.by_rule) == (1, {"text/secret_google_key": 1})
    shown = ledger.show(samples(ledger)[0])
    assert shown["content"]["completion"][0]["content"] == gone("google_key")
    found = validate(store_of(ledger), validate_plan(), WHO, dry_run=True, progress=lambda *_: None)
    assert "text/secret_google_key" not in found.found


def test_many_places_are_counted_and_some_are_listed(ledger: Ledger, tmp_path: Path) -> None:
    """A report lists so many places and no more; a reason names a few and says how many others there are."""
    taken(ledger, tmp_path, chat(f"{AWS} " * (MOST_PLACES + 5), "a"), *(call([AWS] * 30) for _ in range(1)))
    report = clean(ledger)
    assert (report.secrets, len(report.places)) == (MOST_PLACES + 35, MOST_PLACES)
    one, two = samples(ledger)
    assert ledger.log(one)[-1]["says"]["reason"] == "redacted: text/secret_aws_key at messages[0].content"
    assert ledger.log(two)[-1]["says"]["reason"].endswith("and 10 more")


def test_bytes_that_changed_are_not_redacted(leaky: Ledger) -> None:
    """Damaged bytes never become a version of their own."""
    leaky.close()
    body = leaky.path.read_bytes()
    leaky.path.write_bytes(body.replace(b"is it good?", b"is it Good?"))
    with Ledger.open(leaky.path) as damaged, pytest.raises(CorruptLedger, match="not those of b3:"):
        clean(damaged)


pieces = st.lists(st.sampled_from([*SECRETS, "a", "\n", '"', "\\", "é", "{", "1"]), max_size=6).map(" ".join)


@given(
    prompt=pieces,
    answer=pieces,
    arguments=st.dictionaries(pieces, pieces, max_size=2),
    nested=st.booleans(),
    ascii_only=st.booleans(),
)
def test_nothing_is_left_and_nothing_else_changes(
    tmp_path_factory: pytest.TempPathFactory,
    prompt: str,
    answer: str,
    arguments: dict[str, str],
    *,
    nested: bool,
    ascii_only: bool,
) -> None:
    """Whatever stands where, no text of the new version holds a secret, and without secrets the line is as before."""
    row = call(json.dumps(arguments, ensure_ascii=ascii_only) if nested else arguments, answer)
    row["messages"][0]["content"] = prompt
    folder = tmp_path_factory.mktemp("redact")
    with Ledger.init(folder / "a.db") as ledger:
        taken(ledger, folder, row)
        one = samples(ledger)[0]
        before = ledger.show(one)["content"]
        report = clean(ledger)
        after = ledger.show(one)["content"]
        assert clean(ledger).secrets == 0
    texts = json.dumps([before, arguments])
    assert (report.changed == 0) == (before == after) == (not find_secrets(texts))
    assert report.by_rule.keys() <= RULES.keys()
    for secret in SECRETS:
        assert json.dumps(secret)[1:-1] not in json.dumps(after)
        assert json.dumps(json.dumps(secret))[3:-3] not in json.dumps(after)
