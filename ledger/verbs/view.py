"""Which views there are: those that every ledger has, those that somebody defined here, and those in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ledger.digest import MIN_PREFIX, decode
from ledger.digest import show as shown
from ledger.errors import BadRequest, ConditionInvalid, CorruptLedger, ViewInvalid
from ledger.event import draft
from ledger.exporters.view_file import LONGEST, parse_view, select_line, view_toml
from ledger.exporters.view_spec import BUILT_IN, ViewSpec, spec_of
from ledger.policy import parse_condition
from ledger.policy.expression import hint, listed
from ledger.policy.logic import never, normal
from ledger.store import Store
from ledger.transaction import Transaction
from ledger.verbs.files import called, read_text
from ledger.verbs.run import Run, Who
from ledger.verbs.words import plain_text
from ledger.views import defined

SUFFIX = ".toml"
MOST_BYTES = 5 * LONGEST
_HINT = "Give a TOML file in UTF-8; `ledger view show sft` prints one to begin with."


class Resolved(NamedTuple):
    """A view that somebody asked for: what it is, the digest of that, and the name that it goes by.

    `text` is the TOML that it was read from just now, None where it has a name in the ledger.
    """

    spec: ViewSpec
    digest: bytes
    name: str
    text: str | None = None


class Defined(NamedTuple):
    """What defining did: `defined` is the event's position, None where the view was that already.

    `former` is the digest of what the name stood for before, None where it stood for nothing.
    """

    spec: ViewSpec
    defined: int | None
    former: bytes | None

    def as_json(self) -> dict[str, Any]:
        """Return this as plain values."""
        former = None if self.former is None else shown(self.former)
        return {**described(self.spec), "defined": self.defined, "former": former}


def resolve(store: Store, name_or_path: str | Path) -> Resolved:
    """Return the view of a name (built-in, or defined as far as this store reads), or the one in a TOML file.

    A text with a slash in it, or with .toml at its end, is a path. Raises BadRequest naming the views that there are,
    ViewInvalid, InputNotFound, InputUnreadable.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or text.endswith(SUFFIX):
        toml = read_text(text, MOST_BYTES, _HINT)
        return _resolved(checked(toml, text))._replace(text=toml)
    spec = BUILT_IN.get(plain_text("The name of a view", text, needed=True))
    if spec is not None:
        return _resolved(spec)
    definition = defined.in_force(store.connection, text)
    if definition is None:
        raise _no_such_view(store, text)
    return _resolved(frozen(store, definition))


def built_in() -> list[dict[str, Any]]:
    """Return the views that every ledger has, by each of their names."""
    return [{"name": name, "type": spec.type, "view": shown(spec.digest)} for name, spec in BUILT_IN.items()]


def built_in_spec(name: str) -> ViewSpec:
    """Return a view that every ledger has; raise BadRequest naming them."""
    spec = BUILT_IN.get(plain_text("The name of a view", name, needed=True))
    if spec is None:
        raise BadRequest(f"No view {name[:100]!r} is in every ledger{hint(name, BUILT_IN)}{listed(BUILT_IN)}")
    return spec


def views_there_are(store: Store) -> dict[str, Any]:
    """Return the views that every ledger has, and every definition of others, oldest first."""
    found = defined.everything(store.connection)
    latest = {definition.name: definition.position for definition in found}
    return {
        "built_in": built_in(),
        "defined": [
            {
                "position": one.position,
                "event": one.op.hex(),
                "name": one.name,
                "type": frozen(store, one).type,
                "view": shown(one.digest),
                "authority": one.authority,
                "reason": one.reason,
                "in_force": latest[one.name] == one.position,
            }
            for one in found
        ],
    }


def view_shown(store: Store, name: str) -> dict[str, Any]:
    """Return one view described: by its name, by the digest of any definition (6 characters or more), or in a file.

    Raises BadRequest, also for a digest that is cut too short to say which, and as `resolve`.
    """
    digits = name.removeprefix("b3:").lower()
    if name not in BUILT_IN and len(digits) >= MIN_PREFIX and defined.in_force(store.connection, name) is None:
        everything = defined.everything(store.connection)
        by_digest = {one.digest: one for one in everything if one.digest.hex().startswith(digits)}
        if len(by_digest) > 1:
            raise BadRequest(f"{len(by_digest)} views have digests that begin with {digits}; give more of it")
        for definition in by_digest.values():
            return described(frozen(store, definition))
    return described(resolve(store, name).spec)


