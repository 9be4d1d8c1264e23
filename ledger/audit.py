"""Checking a ledger file against itself: everything stored is derived again and compared.

Each fault has a name that does not change. A truncation or a whole rewrite leaves a file that agrees with itself;
only what was anchored outside it can tell, so the witness is part of the check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest
from typing import Any, NamedTuple

from ledger import migrations, projection, sqlite, witness
from ledger.digest import NotRestricted, blake3_bytes, decode
from ledger.errors import BrokenLaw, CorruptLedger, NotALedger, StorageFailed, UnknownEvent
from ledger.event import BIRTHS, KINDS, is_known, op_of
from ledger.faults import FINDINGS, Finding
from ledger.migrations import LOG_TABLES
from ledger.store import Store, open_store
from ledger.transaction import EMPTY_HEAD, Head, in_chunks, tree_node
from ledger.tree import TILE, Frontier, Tile, complete_tiles, leaf_hash

MOST = 100
"""Findings of one name that are listed; all are counted."""

MORE_BLOBS = {
    "duplicates_found": ("keys",),
    "found": ("schema",),
    "policy_adopted": ("source",),
    "released": ("members", "omissions"),
    "scored": ("evidence",),
    "view_defined": ("source",),
}
"""Blobs that an event may name beside the one in its column."""

REFERENCES = {"withdrawn": "target", "improved": "parent", "regenerated": "parent"}
"""The field with the op of another event, beside that of its sample."""

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
        self._last = -1  # the position before the event at hand
        self._blobs_named: int | None = 0  # the highest row that the events so far name; None: unknown kinds may too

    def find(self, name: str, message: str, position: int | None = None) -> None:
        """Note a finding."""
        self.found[name] += 1
        if self.found[name] <= MOST:
            self.findings.append(Finding(name, FINDINGS[name][0], message, position))

    def run(self, *, quick: bool) -> None:
        """Check everything, or with `quick` only what costs little."""
        steps: list[Callable[[], None]] = [partial(self._pages, quick=quick), self._schema]
        steps += [self._edge] if quick else [self._events, self._blobs]
        steps += [self._witness, self._view_state if quick else self._views]
        for step in (*steps, self._read_head):
            try:
                with sqlite.snapshot(self.connection):
                    step()
            except sqlite.Error as error:
                problem = sqlite.translated(error, self.store.path, self.store.wait)
                follows = isinstance(problem, BrokenLaw) and _SHAPE & self.found.keys()  # from what was found before
                if not follows and not isinstance(problem, (CorruptLedger, NotALedger, StorageFailed)):
                    raise problem from error
                self.find("sqlite_damaged", str(error))
            except _WRONG_TYPE as error:
                self.find("sqlite_damaged", f"a stored value is not what it was: {error}")

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
        heads, tiles = _Heads(self), _Tiles(self)
        frontier, total, count = Frontier(), self.store.head().position + 1, 0
        for rows in in_chunks(self._rows(), TILE * 16):
            leaves = [self._event(row) for row in rows]
            hashes = [leaf.hash for leaf in leaves]
            tiles.compare(count, hashes)
            frontier = heads.compare(frontier, leaves)
            count += len(rows)
            self.progress("events", count, total)
        tiles.finish()
        heads.finish(count)
        self.checked |= {"events": count, "heads": heads.count, "tiles": tiles.count}

    def _meta(self) -> None:
        keys = dict(self.connection.execute("SELECT key, value FROM meta"))
        if keys.keys() != {"hash", "ledger"} or keys["hash"] != "blake3":
            self.find("meta_changed", f"the file says of itself {keys}")

    def _event(self, row: tuple[Any, ...]) -> _Leaf:
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
        return _Leaf(leaf_hash(leaf), at, self._blobs_named)

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
        if (field := REFERENCES.get(said["kind"])) is not None:
            sql = "SELECT 1 FROM event WHERE op = ? AND position < ?"
            if self.connection.execute(sql, (bytes.fromhex(said[field]), position)).fetchone() is None:
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
            FROM event e LEFT JOIN event s ON s.position = e.sample LEFT JOIN blob b ON b.id = e.blob
            ORDER BY e.position""",
        )

    def _blobs(self) -> None:
        count = 0
        total = self.store.blob_count(self.store.head().position)
        sql = """SELECT id, hash, size, codec, body,
            CASE WHEN body IS NULL THEN EXISTS (SELECT 1 FROM event WHERE kind = 'erased' AND blob = blob.id) END
            FROM blob ORDER BY id"""
        for row, digest, size, codec, body, erased in self.connection.execute(sql):
            count += 1
            if body is None:
                if not erased:
                    self.find("blob_erased_without_event", f"blob {row}: its bytes are gone")
            elif codec != 0 or len(body) != size or blake3_bytes(body) != digest:
                self.find("blob_mismatch", f"blob {row}: b3:{digest.hex()} is not the address of its {len(body)} bytes")
            if count % 5000 == 0:
                self.progress("blobs", count, total)
        if count > total and self._blobs_named is not None:
            self.find("blob_unnamed", f"{count} blobs are stored, but the log brought {total}")
        elif count < total:
            self.find("blob_missing", f"the log brought {total} blobs, but {count} are stored")
        self.checked["blobs"] = count

    def _edge(self) -> None:
        """Check the head against the stored tiles and the last events only."""
        head = self.store.head()
        last = self.connection.execute("SELECT coalesce(max(position), -1) FROM event").fetchone()[0]
        _compare_end(self, head, last + 1)
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
        now = self.store.head()
        if now.position + 1 < seen.size:
            self.find("rolled_back", f"it ends at {now.position}; this computer has seen {seen.size - 1}", now.position)
        elif self.store.root_at(seen.size - 1) != seen.root:
            self.find("rewritten", f"the events up to {seen.size - 1} are not those seen before", seen.size - 1)

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
        aside = open_store(self.store.path, wait=self.store.wait)
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
            self.find("view_drift", f"the log cannot be folded: {error}")
        finally:
            aside.close()

    def _same_view(self, aside: Store, table: str, key: str) -> None:
        stored, made = (
            aside.connection.execute(f"SELECT * FROM {schema}.{table} ORDER BY {key}")  # noqa: S608 - fixed names
            for schema in ("main", "temp")
        )
        for one, other in zip_longest(stored, made):
            if one != other:
                where = (one or other)[: key.count(",") + 1]
                self.find("view_drift", f"the view {table} differs at {key} = {', '.join(map(str, where))}")
                return


