"""The questions: what is asked, the true answer as a query of the file, and the way to it through the tools."""
# ruff: noqa: S608 - the queries are put together from this module's own words; what varies is a parameter

from __future__ import annotations

import re

from tests.mcp_tasks import (
    COMPARE,
    HISTORY,
    NEAR,
    OVERVIEW,
    PROJECTIONS,
    PROPOSE,
    SAMPLE,
    SEARCH,
    VERIFY,
    WHATIF,
    WHY,
    Metered,
    rows,
    task,
)
from tests.mcp_toolset import FIRST, INJECTED, SECOND


def of(which: str, what: str, joins: str = "") -> str:
    """Return a query for something about a sample that the question names."""
    start = f"SELECT {what} FROM samples s JOIN event e ON e.position = s.sample {joins}"
    return f"{start} WHERE lower(hex(e.op)) LIKE :{which} || '%'"


_JUDGED = "JOIN judgements j ON j.sample = s.sample"
_ACTOR = "(SELECT json_extract(d.leaf, '$.actor') FROM event d WHERE d.position = s.decision)"
_QUALITY = """JOIN scores c ON c.sample = s.sample
    JOIN measures m ON m.measure = c.measure AND m.dimension = 'overall_quality'"""
_NEAR = f"""FROM samples s {_JUDGED}
    WHERE s.status = 'rejected' AND j.outcome = 'rejected' AND s.rule <> 'person' AND j.margin <= 0 AND NOT EXISTS (
        SELECT 1 FROM samples o WHERE o.fingerprint = s.fingerprint AND o.status = 'accepted')"""
_WITHIN = f"SELECT count(DISTINCT s.fingerprint) {_NEAR} AND s.campaign = :second AND j.margin >= -200000"
_RATE = "SELECT avg(status = 'accepted') FROM samples WHERE status IN ('accepted', 'rejected') AND campaign = "
_COUNT = "SELECT count(*) FROM samples"
_REJECTED = f"{_COUNT} WHERE status = 'rejected'"
_AT_24 = f"""SELECT count(*) FROM samples s {_QUALITY}
    WHERE s.status = 'rejected' AND s.rule <> 'person' AND c.value >= 2400000"""


async def _count(ask: Metered, **filters: object) -> object:
    """Count what a search finds; where it is many and only told as a bound, as a selection, which is counted whole."""
    total = (await ask.facts(SEARCH, limit=1, **filters))["total"]
    if isinstance(total, str):
        total = (await ask.facts(SEARCH, limit=1, select=True, **filters))["total"]
    return total


async def _again(ask: Metered, tool: str, taught: str, argument: str, wrong: str) -> object:
    """Ask with a wrong name, and once more with the one that the error teaches."""
    told = await ask(tool, limit=1, **{argument: wrong})
    assert told.is_error
    right = re.findall(taught, told.text)[0]
    return (await ask.facts(tool, limit=1, **{argument: right}))["total"]


@task(
    "samples of a campaign",
    f"How many samples has the campaign {FIRST}?",
    f"{_COUNT} WHERE campaign = :first",
    OVERVIEW,
    "how many samples campaign",
)
async def _samples_of_campaign(ask: Metered) -> object:
    found = await ask.facts(OVERVIEW)
    return next(row["samples"] for row in rows(found, "campaigns") if row["campaign"] == FIRST)


@task(
    "rejected of a campaign",
    f"How many of {SECOND} are rejected?",
    f"{_REJECTED} AND campaign = :second",
    OVERVIEW,
    "rejected count campaign status",
)
async def _rejected_of_campaign(ask: Metered) -> object:
    return (await ask.facts(OVERVIEW, campaign=SECOND))["by_status"]["rejected"]


@task(
    "policy",
    "Which policy is in force?",
    "SELECT name FROM policies ORDER BY position DESC",
    OVERVIEW,
    "policy in force",
)
async def _policy(ask: Metered) -> object:
    return (await ask.facts(OVERVIEW))["policy"]


@task(
    "held out",
    "How many samples are held out for validation?",
    "SELECT count(*) FROM samples WHERE split = 'val'",
    OVERVIEW,
    "counts overview",
)
async def _held_out(ask: Metered) -> object:
    return (await ask.facts(OVERVIEW))["by_split"]["val"]


@task(
    "worst rule",
    f"Which rule rejects most in {FIRST}?",
    "SELECT rule FROM samples WHERE status = 'rejected' AND campaign = :first GROUP BY rule ORDER BY count(*) DESC",
    OVERVIEW,
    "rejecting rule counts",
)
async def _worst_rule(ask: Metered) -> object:
    found = rows(await ask.facts(OVERVIEW, campaign=FIRST), "rejected_for")
    return max(found, key=lambda row: row["samples"])["rule"]


