"""The engines there are, by name."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

from ledger.errors import BadRequest
from ledger.similarity.contract import Engine, NearRecipe

ENGINES = ("rensa", "numpy")
"""The faster first."""

MISSING = 'Near-duplicates and templates need packages that are not installed: pip install "sample-ledger[scale]"'


def find_engine(name: str | None = None) -> Engine:
    """Return a new engine; without a name, the fastest whose package is installed.

    A name is one of ENGINES ("rensa") or an engine's whole name as a recipe has it ("rensa-1.2"); raises BadRequest
    for one that is not here, or not in that version.
    """
    if find_spec("numpy") is None:
        raise BadRequest(MISSING)
    if name is None:
        name = ENGINES[0] if find_spec("rensa") is not None else ENGINES[1]
    kind = name.partition("-")[0]
    if kind not in ENGINES:
        raise BadRequest(f"There is no engine {name[:40]!r} for near-duplicates; there are {' and '.join(ENGINES)}.")
    if find_spec(kind) is None:
        raise BadRequest(MISSING)
    engine = _made(kind)
    if name not in {kind, engine.name}:
        raise BadRequest(f"The engine {name[:40]!r} is not here; installed is {engine.name!r}.")
    return engine


def chosen(recipe: NearRecipe) -> tuple[NearRecipe, Engine]:
    """Return a recipe that names its engine in full, and that engine; raise BadRequest as `find_engine` does."""
    engine = find_engine(recipe.engine or None)
    return replace(recipe, engine=engine.name), engine


def _made(kind: str) -> Engine:
    if kind == "numpy":
        from ledger.similarity.numpy_engine import NumpyEngine  # noqa: PLC0415 - only whoever asks for it needs numpy

        return NumpyEngine()
    from ledger.similarity.rensa_engine import RensaEngine  # noqa: PLC0415 - only whoever asks for it needs rensa

    return RensaEngine()
