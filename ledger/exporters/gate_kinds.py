"""What a gate can check: each kind with what it counts, its limits and its keys; and what `of` can choose."""

from __future__ import annotations

from typing import NamedTuple

MILLION = 10**6


class Kind(NamedTuple):
    """One kind of check. `is_share`: what it observes is a share; `takes_share`: its limit can be one."""

    counts: str
    limits: tuple[str, ...] = ("max",)
    keys: tuple[str, ...] = ()
    is_share: bool = False
    takes_share: bool = False
    needs_of: bool = False
    of: str = ""


_CHOICES = "tag:NAME, tag:NAME:VALUE, domain:NAME, campaign:NAME, or label:true, label:false, label:none"
_BOTH = ("max", "min")
_PLAIN = Kind("", takes_share=True)

KINDS: dict[str, Kind] = {
    "family_leakage": Kind("families with a row for training here and a relative in val or test"),
    "conflicts": Kind("texts that have the other label too, here or beside it in the ledger"),
    "duplicates": _PLAIN._replace(counts="samples that teach the same as another one here"),
    "duplicates_across_splits": Kind(
        "texts that stand in two splits; with `of` near twins, as they were looked for",
        keys=("of",),
        of="near, or near.FIELD",
    ),
    "empty_prompt": _PLAIN._replace(counts="samples whose prompt is empty"),
    "no_call": _PLAIN._replace(counts="samples that call no tool although their like do"),
    "unknown_tool": _PLAIN._replace(counts="samples that call a tool which the schemas do not have"),
    "failed_validation": _PLAIN._replace(counts="samples with an error in their latest validation"),
    "not_validated": _PLAIN._replace(counts="samples whose current version nobody validated"),
    "unscored": _PLAIN._replace(counts="samples whose current version has no score"),
    "pending": _PLAIN._replace(counts="samples that nothing has decided about"),
    "template_share": Kind(
        "the rows that the largest family of a template has",
        keys=("of",),
        is_share=True,
        takes_share=True,
        of="the field that was looked at",
    ),
    "batch_set": Kind(
        "numbers that are missing between the smallest and the largest",
        keys=("of",),
        needs_of=True,
        of="source, or tag:NAME",
    ),
    "label_balance": Kind("the rows with the rarer label", ("min",), is_share=True, takes_share=True),
    "too_long": _PLAIN._replace(counts="samples whose prompt is too long for the trainer", keys=("max_length",)),
    "windows": _PLAIN._replace(counts="batches with one label only, or with one prompt twice"),
    "share": Kind(
        "the rows that have something", _BOTH, ("of", "split"), is_share=True, takes_share=True, needs_of=True,
        of=_CHOICES,
    ),
    "count": Kind("the samples that have something", _BOTH, ("of", "split"), of=_CHOICES),
    "change": _PLAIN._replace(counts="samples that the previous release of the view had and this one has not"),
}  # fmt: skip
"""Every kind of check, by its name."""

_LABELS = ("true", "false", "none")


class Of(NamedTuple):
    """Samples that have something: `kind` is tag, domain, campaign or label; `value` of a tag, None: any."""

    kind: str
    name: str
    value: str | None = None


def of_text(check: str, text: str) -> str:
    """Return `of` of a check as it is written in full; raise ValueError(a sentence) for what means nothing there."""
    if check == "template_share":
        return text
    if check == "duplicates_across_splits":
        if text == "near" or (text.startswith("near.") and len(text) > len("near.")):
            return text
    elif check == "batch_set":
        if text == "source" or (text.startswith("tag:") and len(text) > len("tag:")):
            return text
    else:
        return _in_full(parse_of(text))
    raise ValueError(f"{text!r} is nothing that {check} can look at; there are {KINDS[check].of}")


def parse_of(text: str) -> Of:
    """Return what `tag:NAME`, `tag:NAME:VALUE`, `domain:NAME`, … choose; a bare NAME is a tag. Raises ValueError."""
    kind, colon, rest = text.partition(":")
    if not colon:
        return Of("tag", text)
    if not rest or kind not in {"tag", "domain", "campaign", "label"}:
        raise ValueError(f"{text!r} chooses nothing; there are {_CHOICES}")
    if kind == "label" and rest not in _LABELS:
        raise ValueError(f"there is no label {rest!r}; there are {', '.join(_LABELS)}")
    if kind != "tag":
        return Of(kind, rest)
    name, colon, value = rest.partition(":")
    if not name:
        raise ValueError(f"{text!r} names no tag")
    return Of("tag", name, value if colon else None)


def _in_full(of: Of) -> str:
    return ":".join(part for part in of if part is not None)
