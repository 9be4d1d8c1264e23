"""Project: the rows, the manifest and the record agree, or there is none of the three."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, CorruptLedger, DiskFull, NotWritable, PlanImpossible, StorageFailed
from ledger.exporters.eligibility import OMISSIONS
from ledger.verbs import project, writing
from tests.small import POLICY, by_policy, chat, names, pairs, read, samples, write

KEYS = {
    "beside", "composition", "considered", "form", "gates", "gates_digest", "head", "interleaving", "labels", "ledger",
    "manifest", "omitted", "output", "params", "plan", "policy", "rows", "tool", "type", "unrendered", "used", "view",
    "weights",
}  # fmt: skip


@pytest.fixture
def few(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of sixteen samples, eight of each label."""
    ledger.ingest(write(tmp_path / "few.jsonl", *pairs(8)), campaign="few")
    return ledger


def events(ledger: Ledger) -> int:
    """Return how many events there are."""
    return int(ledger.status()["events"])


def test_file_manifest_and_record_agree(few: Ledger, tmp_path: Path) -> None:
    """The answer is the manifest, the manifest is of the file, and the log holds its digest."""
    head = few.status()["head"]
    made = few.project("kto-interleaved", tmp_path / "out.jsonl")
    body = (tmp_path / "out.jsonl").read_bytes()
    assert json.loads((tmp_path / "out.jsonl.manifest.json").read_bytes()) == made
    assert set(made) == KEYS
    assert made["output"] == {"name": "out.jsonl", "blake3": show(blake3_bytes(body)), "bytes": len(body)}
    assert (made["head"], made["policy"], made["type"]) == (head, None, "unpaired_preference")
    assert made["params"] == {
        "batch_size": 4, "container": "jsonl", "dialect": "trl", "form": "auto", "lengths": None, "max_length": None,
        "omit_unrepresentable": False, "ratio": "keep", "seed": "0", "tool_args": "object", "type": None, "view": None,
        "world_size": 1,
    }  # fmt: skip
    assert list(made["omitted"]) == sorted(OMISSIONS) or list(made["omitted"]) == list(OMISSIONS)
    assert made["considered"] == made["used"] + sum(made["omitted"].values()) == 16
    told = few.log()[-2]
    assert (told["kind"], told["says"]["output"]) == ("released", made["output"]["blake3"][3:])
    assert told["says"]["manifest"] == blake3_bytes((tmp_path / "out.jsonl.manifest.json").read_bytes()).hex()
    assert set(names(tmp_path)) >= {"out.jsonl", "out.jsonl.manifest.json"}
    assert not [name for name in names(tmp_path) if name.endswith(".tmp")]
    assert few.verify()["ok"]


def test_every_sample_is_used_or_left_out_once(toolset: Ledger, tmp_path: Path) -> None:
    """Members and omissions together are all samples, each once, and `why` knows the place of each."""
    made = toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    left_out = toolset.omissions("out.jsonl")
    counted = {reason: sum(each["reason"] == reason for each in left_out) for reason in OMISSIONS}
    assert counted == made["omitted"]
    out = {each["sample"] for each in left_out}
    used = {one for one in samples(toolset) if one not in out}
    assert (len(used), len(used) + len(out)) == (made["used"], 120)
    places = {toolset.why(one)["releases"][0]["row"] for one in used}
    assert places == set(range(made["rows"]))
    rows = read(tmp_path / "out.jsonl")
    for one in sorted(used)[:10]:
        release = toolset.why(one)["releases"][0]
        shown = toolset.show(one)
        assert rows[release["row"]] == {**shown["content"], "label": shown["label"]}
        assert release["omitted"] is None
    reason = toolset.why(left_out[0]["sample"])["releases"][0]
    assert (reason["row"], reason["omitted"]) == (None, left_out[0]["reason"])


def test_omissions_are_asked_for_by_name_and_reason(toolset: Ledger, tmp_path: Path) -> None:
    """One reason can be asked for; an unknown reason or name is refused, not answered with nothing."""
    made = toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    conflicts = toolset.omissions("out.jsonl", "conflict")
    assert len(conflicts) == made["omitted"]["conflict"] > 0
    with pytest.raises(BadRequest, match="Nothing is left out as 'boring'"):
        toolset.omissions("out.jsonl", "boring")
    with pytest.raises(BadRequest, match="Nothing was released"):
        toolset.omissions("other.jsonl")


