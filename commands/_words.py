"""Words for people that several verbs use: why a release leaves a sample out, names of bins, short prompts."""

from __future__ import annotations

from collections.abc import Sequence

OMISSIONS = {
    "erased": "its bytes were erased",
    "not_selected": "the condition of the view does not hold for it",
    "status": "its status is not one that the view takes (rejected samples, for example, are not exported)",
    "split": "it is not in the split that the view takes; training views take train only",
    "family_crosses_splits": "relatives of it stand in val or test, so training on it would leak",
    "no_label": "its label is not one that the view takes, or it has none",
    "conflict": "another sample teaches the same with the opposite label; relabel or reject one side",
    "duplicate": "another sample teaches the same with the same label, and that one is used",
    "unrepresentable": "it cannot be written in the form of this file, or lacks a prompt or a completion",
    "too_long": "the trainer would drop it for its length",
    "unpaired": "no sample of the other label and the same prompt was left to pair it with",
    "surplus": "it is beyond the ratio of labels that was asked for",
    "spacing": "no place was left that is a whole batch away from its relatives",
    "tail": "it is beyond the last whole batch",
}
"""Every reason for an omission, as a clause after the reason's name."""


def bins(edges: Sequence[float]) -> list[str]:
    """Return how the bins of a histogram are named; the last one holds its upper edge."""
    last = len(edges) - 2
    return [f"{low:g} to {'' if n == last else 'below '}{edges[n + 1]:g}" for n, low in enumerate(edges[:-1])]


def excerpt(prompt: str | None) -> str:
    """Return the beginning of a prompt in one line."""
    return " ".join((prompt or "").split())
