"""Candidates for tests of the planners: made from numbers alone, so they are the same everywhere and always."""

from __future__ import annotations

from typing import Any

from blake3 import blake3

from ledger.exporters.eligibility import Candidate

STATUSES = ("accepted", "rejected", "pending", "deferred", "errored", "superseded", "erased")


def digest(*parts: object) -> bytes:
    """Return 32 bytes that stand for `parts`."""
    return blake3(repr(parts).encode()).digest()


def row(number: int, family: object, *, label: bool | None, **facts: Any) -> Candidate:  # noqa: ANN401 - any field
    """Return an accepted candidate with a blob and a fingerprint of its own, except for the given facts."""
    usual: dict[str, Any] = {
        "sample": number,
        "sample_id": digest("sample", number),
        "blob": digest("blob", number),
        "fingerprint": digest("fingerprint", number),
        "family": digest("family", family),
        "status": "accepted",
        "split": None,
        "crosses": False,
        "label": label,
        "representable": True,
    }
    return Candidate(**{**usual, **facts})


def collection(count: int, seed: object, texts: int, families: int, parts_true: int = 3) -> list[Candidate]:
    """Return samples of `texts` texts in `families` families, in every state; about parts_true of 8 are true."""
    made = []
    for number in range(count):
        byte = digest(seed, number)
        text = int.from_bytes(byte[:4], "big") % texts
        label = digest(seed, "label", text)[0] % 8 < parts_true if byte[4] % 16 else byte[5] % 2 == 0
        made.append(
            row(
                number,
                text % families,
                label=None if byte[6] % 16 == 0 else label,
                fingerprint=digest("text", text),
                blob=digest("bytes", text, byte[7] % 3),
                status=STATUSES[byte[8] % 7] if byte[9] % 4 == 0 else "accepted",
                split=("train", "train", "train", "train", "val", "test", None, "train")[byte[10] % 8],
                crosses=byte[11] % 32 == 0,
                representable=byte[12] % 16 != 0,
            )
        )
    return made


def told(rows: object, omitted: dict[str, list[int]]) -> str:
    """Return a short digest of a plan's rows and omissions, the reasons in the order of their names."""
    return digest(rows, sorted((reason, handles) for reason, handles in omitted.items() if handles)).hex()[:16]
