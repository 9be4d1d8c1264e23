"""ledger.verbs.push: nothing is sent that the manifest does not name, byte for byte."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from blake3 import blake3

from ledger import Ledger
from ledger.digest import show
from ledger.door.publishing import Publishing
from ledger.errors import BadRequest, ManifestUnreadable, PushFailed
from ledger.verbs.files import MOST_BYTES
from ledger.verbs.push import push_release
from tests.fake_hub import fake_hub

REPO = "ada/set"


@pytest.fixture(autouse=True)
def _own_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the client keep no connection open beyond a test, and use a token that is nobody's."""
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    from huggingface_hub import close_session, constants  # noqa: PLC0415 - optional

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield
    close_session()


@pytest.fixture
def release(toolset: Ledger, tmp_path: Path) -> Path:
    """Return the manifest of a release with a card beside it."""
    folder = tmp_path / "release"
    folder.mkdir()
    toolset.project("sft", folder / "train.jsonl")
    (folder / "README.md").write_bytes(b"---\n---\n# A set\n")
    manifest = folder / "train.jsonl.manifest.json"
    change(manifest, beside=[named(folder / "README.md")])
    return manifest


def named(path: Path) -> dict[str, Any]:
    """Return what a manifest says of a file beside it."""
    data = path.read_bytes()
    return {"name": path.name, "blake3": show(blake3(data).digest()), "bytes": len(data)}


def change(manifest: Path, **keys: Any) -> None:  # noqa: ANN401 - JSON
    """Write a manifest with other values under some keys."""
    manifest.write_bytes(orjson.dumps({**orjson.loads(manifest.read_bytes()), **keys}))


def test_a_release_is_pushed_whole(release: Path) -> None:
    """The rows, what is beside them and the manifest arrive as they stand here; the answer names them."""
    with fake_hub() as hub:
        made = Publishing.push(release, REPO, endpoint=hub.endpoint)
        assert hub.files == {path.name: path.read_bytes() for path in release.parent.iterdir()}
        assert made["repo"] == REPO
        assert made["files"] == ["train.jsonl", "README.md", "train.jsonl.manifest.json"]
        assert made["commit"].startswith(hub.endpoint)
        assert hub.message.startswith("sft: ")
        assert all(headers.get("authorization") == "Bearer hf_nobody" for _, _, headers in hub.requests)


def test_a_manifest_without_companions_is_pushed_too(release: Path) -> None:
    """Manifests of older versions have no `beside`."""
    value = orjson.loads(release.read_bytes())
    del value["beside"]
    release.write_bytes(orjson.dumps(value))
    with fake_hub() as hub:
        assert len(push_release(release, REPO, endpoint=hub.endpoint)["files"]) == 2


@pytest.mark.parametrize("name", ["train.jsonl", "README.md"])
@pytest.mark.parametrize("how", ["changed", "cut", "grown", "gone", "folder", "pipe"])
def test_a_file_that_is_not_the_manifests_stops_everything(release: Path, name: str, how: str) -> None:
    """Not one request is made: neither the file nor the others are sent."""
    file = release.with_name(name)
    data = file.read_bytes()
    file.unlink()
    if how == "folder":
        file.mkdir()
    elif how == "pipe":
        os.mkfifo(file)
    elif how != "gone":
        file.write_bytes({"changed": b"x" + data[1:], "cut": data[:-1], "grown": data + b"\n"}[how])
    with fake_hub() as hub:
        with pytest.raises(PushFailed, match=name):
            push_release(release, REPO, endpoint=hub.endpoint)
        assert hub.requests == []


@pytest.mark.parametrize(
    "beside",
    [
        "README.md",
        [1],
        [{"name": "README.md"}],
        [{"name": "../secret", "blake3": "b3:" + "0" * 64, "bytes": 1}],
        [{"name": "/etc/hostname", "blake3": "b3:" + "0" * 64, "bytes": 1}],
        [{"name": ".git", "blake3": "b3:" + "0" * 64, "bytes": 1}],
        [{"name": "", "blake3": "b3:" + "0" * 64, "bytes": 1}],
        [{"name": "a", "blake3": "0" * 64, "bytes": 1}],
        [{"name": "a", "blake3": "b3:" + "0" * 64, "bytes": True}],
        [{"name": "train.jsonl", "blake3": "b3:" + "0" * 64, "bytes": 1}],
        [{"name": "train.jsonl.manifest.json", "blake3": "b3:" + "0" * 64, "bytes": 1}],
        [{"name": "a\\b", "blake3": "b3:" + "0" * 64, "bytes": 1}],
    ],
)
def test_a_manifest_cannot_name_what_is_elsewhere(release: Path, beside: object) -> None:
    """A stranger's manifest pushes no file of another folder, and no file twice."""
    change(release, beside=beside)
    with fake_hub() as hub:
        with pytest.raises(ManifestUnreadable):
            push_release(release, REPO, endpoint=hub.endpoint)
        assert hub.requests == []


def test_the_message_of_the_commit_is_one_line(release: Path) -> None:
    """What a stranger's manifest calls its view cannot end the line, write on a terminal, or turn what is read."""
    change(release, view="a\n\nSigned-off-by: x\r\x1b[31m\x00\x7f\u2028\u202e\u00e9")
    with fake_hub() as hub:
        push_release(release, REPO, endpoint=hub.endpoint)
    assert hub.message.startswith("aSigned-off-by: x[31m\\xe9: ")
    assert hub.message.isprintable()


def test_a_manifest_without_an_end(tmp_path: Path) -> None:
    """No more is read than a manifest can have."""
    with (tmp_path / "x").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ManifestUnreadable, match="has over"):
        push_release(tmp_path / "x", REPO)


def test_a_manifest_that_is_none(tmp_path: Path) -> None:
    """A file that is missing or not a manifest is said to be so."""
    (tmp_path / "x").write_bytes(b"{}")
    for path in (tmp_path / "x", tmp_path / "y", tmp_path):
        with pytest.raises(ManifestUnreadable):
            push_release(path, REPO)


def test_the_name_of_the_repository_is_looked_at_first(tmp_path: Path) -> None:
    """Before any file is read."""
    with pytest.raises(BadRequest):
        push_release(tmp_path / "nothing", "no repository")
