"""Settings: any TOML either reads or is refused with a line; nothing that breaks the order of rows gets through."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import encode
from ledger.errors import SettingsInvalid
from ledger.trainers.contract import BACKENDS, DPO, KTO, METHODS, SFT, TRL, UNSLOTH
from ledger.trainers.settings import BREAKING, KINDS, Settings, frozen, label_weights, read_settings

WORDS = st.sampled_from([*KINDS, *BREAKING, "learning_rat", "x", "a.b", '"ä"', "[table]"])
VALUES = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:e}"),
    st.sampled_from(["true", "nan", "-inf", "1e-999999", "1e999999", '"kto"', '"linear"', "[1]", "{}", "0", "=", ""]),
)


def _read(method: str, backend: str, text: str) -> tuple[Settings | None, str]:
    try:
        return read_settings(method, text, "f.toml", backend=backend), ""
    except SettingsInvalid as error:
        return None, str(error)


@given(
    method=st.sampled_from(METHODS),
    backend=st.sampled_from(BACKENDS),
    lines=st.lists(st.tuples(WORDS, VALUES).map(" = ".join), max_size=4),
)
def test_any_text_reads_or_is_refused_with_a_line(method: str, backend: str, lines: list[str]) -> None:
    """What reads can be written into an event; what does not names the line, and no line beyond the text."""
    found, said = _read(method, backend, "\n".join(lines))
    if found is None:
        told = re.match(r"f\.toml, line (\d+): .+\.$", said, re.DOTALL)
        assert told
        assert 1 <= int(told[1]) <= max(1, len(lines))
        return
    assert not found.keys() & BREAKING.keys()
    assert found.keys() <= KINDS.keys()
    assert len(encode(frozen(found))) < 10_000


@given(st.text(max_size=200))
def test_any_characters_read_or_are_refused(text: str) -> None:
    """No text at all ends in another error."""
    found, said = _read(SFT, TRL, text)
    assert (found is None) == ("f.toml, line " in said)


@pytest.mark.parametrize(
    ("method", "text", "says"),
    [
        (KTO, "seed = 1\ndataset_num_proc = 2", "line 2: dataset_num_proc cannot be set: each process"),
        (KTO, "per_device_train_batch_size = 1", "line 1: KTO needs batches of 2 rows or more"),
        (KTO, "learning_rte = 1", "did you mean 'learning_rate'?"),
        (KTO, 'loss_type = "apo_zero_unpaired"', "loss_type is one of kto"),
        (SFT, "beta = 0.1", "beta is none of sft's settings"),
        (SFT, "seed = 1.5", "seed is a whole number"),
        (SFT, "seed = true", "seed is a whole number"),
        (SFT, "bf16 = 1", "bf16 is true or false"),
        (SFT, "learning_rate = 2", "learning_rate is from 0 to 1"),
        (SFT, "learning_rate = nan", "at most 30 digits behind the point"),
        (SFT, "max_steps = 0", "nothing would be trained"),
        (DPO, "load_in_4bit = true", "load_in_4bit is none of trl's settings"),
        (DPO, "lora_r = ", "line 1: "),
    ],
)
def test_a_fault_is_named(method: str, text: str, says: str) -> None:
    """Each with its reason, or the word that was most likely meant."""
    with pytest.raises(SettingsInvalid, match=re.escape(says)):
        read_settings(method, text, "f.toml")


def test_what_is_set_stands_before_what_is_usual() -> None:
    """A file over the release's batch size, that over the method's; Unsloth trains LoRA unless told its rank."""
    assert read_settings(KTO, None)["per_device_train_batch_size"] == 4
    assert read_settings(KTO, None, usual={"per_device_train_batch_size": 8})["per_device_train_batch_size"] == 8
    text = "per_device_train_batch_size = 6\nlearning_rate = 1e-5"
    given_ = read_settings(KTO, text, usual={"per_device_train_batch_size": 8})
    assert (given_["per_device_train_batch_size"], given_["learning_rate"]) == (6, Decimal("0.00001"))
    assert (read_settings(KTO, None)["lora_r"], read_settings(KTO, None, backend=UNSLOTH)["lora_r"]) == (0, 16)
    with pytest.raises(SettingsInvalid, match="lora_r is 1 or more"):
        read_settings(KTO, "lora_r = 0", backend=UNSLOTH)
    assert json.loads(encode(frozen(given_)))["learning_rate"] == "0.00001"
    assert (
        read_settings(KTO, None, backend=TRL)["learning_rate"]
        == read_settings(KTO, None, backend=UNSLOTH)["learning_rate"]
    )


@given(true=st.integers(1, 10**7), false=st.integers(1, 10**7))
def test_label_weights_are_where_trl_wants_them(true: int, false: int) -> None:
    """One of the two is 1, and desirable x true : undesirable x false is from 1 to 4/3."""
    desirable, undesirable = label_weights({}, true, false)
    assert 1 in {desirable, undesirable}
    assert 1 <= Fraction(desirable) * true / (Fraction(undesirable) * false) <= Fraction(4, 3)


def test_weights_that_are_set_stand() -> None:
    """What somebody sets is taken as it is, and where there is one label only there is nothing to weigh."""
    assert label_weights({"desirable_weight": Decimal(3)}, 1, 9) == (Decimal(3), Decimal(1))
    assert label_weights({}, 0, 9) == label_weights({}, 9, 0) == (Decimal(1), Decimal(1))
    assert label_weights({}, 1837, 3681) == (Decimal("2.0039"), Decimal(1))


def test_every_setting_is_documented() -> None:
    """docs/training.md names each setting, and each that cannot be set, with its reason."""
    text = (Path(__file__).parent.parent / "docs" / "training.md").read_text("utf-8")
    for name, kind in KINDS.items():
        assert f"| `{name}` | {kind.about}" in text
    for name, why in BREAKING.items():
        assert f"| `{name}` | {why} |" in text
