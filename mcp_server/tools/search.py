"""ledger_search: samples by what is known of them, a page at a time, or all of them under one handle."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from mcp.server import MCPServer
from mcp.types import CallToolResult
from pydantic import Field

from ledger import Ledger
from ledger.errors import BadRequest
from mcp_server.answers import answer
from mcp_server.face import Face
from mcp_server.handles import Handles
from mcp_server.tools.asking import (
    MARK,
    READING,
    Cursor,
    Items,
    Limit,
    Moment,
    Rows,
    Shape,
    Text,
    bare,
    cut,
    is_plain,
    known_campaign,
    known_of,
    written_out,
)
from mcp_server.tools.sample import as_text
from mcp_server.tools.telling import Facts, Names, columns, excerpt, number, told

TOOL = "ledger_search"
META = {"anthropic/searchHint": "search find list count filter samples status rule domain words select all"}
EXCERPT = 100
POLICIES = 10
NONE = "none"
"""How samples without a domain or source are asked for, as answers name them where they are counted."""
ABOUT = (
    "Find and count samples; all filters must hold. text: words of the sample; since, until: when it was decided; "
    "score: which one score_min and score_max bound (default: the policy's); unlike: a campaign where the text has "
    "another status; select: also return `selection`, a handle to all matches."
)

Status: TypeAlias = Literal["", "accepted", "rejected", "pending", "errored", "superseded", "erased"]
Sort: TypeAlias = Literal["born", "newest", "decided", "score", "lowest"]
Column: TypeAlias = Literal["campaign", "source", "split", "reason", "born", "decided", "excerpt"]
Columns = Annotated[Sequence[Column], Items, Field(json_schema_extra=bare, max_length=7, description="more columns")]
Bound: TypeAlias = float | None


def _one_of(schema: dict[str, Any]) -> None:
    """Leave the empty word out of what a status can be."""
    bare(schema)
    schema["enum"] = [word for word in schema["enum"] if word]


Why = Annotated[Text, Field(description="rule, or the whole reason given")]
Who = Annotated[Text, Field(description="who decided")]
Standing = Annotated[Status, Field(json_schema_extra=_one_of)]
Label = Annotated[Literal["", "true", "false", "none"], Field(json_schema_extra=_one_of)]


class Search(Shape):
    """A page of samples."""

    total: int | str
    samples: Rows
    selection: str | None = None
    next: str | None = None


class Asked(NamedTuple):
    """What was asked for, as it was asked."""

    campaign: str = ""
    status: str = ""
    label: str = ""
    reason: str = ""
    rule: str = ""
    source: str = ""
    domain: str = ""
    actor: str = ""
    since: str = ""
    until: str = ""
    score: str = ""
    score_min: float | None = None
    score_max: float | None = None
    text: str = ""
    unlike: str = ""
    sort: str = "born"
    fields: Sequence[str] = ()
    limit: int = 20
    select: bool = False
    cursor: str = ""


def register(mcp: MCPServer, face: Face) -> None:
    """Add the tool to a server."""

    @mcp.tool(title="Search", description=ABOUT, annotations=READING, meta=META)
    async def ledger_search(  # noqa: PLR0913 - an argument for each filter
        *,
        campaign: Text = "",
        status: Standing = "",
        label: Label = "",
        reason: Why = "",
        rule: Text = "",
        source: Text = "",
        domain: Text = "",
        actor: Who = "",
        since: Moment = "",
        until: Moment = "",
        score: Text = "",
        score_min: Bound = None,
        score_max: Bound = None,
        text: Text = "",
        unlike: Text = "",
        sort: Sort = "born",
        fields: Columns = (),
        limit: Limit = 20,
        select: bool = False,
        cursor: Cursor = "",
    ) -> Annotated[CallToolResult, Search]:
        """Find samples."""
        asked = Asked(
            campaign, status, label, reason, rule, source, domain, actor, since, until,
            score, score_min, score_max, text, unlike, sort, fields, limit, select, cursor,
        )  # fmt: skip
        return await face.read(lambda ledger: search(ledger, face.handles, asked))


def search(ledger: Ledger, handles: Handles, asked: Asked) -> CallToolResult:
    """Return a page of samples, how many there are, and a handle to all of them where it is asked for."""
    with ledger.standing_still() as head:
        position = head["position"]
        chosen = filters(ledger, asked)
        key = {**chosen, "sort": asked.sort}
        after = handles.follow(TOOL, key, asked.cursor, position) if asked.cursor else None
        with _scored(asked.score):
            page = ledger.find(**chosen, sort=asked.sort, limit=asked.limit, after=after, digest=asked.select)
        if not page["total"]:
            _teach(ledger, asked)
        names = Names()
        table, same = columns("samples", *_rows(ledger, page["samples"], names, asked.fields))
        total = page["total"] if page["exact"] else f">={page['total']}"
        facts: Facts = {"as_of": position, "total": total, **same}
        if asked.select:
            facts["selection"] = handles.selection(chosen, position, page["total"], page["digest"])
        facts |= told([("not_indexed", _behind(page["index"]))])
        if page["next"] is not None:
            facts["next"] = handles.cursor(TOOL, key, position, page["next"])
        line = f"{len(table.rows)} of {total} samples{'; more behind next' if 'next' in facts else ''}."
        return answer({**facts, **names.facts()}, line=line, tables=[table])


def filters(ledger: Ledger, asked: Asked) -> dict[str, Any]:
    """Return the filters as `find` takes them: only those that say something."""
    campaign = known_campaign(ledger, asked.campaign)
    given = {
        "campaign": campaign,
        "status": asked.status or None,
        "label": asked.label or None,
        "reason": asked.reason or None,
        "rule": asked.rule or None,
        "source": _or_none(asked.source, lambda: ledger.offers("sources")),
        "domain": _or_none(asked.domain, lambda: list(ledger.status()["by_domain"])),
        "actor": _or_none(asked.actor, lambda: ledger.offers("actors")),
        "since": asked.since or None,
        "until": asked.until or None,
        "score": _score(ledger, asked, campaign),
        "text": asked.text or None,
        "unlike": known_campaign(ledger, asked.unlike),
    }
    return {name: value for name, value in given.items() if value is not None}


_WORDS = re.compile(r"[\w.-]+")


@contextmanager
def _scored(name: str) -> Iterator[None]:
    """Let the names of scores that there are be told only where all are plain: they come from files."""
    try:
        yield
    except BadRequest as error:
        said = str(error)
        known = said.removeprefix(f"No sample has a score {name!r}")
        words = [word for word in _WORDS.findall(known) if any(map(str.isalnum, word))]
        if known == said or all(is_plain(word) or word.isdigit() for word in words):
            raise
        told = "No sample has a score of that name"
        raise BadRequest(told, hint="ledger_sample with fields=[scores] names a sample's scores.") from None


def _or_none(name: str, known: Callable[[], list[str]]) -> str | None:
    """Return a name as `find` takes it: NONE, where nothing is named so, asks for samples without one."""
    if name == NONE or name.startswith(MARK):
        there = known()
        return "" if name == NONE and NONE not in there else written_out(name, there)
    return name or None


def _score(ledger: Ledger, asked: Asked, campaign: str | None) -> list[Any] | None:
    """Return which score is asked for, from where to where; the policy's headline where none is named."""
    bounds = [asked.score_min, asked.score_max]
    if not asked.score and bounds == [None, None] and asked.sort not in {"score", "lowest"}:
        return None
    name = asked.score or Ledger.policy_settings(ledger.policy(campaign=campaign)["toml"]).get("headline", "none")
    if name == "none":
        raise BadRequest("The policy in force names no score of its own", hint="Name one as `score`.")
    return [name, *bounds]


