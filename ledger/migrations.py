"""The tables that endure, as numbered steps. A shipped step is never edited; `user_version` counts them.

`blob` holds exact bytes by their address, `event` the log, `tile` and `head` its Merkle tree, `meta` what the file is;
`dictionary` and `lesson` say how bytes are packed where `ledger compact` packed them.
Everything else in the file is a view and can be dropped. Guards refuse changes that an honest program could make by
mistake; `ledger verify` finds what a dishonest one made (they cannot stop DROP TRIGGER).
"""

from __future__ import annotations

APPLICATION_ID = 0x534C4447
"""`SLDG`: what `file` and SQLite see as the type of the file."""

PAGE_SIZE = 16384
LOG_TABLES = ("blob", "dictionary", "event", "head", "lesson", "meta", "tile")

M001_LOG = (
    """CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE blob (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
        size INTEGER NOT NULL CHECK (size >= 0),
        codec INTEGER NOT NULL DEFAULT 0,  -- 0: the bytes themselves; the hash is always over the raw bytes
        body BLOB                          -- NULL only after an erasure
    ) STRICT""",
    """CREATE TABLE event (
        position INTEGER PRIMARY KEY CHECK (position >= 0),
        op BLOB NOT NULL UNIQUE CHECK (length(op) = 32),
        kind TEXT NOT NULL,
        v INTEGER NOT NULL,
        sample INTEGER,                    -- position of the event that brought its sample into being
        blob INTEGER,                      -- the version or the bytes that it is about
        leaf TEXT NOT NULL                 -- the truth; the columns are an index that verify derives again
    ) STRICT""",
    "CREATE INDEX event_of_sample ON event (sample, position) WHERE sample <> position",
    "CREATE INDEX event_erased ON event (blob) WHERE kind = 'erased'",
    """CREATE TABLE tile (
        level INTEGER NOT NULL,
        idx INTEGER NOT NULL,
        hashes BLOB NOT NULL CHECK (length(hashes) = 8192),
        root BLOB NOT NULL CHECK (length(root) = 32),
        PRIMARY KEY (level, idx)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE head (
        size INTEGER PRIMARY KEY CHECK (size > 0),
        root BLOB NOT NULL CHECK (length(root) = 32),
        frontier BLOB NOT NULL,
        blobs INTEGER NOT NULL,            -- blobs stored when it was written
        at INTEGER NOT NULL                -- microseconds since 1970 UTC, never smaller than the one before
    ) STRICT""",
    """CREATE TRIGGER event_in_order BEFORE INSERT ON event
        WHEN NEW.position <> (SELECT coalesce(max(position), -1) + 1 FROM event)
            OR EXISTS (SELECT 1 FROM event WHERE op = NEW.op)  -- else INSERT OR REPLACE would delete the old one
        BEGIN SELECT raise(ABORT, 'an event takes the next position'); END""",
    """CREATE TRIGGER event_no_update BEFORE UPDATE ON event
        BEGIN SELECT raise(ABORT, 'events are append only'); END""",
    """CREATE TRIGGER event_no_delete BEFORE DELETE ON event
        BEGIN SELECT raise(ABORT, 'events are append only'); END""",
    """CREATE TRIGGER blob_only_erased BEFORE UPDATE ON blob
        WHEN NOT (NEW.body IS NULL AND NEW.id = OLD.id AND NEW.hash = OLD.hash AND NEW.size = OLD.size
            AND EXISTS (SELECT 1 FROM event WHERE kind = 'erased' AND blob = OLD.id))
        BEGIN SELECT raise(ABORT, 'blobs are append only'); END""",
    """CREATE TRIGGER blob_no_delete BEFORE DELETE ON blob
        BEGIN SELECT raise(ABORT, 'blobs are append only'); END""",
    """CREATE TRIGGER blob_no_replace BEFORE INSERT ON blob
        WHEN EXISTS (SELECT 1 FROM blob WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM blob WHERE hash = NEW.hash)
        BEGIN SELECT raise(ABORT, 'blobs are append only'); END""",
    """CREATE TRIGGER tile_no_replace BEFORE INSERT ON tile
        WHEN EXISTS (SELECT 1 FROM tile WHERE level = NEW.level AND idx = NEW.idx)
        BEGIN SELECT raise(ABORT, 'tiles are append only'); END""",
    """CREATE TRIGGER tile_no_update BEFORE UPDATE ON tile
        BEGIN SELECT raise(ABORT, 'tiles are append only'); END""",
    """CREATE TRIGGER tile_no_delete BEFORE DELETE ON tile
        BEGIN SELECT raise(ABORT, 'tiles are append only'); END""",
    """CREATE TRIGGER head_grows BEFORE INSERT ON head
        WHEN NEW.size <= (SELECT coalesce(max(size), 0) FROM head)
            OR NEW.at < (SELECT coalesce(max(at), 0) FROM head WHERE size = (SELECT max(size) FROM head))
        BEGIN SELECT raise(ABORT, 'a head is ahead of the last'); END""",
    """CREATE TRIGGER head_no_update BEFORE UPDATE ON head
        BEGIN SELECT raise(ABORT, 'heads are append only'); END""",
    """CREATE TRIGGER head_no_delete BEFORE DELETE ON head
        BEGIN SELECT raise(ABORT, 'heads are append only'); END""",
    """CREATE TRIGGER meta_no_replace BEFORE INSERT ON meta
        WHEN EXISTS (SELECT 1 FROM meta WHERE key = NEW.key)
        BEGIN SELECT raise(ABORT, 'what the file is does not change'); END""",
    """CREATE TRIGGER meta_no_update BEFORE UPDATE ON meta
        BEGIN SELECT raise(ABORT, 'what the file is does not change'); END""",
    """CREATE TRIGGER meta_no_delete BEFORE DELETE ON meta
        BEGIN SELECT raise(ABORT, 'what the file is does not change'); END""",
)