def described(spec: ViewSpec) -> dict[str, Any]:
    """Return a view as plain values: name, digest, type, TOML, and the frozen form."""
    return {
        "name": spec.name,
        "view": shown(spec.digest),
        "type": spec.type,
        "toml": view_toml(spec),
        "spec": spec.as_json(),
    }


def checked(text: str, place: str) -> ViewSpec:
    """Return the view of a TOML text that somebody may define, its condition read; `place` names it in errors.

    Raises ViewInvalid, and BadRequest where its name is that of a view that every ledger has.
    """
    spec = parse_view(text, place)
    if spec.select is not None:
        try:
            condition = parse_condition(spec.select)
        except ConditionInvalid as error:
            at, what = error.args
            what = f"at character {at} of the condition: {what}"
            raise ViewInvalid(place, select_line(text, at), what) from None
        if never(normal(condition), {}):
            raise ViewInvalid(place, select_line(text, 1), "the condition of select can never hold")
    if spec.name in BUILT_IN:
        raise BadRequest(
            f"{place}: every ledger has a view {spec.name!r}, and it stays what it is",
            hint='Give the view another name in its line `name = "..."`.',
        )
    return spec


def checked_file(source: str | Path | BinaryIO) -> ViewSpec:
    """Return the view in a file that somebody may define, or in an open one.

    Raises as `checked`, InputNotFound, InputUnreadable.
    """
    text = read_text(source, MOST_BYTES, _HINT)
    return checked(text, called(source))


def define(store: Store, file: str | Path, reason: str, who: Who, expected: int | None = None) -> Defined:
    """Record that a name stands for the view in a file from here on; where it does already, append nothing.

    Raises ViewInvalid, BadRequest, InputNotFound, InputUnreadable, HeadMoved.
    """
    plain_text("The reason", reason)
    text = read_text(file, MOST_BYTES, _HINT)
    spec = checked(text, str(file))
    digest = spec.digest
    run = Run(store.ledger_id, "view define", {"name": spec.name, "view": digest.hex()}, who)
    with store.transaction(expected) as transaction:
        former = defined.in_force(store.connection, spec.name)
        position = define_in(store, transaction, run, (spec, text), reason, who)
        run.finish(transaction, {"views": 1})
    return Defined(spec, position, None if former is None else former.digest)


def define_in(
    store: Store, transaction: Transaction, run: Run, view: tuple[ViewSpec, str], reason: str, who: Who
) -> int | None:
    """Append that a view's name stands for it from here on, with the text it came from, as part of a run.

    Returns the event's position, None where the name stands for it already.
    """
    spec, text = view
    former = defined.in_force(store.connection, spec.name)
    if former is not None and former.digest == spec.digest:
        return None
    _, blob = transaction.add_blob(spec.to_bytes())
    source, _ = transaction.add_blob(text.encode())
    fields = {
        "after": None if former is None else former.op.hex(),
        "authority": who.authority,
        "name": spec.name,
        "reason": reason,
        "source": source.hex(),
        "view": spec.digest.hex(),
    }
    return run.append(transaction, [draft("view_defined", None, blob, fields)])


def frozen_spec(store: Store, digest: bytes) -> ViewSpec:
    """Return the view of a digest that was ever defined here; raise BadRequest for another."""
    for definition in defined.everything(store.connection):
        if definition.digest == digest:
            return frozen(store, definition)
    raise BadRequest(f"no view with the digest {shown(digest)} was defined in this ledger")


def frozen(store: Store, definition: defined.Definition) -> ViewSpec:
    """Return the view that was defined; raise CorruptLedger for bytes that no definition of this program brought."""
    try:
        return spec_of(decode(definition.body or b""))
    except ValueError as error:
        told = f"what stands under {shown(definition.digest)} for the view {definition.name} is none: {error}"
        raise CorruptLedger(store.path, told) from error


def _resolved(spec: ViewSpec) -> Resolved:
    return Resolved(spec, spec.digest, spec.name)


def _no_such_view(store: Store, name: str) -> BadRequest:
    known = [*defined.names(store.connection), *BUILT_IN]
    return BadRequest(
        f"There is no view {name[:100]!r}{hint(name, known)}{listed(known)}",
        hint="`ledger view list` shows them all; a view in a file is named by its path, such as ./mine.toml.",
    )
