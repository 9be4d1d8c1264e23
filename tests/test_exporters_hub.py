"""ledger.exporters.hub: what a Hub gets, and what is said when it gets nothing."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from ledger.errors import BadRequest, PushFailed
from ledger.exporters.hub import checked_repo, push
from tests.fake_hub import COMMIT, Hub, fake_hub

TOKEN = "hf_" + "s3cr3t" * 6
REPO = "ada/set"


@pytest.fixture(autouse=True)
def _own_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the client keep no connection open beyond a test, and find no token of this machine's user."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    from huggingface_hub import close_session, constants  # noqa: PLC0415 - optional

    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere/token")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield
    close_session()


def sent(hub: Hub, files: dict[str, bytes], *, token: str | None = TOKEN, private: bool = True) -> str:
    """Push files to a fake Hub."""
    opened = {name: io.BytesIO(data) for name, data in files.items()}
    return push(opened, REPO, token=token, endpoint=hub.endpoint, private=private, message="a release")


def told(error: BaseException | None) -> str:
    """Return every word of an error and of all that it was raised from."""
    words = ""
    while error is not None:
        words += f"{error} {error!r} {error.args} {getattr(error, 'next_step', '')}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return words


def test_what_arrives_is_what_was_sent() -> None:
    """Small files in the commit, large ones over LFS, in one commit, byte for byte; the repository is private."""
    files = {"train.jsonl": b'{"a": 1}\n' * 5000, "README.md": b"---\n---\n", "x.parquet": bytes(range(256)) * 99}
    with fake_hub(lfs=(".parquet",)) as hub:
        url = sent(hub, files)
        assert hub.files == files
        assert sum("/commit/" in path for path in hub.paths) == 1
        assert (hub.created["type"], hub.created["organization"], hub.created["name"]) == ("dataset", "ada", "set")
        assert hub.created.get("visibility", "private") == "private"
        assert hub.created.get("private", True) is True
        assert url == f"{hub.endpoint}/datasets/ada/set/commit/{COMMIT}"
        assert hub.message == "a release"


def test_the_token_stands_in_one_header_and_nothing_tells_of_this_machine() -> None:
    """It is the authorization and stands nowhere else; the user agent is this program's name."""
    with fake_hub(lfs=("x",)) as hub:
        sent(hub, {"a": b"1", "x": b"2"})
        assert all(TOKEN.encode() not in body for body in hub.bodies)
        for _, path, headers in hub.requests:
            assert TOKEN not in path
            assert all(TOKEN not in value for name, value in headers.items() if name != "authorization")
            if not path.startswith("/lfs/"):
                assert headers["authorization"] == f"Bearer {TOKEN}"
                assert headers["user-agent"].startswith("sample-ledger/")
                assert "python" not in headers["user-agent"]


def test_an_address_for_an_upload_does_not_get_the_token() -> None:
    """Where the bytes of large files go is a store of somebody else's."""
    with fake_hub(lfs=("x",)) as hub:
        sent(hub, {"x": b"2"})
        (headers,) = [headers for _, path, headers in hub.requests if path.startswith("/lfs/")]
        assert "authorization" not in headers


@pytest.mark.parametrize(
    ("part", "status", "says"),
    [
        ("/repos/create", 401, "does not know it"),
        ("/repos/create", 403, "may not write"),
        ("/repos/create", 404, "no such repository"),
        ("/api/datasets/ada/set", 403, "may not write"),
        ("/repos/create", 500, "failed (HTTP 500)"),
        ("/repos/create", 418, "refuses (HTTP 418)"),
        ("/commit/", 403, "may not write"),
        ("/commit/", 500, "failed (HTTP 500)"),
        ("/preupload/", 413, "larger"),
        ("/paths-info/", 403, "may not"),
        ("/repos/create", 0, "the connection failed"),
        ("/commit/", 0, "the connection failed"),
    ],
)
def test_a_failure_says_why_without_the_token(
    part: str, status: int, says: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever fails, in whichever step, is PushFailed; a Hub that quotes the token is not quoted."""
    caplog.set_level(logging.DEBUG)
    with fake_hub(fails={part: status}) as hub, pytest.raises(PushFailed) as caught:
        sent(hub, {"a": b"1"})
    assert says in str(caught.value)
    assert all(word in str(caught.value) for word in ("a could not", REPO))
    assert TOKEN not in told(caught.value) + caplog.text + "".join(capsys.readouterr())
    assert "s3cr3t" not in told(caught.value)


def test_nobody_listens() -> None:
    """An address where nothing answers is a failed connection."""
    with fake_hub() as hub:
        pass
    with pytest.raises(PushFailed, match="connection failed"):
        sent(hub, {"a": b"1"})


@pytest.mark.parametrize("token", ["hf_\ns3cr3t", "hf_s3cr3t\r\nX-Other: 1", "hf_s3cr3té", "s3cr3t\0"])
def test_a_token_that_is_no_header_is_not_quoted(token: str) -> None:
    """What no header can hold is refused before anything is sent, without its text."""
    with fake_hub() as hub:
        with pytest.raises(PushFailed) as caught:
            sent(hub, {"a": b"1"}, token=token)
        assert "s3cr3t" not in told(caught.value)
        assert hub.files == {}


def test_a_public_repository_is_not_taken_for_a_private_one() -> None:
    """A push that is to be private leaves a public repository as it is; one that may be public goes through."""
    with fake_hub(public=True, exists=True) as hub:
        with pytest.raises(PushFailed, match="public"):
            sent(hub, {"a": b"1"})
        assert hub.files == {}
        sent(hub, {"a": b"1"}, private=False)
        assert hub.files == {"a": b"1"}


def test_a_file_that_the_hub_leaves_out_is_noticed() -> None:
    """A .gitignore in the repository makes the Hub drop files from a commit without an error."""
    with fake_hub(ignored=("b",)) as hub, pytest.raises(PushFailed, match="b is not in it"):
        sent(hub, {"a": b"1", "b": b"2"})


@pytest.mark.parametrize(
    "repo", ["", "ada", "ada/", "/set", "a/b/c", "ada/se t", "../..", "a/..", "ada/sét", "a\n/b", "a/b?x", "a/b--c"]
)
def test_a_name_that_is_none_is_refused_before_anything_is_sent(repo: str) -> None:
    """A repository is OWNER/NAME in letters, digits, `_`, `.` and `-`."""
    with pytest.raises(BadRequest):
        checked_repo(repo)
    with fake_hub() as hub:
        with pytest.raises(BadRequest):
            push({}, repo, token=TOKEN, endpoint=hub.endpoint, message="m")
        assert hub.requests == []


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """huggingface_hub is an extra."""
    monkeypatch.setattr("ledger.exporters.hub.find_spec", lambda _: None)
    with pytest.raises(BadRequest, match=r"sample-ledger\[hub\]"):
        push({}, REPO, token=None, endpoint=None, message="m")