def test_again_appends_nothing(few: Ledger, tmp_path: Path) -> None:
    """The same rows for the same request are one release: recorded manifest, same bytes, no event."""
    first = few.project("kto-interleaved", tmp_path / "out.jsonl")
    manifest = (tmp_path / "out.jsonl.manifest.json").read_bytes()
    count = events(few)
    (tmp_path / "out.jsonl").unlink()
    assert few.project("kto-interleaved", tmp_path / "out.jsonl") == first
    assert (tmp_path / "out.jsonl.manifest.json").read_bytes() == manifest
    assert blake3_bytes((tmp_path / "out.jsonl").read_bytes()).hex() == first["output"]["blake3"][3:]
    assert events(few) == count


def test_decisions_in_between_that_change_no_row(few: Ledger, tmp_path: Path) -> None:
    """Accepting what was pending, tagging, and a rejection withdrawn again leave the rows, so the release, alone."""
    first = few.project("kto-interleaved", tmp_path / "out.jsonl")
    one, two, *_ = samples(few)
    few.accept([one])
    few.tag([two], "seen", "yes")
    made = few.reject([two], reason="no")["events"]
    few.withdraw([f"@{made[0]}"])
    count = events(few)
    assert few.project("kto-interleaved", tmp_path / "out.jsonl") == first
    assert events(few) == count
    assert few.rebuild(tmp_path / "out.jsonl.manifest.json")["identical"]


def test_there_and_back_is_three_releases(few: Ledger, tmp_path: Path) -> None:
    """When the rows changed and changed back, the last release under the name is the one that the file is."""
    out = tmp_path / "out.jsonl"
    first = few.project("kto-interleaved", out)
    gone = samples(few)[0]
    made = few.reject([gone], reason="no")["events"]
    second = few.project("kto-interleaved", out)
    assert second["omitted"]["status"] == 1
    assert {"sample": gone, "reason": "status"} in few.omissions("out.jsonl")
    few.withdraw([f"@{made[0]}"])
    third = few.project("kto-interleaved", out)
    assert third["output"] == first["output"] != second["output"]
    assert {"sample": gone, "reason": "status"} not in few.omissions("out.jsonl")
    assert len(few.why(gone)["releases"]) == 3
    count = events(few)
    assert few.project("kto-interleaved", out) == third
    assert events(few) == count
    assert few.verify()["ok"]


def test_another_name_or_parameter_is_another_release(few: Ledger, tmp_path: Path) -> None:
    """Name, view and parameters tell releases apart, also where the rows are the same."""
    few.project("kto-interleaved", tmp_path / "a.jsonl")
    count = events(few)
    few.project("kto-interleaved", tmp_path / "b.jsonl")
    few.project("kto-interleaved", tmp_path / "b.jsonl", seed="other")
    few.project("sft", tmp_path / "b.jsonl")
    assert events(few) == count + 3 * 3


def test_as_of_is_what_would_have_been(few: Ledger, tmp_path: Path) -> None:
    """A projection of an earlier position, also inside a commit, has its head and its rows; it can be rebuilt."""
    before = few.project("kto-interleaved", tmp_path / "before.jsonl")
    few.reject(samples(few)[:4], reason="no")
    few.ingest(write(tmp_path / "more.jsonl", *pairs(30)), campaign="more")
    then = few.project("kto-interleaved", tmp_path / "then.jsonl", as_of=str(before["head"]["position"]))
    assert then["head"] == before["head"]
    assert (tmp_path / "then.jsonl").read_bytes() == (tmp_path / "before.jsonl").read_bytes()
    inside = few.project("kto-interleaved", tmp_path / "inside.jsonl", as_of="12")
    assert (inside["head"]["position"], inside["considered"]) == (12, 12)
    for name in ("before", "then", "inside"):
        assert few.rebuild(tmp_path / f"{name}.jsonl.manifest.json")["identical"]


def test_as_of_leaves_the_present_release_alone(few: Ledger, tmp_path: Path) -> None:
    """The same rows as of an earlier position are the release that is there already."""
    few.tag(samples(few)[:1], "seen", "yes")
    first = few.project("kto-interleaved", tmp_path / "out.jsonl")
    count = events(few)
    assert few.project("kto-interleaved", tmp_path / "out.jsonl", as_of="17") == first
    assert events(few) == count


