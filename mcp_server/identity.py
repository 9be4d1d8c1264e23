"""Who calls: a principal that this server vouches for, and what the client says of itself."""

from __future__ import annotations

import getpass
import os
from typing import Any, NamedTuple

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import Context

from mcp_server.options import Options
from mcp_server.untrusted import one_line

SESSION = "CLAUDE_CODE_SESSION_ID"
"""What one host puts into the environment of the servers that it starts."""
LONGEST = 200


class Caller(NamedTuple):
    """One call: the principal (token subject, or the operator's name) and the client as it describes itself.

    `client` has name, version, session, tool and request, each a text or None; nothing in it was verified.
    """

    principal: str
    client: dict[str, str | None]


def operator(options: Options) -> str:
    """Return who acts where no token says so: --actor, LEDGER_ACTOR or the user who runs this process."""
    if named := options.actor or os.environ.get("LEDGER_ACTOR"):
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in the password database
        return f"uid {os.getuid()}"


def caller(options: Options, context: Context[Any, Any], tool: str) -> Caller:
    """Return who calls `tool`: the subject of the token that came with the request, else the operator.

    The session is the host's own word where it started this process; over HTTP there is none to believe.
    """
    token = get_access_token()
    principal = operator(options) if token is None or token.subject is None else token.subject
    params = context.session.client_params
    info = None if params is None else params.client_info
    client = {
        "name": _word(None if info is None else info.name),
        "version": _word(None if info is None else info.version),
        "session": _word(os.environ.get(SESSION) if context.request_context.request is None else None),
        "tool": _word(tool),
        "request": _word(context.request_id),
    }
    return Caller(principal, client)


def _word(text: str | None) -> str | None:
    return None if text is None else one_line(text, LONGEST) or None
