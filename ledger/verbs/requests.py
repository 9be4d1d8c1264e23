"""From what was typed to what is asked: the view by its name or file, the type, and what measures prompts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ledger.digest import parse, show
from ledger.errors import BadRequest
from ledger.exporters.lengths import ESTIMATE, Ruler, load_tokenizer
from ledger.exporters.view_spec import BUILT_IN, ViewSpec, problems
from ledger.store import Store
from ledger.verbs.asked import Asked, ProjectParams
from ledger.verbs.view import Resolved, frozen_spec, resolve

_LABELLED = frozenset({"preference", "unpaired_preference"})


class Request(NamedTuple):
    """A view by its name, or the file that defines one; parameters; a tokenizer's file or folder.

    `found` is the view where somebody looked already: a file is read once.
    """

    view: str
    params: ProjectParams
    tokenizer: Path | None = None
    found: Resolved | None = None

    def checked(self) -> Request:
        """Return this; raise BadRequest for what means nothing in any view."""
        if self.tokenizer is not None and self.params.max_length is None:
            raise BadRequest("A tokenizer measures prompts against a length: give --max-length too")
        return self._replace(params=self.params.checked())


def ask(store: Store, request: Request) -> Asked:
    """Return what a request means at the moment that the store stands at.

    Raises BadRequest where there is no such view or it has no such type, ViewInvalid, TokenizerUnreadable.
    """
    found = request.found or resolve(store, request.view)
    params = replace(request.params, view=None if found.spec.name in BUILT_IN else show(found.digest))
    ruler = _ruler(request)
    if ruler is not None:
        params = replace(params, lengths=dict(ruler.identity))
    defined = None if found.text is None else (found.spec, found.text)
    return Asked(params, of_type(found.spec, params.type), ruler, defined=defined)


def spec_at(store: Store, name: str, params: ProjectParams) -> ViewSpec:
    """Return the view that a manifest names, also one that was defined anew since; raise BadRequest."""
    if params.view is None:
        if name not in BUILT_IN:
            raise BadRequest(f"there is no view {name!r} in this version")
        return of_type(BUILT_IN[name], params.type)
    try:
        digest = parse(params.view)
    except ValueError as error:
        raise BadRequest(f"{params.view[:80]!r} is not the digest of a view") from error
    return of_type(frozen_spec(store, digest), params.type)


def of_type(spec: ViewSpec, kind: str | None) -> ViewSpec:
    """Return a view with rows of another type; raise BadRequest where it cannot have them."""
    if kind is None or kind == spec.type:
        return spec
    if "samples" in {kind, spec.type}:
        raise BadRequest(f"The view {spec.name} has rows of the type {spec.type}, which is no matter of choice")
    labels = tuple(one for one in spec.labels if one is not None) if kind in _LABELLED else spec.labels
    found = replace(spec, type=kind, labels=labels)
    if (problem := next(problems(found), None)) is not None:
        raise BadRequest(f"The view {spec.name} cannot have rows of the type {kind}: {problem[1]}")
    return found


def _ruler(request: Request) -> Ruler | None:
    if request.params.max_length is None:
        return None
    return ESTIMATE if request.tokenizer is None else load_tokenizer(request.tokenizer)
