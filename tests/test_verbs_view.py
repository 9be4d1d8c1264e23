"""Views by name, digest and path: what defining records, when it records nothing, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, CorruptLedger, HeadMoved, InputNotFound, InputUnreadable, ViewInvalid
from ledger.event import draft
from ledger.exporters.view_spec import BUILT_IN, ViewSpec
from ledger.verbs.moment import reading
from ledger.verbs.run import Run, Who
from ledger.verbs.view import MOST_BYTES, built_in, checked, define, resolve, view_shown, views_there_are
from tests.logs import store_of

MINE = 'name = "mine"  # a comment\nselect = "domain == \'asm\'"\n'


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return the file of a view."""
    path = tmp_path / "mine.toml"
    path.write_text(MINE, encoding="utf-8")
    return path


def definitions(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what the definitions say, oldest first."""
    return [event["says"] for event in ledger.log(limit=1000) if event["kind"] == "view_defined"]


def test_a_definition_names_the_view_and_where_it_is_from(ledger: Ledger, mine: Path) -> None:
    """The frozen form and the text are stored; who and why stand in the event."""
    spec = ViewSpec("mine", select="domain == 'asm'")
    answer = ledger.define_view(mine, reason="why not")
    (said,) = definitions(ledger)
    assert said == {
        "after": None,
        "authority": "person",
        "name": "mine",
        "reason": "why not",
        "source": blake3_bytes(MINE.encode()).hex(),
        "view": spec.digest.hex(),
    }
    bodies = {row[0]: row[1] for row in store_of(ledger).connection.execute("SELECT hash, body FROM blob")}
    assert bodies == {spec.digest: spec.to_bytes(), blake3_bytes(MINE.encode()): MINE.encode()}
    assert (answer["view"], answer["former"]) == (show(spec.digest), None)
    assert [event["position"] for event in ledger.log(limit=9) if event["kind"] == "view_defined"] == [
        answer["defined"]
    ]
    assert ledger.verify()["findings"] == []


def test_the_same_view_is_not_defined_again(ledger: Ledger, mine: Path) -> None:
    """Nothing is appended, whatever the reason, the comments and the order of keys."""
    first = ledger.define_view(mine)
    before = ledger.status()["events"]
    mine.write_text("select = '''domain == 'asm\\''''\nname = 'mine'\n".replace("\\'", "'"), encoding="utf-8")
    again = ledger.define_view(mine, reason="again")
    assert again == {**first, "defined": None, "former": first["view"]}
    assert ledger.status()["events"] == before


def test_another_definition_names_the_one_before(ledger: Ledger, mine: Path) -> None:
    """So that a view can be defined again as what it once was; another name has a line of its own."""
    views = [ledger.define_view(mine)["view"]]
    other = mine.with_name("other.toml")
    other.write_text('name = "other"', encoding="utf-8")
    ledger.define_view(other)
    mine.write_text(MINE.replace("asm", "cpp"), encoding="utf-8")
    views.append(ledger.define_view(mine)["view"])
    mine.write_text(MINE, encoding="utf-8")
    last = ledger.define_view(mine)
    assert last["former"] == views[1]
    events = {event["position"]: event["event"] for event in ledger.log(limit=1000)}
    mine_ones = [one for one in ledger.views()["defined"] if one["name"] == "mine"]
    assert [said["after"] for said in definitions(ledger) if said["name"] == "mine"] == [
        None,
        *(events[one["position"]] for one in mine_ones[:2]),
    ]
    assert [one["in_force"] for one in mine_ones] == [False, False, True]
    assert [one["view"] for one in mine_ones] == [*views, views[0]]
    assert ledger.verify()["findings"] == []


def test_the_head_that_was_expected(ledger: Ledger, mine: Path) -> None:
    """Where somebody else wrote meanwhile, nothing is defined."""
    head = store_of(ledger).head().position
    with pytest.raises(HeadMoved):
        ledger.define_view(mine, expected_head=head + 5)
    assert definitions(ledger) == []
    assert ledger.define_view(mine, expected_head=head)["defined"] == head + 2


def test_a_view_is_found_by_name_and_by_path(ledger: Ledger, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built-in and defined ones by name; a path is told by its slash or its end."""
    store = store_of(ledger)
    monkeypatch.chdir(mine.parent)
    spec = ViewSpec("mine", select="domain == 'asm'")
    for place in (mine, str(mine), "mine.toml", "./mine.toml", Path("mine.toml")):
        assert resolve(store, place)[:3] == (spec, spec.digest, "mine")
    assert resolve(store, "sft")[:3] == (BUILT_IN["sft"], BUILT_IN["sft"].digest, "sft")
    assert resolve(store, "preference") == resolve(store, "dpo")
    with pytest.raises(BadRequest, match="There is no view 'mine'"):
        resolve(store, "mine")
    ledger.define_view(mine)
    mine.unlink()
    assert resolve(store, "mine")[:3] == (spec, spec.digest, "mine")


def test_a_name_stands_for_what_it_stood_for_then(ledger: Ledger, mine: Path) -> None:
    """As of an earlier position the definition of that time is found, or none."""
    ledger.define_view(mine)
    then = store_of(ledger).head().position
    mine.write_text(MINE.replace("asm", "cpp"), encoding="utf-8")
    ledger.define_view(mine)
    selects = []
    for position in (then, None):
        with reading(store_of(ledger), position) as (there, _):
            selects.append(resolve(there, "mine").spec.select)
    assert selects == ["domain == 'asm'", "domain == 'cpp'"]
    with reading(store_of(ledger), 0) as (there, _), pytest.raises(BadRequest, match="no view 'mine'"):
        resolve(there, "mine")


def test_a_view_that_is_not_there_is_answered_with_those_that_are(ledger: Ledger, mine: Path) -> None:
    """Those of the ledger first, and the nearest."""
    ledger.define_view(mine)
    with pytest.raises(BadRequest, match=r"'mien' \(did you mean 'mine'\?\); there are mine, kto-interleaved, kto"):
        resolve(store_of(ledger), "mien")
    with pytest.raises(BadRequest, match="did you mean 'kto-interleaved'"):
        resolve(store_of(ledger), "kto-interleave")
    for name in ("", " ", "a\x00b", "x" * 20_000, "\udcff"):
        with pytest.raises(BadRequest):
            resolve(store_of(ledger), name)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("none.toml", InputNotFound),
        ("./none", InputNotFound),
        (".", BadRequest),
        ("./", InputUnreadable),
        ("a\x00b.toml", InputUnreadable),
        (f"{'x' * 5000}.toml", InputUnreadable),
        ("/dev/zero", ViewInvalid),
        ("latin.toml", InputUnreadable),
        ("wrong.toml", ViewInvalid),
    ],
)
def test_files_that_hold_no_view(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception]
) -> None:
    """Whatever stands at the path, nothing is recorded."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    (tmp_path / "wrong.toml").write_bytes(b"\xc3\xa9" * MOST_BYTES)
    before = ledger.status()["events"]
    with pytest.raises(error):
        resolve(store_of(ledger), name)
    if error is not BadRequest:
        with pytest.raises(error):
            ledger.define_view(name)
    assert ledger.status()["events"] == before


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_every_ledger_has_stays_what_it_is(ledger: Ledger, tmp_path: Path, name: str) -> None:
    """No file can take its name, neither in the ledger nor for one release."""
    path = tmp_path / "v.toml"
    path.write_text(f'name = "{name}"\n', encoding="utf-8")
    for refused in (lambda: ledger.define_view(path), lambda: resolve(store_of(ledger), path)):
        with pytest.raises(BadRequest, match=f"every ledger has a view '{name}'"):
            refused()
    assert definitions(ledger) == []


@pytest.mark.parametrize(
    ("select", "line", "what"),
    [
        ('"domain =="', 2, "at character 10 of the condition: "),
        ("'''\nlabel == true\n and domain = 'x\\''''", 4, "of the condition"),
        ('"quality < 1 and quality > 2"', 2, "can never hold"),
        ("\"__import__('os').system('true')\"", 2, "at character"),
    ],
)
def test_the_condition_is_read_when_the_view_is(select: str, line: int, what: str) -> None:
    """What is no condition is refused with the line on which it goes wrong."""
    with pytest.raises(ViewInvalid) as caught:
        checked(f'name = "v"\nselect = {select}\n', "v.toml")
    assert caught.value.args[:2] == ("v.toml", line)
    assert what in caught.value.args[2]


def test_a_view_is_shown_by_name_digest_and_path(ledger: Ledger, mine: Path) -> None:
    """Earlier definitions can be seen by their digest, and what is shown of one can be defined again."""
    first = ledger.define_view(mine)["view"]
    mine.write_text(MINE.replace("asm", "cpp"), encoding="utf-8")
    second = ledger.define_view(mine)["view"]
    store = store_of(ledger)
    assert view_shown(store, "mine")["view"] == second
    assert view_shown(store, first[:12])["view"] == first
    assert view_shown(store, first.removeprefix("b3:")[:6].upper())["spec"]["select"] == "domain == 'asm'"
    assert view_shown(store, str(mine))["view"] == second
    assert set(view_shown(store, "sft")) == {"name", "view", "type", "toml", "spec"}
    mine.write_text(view_shown(store, first)["toml"], encoding="utf-8")
    assert ledger.define_view(mine)["view"] == first
    with pytest.raises(BadRequest, match="no view 'b3:"):
        view_shown(store, "b3:" + "0" * 64)


def test_a_name_that_looks_like_a_digest_is_a_name_first(ledger: Ledger, tmp_path: Path) -> None:
    """A view called by the beginning of another's digest does not hide behind it."""
    path = tmp_path / "v.toml"
    path.write_text('name = "a"', encoding="utf-8")
    digits = ledger.define_view(path)["view"].removeprefix("b3:")[:8]
    assert view_shown(store_of(ledger), digits)["name"] == "a"
    path.write_text(f'name = "{digits}"', encoding="utf-8")
    ledger.define_view(path)
    assert view_shown(store_of(ledger), digits)["name"] == digits