@pytest.mark.parametrize(
    "options",
    [
        {"view": "everything"},
        {"form": "round"},
        {"batch_size": 0},
        {"batch_size": 1},
        {"batch_size": 10**30},
        {"batch_size": True},
        {"batch_size": 4.0},
        {"world_size": 0},
        {"world_size": 10**30},
        {"ratio": "1:0"},
        {"ratio": "\ud800"},
        {"seed": "\ud800"},
        {"seed": 0},
        {"as_of": "yesterday"},
    ],
    ids=str,
)
def test_what_cannot_be_asked(few: Ledger, tmp_path: Path, options: dict[str, Any]) -> None:
    """A parameter that means nothing is a bad request; nothing is written and nothing recorded."""
    count = events(few)
    with pytest.raises(BadRequest):
        few.project(**{"view": "kto-interleaved", "out": tmp_path / "out.jsonl", **options})
    assert events(few) == count
    assert not [name for name in names(tmp_path) if "out" in name or "tmp" in name]


def test_a_seed_that_is_no_text_in_a_plain_view(few: Ledger, tmp_path: Path) -> None:
    """Every view refuses a seed that is not text."""
    with pytest.raises(BadRequest, match="The seed"):
        few.project("sft", tmp_path / "out.jsonl", seed="\ud800")


