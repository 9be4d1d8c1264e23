"""`ledger policy list`, `show` and `check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.policy import changed, parse_policy, settings, shipped, to_toml
from ledger.policy.toml import LONGEST
from tests.cli import ok, program, run
from tests.judged import LOW, RELABEL, decide, taken

GOOD = 'name = "mine"\n[[rule]]\nname = "r"\nreject = "quality < 0.5 or errors > 0"\n'


@pytest.fixture
def judged(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger under two policies."""
    taken(ledger, tmp_path / "a.jsonl", [(None, {"quality": 0.3, "memory": 1})])
    decide(ledger, RELABEL)
    decide(ledger, LOW)
    return ledger


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder without a ledger."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    return tmp_path / "empty"


def test_the_list(judged: Ledger) -> None:
    """People and programs see every adoption and which policy is in force."""
    out = ok("--ledger", judged.path, "policy", "list").out
    answer = ok("--ledger", judged.path, "policy", "list", "--json").json

    assert "with the program: seed-000, toolset-relabel" in out
    assert [line.split()[1] for line in out.splitlines() if "@" in line] == ["relabel", "low"]
    assert out.count("in force") == 1
    assert set(answer) == {"shipped", "adopted"}
    assert [set(one) for one in answer["adopted"]] == [
        {"position", "event", "name", "policy", "campaign", "authority", "reason", "in_force"}
    ] * 2


def test_the_list_without_a_ledger(nowhere: Path) -> None:
    """The policies of the program can be seen anywhere; a ledger that somebody named must be there."""
    assert "none is adopted" in ok("policy", "list").out
    assert ok("policy", "list", "--json").json == {"shipped": list(shipped()), "adopted": []}
    assert run("--ledger", nowhere / "ledger.db", "policy", "list").code == 10


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_policy_can_be_saved(name: str, nowhere: Path) -> None:
    """It is printed with its comments, byte for byte, without any ledger."""
    (nowhere / "mine.toml").write_text(ok("policy", "show", name).out, encoding="utf-8")

    assert (nowhere / "mine.toml").read_text("utf-8") == shipped()[name]
    assert "is a sound policy" in ok("policy", "check", "mine.toml").out


def test_the_policy_in_force(judged: Ledger) -> None:
    """As TOML it is the policy itself; as JSON with its digest, what it compares, and every setting."""
    out = ok("--ledger", judged.path, "policy", "show").out
    answer = ok("--ledger", judged.path, "policy", "show", "--json").json

    assert out == to_toml(LOW)
    assert parse_policy(out, "out") == LOW
    assert set(answer) == {"name", "policy", "toml", "compares", "rules", "labels", "caps", "settings"}
    assert answer["settings"] == dict(settings(LOW))
    assert answer["policy"] == ok("--ledger", judged.path, "policy", "list", "--json").json["adopted"][1]["policy"]
    assert ok("--ledger", judged.path, "policy", "show", answer["policy"][:12]).out == out


def test_an_adopted_policy_of_the_program_keeps_its_comments(judged: Ledger) -> None:
    """Adopted as it came it is shown as it came; with a setting changed, as what it is now."""
    ok("--ledger", judged.path, "decide", "--policy", "seed-000")
    assert ok("--ledger", judged.path, "policy", "show").out == shipped()["seed-000"]

    ok("--ledger", judged.path, "whatif", "--set", "domain.asm.min_quality=0.35", "--adopt")
    out = ok("--ledger", judged.path, "policy", "show").out
    assert "#" not in out
    assert parse_policy(out, "out") == changed(
        parse_policy(shipped()["seed-000"], "s"), ["domain.asm.min_quality=0.35"]
    )


def test_the_settings(nowhere: Path) -> None:
    """Each key stands with its value, and is what `--set` takes."""
    lines = ok("policy", "show", "seed-000", "--settings").out.splitlines()
    listed = [line.split(None, 1) for line in lines if line.startswith(("domain.", "threshold.", "measure.", "cross."))]

    policy = parse_policy(shipped()["seed-000"], "s")
    assert len(listed) == 27
    assert changed(policy, [f"{key}={value.strip()}" for key, value in listed]) == policy
    assert not list(nowhere.iterdir())


def test_what_cannot_be_shown(judged: Ledger) -> None:
    """A name that there is not, and no policy in force, have their exit codes and next steps."""
    wrong = run("--ledger", judged.path, "policy", "show", "nobody")
    assert (wrong.code, wrong.out) == (20, "")
    assert "seed-000, toolset-relabel" in wrong.err

    other = Path(judged.path).with_name("other.db")
    Ledger.init(other).close()
    none = run("--ledger", other, "policy", "show")
    assert (none.code, none.out) == (41, "")
    assert "ledger decide --policy FILE" in none.err


