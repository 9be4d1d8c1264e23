"""Push: send a release to a dataset repository, after comparing every file with what its manifest says."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from blake3 import blake3

from ledger.digest import show
from ledger.errors import ManifestUnreadable, PushFailed
from ledger.exporters import hub
from ledger.exporters.manifest import SUFFIX, Manifest
from ledger.verbs.rebuild import manifest_bytes

_BLOCK = 1 << 20


def push_release(source: Path, repo: str, *, endpoint: str | None = None, private: bool = True) -> dict[str, Any]:
    """Push the file of a manifest, what stands beside it by its `beside`, and the manifest, as one commit.

    Nothing is sent unless every file is there with the bytes that the manifest names; and what was compared is what is
    sent, whoever writes meanwhile. Returns repo, commit and the names pushed. Raises ManifestUnreadable, BadRequest,
    PushFailed.
    """
    hub.checked_repo(repo)
    data, manifest = manifest_bytes(source)
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {}
        for name, digest, size in _named(source, manifest):
            file = stack.enter_context(_opened(source.with_name(name), repo))
            _compare(file, name, repo, digest, size)
            files[name] = file
        files[files_name(manifest)] = BytesIO(data)
        commit = hub.push(files, repo, token=None, endpoint=endpoint, private=private, message=_message(manifest))
    return {"repo": repo, "commit": commit, "files": list(files)}


def files_name(manifest: Manifest) -> str:
    """Return the name under which a manifest is pushed: that of its file, whatever it is called here."""
    return str(manifest.value["output"]["name"]) + SUFFIX


def _named(source: Path, manifest: Manifest) -> list[tuple[str, str, int | None]]:
    """Return name, digest and size of each file that a manifest names; raise ManifestUnreadable.

    A release may have a name that is not pushed: with a dot in front it could be read as a setting of the repository,
    with a backslash it is a path on some machines.
    """
    found = [manifest.value["output"], *manifest.value.get("beside", [])]
    for name in (one["name"] for one in found):
        if name.startswith(".") or "\\" in name:
            raise ManifestUnreadable(source, f"a file of the name {name[:80]!r} is not pushed")
    return [(one["name"], one["blake3"], one.get("bytes")) for one in found]


def _opened(path: Path, repo: str) -> BinaryIO:
    """Return a plain file, open; raise PushFailed. A pipe in its place must not make anybody wait."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise PushFailed(path.name, repo, f"it cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise PushFailed(path.name, repo, "it is not a plain file")
    return os.fdopen(number, "rb")


def _compare(file: BinaryIO, name: str, repo: str, digest: str, size: int | None) -> None:
    """Raise PushFailed unless a file has the bytes that its manifest names."""
    hasher, read = blake3(), 0
    while block := file.read(_BLOCK):
        hasher.update(block)
        read += len(block)
    file.seek(0)
    if show(hasher.digest()) != digest or size not in {None, read}:
        raise PushFailed(name, repo, "it is not the file that the manifest names; `ledger rebuild` makes that one")


def _message(manifest: Manifest) -> str:
    """Return what the commit says: which view, how many rows, which head."""
    value = manifest.value
    view = "".join(filter(str.isprintable, value["view"])).encode("ascii", "backslashreplace").decode()
    return f"{view[:100]}: {value['rows']} rows, ledger head {manifest.position} {show(manifest.root)[:15]}"