class _Leaf(NamedTuple):
    """What the tree and the heads need of one event: `at` and `blobs` are None where they cannot be known."""

    hash: bytes
    at: int | None
    blobs: int | None


class _Tiles:
    """The stored tiles, compared with those made anew as the events pass by."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._roots: list[list[bytes]] = []  # by level: the roots of the tiles made so far
        self.count = 0

    def compare(self, first: int, hashes: list[bytes]) -> None:
        """Make the tiles that these leaves complete; `first` is a multiple of the size of a tile."""
        for tile in complete_tiles(first, hashes, lambda level, index: self._roots[level - 1][index]):
            if tile.level == len(self._roots):
                self._roots.append([])
            self._roots[tile.level].append(tile.root)
            self.count += 1
            self._same(tile)

    def finish(self) -> None:
        """Look for tiles that the events do not complete."""
        stored = self._audit.connection.execute("SELECT count(*) FROM tile").fetchone()[0]
        if stored > self.count:
            self._audit.find("tile_mismatch", f"{stored} tiles are stored, but the events complete {self.count}")

    def _same(self, tile: Tile) -> None:
        sql = "SELECT hashes, root FROM tile WHERE level = ? AND idx = ?"
        if self._audit.connection.execute(sql, (tile.level, tile.number)).fetchone() != (tile.hashes, tile.root):
            self._audit.find("tile_mismatch", f"tile {tile.number} of level {tile.level} is not that over the events")


class _Heads:
    """The stored heads, compared one by one as the events pass by."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._rows = iter(audit.connection.execute("SELECT size, root, frontier, at, blobs FROM head ORDER BY size"))
        self._next: tuple[int, bytes, bytes, int, int] | None = next(self._rows, None)
        self.count = 0

    def compare(self, frontier: Frontier, leaves: list[_Leaf]) -> Frontier:
        """Extend the frontier by the leaves, stopping at each head on the way."""
        hashes, first, done = [leaf.hash for leaf in leaves], frontier.size, 0
        while self._next is not None and self._next[0] <= first + len(leaves):
            size, *said = self._next
            frontier = frontier.extend(hashes[done : size - first])
            done = max(size - first, done)
            last = leaves[done - 1]
            made = [frontier.root(), frontier.to_bytes(), last.at, said[-1] if last.blobs is None else last.blobs]
            if frontier.size != size or said != made:
                self._audit.find("head_mismatch", f"the head at {size - 1} is not that over its events", size - 1)
            self.count += 1
            self._next = next(self._rows, None)
        return frontier.extend(hashes[done:])

    def finish(self, events: int) -> None:
        """Compare the last head with the end of the log."""
        _compare_end(self._audit, self._audit.store.head(), events)


def _compare_end(audit: Audit, head: Head, events: int) -> None:
    if head.position + 1 < events:
        audit.find("head_missing", f"the events after position {head.position} have no head", head.position)
    elif head.position + 1 > events:
        audit.find("events_missing", f"the head is at {head.position}, but there are {events} events", events)


def _made_schema() -> dict[tuple[str, str, str], str]:
    """Return what the migrations and the views make, by making it."""
    memory = sqlite.in_memory()
    try:
        for statement in (*(line for step in migrations.STEPS for line in step), *projection.definitions()):
            memory.execute(statement)
        return sqlite.schema(memory)
    finally:
        memory.close()
