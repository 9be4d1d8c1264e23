"""Secrets in text: API keys, tokens and private keys, by the shapes that their issuers gave them.

One pass over a text, in time linear in its length whatever it holds. What is found is where it stands, never what.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ledger.validators.contract import ERROR, WARNING

RULES = {
    "text/secret_private_key": (ERROR, "a private key (PEM or PGP block)"),
    "text/secret_api_key": (ERROR, "an API key of OpenAI's or Anthropic's shape (sk-…)"),
    "text/secret_aws_key": (ERROR, "an access key id of AWS (AKIA…, ASIA…)"),
    "text/secret_github_token": (ERROR, "a token of GitHub (ghp_…, github_pat_…)"),
    "text/secret_google_key": (ERROR, "an API key of Google (AIza…)"),
    "text/secret_slack_token": (ERROR, "a token of Slack (xoxb-…)"),
    "text/secret_huggingface_token": (ERROR, "a token of Hugging Face (hf_…)"),
    "text/secret_jwt": (WARNING, "what looks like a JSON Web Token (eyJ….eyJ….…)"),
}

_SHAPES = (
    ("api_key", "sk-", r"(?:[A-Za-z0-9]{20,}+|(?:proj|svcacct|admin|ant|or|live|test)-[A-Za-z0-9_-]{20,}+)"),
    ("aws_key", "AKIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("aws_key", "ASIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("github_token", "gh", r"[pousr]_[A-Za-z0-9]{20,}+"),
    ("github_token", "github_pat_", r"[A-Za-z0-9_]{20,}+"),
    ("google_key", "AIza", r"[A-Za-z0-9_-]{35,}+"),
    ("slack_token", "xox", r"[abeoprs]-[A-Za-z0-9-]{10,}+"),
    ("huggingface_token", "hf_", r"[A-Za-z0-9]{30,}+"),
    ("jwt", "eyJ", r"[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+"),
)
"""Rule, beginning, the rest, which takes all it can: of a chain, each would else free only the next when redacted."""


def _pattern(beginning: str, rest: str) -> re.Pattern[str]:
    # A token begins where no letter, digit or joining sign stands before it, unless that ends a JSON escape: so each
    # run of such signs is tried once. The test stands behind the beginning, which lets the search skip to the next.
    alone = rf"(?:(?<![A-Za-z0-9_-]{beginning})|(?<=\\[nrt]{beginning}))"
    return re.compile(beginning + alone + rest)


_TOKENS = tuple((begin, f"text/secret_{rule}", _pattern(begin, rest)) for rule, begin, rest in _SHAPES)
_FENCE = re.compile(r"-----(BEGIN|END) (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(r"(?:[A-Za-z0-9+/=]|\\[nr]|[ \t\r\n])*+")
_LEAST_BODY = 32
"""Characters that make a private key whose end is missing."""


class Secret(NamedTuple):
    """A secret in a text: the rule that found it, and the characters from `start` up to, not including, `end`."""

    rule: str
    start: int
    end: int


def find_secrets(text: str) -> list[Secret]:
    """Return the secrets in a text, in order and without overlap."""
    found = list(_private_keys(text)) if "-----BEGIN " in text else []
    for beginning, rule, pattern in _TOKENS:
        if beginning in text:
            found += [Secret(rule, *match.span()) for match in pattern.finditer(text)]
    return _apart(found) if len(found) > 1 else found


def _apart(found: list[Secret]) -> list[Secret]:
    """Return secrets in order, without those that begin inside another."""
    kept: list[Secret] = []
    for secret in sorted(found, key=lambda secret: secret.start):
        if not kept or secret.start >= kept[-1].end:
            kept.append(secret)
    return kept


def _private_keys(text: str) -> Iterator[Secret]:
    begun: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if fence[1] == "END" and begun is not None:
            yield Secret("text/secret_private_key", begun.start(), fence.end())
            begun = None
        elif fence[1] == "BEGIN":
            if begun is not None:
                yield from _cut_off(text, begun, fence.start())
            begun = fence
    if begun is not None:
        yield from _cut_off(text, begun, len(text))


def _cut_off(text: str, begun: re.Match[str], end: int) -> Iterator[Secret]:
    """Yield the key whose end is missing, unless only the name of such a block is mentioned."""
    body = _BODY.match(text, begun.end(), end)
    if body is not None and len("".join(body[0].split())) >= _LEAST_BODY:
        yield Secret("text/secret_private_key", begun.start(), begun.end() + len(body[0].rstrip()))
