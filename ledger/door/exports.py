"""Splits, exports, and making exports again."""

from __future__ import annotations

from pathlib import Path

from ledger.door.opened import Answer, Opened, Progress, of
from ledger.errors import BadRequest
from ledger.exporters.eligibility import OMISSIONS
from ledger.verbs import split, verify_export
from ledger.verbs.moment import reading
from ledger.verbs.plans import ProjectParams
from ledger.verbs.project import project
from ledger.verbs.rebuild import rebuild
from ledger.views import releases


class Exports(Opened):
    """Splits, exports, and making exports again."""

    def split(self, ratio: str = "90/5/5", *, seed: str = "0", expected_head: int | None = None) -> Answer:
        """Assign every sample without a split to train, val or test, family by family; nothing assigned moves."""
        return split.split(self._store, split.parse_ratio(ratio), seed, self._who, expected_head)._asdict()

    def project(
        self,
        view: str,
        out: str | Path,
        *,
        batch_size: int = 4,
        world_size: int = 1,
        ratio: str = "keep",
        seed: str = "0",
        form: str = "auto",
        as_of: str | int | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Write a view to a file with its manifest beside it, record the release, and return the manifest.

        Raises PlanImpossible, NotWritable, DiskFull; then nothing is written and nothing recorded.
        """
        params = ProjectParams(view, batch_size, world_size, ratio, seed, form)
        made = project(self._store, params, Path(out), self._who, as_of, of("rows", progress))
        return made.value

    def rebuild(
        self, manifest: str | Path, out: str | Path | None = None, *, progress: Progress | None = None
    ) -> Answer:
        """Make the file of a manifest again from the log, byte for byte.

        Raises ManifestUnreadable, ForeignManifest, NotReproduced, ExportChanged, NotWritable, DiskFull; then nothing
        is written.
        """
        target = None if out is None else Path(out)
        made, path = rebuild(self._store, Path(manifest), target, of("rows", progress))
        return {"identical": True, "path": str(path), "output": made.value["output"], "rows": made.value["rows"]}

    def omissions(self, name: str, reason: str | None = None) -> list[Answer]:
        """Return sample and reason of what the last release under a file's base name left out; raises BadRequest."""
        if reason is not None and reason not in OMISSIONS:
            raise BadRequest(f"Nothing is left out as {reason!r}; there are {', '.join(OMISSIONS)}")
        with reading(self._store) as (here, _):
            if releases.last(here.connection, name) is None:
                raise BadRequest(f"Nothing was released as {name!r}; the name is that of the file, without its folder")
            left_out = releases.omissions(here.connection, name, reason)
        return [{"sample": op.hex(), "reason": why} for op, why in left_out]

    @staticmethod
    def verify_export(path: str | Path, batch_size: int | None = None) -> Answer:
        """Check the windows of a file of {prompt, completion, label} rows, ours or not; needs no ledger."""
        return verify_export.verify_export(Path(path), batch_size)
