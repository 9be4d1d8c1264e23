"""Secrets: each shape is found exactly where it stands, also inside JSON; ordinary words are none."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.validators import Secret, find_secrets
from tests.talks import assistant, calling, function, places, talk, user

BLOCK = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\nq8Zx\n-----END RSA PRIVATE KEY-----"
SHAPES = [
    ("api_key", "sk-" + "aB3" * 16),
    ("api_key", "sk-proj-" + "aB3_-" * 8),
    ("api_key", "sk-ant-api03-" + "aB3_-" * 8),
    ("aws_key", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("aws_key", "ASIA" + "IOSFODNN7EXAMPLE"),
    ("github_token", "ghp_" + "aB3" * 12),
    ("github_token", "ghs_" + "aB3" * 12),
    ("github_token", "github_pat_" + "aB3_" * 10),
    ("google_key", "AIza" + "aB3_-" * 7),
    ("slack_token", "xoxb-" + "123456789012-abcdefABCDEF"),
    ("huggingface_token", "hf_" + "aB" * 17),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".dozjgNryP4J3jVmNHl0w5N"),
    ("private_key", BLOCK),
    ("private_key", BLOCK.replace(" RSA", "")),
    ("private_key", BLOCK.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK")),
    ("private_key", BLOCK.replace("\n", "\\n")),
    ("private_key", BLOCK.replace("\n", "\r\n")),
]


@pytest.mark.parametrize(("rule", "secret"), SHAPES)
@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("key=", " "), ('{"key": "', '"}'), ("(", ")."), ("a\n", "\nb"), ('"x\\n', '\\n"')]
)
def test_a_secret_is_found_where_it_stands(rule: str, secret: str, before: str, after: str) -> None:
    """Begin and end are exact, whatever quotes or escapes surround it."""
    found = find_secrets(before + secret + after)

    assert found == [Secret(f"text/secret_{rule}", len(before), len(before) + len(secret))]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "task-management-for-everybody-and-me",
        "the disk-management-of-a-large-machine0123456789",
        "sk-learn-something-new-every-day-of-the-year",
        "sk-short",
        "AKIATOOSHORT",
        "XAKIAIOSFODNN7EXAMPLE",
        "AKIAIOSFODNN7EXAMPLEX",
        "ghp_short",
        "AIzaShort",
        "hf_hub_download_of_a_model_in_many_parts",
        "xoxo, your friend",
        "eyJhbGciOiJIUzI1NiJ9 alone",
        "a file that begins with -----BEGIN PRIVATE KEY----- is a private key",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----",
        "-----END PRIVATE KEY-----",
    ],
)
def test_what_only_looks_alike(text: str) -> None:
    """Words with hyphens, fragments, public keys and mentions are no secrets."""
    assert find_secrets(text) == []


def test_a_private_key_whose_end_is_missing() -> None:
    """Cut off, its body is a secret all the same, up to where it ends."""
    body = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 3

    assert find_secrets(body) == [Secret("text/secret_private_key", 0, len(body) - 1)]
    assert find_secrets(body + BLOCK) == [
        Secret("text/secret_private_key", 0, len(body) - 1),
        Secret("text/secret_private_key", len(body), len(body) + len(BLOCK)),
    ]


def test_a_token_inside_a_private_key_is_part_of_it() -> None:
    """Secrets do not overlap, so that each can be replaced."""
    inside = BLOCK.replace("q8Zx", "AKIA" + "IOSFODNN7EXAMPLE")
    outside = "sk-" + "a" * 30

    found = find_secrets(f"{inside} {outside}")

    assert [secret.rule for secret in found] == ["text/secret_private_key", "text/secret_api_key"]


@given(st.lists(st.sampled_from([secret for _, secret in SHAPES] + [" ", "\n", "a", "-", "\\n", "sk-", "eyJ", "."])))
def test_secrets_stand_in_order_and_apart(parts: list[str]) -> None:
    """Whatever follows whatever, each secret begins after the one before it has ended."""
    text = "".join(parts)
    found = find_secrets(text)

    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


@pytest.mark.parametrize(
    "piece",
    [
        *("sk-", "sk-a", "sk-proj-", "AKIA", "gh", "ghp_", "xoxb-", "eyJaaaaaaaa.", "eyJaaaaaaaaaaaa", "hf_"),
        *("\\neyJ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\naaaa", "-----BEGIN A A ", "-----END "),
    ],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """A megabyte of beginnings is read in well under a second."""
    text = piece * ((1 << 20) // len(piece))

    started = time.process_time()
    find_secrets(text)

    assert time.process_time() - started < 10


def test_a_chain_of_keys_without_gaps_is_one_secret() -> None:
    """Whatever could belong to a key goes with it, so that redacting one never frees the next."""
    chain = ("AIza" + "g" * 35) * 3_200

    assert find_secrets(f"({chain})") == [Secret("text/secret_google_key", 1, 1 + len(chain))]


def test_secrets_are_found_anywhere_in_a_sample() -> None:
    """In messages, in structured and text calls, in tool results, in fields of their own and in the tools."""
    key = SHAPES[0][1]
    content = talk(
        {"role": "system", "content": f"Use {key}."},
        {**user(), "name": key},
        calling(function("f", json.dumps({"a": key})), function("g", {key: 1}, "c2")),
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": key}]},
        {"role": "tool", "tool_call_id": "c2", "content": "x"},
        assistant(f"It is {key}."),
        tools=[{"name": "f", "description": key}, {"name": "g"}],
    )

    found = [path for rule, path in places(content) if rule == "text/secret_api_key"]

    assert found == [
        "messages[0].content",
        "messages[1].*",
        "messages[2].tool_calls",
        "messages[3].content",
        "messages[5].content",
        "tools",
    ]
