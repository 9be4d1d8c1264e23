"""Checking a ledger file against itself: everything stored is derived again and compared.

Each fault has a name that does not change. A truncation or a whole rewrite leaves a file that agrees with itself;
only what was anchored outside it can tell, so the witness is part of the check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest
from typing import Any

from ledger import migrations, projection, sqlite, witness
from ledger.audit_tree import Heads, Leaf, Tiles, compare_end
from ledger.codec import Unpackable
from ledger.digest import NotRestricted, blake3_bytes, decode
from ledger.errors import (
    BrokenLaw,
    CodecMissing,
    CorruptLedger,
    Interrupted,
    LedgerError,
    NotALedger,
    StorageFailed,
    UnknownEvent,
)
from ledger.event import BIRTHS, KINDS, is_known, op_of
from ledger.faults import FINDINGS, Finding
from ledger.migrations import LOG_TABLES
from ledger.store import Store, look, open_store
from ledger.transaction import EMPTY_HEAD, in_chunks, tree_node
from ledger.tree import TILE, Frontier, leaf_hash

MOST = 100
"""Findings of one name that are listed; all are counted."""

MORE_BLOBS = {
    "duplicates_found": ("keys",),
    "evaluated": ("expectations", "schemas"),
    "found": ("schema",),
    "policy_adopted": ("source",),
    "released": ("members", "omissions"),
    "scored": ("evidence",),
    "view_defined": ("source",),
    "work_planned": ("members",),
}
"""Blobs that an event may name beside the one in its column."""

REFERENCES = {
    "evaluated": ("release", "trained"),
    "improved": ("parent",),
    "proposal_accepted": ("proposal",),
    "proposal_declined": ("proposal",),
    "regenerated": ("parent",),
    "reply_stored": ("sent",),
    "trained": ("release",),
    "withdrawn": ("target",),
}
"""The fields with the ops of other events, beside that of its sample."""

REFERENCED = {"release": "released", "trained": "trained"}
"""The kind of the event that a field names, where only one kind will do."""

_SHAPE = frozenset({"schema_changed", "sqlite_damaged", "view_drift"})
_WRONG_TYPE = (TypeError, ValueError, AttributeError, LookupError)
"""What handling a stored value raises where damage changed its type."""

Progress = Callable[[str, int, int], None]


class Audit:
    """One check of one file; collects findings and counts what was looked at."""

    def __init__(self, store: Store, progress: Progress) -> None:
        """Check the file of `store`; `progress` hears (what, done, of)."""
        self.store = store
        self.connection = store.connection
        self.progress = progress
        self.findings: list[Finding] = []
        self.found: Counter[str] = Counter()
        self.checked: dict[str, int] = {}
        self.head = EMPTY_HEAD
        self._unread = 0  # packed blobs, where what unpacks them is not installed
        self._last = -1  # the position before the event at hand
        self._blobs_named: int | None = 0  # the highest row that the events so far name; None: unknown kinds may too

    def find(self, name: str, message: str, position: int | None = None) -> None:
        """Note a finding."""
        self.found[name] += 1
        if self.found[name] <= MOST:
            self.findings.append(Finding(name, FINDINGS[name][0], message, position))

    def run(self, *, quick: bool, views: bool = True) -> None:
        """Check everything, or with `quick` only what costs little.

        Without `views` only the log is checked, also inside the transaction that is about to commit it.
        """
        steps: list[Callable[[], None]] = [partial(self._pages, quick=quick), self._schema]
        steps += [self._edge] if quick else [self._events, self._blobs]
        steps += [self._witness, *([self._view_state if quick else self._views] if views else [])]
        for step in (*steps, self._read_head):
            try:
                with sqlite.snapshot(self.connection):
                    step()
            except sqlite.Error as error:
                problem = self._translated(error)
                follows = isinstance(problem, BrokenLaw) and _SHAPE & self.found.keys()  # from what was found before
                if not follows and not isinstance(problem, (CorruptLedger, NotALedger, StorageFailed)):
                    raise problem from error
                self.find("sqlite_damaged", str(error))
            except _WRONG_TYPE as error:
                self.find("sqlite_damaged", f"a stored value is not what it was: {error}")

    def _translated(self, error: sqlite.Error) -> LedgerError:
        return sqlite.translated(error, self.store.path, self.store.wait)

    def _read_head(self) -> None:
        self.head = self.store.head()

    def _pages(self, *, quick: bool) -> None:
        check = "quick_check" if quick else "integrity_check"
        for (line,) in self.connection.execute(f"PRAGMA {check}(20)"):
            if line != "ok":
                self.find("sqlite_damaged", line)

    def _schema(self) -> None:
        expected, present = _made_schema(), sqlite.schema(self.connection)
        stale = projection.state(self.connection) is None
        for key in sorted(expected.keys() | present.keys()):
            kind, name, table = key
            if expected.get(key) == present.get(key):
                continue
            state = "missing" if key not in present else "changed" if key in expected else "not the ledger's"
            if table in LOG_TABLES or kind == "trigger":
                self.find("schema_changed", f"the {kind} {name} is {state}")
            elif key in expected and not stale:
                self.find("view_drift", f"the {kind} {name} is {state}")
        self.checked["schema"] = len(expected)

    def _events(self) -> None:
        self._meta()
        heads, tiles = Heads(self.connection, self.find), Tiles(self.connection, self.find)
        frontier, total, count = Frontier(), self.store.head().position + 1, 0
        for rows in in_chunks(self._rows(), TILE * 16):
            leaves = [self._event(row) for row in rows]
            hashes = [leaf.hash for leaf in leaves]
            tiles.compare(count, hashes)
            frontier = heads.compare(frontier, leaves)
            count += len(rows)
            self.progress("events", count, total)
        tiles.finish()
        heads.finish(self.store.head(), count)
        self.checked |= {"events": count, "heads": heads.count, "tiles": tiles.count}

    def _meta(self) -> None:
        keys = dict(self.connection.execute("SELECT key, value FROM meta"))
        if keys.keys() != {"hash", "ledger"} or keys["hash"] != "blake3":
            self.find("meta_changed", f"the file says of itself {keys}")

    def _event(self, row: tuple[Any, ...]) -> Leaf:
        position, op, kind, v, sample, blob, leaf, subject, blob_hash = row
        if position != self._last + 1:
            self.find("position_gap", f"position {position} follows {self._last}", position)
        self._last, at = position, None
        try:
            said = decode(leaf)
            if not isinstance(said, dict):
                raise NotRestricted("it is not an object")  # noqa: TRY301 - handled like any other damage
            at = said["at"]
            if (said["kind"], said["v"]) != (kind, v):
                self.find("column_mismatch", f"position {position}: kind or version is not that of the leaf", position)
            if is_known(said["kind"], said["v"]):
                self._columns(said, (position, op, sample, subject, blob_hash, blob))
                self._named(said, position, blob)
            else:
                self._unknown(f"position {position}: {said['kind']} in version {said['v']}", position)
        except (NotRestricted, *_WRONG_TYPE) as error:
            self.find("leaf_damaged", f"position {position}: {error}", position)
        return Leaf(leaf_hash(leaf), at, self._blobs_named)

    def _columns(self, said: Any, row: tuple[Any, ...]) -> None:  # noqa: ANN401 - a leaf
        position, op, sample, subject, blob_hash, blob = row
        if op_of(said["kind"], said) != op:
            self.find("op_mismatch", f"position {position}: the op is not that of what the event says", position)
        says = said.get("sample")
        if says is None:
            right = sample == (position if said["kind"] in BIRTHS else None)
        else:
            right = subject is not None and subject.hex() == says
        if not right:
            self.find("column_mismatch", f"position {position}: the sample column names another sample", position)
        field = KINDS[said["kind"]].blob
        if field is not None and blob_hash is None:
            self.find("blob_missing", f"position {position}: blob {blob} is not stored", position)
        elif field is None and blob is not None:
            self.find("column_mismatch", f"position {position}: it is about no blob, but one is named", position)
        elif field is not None and said[field] != blob_hash.hex():
            self.find("column_mismatch", f"position {position}: the blob column names another blob", position)

    def _named(self, said: Any, position: int, blob: int | None) -> None:  # noqa: ANN401 - a leaf
        """Look for what else the event names; follow how many blobs are named, which is what each head says."""
        sql = "SELECT 1 FROM event WHERE op = ? AND position < ? AND kind = coalesce(?, kind)"
        for field in (name for name in REFERENCES.get(said["kind"], ()) if said[name] is not None):
            asked = (bytes.fromhex(said[field]), position, REFERENCED.get(field))
            if self.connection.execute(sql, asked).fetchone() is None:
                self.find("reference_missing", f"position {position}: its {field} {said[field]} is not there", position)
        rows = [] if blob is None else [blob]
        for field in (name for name in MORE_BLOBS.get(said["kind"], ()) if said[name] is not None):
            sql = "SELECT id FROM blob WHERE hash = ?"
            row = self.connection.execute(sql, (bytes.fromhex(said[field]),)).fetchone()
            if row is None:
                self.find("blob_missing", f"position {position}: b3:{said[field]} is not stored", position)
            else:
                rows.append(row[0])
        if self._blobs_named is not None:
            self._blobs_named = max(self._blobs_named, *rows, 0)
        if said["kind"] == "run_started" and said["ledger"] != self.store.ledger_id:
            self.find("meta_changed", f"the file is {self.store.ledger_id}, its events say {said['ledger']}", position)

    def _unknown(self, what: str, position: int | None = None) -> None:
        """Say so once, and count blobs no longer: what this version does not know may name some."""
        self._blobs_named = None
        if not self.found["event_unknown"]:
            self.find("event_unknown", what, position)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        yield from self.connection.execute(
            """SELECT e.position, e.op, e.kind, e.v, e.sample, e.blob, CAST(e.leaf AS BLOB), s.op, b.hash
            FROM event e LEFT JOIN event s ON s.position = e.sample AND e.sample <> e.position
            LEFT JOIN blob b ON b.id = e.blob ORDER BY e.position""",
        )

    def _blobs(self) -> None:
        count = 0
        total = self.store.blob_count(self.store.head().position)
        sql = """SELECT id, hash, size, codec, body,
            CASE WHEN body IS NULL THEN EXISTS (SELECT 1 FROM event WHERE kind = 'erased' AND blob = b.id) END
            FROM main.blob b ORDER BY id"""
        self._dictionaries()
        for row, digest, size, codec, body, erased in self.connection.execute(sql):
            count += 1
            if body is None:
                if not erased:
                    self.find("blob_erased_without_event", f"blob {row}: its bytes are gone")
            else:
                self._bytes(row, digest, size, codec, body)
            if count % 5000 == 0:
                self.progress("blobs", count, total)
        if count > total and self._blobs_named is not None:
            self.find("blob_unnamed", f"{count} blobs are stored, but the log brought {total}")
        elif count < total:
            self.find("blob_missing", f"the log brought {total} blobs, but {count} are stored")
        self.checked["blobs"] = count - self._unread
        if self._unread:
            self.find("blob_unread", f"{self._unread} packed blobs: {CodecMissing(self.store.path)}")
        back = """SELECT e.position, b.id FROM event e JOIN main.blob b ON b.id = e.blob
            WHERE e.kind = 'erased' AND b.body IS NOT NULL ORDER BY 1"""
        for position, row in self.connection.execute(back):
            self.find("erased_bytes_present", f"blob {row} was erased at position {position}", position)

    def _dictionaries(self) -> None:
        for number, digest, body in self.connection.execute("SELECT id, hash, body FROM dictionary ORDER BY id"):
            if blake3_bytes(body) != digest:
                self.find("blob_mismatch", f"the dictionary {number} that bytes are packed with is not what it was")

    def _bytes(self, row: int, digest: bytes, size: int, codec: int, body: bytes) -> None:
        """Compare the bytes of one blob, unpacked, with its address."""
        try:
            plain = self.store.codec.unpack(codec, size, body)
        except Unpackable as error:
            self.find("blob_mismatch", f"blob {row}: b3:{digest.hex()}: {error}")
        except CodecMissing:
            self._unread += 1
        else:
            if len(plain) != size or blake3_bytes(plain) != digest:
                said = f"blob {row}: b3:{digest.hex()} is not the address of its {len(plain)} bytes"
                self.find("blob_mismatch", said)

    def _edge(self) -> None:
        """Check the head against the stored tiles and the last events only."""
        head = self.store.head()
        last = self.connection.execute("SELECT coalesce(max(position), -1) FROM event").fetchone()[0]
        compare_end(self.find, head, last + 1)
        if 0 <= head.position == last and self._root_of_tiles(head.position + 1) != head.root:
            self.find("head_mismatch", "the last head is not the root over the tiles and the last events", last)
        self.checked |= {"events": last + 1, "heads": 1}

    def _root_of_tiles(self, size: int) -> bytes:
        roots = [row[0] for row in self.connection.execute("SELECT root FROM tile WHERE level = 0 ORDER BY idx")]
        frontier = Frontier().extend(roots)
        rest = range(len(roots) * TILE, size)
        leaves = [tree_node(self.connection, 0, position) for position in rest]
        return Frontier(frontier.size * TILE, frontier.peaks).extend(leaves).root()

    def _witness(self) -> None:
        seen = witness.read(self.store.witness_file)
        if seen is None:
            return
        self.checked["witness"] = 1
        now, last = self.store.head(), seen.size - 1
        todo = f"restore {{}}, or, if {{}} was meant, delete {self.store.witness_file}"
        if now.position < last:
            what = f"it ends at position {now.position}; this computer has seen position {last}"
            self.find("rolled_back", f"{what}: {todo.format('the newer file', 'going back')}", now.position)
        elif self.store.root_at(last) != seen.root:
            what = f"the events up to position {last} are not those that this computer has seen"
            self.find("rewritten", f"{what}: {todo.format('the file that it saw', 'another')}", last)

    def _view_state(self) -> None:
        position = projection.state(self.connection)
        last = self.store.head().position
        if position is None:
            self.find("views_stale", "the views were made by another version; run `ledger rebuild-views`")
        elif position != last:
            self.find("view_drift", f"the views stand at {position}, the log at {last}; run `ledger rebuild-views`")

    def _views(self) -> None:
        """Fold everything again, aside, and compare every row of every view."""
        self._view_state()
        if self.found["views_stale"] or self.found["sqlite_damaged"]:
            return
        opens = look if self.store.read_only else open_store
        aside = opens(self.store.path, wait=self.store.wait)
        sqlite.watch(aside.connection, self.store.is_over)
        try:
            projection.prepare(aside.connection)
            with sqlite.snapshot(aside.connection):
                last = aside.head().position
                projection.fold_aside(aside.connection, last, partial(self.progress, "views"))
                for table, key in projection.tables():
                    self._same_view(aside, table, key)
            self.checked["views"] = len(projection.tables())
        except UnknownEvent as error:
            self._unknown(str(error))
        except (sqlite.Error, ValueError) as error:
            if isinstance(error, sqlite.Error) and isinstance(self._translated(error), Interrupted):
                raise
            self.find("view_drift", f"the log cannot be folded: {error}")
        finally:
            aside.close()

    def _same_view(self, aside: Store, table: str, key: str) -> None:
        if projection.is_same(aside.connection, table, key):
            return
        stored, made = (
            aside.connection.execute(f"SELECT * FROM {schema}.{table} ORDER BY {key}")  # noqa: S608 - fixed names
            for schema in ("main", "temp")
        )
        for one, other in zip_longest(stored, made):
            if one != other:
                where = (one or other)[: key.count(",") + 1]
                self.find("view_drift", f"the view {table} differs at {key} = {', '.join(map(str, where))}")
                return


def _made_schema() -> dict[tuple[str, str, str], str]:
    """Return what the migrations and the views make, by making it."""
    memory = sqlite.in_memory()
    try:
        for statement in (*(line for step in migrations.STEPS for line in step), *projection.definitions()):
            memory.execute(statement)
        return sqlite.schema(memory)
    finally:
        memory.close()
