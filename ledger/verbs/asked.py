"""What a projection is asked for: the view, the parameters that decide about the bytes, and what measures lengths."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ledger.errors import BadRequest
from ledger.exporters.layouts import DIALECTS, TOOL_ARGS, Layout
from ledger.exporters.lengths import Ruler
from ledger.exporters.view_spec import TYPES, ViewSpec
from ledger.verbs.words import plain_text, whole_number

FORMS = ("auto", "conversational", "standard")
CONTAINERS = ("jsonl", "parquet", "datasets")
"""The kinds of file: lines of JSON, Parquet, or a folder that `datasets.load_dataset` takes as it is."""
WIDEST = 2**31 - 1
"""The largest `max_length` that a trainer can be given."""
OLD_PLANS = frozenset({"kto-interleaved/1", "plain/1"})
"""Planners before views could be defined and weighted: today's plan, with the defaults and the families of then."""
_RATIO = re.compile(r"keep|[1-9][0-9]{0,8}:[1-9][0-9]{0,8}", re.ASCII)
_OLD = {"batch_size", "form", "ratio", "seed", "world_size"}
_EVERY = {
    "container",
    "dialect",
    "form",
    "lengths",
    "max_length",
    "omit_unrepresentable",
    "seed",
    "tool_args",
    "type",
    "view",
}
_BATCHES = {"batch_size", "ratio", "world_size"}

RECORDED: dict[str, frozenset[str]] = {
    "kto-interleaved/1": frozenset(_OLD),
    "plain/1": frozenset({"form", "seed"}),
    "kto-interleaved/2": frozenset(_EVERY | _BATCHES),
    "plain/2": frozenset(_EVERY),
    "pairs/1": frozenset(_EVERY),
}
"""The parameters that decide about the bytes, by the planner's version: a later planner may take others."""


@dataclass(frozen=True, slots=True)
class ProjectParams:
    """What a projection is asked for; the manifest holds it and `rebuild` reads it back.

    `type` is one of TRL's, None: the view's own. `view` is the address of a user's view, None of one that every
    ledger has. `lengths` says what measured prompts against `max_length` tokens.
    """

    batch_size: int = 4
    world_size: int = 1
    ratio: str = "keep"
    seed: str = "0"
    form: str = "auto"
    type: str | None = None
    dialect: str = "trl"
    tool_args: str = "object"
    container: str = "jsonl"
    max_length: int | None = None
    lengths: dict[str, Any] | None = None
    omit_unrepresentable: bool = False
    view: str | None = None

    def checked(self) -> ProjectParams:
        """Return this; raise BadRequest for what means nothing in any view."""
        _one_of("form", self.form, FORMS)
        _one_of("dialect", self.dialect, DIALECTS)
        _one_of("way to write tool arguments", self.tool_args, TOOL_ARGS)
        _one_of("kind of file", self.container, CONTAINERS)
        if self.type is not None:
            _one_of("type", self.type, TYPES)
        whole_number("The batch size", self.batch_size, 1)
        whole_number("The world size", self.world_size, 1)
        if self.max_length is not None:
            whole_number("The maximal length", self.max_length, 1, WIDEST)
        if not _RATIO.fullmatch(plain_text("The ratio", self.ratio)):
            raise BadRequest(
                f"The ratio {self.ratio[:40]!r} is neither keep nor true:false as whole numbers, such as 1:2"
            )
        plain_text("The seed", self.seed)
        kinds = ((self.omit_unrepresentable, bool), (self.lengths, dict | None), (self.view, str | None))
        if not all(isinstance(given, kind) for given, kind in kinds):  # who writes Python, or a manifest, may err
            raise BadRequest("The parameters are not of the kinds that stand there")
        return self

    def recorded(self, plan: str) -> dict[str, Any]:
        """Return what a manifest holds: the parameters that decide about the bytes of a plan of this version."""
        return {name: value for name, value in asdict(self).items() if name in RECORDED[plan]}


def params_of(plan: str, recorded: dict[str, Any]) -> ProjectParams:
    """Return the parameters that a manifest holds; raise BadRequest, also where they are not those of its planner."""
    if recorded.keys() != RECORDED[plan]:
        names = ", ".join(sorted(RECORDED[plan]))
        raise BadRequest(f"the parameters of {plan} are {names}, not {', '.join(sorted(recorded))}")
    # The first planners wrote arguments of tool calls as they came.
    old: dict[str, Any] = {} if "tool_args" in recorded else {"tool_args": "as-is"}
    return ProjectParams(**old, **recorded).checked()


class Asked(NamedTuple):
    """Parameters, the view with the type that was asked for, and what measures prompts where a length is given.

    `marked`, of a rebuild, is what was found too long when the manifest was made: the tokenizer need not be there.
    `defined` is the view of a file, with its text: a release of it records what its name stands for.
    """

    params: ProjectParams
    spec: ViewSpec
    ruler: Ruler | None = None
    marked: frozenset[int] | None = None
    defined: tuple[ViewSpec, str] | None = None


def layout_of(asked: Asked, form: str) -> Layout | None:
    """Return how rows are written; None where they are samples for reading. Raises BadRequest."""
    kind = "unpaired_preference" if asked.spec.type == "auto" else asked.spec.type
    if kind == "samples":
        if (asked.params.dialect, asked.params.container) != ("trl", "jsonl"):
            raise BadRequest(f"The view {asked.spec.name} is for reading: it is written as JSONL only")
        return None
    return Layout(asked.params.dialect, kind, form, asked.params.tool_args).checked()


def _one_of(what: str, given: object, among: tuple[str, ...]) -> None:
    if given not in among:
        raise BadRequest(f"There is no {what} {given!r}; there are {', '.join(among)}")
