"""What was said about one sample's status and label: by whom, on whose authority, and whether it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ledger.digest import show as shown
from ledger.reports.history import leaf_of, time_text
from ledger.store import Store
from ledger.views import decisions, labels, policies, samples


class Said(NamedTuple):
    """One decision or relabeling; `current` says whether it is about the version that stands."""

    position: int
    op: bytes
    authority: str
    current: bool
    withdrawn: bool
    leaf: dict[str, Any]

    @property
    def value(self) -> Any:  # noqa: ANN401 - a status, or a label
        """Return what it says: an outcome, or a label."""
        return self.leaf["label"] if self.leaf["kind"] == "relabeled" else self.leaf["kind"]


class Statements(NamedTuple):
    """All that was said about one sample, oldest first, and the policies that were ever adopted."""

    status: list[Said]
    label: list[Said]
    adoptions: list[policies.Adoption]

    def in_force(self, row: samples.Row) -> tuple[Said | None, Said | None]:
        """Return the decision and the relabeling that stand; None where nobody decided, where the label is given."""
        status = next((said for said in self.status if said.position == row.decision), None)
        label = next((said for said in self.label if said.position == row.label_event), None)
        return status, label

    def by_policy(self) -> tuple[Said | None, Said | None]:
        """Return a policy's last decision and last relabeling that apply, whether or not a person's stand over them."""
        status = [said for said in self.status if said.authority == "policy" and said.current and not said.withdrawn]
        label = [said for said in self.label if said.authority == "policy" and not said.withdrawn]
        return (status[-1] if status else None), (label[-1] if label else None)

    def adoption(self, digest: str | None) -> policies.Adoption | None:
        """Return the last adoption of a policy by its digest in hex."""
        return next((each for each in reversed(self.adoptions) if each.digest.hex() == digest), None)


def statements(store: Store, row: samples.Row) -> Statements:
    """Read all that was said about a sample."""
    told = decisions.of_sample(store.connection, row.sample)
    decided = [
        Said(d.position, d.op, d.authority, d.version == row.hash, d.withdrawn is not None, leaf_of(store, d.leaf))
        for d in told
    ]
    return Statements(decided, _relabelings(store, row), policies.everything(store.connection))


def statement(said: Said, known: Statements, standing: Sequence[Said | None]) -> dict[str, Any]:
    """Return one decision or relabeling as JSON; `standing` are those in force."""
    leaf = said.leaf
    adoption = known.adoption(leaf["policy"])
    return {
        "event": said.op.hex(),
        "position": said.position,
        ("label" if leaf["kind"] == "relabeled" else "outcome"): said.value,
        "authority": said.authority,
        "actor": leaf["actor"],
        "via": leaf["via"],
        "time": time_text(leaf["at"]),
        "rule": leaf["rule"],
        "reason": leaf["reason"],
        "details": leaf["details"],
        "policy": None if leaf["policy"] is None else f"b3:{leaf['policy']}",
        "policy_name": None if adoption is None else adoption.name,
        "version": f"b3:{leaf['version']}",
        "in_force": said in standing,
        "withdrawn": said.withdrawn,
    }


def policy_json(adoption: policies.Adoption) -> dict[str, Any]:
    """Return which policy an adoption put in force, and where."""
    return {
        "policy": shown(adoption.digest),
        "policy_name": adoption.name,
        "adopted": adoption.position,
        "campaign": adoption.campaign,
    }


def _relabelings(store: Store, row: samples.Row) -> list[Said]:
    given = labels.history(store.connection, [row.sample]).get(row.sample, [])
    found = [(each, store.event(each.position)) for each in given]
    return [
        Said(
            each.position,
            event[0],
            each.authority,
            each.version == row.version,
            each.withdrawn is not None,
            leaf_of(store, event[1]),
        )
        for each, event in found
        if event is not None
    ]