@pytest.mark.parametrize("body", [b"", b"{}", b"[1,", b'{"name":"evil"}'])
def test_a_definition_from_elsewhere_that_is_no_view(ledger: Ledger, mine: Path, body: bytes) -> None:
    """A file may hold anything where a frozen view should be; asked for, it is said so."""
    store = store_of(ledger)
    run = Run(store.ledger_id, "view define", {}, Who("evil"))
    with store.transaction() as transaction:
        hashed, blob = transaction.add_blob(body)
        said = {"after": None, "authority": "person", "name": "evil", "reason": "", "source": None}
        run.append(transaction, [draft("view_defined", None, blob, {**said, "view": hashed.hex()})])
    with pytest.raises(CorruptLedger, match="for the view evil is none"):
        resolve(store, "evil")
    assert define(store, mine, "", Who("ann")).defined is not None


def test_the_list_tells_names_types_and_digests(ledger: Ledger, mine: Path) -> None:
    """Of what every ledger has, and of every definition."""
    answer = ledger.define_view(mine, reason="r")
    found = views_there_are(store_of(ledger))
    assert found == ledger.views()
    assert [one["name"] for one in found["built_in"]] == list(BUILT_IN)
    (one,) = found["defined"]
    assert one == {
        "position": answer["defined"],
        "event": one["event"],
        "name": "mine",
        "type": "prompt_completion",
        "view": answer["view"],
        "authority": "person",
        "reason": "r",
        "in_force": True,
    }


def test_what_needs_no_ledger(mine: Path) -> None:
    """The views that every ledger has, and what a file holds, can be asked for without any."""
    assert Ledger.view_names() == list(BUILT_IN)
    assert Ledger.built_in_views() == {"built_in": built_in(), "defined": []}
    assert Ledger.built_in_view("sft")["spec"] == BUILT_IN["sft"].as_json()
    with pytest.raises(BadRequest, match=r"No view 'stf' is in every ledger \(did you mean 'sft'\?\); there are "):
        Ledger.built_in_view("stf")
    with mine.open("rb") as opened:
        assert Ledger.check_view_file(opened) == Ledger.check_view_file(mine) == Ledger.check_view(MINE)
