"""Tokens as the SDK asks for them: who has one, without the token itself."""

from __future__ import annotations

from mcp.server.auth.provider import AccessToken

from http_access.tokens import Bearers


class Tokens(Bearers):
    """The tokens that let somebody in, each with the name that it stands for; implements the SDK's verifier."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who a token stands for, or None; takes as long for any token."""
        found = self.name_of(token)
        return None if found is None else AccessToken(token="", client_id=found, scopes=[], subject=found)
