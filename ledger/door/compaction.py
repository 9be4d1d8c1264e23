"""Making the file smaller."""

from __future__ import annotations

from time import monotonic

from ledger import compaction
from ledger.door.opened import Answer, Opened, Progress, silent
from ledger.errors import BadRequest
from ledger.exporters.manifest import head_json


class Compaction(Opened):
    """Making the file smaller."""

    def compact(self, *, codec: str | None = None, progress: Progress | None = None) -> Answer:
        """Build the file anew without free pages; `codec` packs its bytes (`zstd`) or unpacks them (`none`).

        Ids, the root and every answer stay the same; what is appended later is packed as the file is. Raises
        BadRequest, NotWritable, LedgerBusy, DiskFull, CodecMissing, CorruptLedger.
        """
        if codec is not None and codec not in compaction.CODECS:
            raise BadRequest(f"There is no codec {codec!r}; there are {', '.join(compaction.CODECS)}")
        started = monotonic()
        done = compaction.compact(self._store, codec, progress or silent)
        head = self._store.head()
        return {
            "codec": compaction.NONE if done.dictionary_bytes is None else compaction.ZSTD,
            **done._asdict(),
            "head": head_json(head.position, head.root),
            "seconds": round(monotonic() - started, 3),
        }
