"""Views: which there are, what they are, and defining more."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from ledger import sqlite
from ledger.door.opened import Answer, Opened
from ledger.exporters.view_spec import BUILT_IN
from ledger.verbs import view as verbs
from ledger.verbs.moment import reading


class Views(Opened):
    """Views: which there are, what they are, and defining more."""

    def views(self, as_of: str | int | None = None) -> Answer:
        """Return the views that every ledger has, and every definition of others, oldest first."""
        with reading(self._store, as_of) as (there, _):
            return verbs.views_there_are(there)

    def view(self, name: str, as_of: str | int | None = None) -> Answer:
        """Return one view with its TOML and its frozen form: built-in, defined (by name or digest), or in a file."""
        with reading(self._store, as_of) as (there, _):
            return verbs.view_shown(there, name)

    def define_view(self, file: str | Path, *, reason: str = "", expected_head: int | None = None) -> Answer:
        """Let a name stand, from here on, for the view in a TOML file.

        `defined` is the event's position, None where the name stands for the same already; `former` is the digest of
        what it stood for before. Raises ViewInvalid, BadRequest, InputNotFound, InputUnreadable, HeadMoved.
        """
        with sqlite.plain_errors(self._store.path):
            return verbs.define(self._store, file, reason, self._who, expected_head).as_json()

    @staticmethod
    def check_view(text: str, place: str = "the view") -> Answer:
        """Return what a view in TOML is; raises ViewInvalid, BadRequest. Needs no ledger."""
        return verbs.described(verbs.checked(text, place))

    @staticmethod
    def check_view_file(file: str | Path | BinaryIO) -> Answer:
        """Return what the view in a TOML file is, or in one that is open for reading bytes. Needs no ledger.

        Raises ViewInvalid, BadRequest, InputNotFound, InputUnreadable.
        """
        return verbs.described(verbs.checked_file(file))

    @staticmethod
    def view_names() -> list[str]:
        """Return the names of the views that every ledger has."""
        return list(BUILT_IN)

    @staticmethod
    def built_in_views() -> Answer:
        """Return what `views` says of an empty ledger. Needs none."""
        return {"built_in": verbs.built_in(), "defined": []}

    @staticmethod
    def built_in_view(name: str) -> Answer:
        """Return one of `view_names` as `view` does; raises BadRequest for another name. Needs no ledger."""
        return verbs.described(verbs.built_in_spec(name))