@task(
    "worst domain",
    f"How many are rejected in the domain of {FIRST} where most are?",
    f"{_REJECTED} AND campaign = :first GROUP BY coalesce(domain, '') ORDER BY count(*) DESC",
    OVERVIEW,
    "campaign counts status",
)
async def _worst_domain(ask: Metered) -> object:
    found = rows(await ask.facts(OVERVIEW, campaign=FIRST), "by_domain")
    return max(row.get("rejected") or 0 for row in found)


@task("rule", "Which rule rejected this sample?", of("rejected", "s.rule"), WHY, "why rejected sample rule")
async def _why_rule(ask: Metered) -> object:
    return (await ask.facts(WHY, sample=ask.given["rejected"]))["decided"]["rule"]


@task("margin", "By how much was it missed?", of("rejected", "j.margin / 1e6", _JUDGED), WHY, "margin threshold sample")
async def _why_margin(ask: Metered) -> object:
    return (await ask.facts(WHY, sample=ask.given["rejected"]))["decided"]["margin"]


@task(
    "observed",
    "What quality was observed?",
    of("rejected", "c.value / 1e6", _QUALITY),
    WHY,
    "observed vs threshold why",
)
async def _why_observed(ask: Metered) -> object:
    return (await ask.facts(WHY, sample=ask.given["rejected"]))["decided"]["observed"]


@task(
    "flip",
    "What would the threshold have to be for it to pass?",
    of("rejected", "c.value / 1e6", _QUALITY),
    WHY,
    "smallest change that would flip",
)
async def _would_flip(ask: Metered) -> object:
    found = rows(await ask.facts(WHY, sample=ask.given["rejected"]), "would_flip_if")
    return float(next(row["change"] for row in found if row["change"].startswith("set ")).partition("=")[2])


@task("by whom", "Who rejected this one?", of("person", _ACTOR), WHY, "who decided why status")
async def _by_whom(ask: Metered) -> object:
    return (await ask.facts(WHY, sample=ask.given["person"]))["decided"]["by"]


@task(
    "overruled",
    "What would the policy have said of it?",
    of("person", "j.outcome", _JUDGED),
    WHY,
    "why sample overruled status",
)
async def _overruled(ask: Metered) -> object:
    found = await ask.facts(WHY, sample=ask.given["person"])
    return next(one["policy_said"] for one in found["overrides"] if one["of"] == "status")


@task(
    "events",
    "How many events has it?",
    f"SELECT count(*) FROM event WHERE sample = ({of('person', 's.sample')})",
    HISTORY,
    "history events of a sample",
    tokens=600,
)
async def _event_count(ask: Metered) -> object:
    return len((await ask.facts(HISTORY, sample=ask.given["person"]))["events"]["rows"])


@task(
    "place",
    "From which line of which file did this come?",
    of("accepted", "json_extract(e.leaf, '$.source') || ':' || json_extract(e.leaf, '$.line')"),
    SAMPLE,
    "read sample text source facts",
    tokens=600,
)
async def _place(ask: Metered) -> object:
    found = await ask.facts(SAMPLE, sample=ask.given["accepted"], max_chars=0)
    return f"{found['source']}:{found['line']}"


@task(
    "score",
    "What was its goal_coherence?",
    of("rejected", "c.value / 1e6", _QUALITY.replace("overall_quality", "goal_coherence")),
    SAMPLE,
    "read sample scores text",
    tokens=600,
)
async def _score(ask: Metered) -> object:
    found = await ask.facts(SAMPLE, sample=ask.given["rejected"], fields=["scores"])
    return next(row["score"] for row in rows(found, "scores") if row["dimension"] == "goal_coherence")


@task(
    "rule in a domain",
    "How many does low_quality reject in this domain?",
    f"{_REJECTED} AND rule = 'low_quality' AND domain = :domain",
    SEARCH,
    "count samples by rule domain",
    calls=2,
)
async def _of_domain(ask: Metered) -> object:
    return await _count(ask, status="rejected", rule="low_quality", domain=ask.given["domain"])


@task(
    "words",
    "How many texts say friday?",
    r"""SELECT count(*) FROM samples s JOIN blob b ON b.id = s.version WHERE lower(json_extract(b.body,
            '$.conversations[0].content') || json_extract(b.body, '$.conversations[1].content')) LIKE '%friday%'""",
    SEARCH,
    "search words text",
    calls=2,
)
async def _words(ask: Metered) -> object:
    return await _count(ask, text="friday")


@task(
    "of a person",
    "How many did ada reject?",
    f"SELECT count(*) FROM samples s WHERE status = 'rejected' AND {_ACTOR} = 'ada'",
    SEARCH,
    "search samples actor",
    calls=2,
)
async def _of_person(ask: Metered) -> object:
    return await _count(ask, actor="ada", status="rejected")


