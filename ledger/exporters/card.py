"""The card of a dataset: README.md as the Hugging Face Hub reads it, made from a manifest and nothing else.

The bytes depend on the arguments alone: no clock, no machine, no network. Every text that came with the data is
escaped (see `escape`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from ledger.exporters.escape import markdown, yaml

Table: TypeAlias = "Sequence[tuple[str, ...]]"

SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
)
"""The Hub's words for numbers of rows: below so many, such a category."""

_LARGEST = "n>1B"
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_FIRST = {name: at for at, name in enumerate(("by_label", "by_split", "by_tag", "samples", "rows", "share"))}
_GROUPS = frozenset({"tags", "values"})  # keys of a composition that only hold what is counted
_DEEPEST = 6  # levels of a composition; what lies deeper is shown as it is
_GATE = ("name", "severity", "passed", "observed", "limit", "about")
_LIMITS = {"max": "at most", "min": "at least"}
_MOST_LINES = 1000
"""Lines of a table; a tag can have a million values."""


class DataFile(NamedTuple):
    """A file of rows: its base name, `b3:` digest, size in bytes, SHA-256 in hexadecimal, and the split it holds."""

    name: str
    blake3: str
    bytes: int
    sha256: str
    split: str = "train"


@dataclass(frozen=True, slots=True)
class About:
    """What only a person knows of a dataset."""

    name: str
    license: str | None = None

    def checked(self) -> About:
        """Return this, or raise ValueError with a sentence."""
        if not self.name.strip():
            raise ValueError("A dataset needs a name.")
        if self.license is not None and not _LICENSE.fullmatch(self.license):
            raise ValueError(
                f"{self.license[:40]!r} is not a license as the Hub writes them: apache-2.0, cc-by-4.0, mit, other."
            )
        return self


def dataset_card(
    manifest: Mapping[str, Any], composition: Mapping[str, Any], files: Sequence[DataFile], about: About
) -> bytes:
    """Return README.md; `composition` is that of `ledger check` ({} for none). Raises ValueError as `checked` does."""
    about.checked()
    parts = [_front(manifest, files, about), f"# {markdown(about.name)}", _opening(manifest)]
    parts += _section("Files", ("file", "split", "bytes", "BLAKE3"), [_file_line(file) for file in files])
    parts += _contents(manifest, composition)
    parts += _left_out(manifest)
    parts += _making(manifest)
    parts += _gates(manifest.get("gates"))
    parts += _checking(manifest, files)
    return ("\n\n".join(parts) + "\n").encode()


def size_category(rows: int) -> str:
    """Return the Hub's word for a number of rows."""
    return next((word for most, word in SIZES if rows < most), _LARGEST)


def _front(manifest: Mapping[str, Any], files: Sequence[DataFile], about: About) -> str:
    """Return the metadata that the Hub and `datasets` read; without `configs` they would load every file there is."""
    lines = ["---", f"pretty_name: {yaml(about.name)}"]
    if about.license is not None:
        lines.append(f"license: {yaml(about.license)}")
    tags = ("sample-ledger", str(manifest.get("type", "")), str(manifest.get("form", "")))
    lines += ["tags:", *(f"- {yaml(tag)}" for tag in dict.fromkeys(tags) if tag)]
    lines += ["size_categories:", f"- {yaml(size_category(int(manifest['rows'])))}"]
    lines += ["configs:", '- config_name: "default"', "  data_files:"]
    for file in files:
        lines += [f"  - split: {yaml(file.split)}", f"    path: {yaml(file.name)}"]
    return "\n".join([*lines, "---"])


def _opening(manifest: Mapping[str, Any]) -> str:
    rows, used = int(manifest["rows"]), int(manifest["used"])
    what = f"{_count(rows)} {'row' if rows == 1 else 'rows'} of type {markdown(str(manifest['type']))}"
    made = f"from {_count(used)} {'sample' if used == 1 else 'samples'}, the view {markdown(str(manifest['view']))}"
    return f"{what}, made {made} of a ledger. The manifest beside the data says how to make the same bytes again."


