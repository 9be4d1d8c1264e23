"""What a model is asked about a sample, and what is made of its reply. Pure: nothing here sends or stores anything."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from ledger.errors import CorpusEmpty
from ledger.recipes.contract import IMPROVE
from ledger.recipes.gate import Gate
from ledger.recipes.improve import Improve
from ledger.recipes.judge import Judge
from ledger.recipes.lint import Fault, lint
from ledger.recipes.memory import Lagged
from ledger.recipes.regenerate import Regenerate
from ledger.recipes.rubric import Rubric, load_rubric
from ledger.recipes.spec import Spec, load_spec
from ledger.recipes.styles import packs_of

SPECS = ("persona-answers", "toolset-enhance", "toolset-improve")
RUBRICS = ("interaction",)
"""What comes with the program, by name."""

__all__ = [
    "RUBRICS",
    "SPECS",
    "Fault",
    "Gate",
    "Improve",
    "Judge",
    "Lagged",
    "Regenerate",
    "Rubric",
    "Spec",
    "lint",
    "load_rubric",
    "load_spec",
    "recipe_of",
    "shipped",
]


def recipe_of(spec: Spec, corpus: bytes | None = None, place: str | None = None) -> Improve | Regenerate:
    """Return what a spec makes of samples.

    `corpus` is the file that `spec.corpus` names, where it names one, and `place` where it was found. Raises
    CorpusEmpty where a style needs texts and there are none.
    """
    if spec.purpose == IMPROVE:
        return Improve(spec)
    if spec.style is None:
        return Regenerate(spec, {})
    if corpus is None:
        raise CorpusEmpty(spec.style.corpus)
    return Regenerate(spec, packs_of(spec.style, corpus, place))


def shipped(kind: str) -> Mapping[str, str]:
    """Return the TOML texts that come with the program by name: of kind `spec` or `rubric`."""
    folder = files("ledger.recipes") / "shipped"
    names = SPECS if kind == "spec" else RUBRICS
    return {name: (folder / f"{name}.toml").read_text(encoding="utf-8") for name in names}