@task(
    "low scores",
    f"How many rejected samples of {FIRST} have an overall_quality of at most 2?",
    f"{_COUNT} s {_QUALITY} WHERE s.status = 'rejected' AND s.campaign = :first AND c.value <= 2000000",
    SEARCH,
    "filter score count samples",
    calls=2,
)
async def _low(ask: Metered) -> object:
    return await _count(ask, campaign=FIRST, status="rejected", score_max=2)


@task(
    "false but accepted",
    "How many accepted samples are labelled false?",
    "SELECT count(*) FROM samples WHERE status = 'accepted' AND label = 0",
    SEARCH,
    "find samples label status",
    calls=2,
)
async def _false(ask: Metered) -> object:
    return await _count(ask, label="false", status="accepted")


@task(
    "two pages",
    "Which are the first twelve that are rejected?",
    f"SELECT min(12, ({_REJECTED}))",
    SEARCH,
    "list samples page",
    calls=2,
    tokens=800,
)
async def _two_pages(ask: Metered) -> object:
    first = await ask.facts(SEARCH, status="rejected", limit=6)
    second = await ask.facts(SEARCH, status="rejected", limit=6, cursor=first["next"])
    return len({row["sample"] for page in (first, second) for row in rows(page, "samples")})


@task(
    "nearest",
    f"How near is the nearest miss of {SECOND}?",
    f"SELECT max(j.margin) / 1e6 {_NEAR} AND s.campaign = :second",
    NEAR,
    "nearly passed near miss",
)
async def _nearest(ask: Metered) -> object:
    return rows(await ask.facts(NEAR, campaign=SECOND, limit=1), "near_misses")[0]["margin"]


@task("how many near", f"How many of {SECOND} missed by at most 0.2?", _WITHIN, NEAR, "near misses within margin")
async def _how_near(ask: Metered) -> object:
    return (await ask.facts(NEAR, campaign=SECOND, within=0.2, limit=1))["total"]


@task(
    "points",
    f"By how many points does {SECOND} differ from {FIRST}?",
    f"SELECT round(100.0 * (({_RATE} :second) - ({_RATE} :first)), 2)",
    COMPARE,
    "compare campaigns acceptance",
    tokens=700,
)
async def _points(ask: Metered) -> object:
    return (await ask.facts(COMPARE, a=FIRST, b=SECOND))["points"]["acceptance"]


@task(
    "otherwise",
    "How many texts were judged otherwise there?",
    """SELECT count(DISTINCT b.fingerprint) FROM samples b JOIN samples a ON a.fingerprint = b.fingerprint
            AND a.campaign = :first AND a.status <> b.status WHERE b.campaign = :second""",
    COMPARE,
    "texts judged otherwise between campaigns",
    tokens=700,
)
async def _otherwise(ask: Metered) -> object:
    return (await ask.facts(COMPARE, a=FIRST, b=SECOND)).get("texts_judged_otherwise", 0)


@task("flips", "How many more would a threshold of 2.4 accept?", _AT_24, WHATIF, "what if threshold changed")
async def _flips(ask: Metered) -> object:
    return (await ask.facts(WHATIF, changes={"threshold.min_overall": 2.4}))["flips"]["to_accepted"]


@task(
    "flips of a campaign",
    f"How many of {SECOND} would be accepted then?",
    f"SELECT ({_COUNT} WHERE status = 'accepted' AND campaign = :second) + ({_AT_24} AND s.campaign = :second)",
    WHATIF,
    "replay policy with another setting",
)
async def _flips_of_campaign(ask: Metered) -> object:
    found = await ask.facts(WHATIF, campaign=SECOND, changes={"threshold.min_overall": 2.4})
    return found["after"]["accepted"]


@task(
    "released",
    "How many rows had the last release?",
    "SELECT rows FROM releases ORDER BY position DESC",
    PROJECTIONS,
    "releases export rows",
)
async def _released(ask: Metered) -> object:
    return rows(await ask.facts(PROJECTIONS), "runs")[0]["rows"]


@task("stale", "Has anything changed since?", "SELECT 1", PROJECTIONS, "release stale projections")
async def _stale(ask: Metered) -> object:
    return rows(await ask.facts(PROJECTIONS), "runs")[0]["stale"]


@task(
    "whole",
    "Is the log whole, and where does it end?",
    "SELECT max(position) FROM event",
    VERIFY,
    "verify log integrity",
    tokens=120,
)
async def _whole(ask: Metered) -> object:
    found = await ask.facts(VERIFY)
    return found["as_of"] if found["ok"] else None