M002_DICTIONARIES = (
    """CREATE TABLE dictionary (
        id INTEGER PRIMARY KEY CHECK (id > 0),  -- what the codec of a blob names
        hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
        body BLOB NOT NULL                      -- for zstd; empty: packed without one
    ) STRICT""",
    """CREATE TABLE lesson (                       -- the blobs that a dictionary was trained on, and quotes
        dictionary INTEGER NOT NULL,
        blob INTEGER NOT NULL,
        PRIMARY KEY (dictionary, blob)
    ) STRICT, WITHOUT ROWID""",
    *(
        f"""CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}
        BEGIN SELECT raise(ABORT, 'dictionaries stay as they were made'); END"""
        for table in ("dictionary", "lesson")
        for change in ("UPDATE", "DELETE")
    ),
    """CREATE TRIGGER dictionary_no_replace BEFORE INSERT ON dictionary
        WHEN EXISTS (SELECT 1 FROM dictionary WHERE id = NEW.id OR hash = NEW.hash)
        BEGIN SELECT raise(ABORT, 'dictionaries stay as they were made'); END""",
    """CREATE TRIGGER lesson_no_replace BEFORE INSERT ON lesson
        WHEN EXISTS (SELECT 1 FROM lesson WHERE dictionary = NEW.dictionary AND blob = NEW.blob)
        BEGIN SELECT raise(ABORT, 'dictionaries stay as they were made'); END""",
)

STEPS: tuple[tuple[str, ...], ...] = (M001_LOG, M002_DICTIONARIES)
"""Step n brings a file of format n - 1 to format n."""

INSERT_GUARDS = {
    name: next(text for step in STEPS for text in step if text.startswith(f"CREATE TRIGGER {name} "))
    for name in ("blob_no_replace", "event_in_order")
}
"""The guards that look at every insert into the two large tables, with the statements that make them."""


def latest() -> int:
    """Return the `user_version` that this program writes, and the newest that it reads."""
    return len(STEPS)
