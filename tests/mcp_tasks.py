"""Questions that an agent is asked about a ledger, each with the way to its answer through the tools.

A task has a question in words, a query of the file that holds the true answer, a plan (what a sensible agent would
call, reading nothing but what came back), and a budget of calls and of tokens. No model is asked: what
is measured is whether the tools lead to the answer at the price that is promised. Plans never read the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mcp.client import Client

from tests.mcp_acting import Said, said
from tests.mcp_tokens import tokens
from tests.mcp_toolset import FIRST, INJECTED, SECOND, ask

OVERVIEW, WHY, HISTORY, SAMPLE = "ledger_overview", "ledger_why", "ledger_history", "ledger_sample"
SEARCH, NEAR, COMPARE, WHATIF = "ledger_search", "ledger_near_misses", "ledger_compare", "ledger_whatif"
PROJECTIONS, VERIFY, PROPOSE = "ledger_projections", "ledger_verify", "ledger_propose_decision"
PROJECT = "ledger_run_projection"


class Metered:
    """A client that counts what a host would hand to its model: the facts where there are some, else the text."""

    def __init__(self, client: Client, given: Mapping[str, str]) -> None:
        """Begin at nothing; `given` is what the question names (ids, domains), as a person would."""
        self.given = given
        self.calls = 0
        self.tokens = 0
        self._client = client

    async def __call__(self, tool: str, **arguments: object) -> Said:
        """Call a tool."""
        came = said(await self._client.call_tool(tool, arguments))
        self.calls += 1
        self.tokens += tokens(json.dumps(came.facts, ensure_ascii=False) if came.facts else came.text)
        return came

    async def facts(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool that has to succeed, and return its facts."""
        came = await self(tool, **arguments)
        assert not came.is_error, came.text
        return came.facts


Plan = Callable[[Metered], Awaitable[object]]


class Task(NamedTuple):
    """One question. `truth` is SQL with gaps for what is given; `keywords` should lead to `tool`."""

    name: str
    question: str
    truth: str
    plan: Plan
    tool: str
    keywords: str
    calls: int = 1
    tokens: int = 450


TASKS: list[Task] = []


def task(
    name: str, question: str, truth: str, tool: str, keywords: str, calls: int = 1, tokens: int = 450
) -> Callable[[Plan], Plan]:
    """Make the plan below this a task."""

    def keep(plan: Plan) -> Plan:
        TASKS.append(Task(name, question, truth, plan, tool, keywords, calls, tokens))
        return plan

    return keep


def given(path: Path) -> dict[str, str]:
    """Return what the questions name: campaigns, a sample of each kind, and the domain of the rejected one."""
    found = {
        "rejected": "SELECT sample FROM samples WHERE status = 'rejected' AND rule = 'low_quality' ORDER BY sample",
        "person": "SELECT sample FROM samples WHERE rule = 'person' ORDER BY sample",
        "accepted": "SELECT sample FROM samples WHERE status = 'accepted' ORDER BY sample DESC",
    }
    ids = {
        name: ask(path, "SELECT lower(hex(op)) FROM event WHERE position = ?", (ask(path, sql),))
        for name, sql in found.items()
    }
    domain = ask(path, "SELECT s.domain FROM samples s WHERE s.sample = ?", (ask(path, found["rejected"]),))
    names = {"first": FIRST, "second": SECOND, "injected": INJECTED, "domain": str(domain)}
    return {**names, **{name: whole[:12] for name, whole in ids.items()}}


def truth(path: Path, one: Task, names: Mapping[str, str]) -> object:
    """Return the true answer of a task, as the file has it."""
    wanted = set(re.findall(r":([a-z]+)", one.truth))
    return value(ask(path, one.truth, {name: names[name] for name in wanted}))


def rows(facts: Mapping[str, Any], table: str) -> list[dict[str, Any]]:
    """Return the rows of a table as an agent reads them: with their columns, and with what all of them share."""
    found = facts[table]
    same = facts.get("each", {})
    return [{**same, **dict(zip(found["cols"], row, strict=True))} for row in found["rows"]]


def value(row: object) -> object:
    """Return an answer so that numbers compare as numbers, however they were written."""
    return round(float(row), 6) if isinstance(row, (int, float)) and not isinstance(row, bool) else row


def agrees(answer: object, true: object) -> bool:
    """Say whether an answer is the true one; a number that is told as a bound (`>=500`) has to be one."""
    if isinstance(answer, str) and answer.startswith(">=") and isinstance(true, float):
        return float(answer[2:]) <= true
    return answer == true
