"""What can be taken away: the manifest of a release as it was written, and its rows, made again from the log."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ledger import Ledger
from ledger.errors import LedgerError
from review_page.guard import is_from_elsewhere
from review_page.ledgers import Ledgers
from review_page.pages.releases import written
from review_page.site import Site
from review_page.words import whole


def downloads(site: Site) -> list[Route]:
    """Return the addresses of manifests and rows."""

    def taking(take: Callable[[Ledgers, str], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if request.method != "GET":  # what is made for HEAD, nobody gets
                raise HTTPException(405, headers={"allow": "GET"})
            if is_from_elsewhere(request.headers):  # by a link either: the page that leads here stays where it is
                raise HTTPException(403)
            try:
                return await take(site.ledgers, str(request.path_params["position"]))
            except LedgerError as error:
                return site.refused(request, error)

        return answer

    return [
        Route("/release/{position}/manifest", taking(_manifest)),
        Route("/release/{position}/rows", taking(_rows)),
    ]


async def _manifest(ledgers: Ledgers, position: str) -> Response:
    def ask(ledger: Ledger) -> tuple[str, bytes]:
        at = whole({"position": position}, "position")
        return ledger.release(at)["name"], ledger.release_manifest(at)

    name, body = await ledgers.read(ask)
    named = f"attachment; filename*=utf-8''{quote(name, safe='')}.manifest.json"
    return Response(body, media_type="application/json", headers={"content-disposition": named})


async def _rows(ledgers: Ledgers, position: str) -> Response:
    name, path = await ledgers.slowly(lambda ledger: _made(ledger, whole({"position": position}, "position")))
    gone = BackgroundTask(shutil.rmtree, path.parent, ignore_errors=True)
    return FileResponse(path, media_type="application/octet-stream", filename=name, background=gone)


def _made(ledger: Ledger, position: int) -> tuple[str, Path]:
    """Make the rows of a release again in a folder of their own, which whoever sends them removes."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))
    try:
        made = ledger.rebuild(written(folder, ledger, position), folder / "rows")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return str(made["output"]["name"]), folder / "rows"
