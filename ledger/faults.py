"""What can be wrong with a ledger file: every fault that `verify` finds, under a name that does not change."""

from __future__ import annotations

from typing import NamedTuple

ERROR, WARNING = "error", "warning"
FINDINGS: dict[str, tuple[str, str]] = {
    "sqlite_damaged": (ERROR, "SQLite finds the file damaged"),
    "schema_changed": (ERROR, "a table, an index or a guard of the log is not as it was made"),
    "position_gap": (ERROR, "positions do not follow one another"),
    "leaf_damaged": (ERROR, "an event's bytes are not a leaf in canonical form"),
    "op_mismatch": (ERROR, "an event's op is not that of what it says"),
    "column_mismatch": (ERROR, "an event's columns are not those of its leaf"),
    "reference_missing": (ERROR, "an event names another that is not in the log before it"),
    "meta_changed": (ERROR, "what the file says of itself is not what the log says"),
    "blob_unnamed": (ERROR, "a blob is stored that no event brought"),
    "blob_missing": (ERROR, "an event names a blob that is not stored"),
    "blob_mismatch": (ERROR, "a blob's bytes do not have its address or size"),
    "blob_erased_without_event": (ERROR, "a blob's bytes are gone, but no event says so"),
    "erased_bytes_present": (ERROR, "a blob was erased, but its bytes are there"),
    "blob_unread": (WARNING, "packed blobs were not checked: what unpacks them is not installed"),
    "tile_mismatch": (ERROR, "a tile of the tree is not the one over the events"),
    "head_mismatch": (ERROR, "a head is not the one over the events up to it"),
    "head_missing": (ERROR, "the last events have no head"),
    "events_missing": (ERROR, "a head stands beyond the last event"),
    "view_drift": (ERROR, "a view is not the fold of the log"),
    "views_stale": (WARNING, "the views were made by another version of this program"),
    "event_unknown": (WARNING, "this version does not know some kinds of events, so it cannot check the views"),
    "rolled_back": (ERROR, "this computer has seen the ledger further on"),
    "rewritten": (ERROR, "this computer has seen other events at these positions"),
}
"""Every finding: its severity and what it means."""


class Finding(NamedTuple):
    """One fault: its name, how bad it is, a sentence and the position it is about, if any."""

    id: str
    severity: str
    message: str
    position: int | None
