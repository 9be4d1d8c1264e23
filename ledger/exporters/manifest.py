"""The manifest beside an export: what it was made from, how, and what was left out, so that it can be made again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from ledger.digest import LARGEST_INT, PREFIX, blake3_bytes, parse, show

VERSION = 2
READABLE = (1, 2)
"""Versions that this program reads. In the first a row was a sample: there were no weights, gates or companions."""
SUFFIX = ".manifest.json"

_TEXTS = ("ledger", "plan", "type", "view")
_COUNTS = ("considered", "rows", "used")
_DIGEST = re.compile(rf"{PREFIX}[0-9a-f]{{64}}")
_OBJECTS = ("head", "labels", "omitted", "output", "params")

PolicyJson: TypeAlias = str | list[dict[str, str | None]] | None


class BadManifest(ValueError):  # noqa: N818 - turned into a LedgerError by the verb that read the file
    """Bytes that are not a manifest; the message says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest, as its JSON; see docs/formats.md for every key."""

    value: dict[str, Any]

    @property
    def position(self) -> int:
        """Return the position of the head that the export was made from."""
        return int(self.value["head"]["position"])

    @property
    def root(self) -> bytes:
        """Return the root at that head."""
        return parse(self.value["head"]["root"])

    @property
    def output(self) -> bytes:
        """Return the BLAKE3 of the exported bytes."""
        return parse(self.value["output"]["blake3"])

    def to_bytes(self) -> bytes:
        """Return the file's bytes: indented, keys sorted, the same on every machine."""
        return orjson.dumps(self.value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest in `data`; raise BadManifest, also for one of a newer version.

    What it says is checked for its types and for adding up; whether it is true, only `rebuild` can tell.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        message = "it is not JSON"
        raise BadManifest(message) from error
    if not isinstance(value, dict) or "manifest" not in value:
        message = "it has no field `manifest`"
        raise BadManifest(message)
    if not _is_count(value["manifest"]) or value["manifest"] not in READABLE:
        message = f"its version is {value['manifest']!r}; this program reads up to {VERSION}"
        raise BadManifest(message)
    required = {*_TEXTS, *_COUNTS, *_OBJECTS}
    if missing := sorted(required - value.keys()):
        message = f"it lacks {', '.join(missing)}"
        raise BadManifest(message)
    wrong = [key for key in _TEXTS if not isinstance(value[key], str)]
    wrong += [key for key in _COUNTS if not _is_count(value[key])]
    wrong += [key for key in _OBJECTS if not isinstance(value[key], dict)]
    _refuse(wrong)
    _check_head(value["head"])
    _check_output(value["output"])
    _check_beside(value["output"]["name"], value.get("beside", []))
    _check_sum(value)
    return Manifest(value)


def file_json(name: str, body: bytes) -> dict[str, Any]:
    """Return how a manifest names a file beside the rows."""
    return {"blake3": show(blake3_bytes(body)), "bytes": len(body), "name": name}


def head_json(position: int, root: bytes) -> dict[str, Any]:
    """Return a head as it stands in every JSON answer."""
    return {"position": position, "root": show(root)}


def policy_json(in_force: Iterable[tuple[str | None, bytes]]) -> PolicyJson:
    """Return what a manifest says of the policies in force, given as (campaign, None for all; digest).

    None is null and one is its digest; several are listed, that for all campaigns first, then by campaign.
    """
    listed = sorted(in_force, key=lambda one: (one[0] is not None, one[0] or ""))
    if len(listed) > 1:
        return [{"campaign": campaign, "digest": show(digest)} for campaign, digest in listed]
    return show(listed[0][1]) if listed else None


def _check_head(head: dict[str, Any]) -> None:
    _refuse([] if _is_count(head.get("position")) else ["head.position"])
    _check_digest(head.get("root"))


def _check_output(output: dict[str, Any]) -> None:
    name = output.get("name")
    # It names a file beside the manifest, never one elsewhere, whoever wrote the manifest.
    good = isinstance(name, str) and name not in {"", ".", ".."} and not {"/", "\0"} & set(name)
    _refuse([] if good else ["output.name"])
    _refuse([] if output.get("bytes") is None or _is_count(output["bytes"]) else ["output.bytes"])
    _check_digest(output.get("blake3"))


def _check_beside(rows: str, beside: object) -> None:
    if not isinstance(beside, list) or not all(isinstance(one, dict) for one in beside):
        message = "beside: not of the kind that stands there"
        raise BadManifest(message)
    taken = {rows, rows + SUFFIX}
    for one in beside:
        _check_output(one)
        if one["name"] in taken:
            message = f"it names {one['name'][:80]!r} twice"
            raise BadManifest(message)
        taken.add(one["name"])


def _check_sum(value: dict[str, Any]) -> None:
    omitted = value["omitted"]
    _refuse([f"omitted.{reason}" for reason, count in omitted.items() if not _is_count(count)])
    if value["considered"] != value["used"] + sum(omitted.values()):
        message = "its counts do not add up: considered = used + what was omitted"
        raise BadManifest(message)
    if value["manifest"] == 1 and value["rows"] != value["used"]:
        message = "its counts do not add up: a row for each sample that is used"
        raise BadManifest(message)


def _check_digest(digest: object) -> None:
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        message = f"{str(digest)[:80]!r} is not a digest ({PREFIX} and 64 hexadecimal characters)"
        raise BadManifest(message)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_INT


def _refuse(wrong: list[str]) -> None:
    if wrong:
        message = f"{', '.join(wrong)}: not of the kind that stands there"
        raise BadManifest(message)
