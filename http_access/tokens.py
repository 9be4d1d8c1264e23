"""Bearer tokens: who has which, compared in constant time, and never said again in an error or a log."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from ledger.errors import BadRequest

SHORTEST = 16
"""Characters of a token; whoever can reach the port can try as many as they like."""

_TOKEN = re.compile(r"[!-~]+")
_SUBJECT = re.compile(r"[^\s:\x00-\x1f\x7f](?:[^:\x00-\x1f\x7f]{0,198}[^\s:\x00-\x1f\x7f])?")
_MAKE_ONE = "`openssl rand -hex 32` makes a good one."


class Bearers:
    """The tokens that let somebody in, each with the name that it stands for; only digests of them are kept."""

    def __init__(self, subjects: Mapping[str, str]) -> None:
        """Take token -> subject; raises BadRequest for a token that is no use."""
        self._subjects = [(_digest(checked(token, f"of {name}")), name) for token, name in subjects.items()]

    def name_of(self, token: str) -> str | None:
        """Return who a token stands for, or None; takes as long for any token."""
        given, found = _digest(token), None
        for known, name in self._subjects:
            if hmac.compare_digest(known, given):
                found = name
        return found


def checked(token: str, which: str) -> str:
    """Return a token; raises BadRequest, without the token, for one that is no use: "The token {which} is ..."."""
    if len(token) < SHORTEST:
        raise BadRequest(f"The token {which} is shorter than {SHORTEST} characters", hint=_MAKE_ONE)
    if not _TOKEN.fullmatch(token):
        raise BadRequest(f"The token {which} has spaces or characters other than ASCII", hint=_MAKE_ONE)
    return token


def read(path: Path) -> dict[str, str]:
    """Return token -> subject from a file of lines `subject:token`; `#` begins a line of comment.

    Raises BadRequest for a file that others than its owner may read or write, and for a line that does not read.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(_private_text(path).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{path}, line {number}"
        subject, colon, token = line.strip().partition(":")
        if not colon or not _SUBJECT.fullmatch(subject):
            raise BadRequest(f"{where}, does not read", hint="Write one line for each person: subject:token")
        if checked(token, f"in {where}") in found:
            raise BadRequest(f"The token in {where} stands in the file twice", hint=_MAKE_ONE)
        found[token] = subject
    if not found:
        raise BadRequest(f"{path} holds no token", hint="Write one line for each person: subject:token")
    return found


def _private_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise BadRequest(f"{path} is not a file", hint="Give a file of lines subject:token.")
            if found.st_mode & 0o077:
                raise BadRequest(f"Others than its owner may use {path}", hint=f"Run `chmod 600 {path}`.")
            return file.read().decode()
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise BadRequest(f"{path} is not UTF-8 text", hint="Write one line for each person: subject:token") from error


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
