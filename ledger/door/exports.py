"""Splits, exports, and making exports again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ledger.door.opened import Answer, Opened, Progress, of
from ledger.errors import BadRequest
from ledger.exporters.card import About
from ledger.exporters.eligibility import OMISSIONS
from ledger.verbs import split, split_params, verify_export
from ledger.verbs.asked import ProjectParams
from ledger.verbs.check import find_gates
from ledger.verbs.moment import reading
from ledger.verbs.project import project
from ledger.verbs.rebuild import rebuild
from ledger.verbs.requests import Request
from ledger.verbs.words import whole_number
from ledger.verbs.writing import How
from ledger.views import releases


class Exports(Opened):
    """Splits, exports, and making exports again."""

    def split(
        self,
        ratio: str = "90/5/5",
        *,
        seed: str = "0",
        stratify: Sequence[str] = (),
        floors: Sequence[str] = (),
        pins: Sequence[str] = (),
        resolve: str | None = None,
        dry_run: bool = False,
        expected_head: int | None = None,
    ) -> Answer:
        """Assign every sample without a split to train, val or test, family by family; nothing assigned moves.

        `stratify` takes domain, label, campaign, source and tag:NAME, `floors` texts such as `train:perfect=5%`,
        `pins` texts such as `ID=train`; `resolve` (held-out, train, val, test, largest) puts families that were merged
        across splits into one. Raises FloorNotMet; then nothing is recorded.
        """
        asked = split_params.asked_for(ratio, seed, stratify, floors, pins, resolve)
        return split.split(self._store, asked, self._who, expected_head, dry_run=dry_run)._asdict()

    def project(  # noqa: PLR0913 - one argument for each option
        self,
        view: str,
        out: str | Path,
        *,
        batch_size: int = 4,
        world_size: int = 1,
        ratio: str = "keep",
        seed: str = "0",
        form: str = "auto",
        type: str | None = None,  # noqa: A002 - TRL's word
        dialect: str = "trl",
        tool_args: str = "object",
        container: str = "jsonl",
        max_length: int | None = None,
        tokenizer: str | Path | None = None,
        omit_unrepresentable: bool = False,
        gates: str | Path | None = None,
        no_gates: bool = False,
        card: bool = False,
        license: str | None = None,  # noqa: A002 - the Hub's word
        workers: int = 1,
        overwrite: bool = False,
        new: bool = False,
        as_of: str | int | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Write a view to a file with its manifest beside it, record the release, and return the manifest.

        `view` is a name or the file of a view; `gates` a file of gates, else the shipped ones. `workers` is how many
        processes make rows; it changes no byte. What stands in the place is replaced only where it is an export of
        this ledger, or with `overwrite`; with `new` nothing is, also where two exports run at the same time. Raises
        PlanImpossible, GatesFailed, NotRepresentable, NotWritable, DiskFull; then nothing is written and nothing
        recorded.
        """
        params = ProjectParams(
            batch_size, world_size, ratio, seed, form, type, dialect, tool_args, container, max_length,
            omit_unrepresentable=omit_unrepresentable,
        )  # fmt: skip
        request = Request(view, params, None if tokenizer is None else Path(tokenizer))
        about = About(Path(out).name, license) if card or license or container == "datasets" else None
        workers = whole_number("The number of workers", workers, 1, 64)
        if new and overwrite:
            raise BadRequest("A new file replaces nothing: give one of new and overwrite")
        how = How(None if no_gates else find_gates(gates), workers, about, overwrite=overwrite, new=new)
        made, _ = project(self._store, request, Path(out), self._who, as_of, how, of("rows", progress))
        return made.value

    def rebuild(
        self,
        manifest: str | Path,
        out: str | Path | None = None,
        *,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> Answer:
        """Make the file of a manifest again from the log, byte for byte.

        Raises ManifestUnreadable, ForeignManifest, NotReproduced, ExportChanged, NotWritable, DiskFull; then nothing
        is written.
        """
        target = None if out is None else Path(out)
        made, path = rebuild(self._store, Path(manifest), target, of("rows", progress), workers)
        return {"identical": True, "path": str(path), "output": made.value["output"], "rows": made.value["rows"]}

    def omissions(self, name: str, reason: str | None = None, as_of: str | int | None = None) -> list[Answer]:
        """Return sample and reason of what the last release under a file's base name left out; raises BadRequest."""
        if reason is not None and reason not in OMISSIONS:
            raise BadRequest(f"Nothing is left out as {reason!r}; there are {', '.join(OMISSIONS)}")
        with reading(self._store, as_of) as (there, _):
            if releases.last(there.connection, name) is None:
                raise BadRequest(f"Nothing was released as {name!r}; the name is that of the file, without its folder")
            left_out = releases.omissions(there.connection, name, reason)
        return [{"sample": op.hex(), "reason": why} for op, why in left_out]

    @staticmethod
    def verify_export(
        path: str | Path,
        batch_size: int | None = None,
        world_size: int | None = None,
        max_length: int | None = None,
        tokenizer: str | Path | None = None,
    ) -> Answer:
        """Return what TRL's KTO trainer makes of any file of rows, ours or not, and what is wrong; needs no ledger.

        What is not given stands in the manifest beside the file, if there is one. Raises InputNotFound,
        InputUnreadable, BadRequest, TokenizerUnreadable.
        """
        files = None if tokenizer is None else Path(tokenizer)
        return verify_export.verify_export(Path(path), batch_size, world_size, max_length, files)