def _file_line(file: DataFile) -> tuple[str, ...]:
    return (file.name, file.split, _count(file.bytes), file.blake3)


def _contents(manifest: Mapping[str, Any], composition: Mapping[str, Any]) -> list[str]:
    """Return labels, weights and every table of the composition."""
    labels = [(name, _shown(count)) for name, count in sorted(manifest.get("labels", {}).items())]
    parts = _section("Labels", ("label", "rows"), labels)
    parts += _section("Weights", ("", ""), list(_leaves(manifest.get("weights"))))
    scalars = [(name, _shown(value)) for name, value in sorted(composition.items()) if not _is_nested(value)]
    parts += _section("Composition", ("", ""), scalars)
    for name in sorted(composition, key=lambda name: (_FIRST.get(name, len(_FIRST)), name)):
        if _is_nested(composition[name]):
            parts += _composed(name.replace("_", " ").capitalize(), composition[name])
    return parts


def _composed(title: str, value: object) -> list[str]:
    """Return a part of the composition as one table: a line for each thing counted, a column for each figure."""
    records = list(_records((), value, _DEEPEST))
    columns = sorted(
        {key for _, figures in records for key in figures}, key=lambda key: (_FIRST.get(key, len(_FIRST)), key)
    )
    lines = [(" = ".join(path), *(_figure(key, figures.get(key)) for key in columns)) for path, figures in records]
    return _section(title, ("", *columns), lines)


def _records(path: tuple[str, ...], value: object, deeper: int) -> Iterator[tuple[tuple[str, ...], dict[str, object]]]:
    """Yield what is counted and its figures, whichever way they are nested; what has the most rows first."""
    if isinstance(value, list):
        for one in value:
            yield from _records(path, one, deeper - 1) if _is_nested(one) else [(path, {"value": one})]
    elif isinstance(value, Mapping):
        figures = {str(key): one for key, one in sorted(value.items()) if not _is_nested(one) or deeper <= 0}
        if figures and not path:
            yield from (((key,), {"value": one}) for key, one in figures.items())
        elif figures:
            yield path, figures
        for key, one in sorted(value.items(), key=_most_rows):
            if str(key) not in figures:
                yield from _records(path if key in _GROUPS else (*path, str(key)), one, deeper - 1)


def _most_rows(item: tuple[str, Any]) -> tuple[int, str]:
    rows = item[1].get("rows", 0) if isinstance(item[1], Mapping) else 0
    return -rows if isinstance(rows, int) else 0, item[0]


def _figure(key: str, value: object) -> str:
    return f"{100 * value:.2f} %" if key == "share" and isinstance(value, float) else _shown(value)


def _left_out(manifest: Mapping[str, Any]) -> list[str]:
    omitted = {name: count for name, count in sorted(manifest["omitted"].items()) if count}
    told = f"{_count(manifest['considered'])} samples were considered: {_count(manifest['used'])} used, "
    told += f"{_count(sum(omitted.values()))} left out, each for one reason."
    return [
        "## What was left out",
        told,
        *_table(("reason", "samples"), [(name, _count(count)) for name, count in omitted.items()]),
    ]


def _making(manifest: Mapping[str, Any]) -> list[str]:
    """Return everything that decided which rows stand here, in which order."""
    keys = ("ledger", "head", "view", "plan", "form", "policy", "tool")
    lines = [line for key in keys if key in manifest for line in _leaves(manifest[key], (key,))]
    return [
        *_section("How it was made", ("", ""), lines),
        *_section("Parameters", ("parameter", "value"), list(_leaves(manifest["params"]))),
        *_interleaving(manifest.get("interleaving"), manifest["params"].get("batch_size")),
    ]