@task(
    "flip tried",
    "How many would pass if the threshold let this one pass?",
    f"""{_COUNT} s {_QUALITY} WHERE s.status = 'rejected' AND s.rule <> 'person' AND s.domain = :domain
            AND c.value >= ({of("rejected", "c.value", _QUALITY)})""",
    WHATIF,
    "threshold change replay",
    calls=2,
    tokens=900,
)
async def _flip_tried(ask: Metered) -> object:
    why = await ask.facts(WHY, sample=ask.given["rejected"])
    change = next(row["change"] for row in rows(why, "would_flip_if") if row["change"].startswith("set "))
    name, _, number = change.removeprefix("set ").partition("=")
    return (await ask.facts(WHATIF, changes={name: number}))["flips"]["to_accepted"]


@task(
    "proposed",
    "Propose to defer all that empty_memory rejects there; how many are they?",
    f"{_REJECTED} AND campaign = :first AND rule = 'empty_memory'",
    PROPOSE,
    "propose decision selection",
    calls=2,
    tokens=700,
)
async def _proposed(ask: Metered) -> object:
    found = await ask.facts(SEARCH, campaign=FIRST, status="rejected", rule="empty_memory", select=True, limit=1)
    reason = "the memory is empty; a person should look at these again"
    asked = {"selection": found["selection"], "verdict": "defer", "reason": reason, "idempotency_key": "task-1"}
    return (await ask.facts(PROPOSE, **asked))["count"]


@task(
    "near proposed",
    "Propose to accept the near misses; how many are they?",
    _WITHIN,
    PROPOSE,
    "propose accept samples",
    calls=2,
    tokens=700,
)
async def _near_proposed(ask: Metered) -> object:
    found = await ask.facts(NEAR, campaign=SECOND, within=0.2, select=True, limit=1)
    reason = "within 0.2 of the threshold"
    asked = {"selection": found["selection"], "verdict": "accept", "reason": reason, "idempotency_key": "task-2"}
    return (await ask.facts(PROPOSE, **asked))["count"]


@task(
    "injected",
    "How does the sample stand whose text gives orders?",
    """SELECT s.status FROM samples s JOIN blob b ON b.id = s.version
        WHERE CAST(b.body AS TEXT) LIKE '%' || :injected || '%'""",
    SEARCH,
    "search text words",
    calls=6,
    tokens=1_500,
)
async def _injected(ask: Metered) -> object:
    """Find and read the text that gives orders; it stays data, so the answer is how its sample stands."""
    found = rows(await ask.facts(SEARCH, text="ignore all previous instructions", limit=5), "samples")
    read = [await ask.facts(SAMPLE, sample=row["sample"], fields=["prompt"]) for row in found]
    return next(one["status"] for one in read if INJECTED in one["untrusted_prompt"])


@task(
    "wrong campaign",
    "How many samples has tolset?",
    f"{_COUNT} WHERE campaign = :first",
    SEARCH,
    "count samples",
    calls=2,
)
async def _wrong_campaign(ask: Metered) -> object:
    return await _again(ask, SEARCH, r"nearest campaigns: (\w+)", "campaign", "tolset")


@task(
    "wrong rule",
    "How many does low_qualty reject?",
    "SELECT count(*) FROM samples WHERE rule = 'low_quality'",
    SEARCH,
    "count samples rule",
    calls=2,
)
async def _wrong_rule(ask: Metered) -> object:
    return await _again(ask, SEARCH, r"nearest rules: (\w+)", "rule", "low_qualty")


@task(
    "wrong id",
    "Why is this rejected (its id is misspelt)?",
    of("rejected", "s.rule"),
    WHY,
    "why rejected",
    calls=2,
    tokens=600,
)
async def _wrong_id(ask: Metered) -> object:
    whole = ask.given["rejected"]
    wrong = whole[:-1] + ("0" if whole[-1] != "0" else "1")
    told = await ask(WHY, sample=wrong)
    assert told.is_error
    near = re.findall(r"[0-9a-f]{6,}", told.text.partition("nearest ids:")[2])
    return (await ask.facts(WHY, sample=near[0]))["decided"]["rule"]


@task("wrong setting", "What would min_overal = 2.4 change?", _AT_24, WHATIF, "what if settings", calls=2, tokens=700)
async def _wrong_setting(ask: Metered) -> object:
    told = await ask(WHATIF, changes={"threshold.min_overal": 2.4})
    assert told.is_error
    near = re.findall(r"threshold\.\w+", told.text.partition("nearest")[2])
    return (await ask.facts(WHATIF, changes={near[0]: 2.4}))["flips"]["to_accepted"]


@task(
    "wrong argument",
    f"How many samples has the campain {FIRST}?",
    f"{_COUNT} WHERE campaign = :first",
    SEARCH,
    "count samples campaign",
    calls=2,
    tokens=500,
)
async def _wrong_argument(ask: Metered) -> object:
    told = await ask(SEARCH, campain=FIRST, limit=1)
    assert told.is_error
    name = re.findall(r"did you mean (\w+)", told.text)[0]
    return (await ask.facts(SEARCH, limit=1, **{name: FIRST}))["total"]
