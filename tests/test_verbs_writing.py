"""Writing a view: weights, types, dialects, kinds of file and gates, each rebuilt byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from ledger.errors import (
    BadRequest,
    CorruptLedger,
    GatesFailed,
    LedgerError,
    NotRepresentable,
    NotWritable,
    PlanImpossible,
)
from ledger.exporters.layouts import DIALECTS
from tests.cli import program
from tests.small import chat, names, pairs, read, samples, write

CALL = {"id": "c1", "type": "function", "function": {"name": "open", "arguments": '{"path": "a.md",  "n": 1.0}'}}


@pytest.fixture
def few(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of forty samples, each label twenty times."""
    ledger.ingest(write(tmp_path / "few.jsonl", *pairs(20)), campaign="few")
    return ledger


def again(ledger: Ledger, made: Path) -> bytes:
    """Return the bytes that the manifest beside an export makes again, elsewhere."""
    target = made.with_name("again.bin")
    assert ledger.rebuild(made.with_name(made.name + ".manifest.json"), target)["identical"]
    return target.read_bytes()


@pytest.mark.parametrize("view", ["kto-interleaved", "kto", "sft", "train"])
def test_a_weight_repeats_rows_and_counts_no_sample_twice(few: Ledger, tmp_path: Path, view: str) -> None:
    """Rows repeat as the weight says, `used` counts samples, `why` knows first place and copies, and it rebuilds."""
    few.split("100/0/0")
    heavy = [one for one in samples(few) if few.show(one)["label"]][:2]
    few.weight(heavy, 3)
    made = few.project(view, tmp_path / "out.jsonl")
    assert made["considered"] == made["used"] + sum(made["omitted"].values()) == 40
    assert made["rows"] == made["used"] + made["weights"]["repeated"] == len(read(tmp_path / "out.jsonl"))
    assert made["weights"]["repeated"] == 4
    place = few.why(heavy[0])["releases"][0]
    content = few.show(heavy[0])["content"]
    rows = read(tmp_path / "out.jsonl")
    at = [number for number, row in enumerate(rows) if row["prompt"] == content["prompt"]]
    assert (place["row"], place["copies"]) == (at[0], 3)
    assert len(at) == 3
    assert again(few, tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").read_bytes()
    assert few.verify()["ok"]


def test_collapsing_duplicates_never_undoes_a_weight(ledger: Ledger, tmp_path: Path) -> None:
    """Three copies of a row are one row; a weight on any of them stands."""
    row = chat("q", "a", label=True)
    ledger.ingest(write(tmp_path / "a.jsonl", row, row, row, *pairs(3)), campaign="a")
    ledger.weight([samples(ledger)[1]], 5)
    made = ledger.project("sft", tmp_path / "out.jsonl")
    assert made["omitted"]["duplicate"] == 2
    texts = [one["prompt"][0]["content"] for one in read(tmp_path / "out.jsonl")]
    assert texts.count("q") == 5


@pytest.mark.parametrize(
    ("view", "kind", "keys"),
    [
        ("sft", "language_modeling", {"messages"}),
        ("sft", "prompt_only", {"prompt"}),
        ("prompts", None, {"prompt"}),
        ("sft", None, {"prompt", "completion"}),
        ("kto", None, {"prompt", "completion", "label"}),
        ("sft", "unpaired_preference", {"prompt", "completion", "label"}),
        ("train", "prompt_completion", {"prompt", "completion"}),
    ],
)
def test_every_type_is_written_and_rebuilt(
    few: Ledger, tmp_path: Path, view: str, kind: str | None, keys: set[str]
) -> None:
    """The rows have the columns of their type, the manifest names it, and the file can be made again."""
    few.split("100/0/0")
    made = few.project(view, tmp_path / "out.jsonl", type=kind)
    assert {frozenset(row) for row in read(tmp_path / "out.jsonl")} == {frozenset(keys)}
    assert kind in {None, made["type"]}
    assert again(few, tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("view", "kind", "says"),
    [
        ("kto-interleaved", "prompt_completion", "cannot have rows of the type prompt_completion"),
        ("sft", "preference", "cannot have rows of the type preference"),
        ("accepted", "prompt_only", "no matter of choice"),
        ("sft", "samples", "no matter of choice"),
        ("sft", "poetry", "no type 'poetry'"),
    ],
)
def test_a_type_that_a_view_cannot_have(few: Ledger, tmp_path: Path, view: str, kind: str, says: str) -> None:
    """It is refused in words, and nothing is written."""
    with pytest.raises(BadRequest, match=says):
        few.project(view, tmp_path / "out.jsonl", type=kind)
    assert "out.jsonl" not in names(tmp_path)


def test_preference_pairs_stand_in_why(ledger: Ledger, tmp_path: Path) -> None:
    """A pair is one row of two samples, each of which knows its side."""
    ledger.ingest(
        write(tmp_path / "a.jsonl", chat("q", "good", label=True), chat("q", "poor", label=False)), campaign="a"
    )
    made = ledger.project("preference", tmp_path / "out.jsonl")
    assert (made["view"], made["rows"], made["used"], made["weights"]["repeated"]) == ("dpo", 1, 2, 0)
    (row,) = read(tmp_path / "out.jsonl")
    assert [row[side][0]["content"] for side in ("chosen", "rejected")] == ["good", "poor"]
    sides = [ledger.why(one)["releases"][0] for one in samples(ledger)]
    assert [(side["row"], side["copies"], side["preferred"]) for side in sides] == [(0, 1, True), (0, 1, False)]
    assert again(ledger, tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").read_bytes()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_written_and_rebuilt(few: Ledger, tmp_path: Path, dialect: str) -> None:
    """Rows in every dialect, with what belongs beside them, made again byte for byte."""
    folder = tmp_path / dialect
    folder.mkdir()
    made = few.project("sft", folder / "out.jsonl", dialect=dialect)
    assert len(read(folder / "out.jsonl")) == made["rows"] == 20
    for one in made["beside"]:
        assert show(blake3_bytes((folder / one["name"]).read_bytes())) == one["blake3"]
    assert again(few, folder / "out.jsonl") == (folder / "out.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("way", "wanted"),
    [
        ("as-is", '"arguments": "{\\"path\\": \\"a.md\\",  \\"n\\": 1.0}"'),
        ("object", '"arguments": {"path": "a.md",  "n": 1.0}'),
        ("string", '"arguments": "{\\"path\\": \\"a.md\\",  \\"n\\": 1.0}"'),
    ],
)
def test_tool_arguments_are_written_as_asked(ledger: Ledger, tmp_path: Path, way: str, wanted: str) -> None:
    """As an object, as text, or as they came, with every number as it was."""
    message = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    row = {"messages": [{"role": "user", "content": "q"}, message]}
    ledger.ingest(write(tmp_path / "a.jsonl", row), campaign="a")
    ledger.project("sft", tmp_path / "out.jsonl", tool_args=way)
    assert wanted in (tmp_path / "out.jsonl").read_text("utf-8")


def test_what_a_dialect_cannot_hold_stops_it_or_is_left_out(few: Ledger, tmp_path: Path) -> None:
    """It is refused with the sample's id and nothing is written; left out on request, it is counted and listed."""
    many = {"messages": [{"role": role, "content": role} for role in ("user", "assistant", "assistant")]}
    few.ingest(write(tmp_path / "many.jsonl", many), campaign="many")
    odd = samples(few)[-1]
    head = few.status()["head"]
    with pytest.raises(NotRepresentable, match=odd) as raised:
        few.project("sft", tmp_path / "out.jsonl", dialect="alpaca")
    assert raised.value.exit_code == 51
    assert (few.status()["head"], "out.jsonl" in names(tmp_path)) == (head, False)
    made = few.project("sft", tmp_path / "out.jsonl", dialect="alpaca", omit_unrepresentable=True)
    assert made["omitted"]["unrepresentable"] == 1
    assert few.omissions("out.jsonl", "unrepresentable") == [{"sample": odd, "reason": "unrepresentable"}]
    assert again(few, tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").read_bytes()


def test_prompts_that_are_too_long_are_left_out_as_the_trainer_would(ledger: Ledger, tmp_path: Path) -> None:
    """By an estimate that the manifest states; a rebuild needs nothing but the log."""
    long = [chat("word " * 400 + str(n), f"a{n}", label=bool(n % 2)) for n in range(2)]
    ledger.ingest(write(tmp_path / "a.jsonl", *long, *pairs(4)), campaign="a")
    made = ledger.project("kto-interleaved", tmp_path / "out.jsonl", max_length=200)
    assert made["omitted"]["too_long"] == 2
    assert (made["params"]["max_length"], made["params"]["lengths"]["by"]) == (200, "estimate")
    assert again(ledger, tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").read_bytes()
    with pytest.raises(BadRequest, match="give --max-length too"):
        ledger.project("sft", tmp_path / "x.jsonl", tokenizer=tmp_path / "tokenizer.json")


@pytest.mark.parametrize("workers", [2, 3])
def test_the_bytes_do_not_depend_on_the_number_of_workers(ledger: Ledger, tmp_path: Path, workers: int) -> None:
    """One process or several: the same file, the same manifest, the same release."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(600)), campaign="a")
    one = ledger.project("kto-interleaved", tmp_path / "one.jsonl")
    several = ledger.project("kto-interleaved", tmp_path / "several.jsonl", workers=workers)
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "several.jsonl").read_bytes()
    assert one["output"]["blake3"] == several["output"]["blake3"]
    events = ledger.status()["events"]
    assert ledger.project("kto-interleaved", tmp_path / "one.jsonl", workers=workers) == one
    assert ledger.status()["events"] == events
    manifest = tmp_path / "one.jsonl.manifest.json"
    assert ledger.rebuild(manifest, tmp_path / "again.jsonl", workers=workers)["identical"]


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_the_bytes_do_not_depend_on_the_hash_seed_of_python(few: Ledger, tmp_path: Path, seed: str) -> None:
    """Another process with another PYTHONHASHSEED rebuilds every type byte for byte."""
    for view in ("kto-interleaved", "sft", "prompts"):
        few.project(view, tmp_path / f"{view}.jsonl")
        manifest = tmp_path / f"{view}.jsonl.manifest.json"
        told = ("--ledger", few.path, "rebuild", manifest, "-o", tmp_path / "again.jsonl")
        done = program(*told, cwd=tmp_path, env={"PYTHONHASHSEED": seed, "LC_ALL": "C"})
        assert done.code == 0, done.err
        assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / f"{view}.jsonl").read_bytes()


def test_gates_stop_it_before_anything_is_written(few: Ledger, tmp_path: Path) -> None:
    """An error stops it; without gates it goes, and the manifest says so; with others it is another release."""
    gates = tmp_path / "gates.toml"
    gates.write_text('[[gate]]\ncheck = "pending"\nmax = 0\nseverity = "error"\n', "utf-8")
    head = few.status()["head"]
    with pytest.raises(GatesFailed, match="pending is 20"):
        few.project("sft", tmp_path / "out.jsonl", gates=gates)
    assert (few.status()["head"], "out.jsonl" in names(tmp_path)) == (head, False)
    free = few.project("sft", tmp_path / "out.jsonl", no_gates=True)
    assert (free["gates"], free["gates_digest"]) == ([], None)
    events = few.status()["events"]
    checked = few.project("sft", tmp_path / "out.jsonl")
    assert checked["gates_digest"] is not None
    assert checked["output"] == free["output"]
    assert few.status()["events"] == events + 3
    assert few.project("sft", tmp_path / "out.jsonl") == checked
    assert few.status()["events"] == events + 3
    assert again(few, tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").read_bytes()


def test_parquet_holds_the_same_values_and_is_rebuilt(toolset: Ledger, tmp_path: Path) -> None:
    """What stands in Parquet is what stands in the lines, and the manifest names what wrote it."""
    parquet = pytest.importorskip("pyarrow.parquet")
    made = toolset.project("sft", tmp_path / "out.parquet", container="parquet")
    toolset.project("sft", tmp_path / "out.jsonl")
    assert parquet.read_table(tmp_path / "out.parquet").to_pylist() == read(tmp_path / "out.jsonl")
    assert made["output"]["writer"].keys() == {"pyarrow"}
    assert again(toolset, tmp_path / "out.parquet") == (tmp_path / "out.parquet").read_bytes()


def test_a_folder_has_a_card_and_metadata(toolset: Ledger, tmp_path: Path) -> None:
    """A folder is made with rows, card, metadata and manifest, which names them; again it is the same folder."""
    made = toolset.project("sft", tmp_path / "set", container="datasets", license="mit")
    assert names(tmp_path / "set") == ["README.md", "croissant.json", "train.jsonl", "train.jsonl.manifest.json"]
    assert [one["name"] for one in made["beside"]] == ["README.md", "croissant.json"]
    assert 'license: "mit"' in (tmp_path / "set" / "README.md").read_text("utf-8")
    assert json.loads((tmp_path / "set" / "croissant.json").read_bytes())["license"]
    before = {one.name: one.read_bytes() for one in (tmp_path / "set").iterdir()}
    toolset.project("sft", tmp_path / "set", container="datasets", license="mit")
    assert {one.name: one.read_bytes() for one in (tmp_path / "set").iterdir()} == before
    assert again(toolset, tmp_path / "set" / "train.jsonl") == before["train.jsonl"]


def test_a_refused_folder_is_not_left_behind(few: Ledger, tmp_path: Path) -> None:
    """A folder that was made for an export goes with it; one that was there stays."""
    few.reject(samples(few), reason="all")
    with pytest.raises(PlanImpossible, match="No sample can stand"):
        few.project("sft", tmp_path / "set", container="datasets")
    assert "set" not in names(tmp_path)


def test_what_a_person_wrote_is_not_replaced(few: Ledger, tmp_path: Path) -> None:
    """A README that this export did not write stays as it is, and nothing else is written either."""
    (tmp_path / "README.md").write_text("mine", "utf-8")
    there = names(tmp_path)
    with pytest.raises(NotWritable, match="this export did not write"):
        few.project("sft", tmp_path / "out.jsonl", card=True)
    assert (tmp_path / "README.md").read_text("utf-8") == "mine"
    assert names(tmp_path) == there


def test_a_view_from_a_file_is_recorded_with_its_release(few: Ledger, tmp_path: Path) -> None:
    """The definition is an event of the same run; a failed projection records none; it rebuilds when redefined."""
    file = tmp_path / "mine.toml"
    told = 'name = "mine"\nselect = "label == {}"\nweights = "column"\n[fields]\nfrom = "source"\n'
    file.write_text(told.format("false"), "utf-8")
    gates = tmp_path / "gates.toml"
    gates.write_text('[[gate]]\ncheck = "pending"\nmax = 0\nseverity = "error"\n', "utf-8")
    with pytest.raises(GatesFailed):
        few.project(str(file), tmp_path / "out.jsonl", gates=gates)
    assert few.views()["defined"] == []
    made = few.project(str(file), tmp_path / "out.jsonl")
    assert (made["view"], made["used"], made["omitted"]["not_selected"]) == ("mine", 20, 20)
    assert {(row["from"], row["weight"]) for row in read(tmp_path / "out.jsonl")} == {("few.jsonl", 1)}
    assert [one["name"] for one in few.views()["defined"]] == ["mine"]
    assert few.project("mine", tmp_path / "out.jsonl") == made
    file.write_text(told.format("true"), "utf-8")
    few.define_view(file)
    assert few.project("mine", tmp_path / "other.jsonl")["output"] != made["output"]
    assert again(few, tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").read_bytes()
    assert few.verify()["ok"]


@pytest.mark.parametrize(
    "options",
    [
        {"dialect": "latin"},
        {"tool_args": "none"},
        {"container": "zip"},
        {"max_length": 0},
        {"max_length": 2**31},
        {"max_length": True},
        {"workers": 0},
        {"workers": 1000},
        {"license": "MIT\nevil: true"},
        {"view": "./no-such.toml"},
        {"view": "accepted", "container": "parquet"},
    ],
    ids=str,
)
def test_what_cannot_be_asked(few: Ledger, tmp_path: Path, options: dict[str, Any]) -> None:
    """A parameter that means nothing is refused, and nothing is written or recorded."""
    head, there = few.status()["head"], names(tmp_path)
    with pytest.raises(LedgerError):
        few.project(**{"view": "sft", "out": tmp_path / "out.jsonl", **options})
    assert (few.status()["head"], names(tmp_path)) == (head, there)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("README.md", {"card": True}),
        ("croissant.json", {"card": True}),
        ("dataset_info.json", {"dialect": "llama-factory"}),
    ],
)
def test_rows_are_not_called_like_what_belongs_beside_them(
    few: Ledger, tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    """Else the rows would be overwritten by their own card."""
    head, there = few.status()["head"], names(tmp_path)
    with pytest.raises(NotWritable, match="belongs beside it"):
        few.project("sft", tmp_path / name, **options)
    assert (few.status()["head"], names(tmp_path)) == (head, there)


def test_another_card_is_another_release(few: Ledger, tmp_path: Path) -> None:
    """With a card, without one, or with another licence: what stands beside the rows is what the manifest names."""
    out = tmp_path / "out.jsonl"
    few.project("sft", out)
    for options in ({"card": True}, {"license": "mit"}, {"license": "apache-2.0"}, {}):
        made = few.project("sft", out, **options)
        assert len(made["beside"]) == (2 if options else 0)
        for one in made["beside"]:
            assert show(blake3_bytes((tmp_path / one["name"]).read_bytes())) == one["blake3"]
        assert json.loads((tmp_path / "out.jsonl.manifest.json").read_bytes()) == made
        events = few.status()["events"]
        assert few.project("sft", out, **options) == made
        assert few.status()["events"] == events


def test_rows_without_a_label_are_written_as_the_others(ledger: Ledger, tmp_path: Path) -> None:
    """Tool arguments are as asked in every row, and a dialect that cannot say `no label` says so."""
    message = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    rows = [{"messages": [{"role": "user", "content": f"q{n}"}, message]} for n in range(2)]
    ledger.ingest(write(tmp_path / "a.jsonl", rows[0], {**rows[1], "label": True}), campaign="a")
    ledger.split("100/0/0")
    ledger.project("train", tmp_path / "out.jsonl")
    made = read(tmp_path / "out.jsonl")
    assert {row["label"] for row in made} == {None, True}
    assert all(isinstance(row["completion"][0]["tool_calls"][0]["function"]["arguments"], dict) for row in made)
    with pytest.raises(NotRepresentable):
        ledger.project("train", tmp_path / "other.jsonl", dialect="llama-factory")


def test_pairs_that_differ_in_tools_are_refused_or_left_out(ledger: Ledger, tmp_path: Path) -> None:
    """A prompt asked with other tools, or in other characters, is no row; on request both sides are left out."""
    tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("a", "b")]
    rows = [
        {**chat("q", "good", label=True), "tools": tools[:1]},
        {**chat("q", "poor", label=False), "tools": tools[1:]},
        chat("caf\u00e9", "good", label=True),
        chat("cafe\u0301", "poor", label=False),
        chat("fine", "good", label=True),
        chat("fine", "poor", label=False),
    ]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    with pytest.raises(NotRepresentable):
        ledger.project("dpo", tmp_path / "out.jsonl")
    made = ledger.project("dpo", tmp_path / "out.jsonl", omit_unrepresentable=True)
    assert (made["rows"], made["omitted"]["unrepresentable"]) == (1, 4)
    assert again(ledger, tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").read_bytes()


def test_a_prompt_is_no_contradiction(ledger: Ledger, tmp_path: Path) -> None:
    """A prompt with a good, a poor and an unlabelled answer is one prompt; a view of good ones takes it as well."""
    rows = [chat("q", "good", label=True), chat("q", "poor", label=False), chat("q", "other")]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    made = ledger.project("prompts", tmp_path / "out.jsonl")
    assert (made["rows"], made["omitted"]["duplicate"]) == (1, 2)
    (tmp_path / "good.toml").write_text('name = "good"\ntype = "prompt_only"\nlabel = ["true"]\n', "utf-8")
    made = ledger.project(str(tmp_path / "good.toml"), tmp_path / "good.jsonl")
    assert (made["rows"], made["omitted"]["conflict"], made["omitted"]["no_label"]) == (1, 0, 2)


def test_a_preference_view_keeps_its_order_and_duplicates(ledger: Ledger, tmp_path: Path) -> None:
    """What a view says of order and duplicates holds for pairs too."""
    rows = [chat(f"q{n}", side, label=side == "good") for n in range(9) for side in ("good", "poor") for _ in range(2)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    told = 'name = "all"\ntype = "preference"\norder = "ingested"\nduplicates = "keep"\n'
    (tmp_path / "all.toml").write_text(told, "utf-8")
    made = ledger.project(str(tmp_path / "all.toml"), tmp_path / "out.jsonl")
    assert made["rows"] == 18
    prompts = [row["prompt"][0]["content"] for row in read(tmp_path / "out.jsonl")]
    assert prompts == sorted(prompts)


def test_a_folder_as_of_is_called_as_the_view_was_then(few: Ledger, tmp_path: Path) -> None:
    """The split that the view took at that moment names the file."""
    few.split("50/50")
    file = tmp_path / "mine.toml"
    for split in ("train", "val"):
        file.write_text(f'name = "mine"\nsplit = "{split}"\n', "utf-8")
        head = few.define_view(file)["defined"]
    few.project("mine", tmp_path / "then", container="datasets", as_of=head - 3)
    few.project("mine", tmp_path / "now", container="datasets")
    assert ("train.jsonl" in names(tmp_path / "then"), "val.jsonl" in names(tmp_path / "now")) == (True, True)


@pytest.mark.parametrize("place", ["a" * 300, "none/set", "link"])
def test_a_folder_that_cannot_be(few: Ledger, tmp_path: Path, place: str) -> None:
    """A name that is too long, a missing parent and a link to nothing are refused in words."""
    (tmp_path / "link").symlink_to("nothing/there")
    head = few.status()["head"]
    with pytest.raises(NotWritable):
        few.project("sft", tmp_path / place, container="datasets")
    assert few.status()["head"] == head


def test_a_weight_in_a_column_is_that_of_any_twin(ledger: Ledger, tmp_path: Path) -> None:
    """Repeated or told in a column, a text counts as often as the heaviest of its twins; `times` says how often."""
    row = chat("q", "a", label=True)
    ledger.ingest(write(tmp_path / "a.jsonl", row, {**row, "n": 2}, *pairs(3)), campaign="a")
    ledger.weight([samples(ledger)[0]], 7)
    ledger.weight([samples(ledger)[1]], 2)
    for mode in ("repeat", "column"):
        (tmp_path / f"{mode}.toml").write_text(
            f'name = "{mode}"\nlabel = ["true"]\nweights = "{mode}"\n[fields]\ncounts = "times"\n', "utf-8"
        )
        made = ledger.project(str(tmp_path / f"{mode}.toml"), tmp_path / f"{mode}.jsonl")
        rows = [one for one in read(tmp_path / f"{mode}.jsonl") if one["prompt"][0]["content"] == "q"]
        assert len(rows) == (7 if mode == "repeat" else 1)
        assert {one["counts"] for one in rows} == {7}
        assert made["composition"]["rows"] == 10
        assert again(ledger, tmp_path / f"{mode}.jsonl") == (tmp_path / f"{mode}.jsonl").read_bytes()


def test_thinning_takes_copies_before_samples(ledger: Ledger, tmp_path: Path) -> None:
    """Where rows must go, no sample loses its only row while another one is repeated."""
    rows = [chat(f"q{n}", "a", label=n % 5 != 0) for n in range(20)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    ledger.weight((), 1000, where="label == true")
    made = ledger.project("kto-interleaved", tmp_path / "out.jsonl")
    used = {one["prompt"][0]["content"] for one in read(tmp_path / "out.jsonl") if one["label"]}
    assert made["labels"]["true"] == len(used) == 12


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("out.jsonl.gz", {}, BadRequest),
        ("out.parquet", {}, BadRequest),
        ("out.jsonl", {"container": "parquet"}, BadRequest),
        ("other.jsonl.manifest.json", {}, NotWritable),
        ("/dev/stdout", {}, NotWritable),
    ],
)
def test_a_name_that_says_something_else(
    few: Ledger, tmp_path: Path, name: str, options: dict[str, Any], error: type[LedgerError]
) -> None:
    """Compressed, another kind of file, a manifest, a device: refused, with nothing written."""
    there = names(tmp_path)
    with pytest.raises(error):
        few.project("sft", tmp_path / name, **options)
    assert names(tmp_path) == there


def test_what_is_no_export_is_not_replaced(few: Ledger, tmp_path: Path) -> None:
    """The ingested file and an export that was changed stay; an unchanged one is replaced, anything on request."""
    source = (tmp_path / "few.jsonl").read_bytes()
    with pytest.raises(NotWritable, match="no export of this ledger"):
        few.project("sft", tmp_path / "few.jsonl")
    assert (tmp_path / "few.jsonl").read_bytes() == source
    few.project("sft", tmp_path / "out.jsonl")
    few.project("kto", tmp_path / "out.jsonl")
    with (tmp_path / "out.jsonl").open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(NotWritable):
        few.project("sft", tmp_path / "out.jsonl")
    few.project("sft", tmp_path / "out.jsonl", overwrite=True)
    assert few.rebuild(tmp_path / "out.jsonl.manifest.json")["identical"]


def test_a_file_does_not_redefine_a_view(few: Ledger, tmp_path: Path) -> None:
    """A view in a file whose name stands for another one is refused; `view define` gives it another meaning."""
    for number, label in enumerate(("true", "false")):
        (tmp_path / f"{number}.toml").write_text(f'name = "mine"\nlabel = ["{label}"]\n', "utf-8")
    few.project(str(tmp_path / "0.toml"), tmp_path / "out.jsonl")
    head = few.status()["head"]
    with pytest.raises(BadRequest, match="defined otherwise"):
        few.project(str(tmp_path / "1.toml"), tmp_path / "other.jsonl")
    assert (few.status()["head"], "other.jsonl" in names(tmp_path)) == (head, False)
    few.define_view(tmp_path / "1.toml")
    few.project(str(tmp_path / "1.toml"), tmp_path / "other.jsonl")


def test_a_template_that_fails_is_told(few: Ledger, tmp_path: Path) -> None:
    """The manifest says how many prompts the chat template could not take, and it is rebuilt without the tokenizer."""
    tokenizers = pytest.importorskip("tokenizers")
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))  # noqa: S106 - a word for words
    made.save(str(folder / "tokenizer.json"))
    told = {"chat_template": "{{ raise_exception('no') }}"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told), "utf-8")
    found = few.project("kto", tmp_path / "out.jsonl", max_length=60, tokenizer=folder)
    assert found["unrendered"] == 40
    assert again(few, tmp_path / "out.jsonl") == (tmp_path / "out.jsonl").read_bytes()


def test_damage_on_either_side_of_a_pair_names_that_sample(ledger: Ledger, tmp_path: Path) -> None:
    """Bytes that changed stop the export, and the sample that is named is the one whose bytes they are."""
    rows = [chat("q", "good", label=True), chat("q", "poor answer", label=False)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    where = ledger.why(samples(ledger)[1])["origin"]["position"]
    ledger.close()
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b"poor answer", b"Poor answer"))
    with Ledger.open(ledger.path) as damaged, pytest.raises(CorruptLedger, match=f"sample @{where} "):
        damaged.project("dpo", tmp_path / "out.jsonl")