def _rows(
    ledger: Ledger, found: list[dict[str, Any]], names: Names, more: Sequence[str]
) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and the rows of a page."""
    cells: dict[str, Callable[[dict[str, Any]], Any]] = {
        "campaign": lambda one: names(one["campaign"]),
        "source": lambda one: names(one["source"]),
        "split": lambda one: one["split"],
        "born": lambda one: one["born"],
        "decided": lambda one: one["decided"],
        "reason": lambda one: one["reason"] if one["reason"] != one["rule"] else None,
        "excerpt": lambda one: _excerpt(ledger, one["sample"]),
    }
    titles = {"reason": "untrusted_reason", "excerpt": "untrusted_excerpt"}
    extra = list(dict.fromkeys(more))
    rows = [
        [
            one["short"],
            one["status"],
            {True: "true", False: "false", None: "none"}[one["label"]],
            names(one["rule"]),
            names(one["domain"]),
            number(one["margin"]),
            number(one["score"]),
            *(cells[name](one) for name in extra),
        ]
        for one in found
    ]
    named = ["sample", "status", "label", "rule", "domain", "margin", "score"]
    return [*named, *(titles.get(name, name) for name in extra)], rows


def _excerpt(ledger: Ledger, sample: str) -> str | None:
    content = ledger.show(sample)["content"]
    return None if content is None else excerpt(as_text(content["prompt"]), EXCERPT)


def _behind(index: dict[str, Any] | None) -> int | None:
    """Return how many samples the index of words does not hold yet."""
    return None if index is None else index.get("behind") or None


def _teach(ledger: Ledger, asked: Asked) -> None:
    """Where nothing was found, see whether a name was meant that there is not; raise BadRequest with the nearest."""
    status = ledger.status()
    if asked.domain and asked.domain != NONE:
        known_of("domain", asked.domain, list(status["by_domain"]))
    if asked.rule:
        known_of("rule", asked.rule, rules(ledger))
    for what, name in (("source", asked.source), ("actor", asked.actor)):
        if name and name != NONE:
            known_of(what, name, ledger.offers(f"{what}s"))
    if asked.reason and not ledger.find(reason=asked.reason, limit=1, total=False)["samples"]:
        raise BadRequest(f"No sample has the reason {cut(asked.reason)!r}", hint=_REASON)


_REASON = "A reason is a rule, or all that who decided wrote (fields: reason shows it); `text` finds words of samples."


def rules(ledger: Ledger) -> list[str]:
    """Return the names of what decides: rules of the policies that were adopted, and what samples stand by."""
    adopted = ledger.policies()["adopted"]
    found = dict.fromkeys(ledger.status()["by_reason"])
    for digest in list(dict.fromkeys(one["policy"] for one in adopted))[-POLICIES:]:
        described = ledger.policy(digest)
        found |= dict.fromkeys((*described["rules"], *described["labels"], *described["caps"]))
    return list(found | dict.fromkeys(("default", "unknown", "person", "agent", "import")))
