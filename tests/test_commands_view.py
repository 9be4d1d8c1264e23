"""`ledger view list`, `show`, `define` and `check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.exporters.view_file import parse_view, view_toml
from ledger.exporters.view_spec import BUILT_IN
from tests.cli import ok, program, run

GOOD = 'name = "mine"\ntype = "samples"\nselect = "quality < 0.5"\n'


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder without a ledger."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return tmp_path / "empty"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return the file of a view."""
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_defining_and_what_is_said_of_it(ledger: Ledger, mine: Path) -> None:
    """The first time, the same again, and another view under the name."""
    define = ("--ledger", ledger.path, "view", "define", mine)
    assert "mine  b3:" in ok(*define).out
    assert ok(*define).out.endswith("is defined so already\n")
    mine.write_text(GOOD.replace("0.5", "0.6"), encoding="utf-8")
    answer = ok(*define, "--reason", "less of it", "--json").json
    assert set(answer) == {"name", "view", "type", "toml", "spec", "defined", "former"}
    assert (answer["name"], answer["type"]) == ("mine", "samples")
    mine.write_text(GOOD, encoding="utf-8")
    assert f"takes the place of {answer['view'][:15]} (@" in ok(*define).out
    assert run("--ledger", ledger.path, "verify").code == 0


def test_the_list(ledger: Ledger, mine: Path) -> None:
    """People and programs see every view and which definition is in force."""
    asked = ("--ledger", ledger.path, "view", "list")
    assert "none is defined" in ok(*asked).out
    ok("--ledger", ledger.path, "view", "define", mine)
    mine.write_text(GOOD.replace("0.5", "0.6"), encoding="utf-8")
    ok("--ledger", ledger.path, "view", "define", mine, "--reason", "more of it")
    out, answer = ok(*asked).out, ok(*asked, "--json").json
    assert [line.split()[1] for line in out.splitlines() if "@" in line] == ["mine", "mine"]
    assert out.count("in force") == 1
    assert "more of it" in out
    assert set(answer) == {"built_in", "defined"}
    assert [set(one) for one in answer["built_in"]] == [{"name", "type", "view"}] * len(BUILT_IN)
    assert [set(one) for one in answer["defined"]] == [
        {"position", "event", "name", "type", "view", "authority", "reason", "in_force"}
    ] * 2


def test_without_a_ledger(nowhere: Path, mine: Path) -> None:
    """The views that every ledger has can be seen anywhere; a ledger that somebody named must be there."""
    assert "none is defined" in ok("view", "list").out
    assert [one["name"] for one in ok("view", "list", "--json").json["built_in"]] == list(BUILT_IN)
    assert run("view", "show", "mine").code == 10
    assert run("view", "define", mine).code == 10
    for verb in (("list",), ("show", "sft")):
        assert run("--ledger", nowhere / "ledger.db", "view", *verb).code == 10
    assert not list(nowhere.iterdir())


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_view_that_every_ledger_has_can_be_saved(name: str, nowhere: Path) -> None:
    """With another name it is a view of one's own."""
    out = ok("view", "show", name).out
    assert out == view_toml(BUILT_IN[name])
    (nowhere / "mine.toml").write_text(out, encoding="utf-8")
    assert run("view", "check", "mine.toml").code == 4
    (nowhere / "mine.toml").write_text(out.replace('name = "', 'name = "my-'), encoding="utf-8")
    assert "is a sound view of" in ok("view", "check", "mine.toml").out


def test_a_defined_view_is_shown(ledger: Ledger, mine: Path) -> None:
    """As TOML by its name or digest, as JSON with its frozen form."""
    answer = ok("--ledger", ledger.path, "view", "define", mine, "--json").json
    out = ok("--ledger", ledger.path, "view", "show", "mine").out
    assert parse_view(out, "out").as_json() == answer["spec"]
    assert ok("--ledger", ledger.path, "view", "show", answer["view"][:12]).out == out
    shown = ok("--ledger", ledger.path, "view", "show", "mine", "--json").json
    assert shown == {key: answer[key] for key in ("name", "view", "type", "toml", "spec")}


def test_a_view_from_standard_input(nowhere: Path) -> None:
    """`check` needs no ledger and no file."""
    assert "is a sound view of samples" in ok("view", "check", "-", stdin=GOOD).out
    answer = ok("view", "check", "-", "--json", stdin=GOOD).json
    assert set(answer) == {"name", "view", "type", "toml", "spec"}
    assert not list(nowhere.iterdir())


WRONG = [
    ("name = ", 1, "a value is expected after ="),
    (GOOD.replace("select", "selct"), 3, "did you mean 'select'?"),
    (GOOD.replace("0.5", "low"), 3, "at character 11 of the condition: a number is expected, not low"),
    (GOOD + 'split = "trian"', 4, "did you mean 'train'?"),
    (GOOD + 'order = "interleaved"', 4, "only rows of unpaired_preference can be interleaved"),
    (GOOD + '[fields]\nwho = "tag"', 5, "there is no fact 'tag'"),
]


@pytest.mark.parametrize(("text", "line", "what"), WRONG, ids=[what for _, _, what in WRONG])
def test_the_line_and_the_remedy(text: str, line: int, what: str, ledger: Ledger, mine: Path) -> None:
    """A view that does not read is refused with its place, whoever asks, and nothing is appended."""
    mine.write_text(text, encoding="utf-8")
    before = ledger.status()["events"]
    for command in (("view", "check", mine), ("view", "define", mine), ("view", "show", mine)):
        answer = run("--ledger", ledger.path, *command)
        said = " ".join(answer.err.split())
        assert (answer.code, answer.out) == (50, "")
        assert f"mine.toml, line {line}: " in said
        assert what in said
    assert ledger.status()["events"] == before


HOSTILE = {
    "not UTF-8": (b"name = '\xff'", 21),
    "nothing": (b"", 50),
    "a zero byte": (b"name = 'a\0b'", 50),
    "controls": (b'name = "a\\u001b[2J\\u202eb"\n', 50),
    "a control in a key": (b'name = "a"\n"\\u001b[2J" = 1\n', 50),
    "a long text": (b"#" * 6_000_000, 50),
    "dotted": (b"a." * 9_000 + b"a=1", 50),
    "brackets": (b"x = " + b"[" * 19_000, 50),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str, mine: Path) -> None:
    """Whatever a file holds, the answer is short, printable, and one of two."""
    data, code = HOSTILE[name]
    mine.write_bytes(data)
    for answer in (run("view", "check", mine), run("view", "check", "-", stdin=data)):
        assert answer.code == code
        assert len(answer.out + answer.err) < 2_000
        assert all(sign.isprintable() or sign == "\n" for sign in answer.out + answer.err)


def test_show_into_a_file(nowhere: Path) -> None:
    """As a program of its own, what `show` prints is a view that `check` reads once it has a name of its own."""
    saved = program("view", "show", "kto-interleaved", cwd=nowhere)
    renamed = saved.out.replace('"kto-interleaved"', '"mine"').encode()
    checked = program("view", "check", "-", cwd=nowhere, stdin=renamed)

    assert (saved.code, checked.code, saved.err) == (0, 0, "")
    assert "mine" in checked.out