def test_nothing_to_export(ledger: Ledger, tmp_path: Path) -> None:
    """A view without rows is refused with the reasons, and makes no file."""
    with pytest.raises(PlanImpossible, match="the ledger is empty"):
        ledger.project("sft", tmp_path / "out.jsonl")
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a", label=False)), campaign="a")
    for view, says in (("sft", "1 no_label"), ("rejected", "1 status"), ("val", "1 split"), ("kto-interleaved", "1")):
        with pytest.raises(PlanImpossible, match=says):
            ledger.project(view, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_an_existing_export_is_replaced(few: Ledger, tmp_path: Path) -> None:
    """What stands in the place is replaced as a whole; through a link its target is, and the link stays."""
    (tmp_path / "real.jsonl").write_bytes(b"x" * 100_000)
    (tmp_path / "out.jsonl").symlink_to("real.jsonl")
    with pytest.raises(NotWritable, match="no export of this ledger"):
        few.project("kto-interleaved", tmp_path / "out.jsonl")
    assert (tmp_path / "real.jsonl").read_bytes() == b"x" * 100_000
    made = few.project("kto-interleaved", tmp_path / "out.jsonl", overwrite=True)
    assert (tmp_path / "out.jsonl").is_symlink()
    assert (tmp_path / "real.jsonl").stat().st_size == made["output"]["bytes"]
    assert made["output"]["name"] == "out.jsonl"
    assert few.rebuild(tmp_path / "out.jsonl.manifest.json")["identical"]


def test_a_place_that_cannot_be(few: Ledger, tmp_path: Path) -> None:
    """The ledger, a directory, a device or a missing folder is refused before anything is planned."""
    (tmp_path / "taken.jsonl.manifest.json").mkdir()
    count = events(few)
    for out in (few.path, tmp_path, Path("/dev/full"), tmp_path / "no" / "out.jsonl", tmp_path / "taken.jsonl"):
        with pytest.raises(NotWritable):
            few.project("kto-interleaved", out)
    with pytest.raises(NotWritable, match="of the ledger itself"):
        few.project("kto-interleaved", few.path.with_name(few.path.name + "-journal"))
    assert events(few) == count
    assert few.verify()["ok"]


@pytest.mark.parametrize(("room", "error"), [(100, DiskFull), (900, DiskFull), (20_000, StorageFailed)])
def test_no_room(ledger: Ledger, tmp_path: Path, room: int, error: type[Exception]) -> None:
    """Out of room for the rows, the manifest or the ledger: no event, no file, no draft, and the old file stays."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(2)), campaign="a")
    out = tmp_path / "out.jsonl"
    out.write_bytes(b"before")
    count, there = events(ledger), names(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(error):
            ledger.project("kto-interleaved", out, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (events(ledger), names(tmp_path), out.read_bytes()) == (count, there, b"before")
    made = ledger.project("kto-interleaved", out, overwrite=True)
    assert made["rows"] == 4
    assert made["output"]["bytes"] < 900 < len((tmp_path / "out.jsonl.manifest.json").read_bytes())
    assert ledger.verify()["ok"]


def test_a_ledger_that_cannot_be_written(few: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place for the record there is no release; a manifest that exists can still be rebuilt."""
    few.project("kto-interleaved", tmp_path / "out.jsonl")
    few.close()
    monkeypatch.setattr("ledger.sqlite.is_writable", lambda _path: False)  # root may write what nobody else may
    with Ledger.open(few.path) as frozen:
        with pytest.raises(NotWritable, match="cannot be recorded"):
            frozen.project("kto-interleaved", tmp_path / "other.jsonl")
        assert frozen.rebuild(tmp_path / "out.jsonl.manifest.json", tmp_path / "again.jsonl")["identical"]
        assert frozen.status("3")["samples"] == 3
    assert not (tmp_path / "other.jsonl").exists()


def test_bytes_that_changed_are_not_exported(few: Ledger, tmp_path: Path) -> None:
    """A blob whose bytes are not those of its address stops the export: damage never becomes a release."""
    few.close()
    body = few.path.read_bytes()
    few.path.write_bytes(body.replace(b"answer 3 True", b"Answer 3 True"))
    with Ledger.open(few.path) as damaged:
        with pytest.raises(CorruptLedger, match="not those of b3:"):
            damaged.project("kto-interleaved", tmp_path / "out.jsonl")
        assert not (tmp_path / "out.jsonl").exists()


def test_a_recorded_manifest_that_changed_is_not_written(few: Ledger, tmp_path: Path) -> None:
    """A recorded release is written again only with the manifest whose digest is in the log."""
    few.project("kto-interleaved", tmp_path / "out.jsonl")
    few.close()
    body = few.path.read_bytes()
    few.path.write_bytes(body.replace(b'"considered": 16', b'"considered": 17'))
    with Ledger.open(few.path) as damaged, pytest.raises(CorruptLedger, match="gone or changed"):
        damaged.project("kto-interleaved", tmp_path / "out.jsonl")


def test_rejected_rows_say_everything(ledger: Ledger, tmp_path: Path) -> None:
    """A rejected row has ids, origin, facts, the deciding rule, its details, who decided, and the content itself."""
    rows = [chat(f"q{n}", f"a{n}", label=True, domain="asm", tags={"lang": "de"}) for n in range(1_200)]
    rows.append({"messages": [{"role": "user", "content": "no answer"}]})
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    ids = samples(ledger)
    ledger.reject(ids, reason="too short")
    by_policy(ledger, ids[0], "rejected", rule="length", reason="3 < 10", details={"observed": "3"})
    ledger.withdraw([ledger.log(ids[0])[1]["event"]])
    made = ledger.project("rejected", tmp_path / "out.jsonl")
    assert (made["rows"], made["considered"], made["type"]) == (1_201, 1_201, "samples")
    assert (made["params"]["seed"], made["params"]["container"]) == ("0", "jsonl")
    found = {row["sample"]: row for row in read(tmp_path / "out.jsonl")}
    assert set(found) == set(ids)
    assert found[ids[1]] == {
        "sample": ids[1],
        "version": ledger.show(ids[1])["version"],
        "campaign": "a",
        "source": "a.jsonl",
        "domain": "asm",
        "tags": {"lang": "de"},
        "label": True,
        "status": "rejected",
        "reason": "too short",
        "rule": None,
        "details": {},
        "policy": None,
        "decided_by": "tester",
        "prompt": [{"role": "user", "content": "q1"}],
        "completion": [{"role": "assistant", "content": "a1"}],
    }
    policy = {key: found[ids[0]][key] for key in ("reason", "rule", "details", "policy", "decided_by")}
    assert policy == {
        "reason": "3 < 10",
        "rule": "length",
        "details": {"observed": "3"},
        "policy": POLICY,
        "decided_by": "engine",
    }
    assert found[ids[-1]]["completion"] == []
    assert found[ids[-1]]["tags"] == {}
    assert ledger.rebuild(tmp_path / "out.jsonl.manifest.json")["identical"]


def test_accepted_rows_with_tools_and_without_a_decision(ledger: Ledger, tmp_path: Path) -> None:
    """Accepted rows are those accepted, duplicates too; tools stand where the sample has them."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    ledger.ingest(
        write(tmp_path / "a.jsonl", chat("q", "a", tools=tools), chat("q", "a"), chat("q", "a")), campaign="a"
    )
    ids = samples(ledger)
    ledger.accept(ids)
    rows = {row["sample"]: row for row in read_view(ledger, "accepted", tmp_path)}
    assert set(rows) == set(ids)
    assert rows[ids[0]]["tools"] == tools
    assert "tools" not in rows[ids[1]]
    assert ledger.project("sft", tmp_path / "sft.jsonl")["omitted"]["duplicate"] == 1
    assert read(tmp_path / "sft.jsonl")[0].keys() >= {"prompt", "completion"}


def read_view(ledger: Ledger, view: str, folder: Path) -> list[dict[str, Any]]:
    """Project a view and return its rows."""
    ledger.project(view, folder / f"{view}.jsonl")
    return read(folder / f"{view}.jsonl")


def test_views_for_training(toolset: Ledger, tmp_path: Path) -> None:
    """Sft takes no row labelled false; train, val and test take their split; none holds a contradiction."""
    toolset.split("60/20/20")
    assert len(read_view(toolset, "sft", tmp_path)) > 0
    sizes = {}
    for view in ("train", "val", "test"):
        rows = read_view(toolset, view, tmp_path)
        made = json.loads((tmp_path / f"{view}.jsonl.manifest.json").read_bytes())
        assert made["considered"] == 120
        assert made["type"] == "unpaired_preference"
        sizes[view] = len(rows)
        labels: dict[str, set[bool]] = {}
        for row in rows:
            labels.setdefault(json.dumps([row["prompt"], row["completion"]]), set()).add(row["label"])
        assert all(len(found) == 1 for found in labels.values())
    assert min(sizes.values()) > 0
    kto = toolset.project("kto-interleaved", tmp_path / "kto.jsonl", batch_size=8)
    assert kto["omitted"]["split"] == toolset.status()["by_split"]["val"] + toolset.status()["by_split"]["test"]


def test_rows_without_a_label_are_no_preferences(ledger: Ledger, tmp_path: Path) -> None:
    """A view with rows that have no label says so in its type."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a"), chat("q2", "a", label=True)), campaign="a")
    ledger.split("100/0/0")
    made = ledger.project("train", tmp_path / "train.jsonl")
    assert (made["type"], made["labels"]) == ("prompt_completion", {"true": 1, "false": 0, "none": 1})


