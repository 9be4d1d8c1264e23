"""Checking a view against its gates before it is released."""

from __future__ import annotations

from pathlib import Path

from ledger.door.opened import Answer, Opened
from ledger.exporters.gates import shipped_gates
from ledger.verbs.asked import ProjectParams
from ledger.verbs.check import check, find_gates
from ledger.verbs.requests import Request


class Checks(Opened):
    """Checking a view against its gates before it is released."""

    def check(  # noqa: PLR0913 - one argument for each option
        self,
        view: str,
        *,
        gates: str | Path | None = None,
        batch_size: int = 4,
        world_size: int = 1,
        ratio: str = "keep",
        seed: str = "0",
        form: str = "auto",
        type: str | None = None,  # noqa: A002 - TRL's word
        max_length: int | None = None,
        tokenizer: str | Path | None = None,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return what a view's rows are made of, whether they keep the gates, and what changed since the last release.

        `gates` is a TOML file; without one the shipped gates apply. `omitted` counts what was left out, by the reason;
        that and `used` are the samples `considered`. The rest is as `project` takes it. Nothing is written. Raises
        GatesInvalid, InputNotFound, BadRequest, PlanImpossible.
        """
        params = ProjectParams(batch_size, world_size, ratio, seed, form, type, max_length=max_length)
        request = Request(view, params, None if tokenizer is None else Path(tokenizer))
        return check(self._store, request, find_gates(gates), as_of)

    @staticmethod
    def shipped_gates() -> str:
        """Return the gates that apply where no others are given, as TOML. Needs no ledger."""
        return shipped_gates()
