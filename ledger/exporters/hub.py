"""Pushing files to a dataset repository of the Hugging Face Hub: one commit, through huggingface_hub.

The token goes where the Hub's client sends it and nowhere else: what failed is said in words of this module, never in
those of the client or the server, which can quote what they were given. No word about this machine is sent: the
client's own user agent, which names what else is installed, is replaced.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import find_spec
from types import TracebackType
from typing import Any, BinaryIO, Self

from ledger.errors import BadRequest, LedgerError, PushFailed
from ledger.version import VERSION

_REPO = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_MISSING = 'Pushing needs a package that is not installed: pip install "sample-ledger[hub]"'
_LOGGERS = ("huggingface_hub", "httpx", "httpx2")
_BLOCK = 1 << 20
_SERVER = 500

_SAID = {
    400: "the Hub refuses what was sent",
    401: "no token was given, or the Hub does not know it",
    403: "the token may not write there",
    404: "there is no such repository, or the token may not see it",
    409: "somebody else is changing the repository, or it is another kind of repository",
    413: "the files are larger than the Hub takes",
    429: "the Hub was asked too often; wait some minutes",
}


def checked_repo(repo: str) -> str:
    """Return the name of a repository; raise BadRequest unless it is OWNER/NAME in letters, digits, `_`, `.`, `-`."""
    if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise BadRequest(f"{repo[:80]!r} is not the name of a repository; it is OWNER/NAME, such as ada/toolset-kto")
    return repo


def push(
    files: Mapping[str, BinaryIO],
    repo: str,
    *,
    token: str | None,
    endpoint: str | None,
    private: bool = True,
    message: str,
) -> str:
    """Put files, by the names that they get, into a dataset repository as one commit; return the commit's address.

    The files are open for reading and can be sought in. The repository is made if there is none. Without a token the
    client takes HF_TOKEN, or what `hf auth login` left. `private` is refused where the repository is there and public.
    Raises BadRequest for a name that is none and where huggingface_hub is not installed, PushFailed for all else.
    """
    checked_repo(repo)
    if find_spec("huggingface_hub") is None:
        raise BadRequest(_MISSING)
    what = next(iter(files), "nothing")
    with _Attempt(what, repo), _quiet():
        from huggingface_hub import CommitOperationAdd, HfApi  # noqa: PLC0415 - only whoever pushes needs it

        api = HfApi(endpoint=endpoint, token=token, headers={"user-agent": f"sample-ledger/{VERSION}"})
        if not api.repo_exists(repo, repo_type="dataset"):  # a token may write to one without being allowed to make any
            api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        if private and not api.dataset_info(repo).private:
            raise PushFailed(what, repo, "the repository is there and public; say that this may be public")
        # Open files, so that what was checked is what is sent, and over the one protocol that needs no second client.
        operations = [CommitOperationAdd(name, file) for name, file in files.items()]
        commit = api.create_commit(repo, operations, commit_message=message, repo_type="dataset")
        there = api.get_paths_info(repo, list(files), repo_type="dataset", revision=commit.oid)
        _check_arrived(what, repo, files, there)
        return str(commit.commit_url)


def _check_arrived(what: str, repo: str, files: Mapping[str, BinaryIO], there: Sequence[Any]) -> None:
    """Raise PushFailed unless the repository has every file: the Hub leaves out what a .gitignore there names."""
    found = {one.path: one for one in there}
    for name, file in files.items():
        one = found.get(name)
        if one is None:
            raise PushFailed(what, repo, f"the commit was made, but {name} is not in it; look for a .gitignore there")
        digest, size = _sha256(file)
        if one.size != size or (one.lfs is not None and one.lfs.sha256 != digest):
            raise PushFailed(what, repo, f"the commit was made, but {name} is another file there")


def _sha256(file: BinaryIO) -> tuple[str, int]:
    """Return the SHA-256 of a file from its start, and its size."""
    hasher, size = sha256(), 0
    file.seek(0)
    while block := file.read(_BLOCK):
        hasher.update(block)
        size += len(block)
    file.seek(0)
    return hasher.hexdigest(), size


class _Attempt:
    """As a context manager: whatever the Hub's client raises becomes PushFailed, without its words and its trace."""

    def __init__(self, name: str, repo: str) -> None:
        self._name = name
        self._repo = repo

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, LedgerError):
            raise PushFailed(self._name, self._repo, _reason(error)) from None


def _reason(error: Exception) -> str:
    """Return why it failed: the status that the Hub answered with, else the kind of error."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    kind = type(error).__name__
    if isinstance(status, int):
        said = "the Hub itself failed" if status >= _SERVER else "the Hub refuses"
        return f"{_SAID.get(status, said)} (HTTP {status})"
    if kind == "OfflineModeIsEnabled":
        return "HF_HUB_OFFLINE is set, so nothing is sent"
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _LOGGERS:
        return f"the connection failed ({kind})"
    return f"the Hub's client could not do it ({kind})"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the client from writing: its log lines hold addresses that are secrets for an hour."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