def test_one_file_holds_one_form(ledger: Ledger, tmp_path: Path) -> None:
    """The more frequent form is taken unless one is asked for; the other is left out as unrepresentable."""
    texts = [{"prompt": f"p{n}", "completion": f"c{n}", "label": n % 2 == 0} for n in range(4)]
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(4), *texts), campaign="a")
    made = ledger.project("kto-interleaved", tmp_path / "a.jsonl.out", batch_size=2)
    assert (made["form"], made["omitted"]["unrepresentable"]) == ("conversational", 4)
    made = ledger.project("kto-interleaved", tmp_path / "b.jsonl.out", batch_size=2, form="standard")
    assert (made["form"], made["rows"], made["params"]["form"]) == ("standard", 4, "standard")
    assert isinstance(read(tmp_path / "b.jsonl.out")[0]["prompt"], str)


def test_progress_is_told(toolset: Ledger, tmp_path: Path) -> None:
    """The last thing that progress hears is that all rows are written."""
    heard: list[tuple[str, int, int]] = []
    made = toolset.project("kto-interleaved", tmp_path / "out.jsonl", progress=lambda *told: heard.append(told))
    assert heard[-1] == ("rows", made["rows"], made["rows"])


WRITER = """
import sys
from pathlib import Path
from ledger import Ledger
path, folder = sys.argv[1], Path(sys.argv[2])
with Ledger.open(path, actor="writer") as ledger:
    for number in range(12):
        (folder / f"w{number}.jsonl").write_text('{"prompt": "w%d", "completion": "x", "label": true}\\n' % number)
        ledger.ingest(folder / f"w{number}.jsonl", campaign="writer")
        print(number, flush=True)
"""


