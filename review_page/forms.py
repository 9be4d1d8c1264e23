"""A form as it comes: of a bounded size, and thrown away unread where it is not of this server's own page.

The token stands in a header, or it is the first field of the form: so it is known after a few bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from review_page.guard import FIELD, HEADER

LARGEST = 4 * 1024 * 1024
"""Bytes of a form."""
FIELDS = 200
"""Fields of a form: what is ticked on one page, and what is said of it."""
_NAME, _VALUE = 200, 1_000
_LONGER = {"back": 8_000, "content": LARGEST, "filters": 8_000, "more": 20_000}
"""Characters of a name, of a value, and of the values that may be longer."""
_FIRST = 256
"""Bytes after which the first field has to be over."""
_KIND = "application/x-www-form-urlencoded"


async def fields_of(request: Request, fits: Callable[[str], bool]) -> dict[str, str] | Response:
    """Return the fields of a form whose token fits, or the refusal."""
    length = _length(request)
    if length is None:
        return PlainTextResponse("A form of a known, moderate size is needed.", 413)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        return PlainTextResponse("A form is needed, as a page of this server sends it.", 415)
    body = await _body(request, length, fits)
    if isinstance(body, Response):
        return body
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError:  # too many of them, or no UTF-8
        return PlainTextResponse(f"A form has at most {FIELDS} fields of text.", 400)
    if any(len(name) > _NAME or len(value) > _LONGER.get(name, _VALUE) for name, value in pairs):
        return PlainTextResponse("A field of the form is too long.", 400)
    return {name: value for name, value in pairs if name != FIELD}


def _length(request: Request) -> int | None:
    """Return how many bytes are told to come; None where that is not told, or they are too many."""
    told = request.headers.get("content-length", "")
    a_number = told.isascii() and told.isdigit() and len(told) <= len(str(LARGEST))
    if "transfer-encoding" in request.headers or not a_number:
        return None
    return int(told) if int(told) <= LARGEST else None


async def _body(request: Request, length: int, fits: Callable[[str], bool]) -> bytes | Response:
    """Return the bytes of a form, none of which are kept before the token was seen."""
    stranger = PlainTextResponse("This form is of another session; reload the page.", 403)
    token = request.headers.get(HEADER)
    known = token is not None and fits(token)
    if token is not None and not known:
        return stranger
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > length:
            return PlainTextResponse("There is more of the form than was told.", 413)
        if not known and len(body) >= min(length, _FIRST):
            if not fits(_first(bytes(body[:_FIRST]))):
                return stranger
            known = True
    return bytes(body) if known else stranger


def _first(begun: bytes) -> str:
    """Return the token that a form begins with, nothing where it begins otherwise."""
    name, _, value = begun.partition(b"&")[0].partition(b"=")
    return unquote_plus(value.decode("ascii", "replace")) if name == FIELD.encode() else ""
