"""Specs and rubrics by name or file: what comes with the program, and what people write."""

from __future__ import annotations

from pathlib import Path

from ledger.errors import BadRequest, InputNotFound, InputUnreadable
from ledger.recipes import Improve, Judge, load_rubric, load_spec, recipe_of, shipped
from ledger.verbs.files import read_text, read_whole

MOST = 1_000_000
"""Bytes of a file that says how a model is asked."""
_HINT = "Give a TOML file, or the name of one that comes with the program; docs/improving.md has examples."


def recipe_from(name: str | Path, purpose: str, corpus: str | Path | None = None) -> Improve:
    """Return the recipe of a spec, which is a file or comes with the program.

    `corpus` is the file of texts that show styles; without it the one that the spec names, beside the spec. Raises
    SpecInvalid, CorpusEmpty, InputNotFound, InputUnreadable, and BadRequest for a spec of another purpose.
    """
    text, folder = _text(name, "spec")
    spec = load_spec(text, str(name))
    if spec.purpose != purpose:
        raise BadRequest(f"{name} is a spec to {spec.purpose}", hint=f"Run `ledger {spec.purpose} --spec {name}`.")
    place = corpus if corpus is not None else None if spec.corpus is None else folder / spec.corpus
    return recipe_of(spec, None if place is None or spec.corpus is None else _bytes(Path(place)), str(place))


def judge_from(name: str | Path) -> Judge:
    """Return the judge of a rubric, which is a file or comes with the program; raise as `recipe_from` does."""
    text, _ = _text(name, "rubric")
    return Judge(load_rubric(text, str(name)))


def is_rubric(name: str) -> bool:
    """Say whether a name means a rubric rather than a scorer: a TOML file, or one that comes with the program."""
    return name.endswith(".toml") or name in shipped("rubric")


def _text(name: str | Path, kind: str) -> tuple[str, Path]:
    known = shipped(kind)
    if str(name) in known:
        return known[str(name)], Path.cwd()
    return read_text(Path(name), MOST, _HINT), Path(name).parent


def _bytes(place: Path) -> bytes:
    if not place.exists():
        raise InputNotFound(place)
    try:
        return read_whole(place)
    except OSError as error:
        raise InputUnreadable(place, error.strerror) from error