def test_releases_made_while_another_process_writes(few: Ledger, tmp_path: Path) -> None:
    """Each release is of one head that existed, its event comes later, and each can be rebuilt."""
    argv = [sys.executable, "-c", WRITER, str(few.path), str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        made = [few.project("kto-interleaved", tmp_path / f"out{n}.jsonl", seed=str(n)) for n in range(6)]
        writer.stdout.read()
        assert writer.wait() == 0
    released = [event for event in few.log(limit=1000) if event["kind"] == "released"]
    assert len(released) == 6
    for event, manifest in zip(released, made, strict=True):
        assert manifest["head"]["position"] < event["position"]
        assert manifest["considered"] == few.status(str(manifest["head"]["position"]))["samples"]
        assert few.rebuild(tmp_path / f"{event['says']['name']}.manifest.json")["identical"]
    assert few.verify()["ok"]


class TestNew:
    """With `new`, nothing that stands in the place is replaced."""

    @pytest.mark.parametrize("there", ["out.jsonl", "out.jsonl.manifest.json"])
    def test_whatever_stands_there_stays(self, few: Ledger, tmp_path: Path, there: str) -> None:
        """An export of this ledger too, a manifest, an empty file, a link that leads nowhere."""
        few.project("kto-interleaved", tmp_path / "out.jsonl")
        before, began = (tmp_path / there).read_bytes(), events(few)
        for name in {"out.jsonl", "out.jsonl.manifest.json"} - {there}:
            (tmp_path / name).unlink()
        with pytest.raises(NotWritable, match="stands there already"):
            few.project("kto-interleaved", tmp_path / "out.jsonl", new=True)
        assert (tmp_path / there).read_bytes() == before
        (tmp_path / there).unlink()
        (tmp_path / there).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(NotWritable, match="stands there already"):
            few.project("kto-interleaved", tmp_path / "out.jsonl", new=True)
        with pytest.raises(BadRequest, match="replaces nothing"):
            few.project("kto-interleaved", tmp_path / "other.jsonl", new=True, overwrite=True)
        assert events(few) == began

    def test_an_equal_release_is_written_again(self, few: Ledger, tmp_path: Path) -> None:
        """In a free place it is the recorded one, and appends nothing."""
        few.project("kto-interleaved", tmp_path / "out.jsonl")
        (tmp_path / "again").mkdir()
        began = events(few)
        made = few.project("kto-interleaved", tmp_path / "again" / "out.jsonl", new=True)
        assert events(few) == began
        assert names(tmp_path / "again") == ["out.jsonl", "out.jsonl.manifest.json"]
        assert few.rebuild(tmp_path / "again" / "out.jsonl.manifest.json")["output"] == made["output"]

    @pytest.mark.parametrize("dialect", ["trl", "llama-factory"])
    def test_of_two_at_the_same_time_one_is_written(
        self, few: Ledger, tmp_path: Path, dialect: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever comes second finds the place taken, though it was free when it began; it records nothing."""
        out, between = tmp_path / "exports" / "out.jsonl", list[Any]()
        out.parent.mkdir()
        ask: dict[str, Any] = {"new": True, "dialect": dialect}

        def other() -> None:
            with Ledger.open(few.path) as ledger:
                between.append(ledger.project("sft", out, **ask))
            between.append({name: (out.parent / name).read_bytes() for name in settled(out.parent)})
            between.append(events(few))

        overtaken(monkeypatch, other)
        with pytest.raises(NotWritable, match=r"out\.jsonl: it stands there already"):
            few.project("sft", out, **ask, seed="another")
        made, files, ended = between
        assert {name: (out.parent / name).read_bytes() for name in names(out.parent)} == files
        assert made["output"]["blake3"] == show(blake3_bytes(files["out.jsonl"]))
        assert events(few) == ended
        assert few.verify()["ok"]

    def test_what_stands_beside_it_is_not_taken_either(
        self, few: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of two files that share what belongs beside them the second is refused; nothing of it stays."""
        out, between = tmp_path / "exports", list[str]()
        out.mkdir()
        ask: dict[str, Any] = {"new": True, "dialect": "llama-factory"}

        def other() -> None:
            with Ledger.open(few.path) as ledger:
                ledger.project("sft", out / "a.jsonl", **ask)
            between.extend(settled(out))

        overtaken(monkeypatch, other)
        with pytest.raises(NotWritable, match="did not write"):
            few.project("sft", out / "b.jsonl", **ask)
        assert names(out) == between
        assert few.verify()["ok"]


def overtaken(monkeypatch: pytest.MonkeyPatch, other: Callable[[], None]) -> None:
    """Let something else happen once, after the rows of the next export were made and before it is recorded."""
    real, waiting = writing.write_view, [other]

    def write_view(*given: Any) -> Any:  # noqa: ANN401 - as it takes and returns them
        made = real(*given)
        if waiting:
            waiting.pop()()
        return made

    monkeypatch.setattr(project, "write_view", write_view)


def settled(folder: Path) -> list[str]:
    """Return the names of the files that stand in their place."""
    return [name for name in names(folder) if not name.endswith(".tmp")]
