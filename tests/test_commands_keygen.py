"""`ledger keygen`: two files, of which only the public one is ever shown."""

from __future__ import annotations

from pathlib import Path

from tests.cli import ok, run


def test_a_pair_of_keys_is_made(tmp_path: Path) -> None:
    """The public key is printed, the private one is not; a second time nothing is overwritten."""
    answer = ok("keygen", tmp_path / "team.key", "--name", "example.com/team")
    private, public = (tmp_path / "team.key").read_text(), (tmp_path / "team.key.pub").read_text()

    assert public.strip() in answer.out
    assert public.startswith("example.com/team+")
    assert private.startswith("PRIVATE+KEY+example.com/team+")
    assert private.strip().split("+", 4)[4] not in answer.out
    again = run("keygen", tmp_path / "team.key")
    assert again.code == 60
    assert (tmp_path / "team.key").read_text() == private


def test_json_names_both_files(tmp_path: Path) -> None:
    """And the key to give to others."""
    answer = ok("keygen", tmp_path / "k", "--json").json
    assert set(answer) == {"name", "id", "key", "private", "public"}
    assert answer["key"] == Path(answer["public"]).read_text().strip()


def test_a_name_that_would_break_a_line_is_refused(tmp_path: Path) -> None:
    """With a space, which the file's name may have and a key's may not."""
    assert run("keygen", tmp_path / "my key").code == 4
    assert run("keygen", tmp_path / "k", "--name", "a+b").code == 4
    assert list(tmp_path.iterdir()) == []
