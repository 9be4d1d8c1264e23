"""Proofs that leave the ledger, and the keys that sign them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ledger.door.opened import Answer, Opened
from ledger.verbs import prove, verify_proof
from ledger.verbs.prove_trained import prove_trained


class Proofs(Opened):
    """Proofs that leave the ledger, and the keys that sign them.

    `key` is the file of a private key, with which the head is signed; `out` a file to write besides. All that prove
    raise BadRequest, NoSuchPosition, KeyUnreadable, NotWritable, DestinationExists, and CorruptLedger rather than give
    out a proof that does not hold.
    """

    def prove(
        self,
        ids: str | Sequence[str],
        *,
        as_of: str | int | None = None,
        key: str | Path | None = None,
        out: str | Path | None = None,
    ) -> Answer:
        """Show that every event of samples, and single events (`@POSITION`), are in the log; the file is `text`.

        Raises NoSuchId, AmbiguousId.
        """
        texts = [ids] if isinstance(ids, str) else ids
        return prove.prove(self._store, texts, as_of, key, out)

    def prove_consistency(
        self,
        first: str | int,
        second: str | int | None = None,
        *,
        key: str | Path | None = None,
        out: str | Path | None = None,
    ) -> Answer:
        """Show that the log up to one position or time is the unchanged beginning of that up to another, or of now."""
        return prove.prove_consistency(self._store, first, second, key, out)

    def prove_trained(
        self,
        run: str | Path,
        sample: str,
        *,
        key: str | Path | None = None,
        out: str | Path | None = None,
    ) -> Answer:
        """Show whether and how a sample was in what a run trained on; the list of its rows is written beside `out`.

        `run` is the folder of a run, or names the event of a training. Raises NoSuchId, AmbiguousId, BadRequest.
        """
        return prove_trained(self._store, str(run), sample, key, out)

    def checkpoint(
        self, *, as_of: str | int | None = None, key: str | Path | None = None, out: str | Path | None = None
    ) -> Answer:
        """Return the head as a checkpoint, to be kept where nobody who can change the ledger can change it."""
        return prove.prove_head(self._store, as_of, key, out)

    @staticmethod
    def verify_proof(file: str | Path, *, head: str | Path | None = None, key: str | Path | None = None) -> Answer:
        """Return what a proof shows, against a trusted head or the public key of a signer; needs no ledger.

        `head` is a checkpoint, a manifest or a witness file, a root, or `POSITION:ROOT`; `key` a public key or its
        file. Raises ProofInvalid, ProofUnreadable, KeyUnreadable, InputNotFound.
        """
        return verify_proof.verify_proof(Path(file), head, key)

    @staticmethod
    def make_keys(file: str | Path, name: str | None = None) -> Answer:
        """Make a key that signs: the private half in `file`, the public one in `file`.pub; needs no ledger.

        Raises DestinationExists, BadRequest, NotWritable.
        """
        return prove.make_keys(Path(file), name)
