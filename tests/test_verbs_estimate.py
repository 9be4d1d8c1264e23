"""ledger.verbs.estimate: what a job would cost, held against what the provider bills when it is done."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, ModelUnknown, PriceUnknown, SpecInvalid
from tests.provider.handle import Provider
from tests.provider.jobs import CAMPAIGN, MODEL, SPEC, job

pytest_plugins = ("tests.provider.fixture",)

LONG = SPEC.replace('instructions = "', f'instructions = "{"Keep to what is known of the session. " * 400}')
RUBRIC = "interaction"
Report = dict[str, Any]


def opened(folder: Path, rows: int, spec: str = SPEC) -> tuple[Ledger, dict[str, Any]]:
    """Return an open ledger with samples to be improved, and the options of the job."""
    made = job(folder, rows, spec)
    return Ledger.open(made.ledger), {"spec": made.spec, "campaign": CAMPAIGN, "model": MODEL}


def bounds(found: Report, way: str) -> tuple[Decimal, Decimal]:
    """Return the low and the high bound of a way, in dollars."""
    usd = found["ways"][way]["usd"]
    assert Decimal(usd["low"]) <= Decimal(usd["likely"]) <= Decimal(usd["high"])
    return Decimal(usd["low"]), Decimal(usd["high"])


@pytest.mark.parametrize("spec", [SPEC, LONG], ids=["short", "kept"])
@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize("offline", [False, True])
def test_the_true_cost_lies_between_low_and_high(
    provider: Provider, tmp_path: Path, spec: str, mode: str, *, offline: bool
) -> None:
    """Of a job in either mode, with a front that is kept and without, counted by the provider or told from bytes."""
    ledger, options = opened(tmp_path, 30, spec)
    where: Report = {"base_url": provider.url, "mode": mode}
    with ledger:
        found = ledger.estimate("improve", **options, **where, offline=offline)
        assert (found["samples"], found["planned"], found["reused"]) == (30, 30, 0)
        assert found["prompt_tokens"]["how"] == ("bytes" if offline else "counted")
        kept = spec == LONG
        assert found["way"] == {("live", True): "cached", ("batch", True): "batch_warm"}.get((mode, kept), mode)
        assert provider.stats()["billed"] == 0
        done = ledger.improve(**options, **where)
    assert done["accepted"] == 30
    low, high = bounds(found, found["way"])
    assert low <= provider.usd() <= high
    assert (provider.stats()["tokens"]["read"] > 0) == kept


def test_a_pilot_narrows_it_and_is_part_of_the_job(provider: Provider, tmp_path: Path) -> None:
    """Ten samples are asked about first; the rest costs what is said then, and nothing is paid for twice."""
    ledger, options = opened(tmp_path, 60)
    where: Report = {"base_url": provider.url}
    with ledger:
        before = ledger.estimate("improve", **options, **where)
        after = ledger.estimate("improve", **options, **where, pilot=10)
        assert (after["pilot"]["accepted"], after["reused"], after["samples"]) == (10, 10, 50)
        assert (before["output_tokens"]["how"], after["output_tokens"]["how"]) == ("stated", "seen")
        paid = provider.usd()
        assert Decimal(after["spent_usd"]) == Decimal(after["pilot"]["cost_usd"]) == paid > 0
        done = ledger.improve(**options, **where)
    assert (done["accepted"], done["reused"]) == (50, 10)
    low, high = bounds(after, after["way"])
    assert low <= provider.usd() - paid <= high
    assert high - low < (bounds(before, before["way"])[1] - bounds(before, before["way"])[0]) / 2
    assert provider.stats()["billed"] == 60


def test_a_pilot_is_paid_for_only_when_that_is_agreed(provider: Provider, tmp_path: Path) -> None:
    """Who is to agree sees the estimate without it; a no leaves everything as it was."""
    ledger, options = opened(tmp_path, 5)
    seen: list[Report] = []

    def no(found: Report) -> bool:
        seen.append(found)
        return False

    with ledger:
        head = ledger.status()["head"]
        found = ledger.estimate("improve", **options, base_url=provider.url, pilot=3, agreed=no)
        assert ledger.status()["head"] == head
    assert [one["samples"] for one in seen] == [5]
    assert found["pilot"] is None
    assert provider.stats()["billed"] == 0


def test_a_finished_job_costs_nothing(provider: Provider, tmp_path: Path) -> None:
    """After the job there is nothing left to ask, and what it cost is said."""
    ledger, options = opened(tmp_path, 6)
    with ledger:
        ledger.improve(**options, base_url=provider.url)
        found = ledger.estimate("improve", **options, base_url=provider.url)
    assert (found["planned"], found["reused"], found["samples"]) == (6, 6, 0)
    assert {way["usd"]["high"] for way in found["ways"].values()} == {"0"}
    assert Decimal(found["spent_usd"]) == provider.usd()


def test_a_judge_is_estimated_too(provider: Provider, tmp_path: Path) -> None:
    """The rubric takes the place of the spec, and the true cost lies within the bounds."""
    ledger, options = opened(tmp_path, 12)
    with ledger:
        given: Report = {"campaign": CAMPAIGN, "model": MODEL, "base_url": provider.url}
        found = ledger.estimate("judge", RUBRIC, **given)
        assert (found["purpose"], found["samples"]) == ("judge", 12)
        done = ledger.judge(RUBRIC, **given)
    del options
    assert done["planned"] == 12
    low, high = bounds(found, found["way"])
    assert low <= provider.usd() <= high


def test_without_a_key_bytes_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked, the reason is said, and there are bounds all the same."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("LEDGER_API_KEY", raising=False)
    ledger, options = opened(tmp_path, 3)
    with ledger:
        found = ledger.estimate("improve", **options)
    assert found["prompt_tokens"]["how"] == "bytes"
    assert "ANTHROPIC_API_KEY" in found["not_counted"]
    assert 0 < bounds(found, "live")[0] < bounds(found, "live")[1]


def test_what_the_job_would_refuse_is_refused(provider: Provider, tmp_path: Path) -> None:
    """A model that is not there, one without a price, a job that there is none of, a spec that is none."""
    ledger, options = opened(tmp_path, 3)
    (tmp_path / "bad.toml").write_text("nonsense = 1\n")
    with ledger:
        with pytest.raises(ModelUnknown):
            ledger.estimate("improve", **{**options, "model": "claude-nothing"}, base_url=provider.url)
        with pytest.raises(PriceUnknown):
            ledger.estimate("improve", **{**options, "model": "nobody-knows-this"}, offline=True)
        with pytest.raises(BadRequest, match="no job"):
            ledger.estimate("destroy", **options)
        with pytest.raises(SpecInvalid):
            ledger.estimate("improve", **{**options, "spec": tmp_path / "bad.toml"})
    assert provider.stats()["billed"] == 0


def test_a_memory_makes_batches_wait_for_one_another(provider: Provider, tmp_path: Path) -> None:
    """What is asked depends on what was accepted so many samples before: the time is that of so many batches."""
    spec = SPEC + "\n[memory]\nlag = 10\nstep = 5\n"
    ledger, options = opened(tmp_path, 30, spec)
    with ledger:
        found = ledger.estimate("improve", **options, base_url=provider.url)
        done = ledger.improve(**options, base_url=provider.url, mode="batch")
        batches = [one for one in ledger.log(limit=10**6) if one["kind"] == "batch_submitted"]
    assert done["accepted"] == 30
    assert found["batch_rounds"] == 2 == len(batches)
    assert found["ways"]["batch"]["seconds"]["likely"] == 2 * 3_600


def test_what_a_provider_did_not_keep_is_not_counted_on(provider: Provider, tmp_path: Path) -> None:
    """After a pilot of which nothing was read from a cache, prompts count in full, and that is what the job costs."""
    provider.config(cache=False)
    ledger, options = opened(tmp_path, 60, LONG)
    where: Report = {"base_url": provider.url}
    with ledger:
        before = ledger.estimate("improve", **options, **where)
        after = ledger.estimate("improve", **options, **where, pilot=20)
        paid = provider.usd()
        assert (before["way"], after["way"], after["kept_tokens"]["each"]) == ("cached", "live", 0)
        ledger.improve(**options, **where)
    low, high = bounds(after, "live")
    assert low <= provider.usd() - paid <= high
    assert high < low * 2


def test_nothing_is_estimated_from_within_a_loop(tmp_path: Path) -> None:
    """Where a loop runs in the thread already, that is said."""
    ledger, options = opened(tmp_path, 2)

    async def within() -> None:
        with pytest.raises(BadRequest, match="event loop"):
            ledger.estimate("improve", **options)

    with ledger:
        asyncio.run(within())
