"""What tests of checks share: plans made of any rows, splits assigned by hand, gates looked up by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ledger import Ledger
from ledger.event import draft
from ledger.exporters.gates import Gates, parse_gates
from ledger.exporters.view_spec import BUILT_IN, ViewSpec
from ledger.verbs.check import Checked, check_plan, find_gates
from ledger.verbs.moment import reading
from ledger.views.planned import Rows
from tests.judged import append
from tests.logs import store_of

EVERYTHING = replace(BUILT_IN["kto"], name="everything", split=None, duplicates="keep", conflicts="keep")
"""A view that keeps duplicates and conflicts, of all splits."""


def check_rows(
    ledger: Ledger,
    rows: Rows,
    gates: str | None = None,
    *,
    spec: ViewSpec = EVERYTHING,
    batch_size: int = 4,
    omitted: Mapping[str, int] | None = None,
    measured: bool = False,
) -> Checked:
    """Check a plan with these rows (handles) against gates in TOML, or against the shipped ones."""
    wanted: Gates = find_gates(None) if gates is None else parse_gates(gates, "gates.toml")
    with reading(store_of(ledger)) as (here, _):
        return check_plan(here, spec, rows, omitted or {}, wanted, batch_size=batch_size, measured=measured)


def handles(ledger: Ledger, ids: Sequence[str]) -> list[int]:
    """Return the handles of samples."""
    return [int(ledger.show(one)["origin"]["position"]) for one in ids]


def assign(ledger: Ledger, splits: Mapping[str, str]) -> None:
    """Assign samples to splits as no rule of ours would: by hand, family or not."""
    where = dict(zip(splits, handles(ledger, list(splits)), strict=True))
    made = []
    for sample, split in splits.items():
        fields: dict[str, Any] = {"after": None, "family": "00" * 32, "ratio": "", "sample": sample}
        made.append(draft("split_assigned", where[sample], None, {**fields, "seed": "", "split": split}))
    append(ledger, made)


def gate(check: str, **keys: int | str) -> str:
    """Return one gate as TOML; of severity error unless another is given."""
    given = {"check": check, "severity": "error", **keys}
    return "[[gate]]\n" + "".join(
        f"{key} = {value}\n" if isinstance(value, int) else f'{key} = "{value}"\n' for key, value in given.items()
    )


def result(checked: Checked, name: str) -> dict[str, Any]:
    """Return the result of the gate of that name."""
    (found,) = (one for one in checked.gates if one["name"] == name)
    return found
