"""A release as it was frozen: its manifest, the event that recorded it, and its file, whose bytes are compared."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ledger.digest import blake3_bytes, show
from ledger.errors import ForeignManifest, ReleaseUnfit
from ledger.exporters.manifest import Manifest
from ledger.store import Store
from ledger.trainers.contract import Rows
from ledger.verbs.files import digest_of_file
from ledger.verbs.rebuild import manifest_bytes
from ledger.views import descent, releases


class Frozen(NamedTuple):
    """A release that was found good: its event's place and op in hex, its manifest, and the rows."""

    position: int
    op: str
    manifest: Manifest
    rows: Rows


class Unfit(NamedTuple):
    """Why a release that stands as it was frozen cannot be trained on, and what to do about it."""

    says: str
    mend: str


def erased_since(store: Store, release: Frozen) -> Unfit | None:
    """Return that samples were erased since whose text a release still holds, where that is so."""
    samples, first = descent.erased_from(store.connection, release.position, release.manifest.position)
    if not samples:
        return None
    whose = "a sample that was" if samples == 1 else f"{samples:,} samples that were"
    says = f"it holds the text of {whose} erased since (row {first + 1:,}{' and others' if samples > 1 else ''})"
    return Unfit(says, "Make the release again with `ledger project`, which leaves out what was erased")


def find_release(store: Store, path: Path) -> Frozen:
    """Return the release that a manifest names, its file compared with it.

    Raises ManifestUnreadable, ForeignManifest for one that this ledger did not record, ReleaseUnfit for other bytes.
    """
    data, manifest = manifest_bytes(path)
    recorded = releases.by_manifest(store.connection, blake3_bytes(data))
    if recorded is None:
        raise ForeignManifest("no release of this ledger has this manifest")
    file = path.with_name(manifest.value["output"]["name"])
    try:
        digest = digest_of_file(file)
    except FileNotFoundError as error:
        raise ReleaseUnfit(file, "it is not there") from error
    except OSError as error:
        raise ReleaseUnfit(file, error.strerror or "it cannot be read") from error
    if digest != manifest.output:
        raise ReleaseUnfit(
            file, f"its bytes are {show(digest)[:15]}, and its manifest names {show(manifest.output)[:15]}"
        )
    labels = manifest.value["labels"]
    both = (labels.get("true", 0), labels.get("false", 0))
    container = str(manifest.value["params"].get("container", "jsonl"))
    rows = Rows(file, digest.hex(), container, manifest.value["rows"], both, data, manifest.value["output"]["name"])
    return Frozen(recorded[0], recorded[1].hex(), manifest, rows)
