"""Releases: what was released, its manifest and composition, and what differs between two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from ledger import Ledger
from review_page.site import Facts, View
from review_page.words import maybe, whole

SHOWN = 50


def listed(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return a page of releases, the newest first."""
    view, before = state.get("view") or None, maybe(state, "before")
    return ledger.releases(view, before=before, limit=SHOWN, as_of=state.get("as_of"))


def one(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return one release with its manifest."""
    return ledger.release(whole(state, "position"), as_of=state.get("as_of"))


def difference(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return which samples differ between two releases, and how."""
    a, b = (ledger.release(whole(state, name), as_of=state.get("as_of")) for name in ("a", "b"))
    only, offset = state.get("only") or None, whole(state, "offset")
    with TemporaryDirectory(prefix="ledger-") as folder:
        first, second = (written(Path(folder), ledger, side["position"]) for side in (a, b))
        found = ledger.diff(first, second, only=only, limit=SHOWN, offset=offset)
    following = offset + SHOWN if found["left"] else None
    for side, release in (("a", a), ("b", b)):
        found[side]["name"] = release["name"]
    return {"difference": found, "first": a["position"], "second": b["position"], "following": following}


def written(folder: Path, ledger: Ledger, position: int) -> Path:
    """Write the manifest of a release to a file, for what takes a file."""
    path = folder / f"{position}.manifest.json"
    path.write_bytes(ledger.release_manifest(position))
    return path


_SIDES = frozenset({"a", "b", "only", "offset"})
VIEWS = (
    View("/releases", "releases.html", "Releases", listed, "Releases", takes=frozenset({"view", "before"})),
    View("/releases/diff", "release-diff.html", "Two releases", difference, slow=True, takes=_SIDES),
    View("/release/{position}", "release.html", "Release", one),
)
