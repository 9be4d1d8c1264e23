"""The manifest beside an export: what it was made from, how, and what was left out, so that it can be made again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from ledger.digest import PREFIX, parse, show

VERSION = 1
SUFFIX = ".manifest.json"
_REQUIRED = ("considered", "head", "ledger", "omitted", "output", "params", "plan", "rows", "type", "used", "view")


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
    """Return the manifest in `data`; raise BadManifest, also for one of a newer version."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        message = "it is not JSON"
        raise BadManifest(message) from error
    if not isinstance(value, dict) or "manifest" not in value:
        message = "it has no field `manifest`"
        raise BadManifest(message)
    if value["manifest"] != VERSION:
        message = f"its version is {value['manifest']!r}; this program reads {VERSION}"
        raise BadManifest(message)
    if missing := [key for key in _REQUIRED if key not in value]:
        message = f"it lacks {', '.join(missing)}"
        raise BadManifest(message)
    _check_parts(value)
    return Manifest(value)


def _check_parts(value: dict[str, Any]) -> None:
    head, output = value["head"], value["output"]
    good = isinstance(head, dict) and isinstance(output, dict) and isinstance(value["params"], dict)
    good = good and isinstance(head.get("position"), int) and isinstance(output.get("name"), str)
    if not good:
        message = "its head, output or params are not as they should be"
        raise BadManifest(message)
    for digest in (head.get("root"), output.get("blake3")):
        try:
            parse(str(digest))
        except ValueError as error:
            message = f"{digest!r} is not a digest ({PREFIX} and 64 hexadecimal characters)"
            raise BadManifest(message) from error


def head_json(position: int, root: bytes) -> dict[str, Any]:
    """Return a head as it stands in every JSON answer."""
    return {"position": position, "root": show(root)}