def _interleaving(facts: object, batch_size: object) -> list[str]:
    """Return what a KTO trainer is to be told of an interleaved file; nothing for any other."""
    if not isinstance(facts, Mapping):
        return []
    ranges = {name: " to ".join(map(str, both)) for name, both in sorted(facts["label_weights"].items())}
    either = " or ".join(f"{markdown(name)} {markdown(told)}" for name, told in ranges.items())
    advice = (
        f"Train in this order, in batches of {markdown(_shown(batch_size))}. "
        f"Below {_count(facts['batch_needed'])} rows a batch, no order puts both labels into every batch. "
        f"For the labels to weigh about the same, set one of the trainer's two weights within its range: {either}."
    )
    majority = "neither" if facts["majority_label"] is None else str(facts["majority_label"]).lower()
    lines = [
        ("rows of the rarer label", _count(facts["minority"])),
        ("the more frequent label", majority),
        ("least rows a batch", _count(facts["batch_needed"])),
        ("rows cut by the ratio", _count(facts["thinned"])),
        *ranges.items(),
        ("rows repeated for their weights", _count(facts["repeated"])),
        ("repeats left out", _count(facts["repeats_left_out"])),
    ]
    return ["## Training with it", advice, *_table(("", ""), lines)]


def _gates(gates: object) -> list[str]:
    if not isinstance(gates, list) or not gates:
        return ["## Gates", "It was written without a check of its gates."]
    return _section("Gates", _GATE, [_gate(gate) for gate in gates if isinstance(gate, Mapping)])


def _gate(gate: Mapping[str, Any]) -> tuple[str, ...]:
    limit = gate.get("limit") or {}
    told = ", ".join(f"{_LIMITS.get(key, key)} {_shown(value)}" for key, value in sorted(limit.items()))
    return tuple((told or "-") if key == "limit" else _shown(gate.get(key, "")) for key in _GATE)


def _checking(manifest: Mapping[str, Any], files: Sequence[DataFile]) -> list[str]:
    """Return the commands that check the files; a name that a shell would read otherwise is not put into them."""
    name = files[0].name if files and _SAFE_NAME.fullmatch(files[0].name) else "FILE"
    commands = [f"b3sum {name}    # the BLAKE3 above, without b3:"]
    if manifest["type"] == "unpaired_preference" and name.endswith((".jsonl", "FILE")):
        commands.append(f"ledger verify-export {name}")
    commands.append(f"ledger rebuild {name}.manifest.json    # where the ledger is")
    return ["## Check it, and make it again", "\n".join(["```sh", *commands, "```"])]


def _section(title: str, head: Sequence[str], lines: Table) -> list[str]:
    return [f"## {markdown(title)}", *_table(head, lines)] if lines else []


def _table(head: Sequence[str], lines: Table) -> list[str]:
    if not lines:
        return []
    rows = [list(head), ["---"] * len(head)]
    made = ["| " + " | ".join(markdown(cell) if cell else " " for cell in rows[0]) + " |"]
    made.append("|" + "|".join(rows[1]) + "|")
    made += ["| " + " | ".join(map(markdown, line)) + " |" for line in lines[:_MOST_LINES]]
    more = len(lines) - _MOST_LINES
    return ["\n".join(made), *([f"{_count(more)} more lines are not shown."] if more > 0 else [])]


def _leaves(value: object, path: tuple[str, ...] = ()) -> Iterable[tuple[str, str]]:
    """Yield every value with the keys that lead to it."""
    if isinstance(value, Mapping):
        for key, one in sorted(value.items()):
            yield from _leaves(one, (*path, str(key)))
    elif isinstance(value, list):
        for number, one in enumerate(value, 1):
            yield from _leaves(one, (*path, str(number)))
    elif value is not None:
        yield " ".join(path), _shown(value)


def _is_nested(value: object) -> bool:
    return isinstance(value, Mapping | list)


def _shown(value: object) -> str:
    """Return a value as people read it; null is a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _count(value) if isinstance(value, int) else str(value)


def _count(number: int) -> str:
    return f"{number:,}"