def test_a_policy_from_standard_input(nowhere: Path) -> None:
    """`check` needs no ledger and no file; what it says is what the policy looks at."""
    out = ok("policy", "check", "-", stdin=GOOD).out
    answer = ok("policy", "check", "-", "--json", stdin=GOOD).json

    assert "mine" in out
    assert "quality, errors" in out
    assert set(answer) == {"name", "policy", "toml", "compares", "rules", "labels", "caps"}
    assert (answer["compares"], answer["rules"]) == (["quality", "errors"], ["r"])
    assert not list(nowhere.iterdir())


WRONG = [
    ("name = ", 1, "a value is expected after ="),
    (GOOD.replace("0.5", "low"), 4, "at character 11 of the condition: a number is expected, not low"),
    (GOOD.replace("reject", "rejct"), 4, "did you mean 'reject'?"),
    (GOOD + "[threshold]\nlow = nan\n", 6, "'nan' is not a number"),
    (GOOD + "[threshold]\nlow = inf\n", 6, "'inf' is not a number"),
    (GOOD + '[threshold]\nlow = "0.5"\n', 6, "low is a number, not a text"),
    (GOOD + '[scores]\nscorers = "judge"\n', 6, "scorers is a list of texts"),
    (GOOD + GOOD.split("\n", 1)[1], 6, "there is another rule or cap called 'r'"),
    (GOOD.replace("reject", "accept") + GOOD.split("\n", 1)[1].replace('"r"', '"s"'), 7, "contradict each other"),
    (GOOD.replace(" or ", " and quality > 0.5 and "), 4, "can never hold"),
]


@pytest.mark.parametrize(("text", "line", "what"), WRONG, ids=[what for _, _, what in WRONG])
def test_the_line_and_the_remedy(text: str, line: int, what: str, judged: Ledger, tmp_path: Path) -> None:
    """A policy that does not read is refused with its place, whoever asks, and nothing is appended."""
    file = tmp_path / "wrong.toml"
    file.write_text(text, encoding="utf-8")
    before = judged.status()["events"]

    for command in (("policy", "check", file), ("decide", "--policy", file), ("whatif", "--policy", file)):
        answer = run("--ledger", judged.path, *command)
        said = " ".join(answer.err.split())
        assert (answer.code, answer.out) == (40, "")
        assert f"wrong.toml, line {line}: " in said
        assert what in said
    assert judged.status()["events"] == before


def test_an_error_as_json(tmp_path: Path) -> None:
    """With --json the error is a document, too."""
    (tmp_path / "p.toml").write_text("name = ", encoding="utf-8")
    answer = run("policy", "check", tmp_path / "p.toml", "--json")

    assert answer.code == 40
    assert "line 1: not TOML" in answer.out + answer.err


HOSTILE = {
    "not UTF-8": (b"name = '\xff'", 21),
    "nothing": (b"", 40),
    "a zero byte": (b"name = 'a\0b'", 40),
    "controls": ("name = 'a\x1b[2J\u202eb'\n".encode() + GOOD.encode().split(b"\n", 1)[1], 40),
    "a long text": (b"#" * 6_000_000, 40),
    "long and not UTF-8": (b"\xff" * 6_000_000, 40),
    "dotted": (b"a." * 49_000 + b"a=1", 40),
    "brackets": (b"x = " + b"[" * 90_000, 40),
    "as much as there may be": (GOOD.encode() + b"#" * (LONGEST - len(GOOD)), 0),
    "one more": (GOOD.encode() + b"#" * (LONGEST - len(GOOD) + 1), 40),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str, tmp_path: Path) -> None:
    """Whatever a file holds, the answer is short, printable, and one of three."""
    data, code = HOSTILE[name]
    (tmp_path / "p.toml").write_bytes(data)

    for answer in (run("policy", "check", tmp_path / "p.toml"), run("policy", "check", "-", stdin=data)):
        assert answer.code == code
        assert len(answer.out + answer.err) < 2_000
        assert all(sign.isprintable() or sign == "\n" for sign in answer.out + answer.err)


def test_files_that_are_none(tmp_path: Path) -> None:
    """A folder, nothing at all, and a device without end are told apart."""
    assert run("policy", "check", tmp_path).code == 21
    assert run("policy", "check", tmp_path / "none.toml").code == 20
    assert run("policy", "check", "/dev/zero").code == 40


def test_show_into_a_file(nowhere: Path) -> None:
    """As a program of its own, what `show` prints is a policy that `check` reads."""
    saved = program("policy", "show", "toolset-relabel", cwd=nowhere)
    checked = program("policy", "check", "-", cwd=nowhere, stdin=saved.out.encode())

    assert (saved.code, checked.code, saved.err) == (0, 0, "")
    assert "toolset-relabel" in checked.out
