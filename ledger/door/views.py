"""Views: which there are, what they are, and defining more."""

from __future__ import annotations

from pathlib import Path

from ledger import sqlite
from ledger.door.opened import Answer, Opened
from ledger.verbs import view as verbs
from ledger.verbs.moment import reading


class Views(Opened):
    """Views: which there are, what they are, and defining more."""

    def views(self) -> Answer:
        """Return the views that every ledger has, and every definition of others, oldest first."""
        with reading(self._store) as (here, _):
            return verbs.views_there_are(here)

    def view(self, name: str) -> Answer:
        """Return one view with its TOML and its frozen form: built-in, defined (by name or digest), or in a file."""
        with reading(self._store) as (here, _):
            return verbs.view_shown(here, name)

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
