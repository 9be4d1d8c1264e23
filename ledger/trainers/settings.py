"""How to train, as TOML: what may be set, what is taken otherwise, and what would break the order of the rows.

The names are those of TRL's own configurations, so that its documentation holds. What would drop rows, move them or
pair them anew is refused with the reason (facts of trl 1.16 and transformers 5.23).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from ledger.errors import SettingsInvalid
from ledger.toml_text import Lines, NotToml, read_toml
from ledger.trainers.contract import BACKENDS, DPO, KTO, METHODS, SFT, TRL, UNSLOTH

LONGEST = 20_000
"""Characters of one file."""

_DIGITS = 30
"""Digits behind the point of a number that is set."""

Settings: TypeAlias = Mapping[str, Any]
_NONE: Settings = MappingProxyType({})


class _Kind(NamedTuple):
    """What a setting is: a whole number, a number, a flag or one of some words; its bounds; who takes it."""

    about: str
    type: type
    least: Decimal | int = 0
    most: Decimal | int = 10**9
    words: tuple[str, ...] = ()
    methods: tuple[str, ...] = METHODS
    backends: tuple[str, ...] = BACKENDS


_BOTH = (KTO, DPO)
KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "per_device_train_batch_size": _Kind("rows of a microbatch", int, 1, 10_000),
        "gradient_accumulation_steps": _Kind("microbatches of a step", int, 1, 100_000),
        "num_train_epochs": _Kind("times that all rows are seen", Decimal, 0, 10_000),
        "max_steps": _Kind("steps after which training ends; -1: num_train_epochs decides", int, -1),
        "learning_rate": _Kind("the highest learning rate", Decimal, 0, 1),
        "lr_scheduler_type": _Kind(
            "how the learning rate goes on", str, words=("linear", "cosine", "constant", "constant_with_warmup")
        ),
        "warmup_steps": _Kind("steps until the learning rate is at its highest", int),
        "weight_decay": _Kind("weight decay", Decimal, 0, 10),
        "max_grad_norm": _Kind("where gradients are cut", Decimal, 0, 1000),
        "max_length": _Kind("tokens of a row", int, 2),
        "beta": _Kind("how near the model stays to where it began", Decimal, 0, 100, methods=_BOTH),
        "loss_type": _Kind("the loss", str, words=("kto", "sigmoid", "ipo", "hinge", "nll", "dft"), methods=METHODS),
        "desirable_weight": _Kind("weight of the true rows", Decimal, 0, 10_000, methods=(KTO,)),
        "undesirable_weight": _Kind("weight of the false rows", Decimal, 0, 10_000, methods=(KTO,)),
        "assistant_only_loss": _Kind("learn only what the assistant says", bool, methods=(SFT,)),
        "completion_only_loss": _Kind("learn only completions", bool, methods=(SFT,)),
        "bf16": _Kind("half precision, as current GPUs have it", bool),
        "gradient_checkpointing": _Kind("less memory, more time", bool),
        "seed": _Kind("of whatever is random", int, 0, 2**31 - 1),
        "logging_steps": _Kind("steps between two lines of losses", int, 1),
        "save_steps": _Kind("steps between two checkpoints", int, 1),
        "save_total_limit": _Kind("checkpoints that are kept", int, 1, 1000),
        "precompute_ref_log_probs": _Kind("ask the reference model once, before training", bool, methods=_BOTH),
        "lora_r": _Kind("rank of LoRA; 0: the whole model is trained", int, 0, 4096),
        "lora_alpha": _Kind("scale of LoRA", int, 1, 65_536),
        "lora_dropout": _Kind("dropout of LoRA", Decimal, 0, 1),
        "load_in_4bit": _Kind("weights in four bits", bool, backends=(UNSLOTH,)),
    }
)

USUAL: Mapping[str, Any] = MappingProxyType(
    {
        "num_train_epochs": Decimal(1),
        "max_steps": -1,
        "gradient_accumulation_steps": 1,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0,
        "weight_decay": Decimal(0),
        "max_grad_norm": Decimal(1),
        "seed": 42,
        "logging_steps": 10,
        "save_steps": 500,
        "save_total_limit": 2,
        "lora_r": 0,
        "lora_alpha": 16,
        "lora_dropout": Decimal(0),
        "gradient_checkpointing": False,
    }
)
"""What is taken where nothing is set."""

BY_METHOD: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        SFT: {"learning_rate": Decimal("0.00002"), "max_length": 1024, "per_device_train_batch_size": 8},
        KTO: {
            "learning_rate": Decimal("0.000001"),
            "max_length": 1024,
            "beta": Decimal("0.1"),
            "loss_type": "kto",
            "per_device_train_batch_size": 4,
        },
        DPO: {
            "learning_rate": Decimal("0.000001"),
            "max_length": 1024,
            "beta": Decimal("0.1"),
            "loss_type": "sigmoid",
            "per_device_train_batch_size": 4,
        },
    }
)
"""The same by method; the learning rates are TRL's own defaults, whichever backend trains."""

BY_BACKEND: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {TRL: {}, UNSLOTH: {"gradient_checkpointing": True, "load_in_4bit": False, "lora_r": 16}}
)
"""The same by backend: Unsloth is made for LoRA, and the model before is the one without it."""

LOSSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {SFT: ("nll", "dft"), KTO: ("kto",), DPO: ("sigmoid", "ipo", "hinge")}
)

BREAKING: Mapping[str, str] = MappingProxyType(
    {
        "accelerator_config": "its split_batches would cut the batches anew",
        "auto_find_batch_size": "it changes the batch size after the KL pairs were made for another",
        "data_seed": "it would shuffle the rows",
        "dataloader_drop_last": "the release is cut to whole batches already",
        "dataloader_num_workers": "rows come from one process, in their order",
        "dataset_num_proc": "each process starts the batches anew, so rows are paired with those of other batches",
        "group_by_length": "it takes the rows in another order",
        "packing": "it puts several rows into one",
        "padding_free": "it puts several rows into one",
        "shuffle_dataset": "it shuffles the rows",
        "train_sampling_strategy": "anything but the order of the file loses the order of the file",
    }
)
"""What cannot be set, and why."""


def read_settings(
    method: str, text: str | None, file: object = "the settings", usual: Settings = _NONE, backend: str = TRL
) -> Settings:
    """Return what to train with: what a TOML text sets, else `usual`, else what always is. Numbers: int or Decimal.

    Raises SettingsInvalid(file, line, what).
    """
    given: dict[str, Any] = {}
    if text is not None:
        try:
            given = read_toml(text, "a file of settings", LONGEST, Decimal)
        except NotToml as error:
            raise SettingsInvalid(file, error.line, error.what) from None
    for name, value in given.items():
        if fault := _fault(method, backend, name, value):
            raise SettingsInvalid(file, Lines(text or "").of((name,)), fault)
    own = {name: _number(name, value) for name, value in given.items()}
    return {**USUAL, **BY_METHOD[method], **BY_BACKEND[backend], **usual, **own}


def frozen(settings: Settings) -> dict[str, Any]:
    """Return settings as restricted JSON: numbers with a point are decimal text."""
    return {name: text_of(value) if isinstance(value, Decimal) else value for name, value in sorted(settings.items())}


def text_of(value: Decimal) -> str:
    """Return a number as decimal text, without an exponent."""
    return format(value.normalize(), "f")


def label_weights(settings: Settings, true: int, false: int) -> tuple[Decimal, Decimal]:
    """Return the weights of true and false rows: those that are set, else such that both labels weigh the same.

    TRL asks for desirable x true : undesirable x false between 1 and 4/3 (eq. 8 of the KTO paper), and that one of the
    two weights stays 1. Rounded up to four places, so that the ratio is never below 1.
    """
    set_true, set_false = settings.get("desirable_weight"), settings.get("undesirable_weight")
    if set_true is not None or set_false is not None or not true or not false:
        return Decimal(set_true if set_true is not None else 1), Decimal(set_false if set_false is not None else 1)
    if 3 * true > 4 * false:
        return Decimal(1), Decimal(10_000 * true // false) / 10_000
    if true < false:
        return Decimal(-(-10_000 * false // true)) / 10_000, Decimal(1)
    return Decimal(1), Decimal(1)


def _fault(method: str, backend: str, name: str, value: object) -> str | None:
    if name in BREAKING:
        return f"{name} cannot be set: {BREAKING[name]}"
    kind = KINDS.get(name)
    if kind is None:
        close = difflib.get_close_matches(name, KINDS, 1)
        return f"there is no setting {name[:80]!r}" + (f" (did you mean {close[0]!r}?)" if close else "")
    for who, takers in ((method, kind.methods), (backend, kind.backends)):
        if who not in takers:
            return f"{name} is none of {who}'s settings"
    if kind.words:
        words = LOSSES[method] if name == "loss_type" else kind.words
        return None if value in words else f"{name} is one of {', '.join(words)}"
    if kind.type is bool:
        return None if isinstance(value, bool) else f"{name} is true or false"
    return _number_fault(name, kind, value) or _meaning_fault(method, backend, name, value)


def _number_fault(name: str, kind: _Kind, value: object) -> str | None:
    kinds = (int,) if kind.type is int else (int, Decimal)
    if isinstance(value, bool) or not isinstance(value, kinds):
        return f"{name} is a {'whole ' if kind.type is int else ''}number"
    if isinstance(value, Decimal) and (not value.is_finite() or int(value.as_tuple().exponent) < -_DIGITS):
        return f"{name} is a number with at most {_DIGITS} digits behind the point"
    return None if kind.least <= value <= kind.most else f"{name} is from {kind.least} to {kind.most}"


def _meaning_fault(method: str, backend: str, name: str, value: object) -> str | None:
    """Return what is wrong with a number that is within its bounds."""
    if value == 0 and name in {"max_steps", "num_train_epochs"}:
        return f"{name} is 0, so nothing would be trained"
    if method == KTO and name == "per_device_train_batch_size" and value == 1:
        return "KTO needs batches of 2 rows or more: a row alone would be paired with itself"
    if backend == UNSLOTH and name == "lora_r" and value == 0:
        return "with unsloth, lora_r is 1 or more"
    return None


def _number(name: str, value: Any) -> Any:  # noqa: ANN401 - a value that `_fault` has seen
    return Decimal(value) if KINDS[name].type is Decimal else value
