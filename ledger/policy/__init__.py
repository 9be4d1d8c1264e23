"""Policies: conditions and TOML read, checked, changed, written, and applied to what is known of one sample.

Pure functions over the values of `ledger.rule`; nothing here knows the store. Applying a policy to every sample at
once is the views' work; `judge` says the same of one sample, and why.
"""

from __future__ import annotations

from ledger.policy.changes import changed, differences, settings
from ledger.policy.explain import Judge, judge
from ledger.policy.expression import parse_condition
from ledger.policy.flip import flip
from ledger.policy.shipping import shipped
from ledger.policy.toml import parse_policy, to_toml
from ledger.policy.verdict import FAR, UNSET, Compared, Facts, Failed, Lacking, Unset, Verdict, combined

__all__ = [
    "FAR",
    "UNSET",
    "Compared",
    "Facts",
    "Failed",
    "Judge",
    "Lacking",
    "Unset",
    "Verdict",
    "changed",
    "combined",
    "differences",
    "flip",
    "judge",
    "parse_condition",
    "parse_policy",
    "settings",
    "shipped",
    "to_toml",
]
