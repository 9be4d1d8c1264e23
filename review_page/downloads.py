"""What can be taken away: the manifest of a release as it was written, and its rows, made again from the log."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ledger import Ledger
from ledger.errors import LedgerError
from review_page.pages.releases import written
from review_page.site import Site, status_of, told
from review_page.words import whole


def downloads(site: Site) -> list[Route]:
    """Return the addresses of manifests and rows."""

    async def manifest(request: Request) -> Response:
        return await _answered(site, request, "manifest.json")

    async def rows(request: Request) -> Response:
        return await _answered(site, request, "rows")

    return [Route("/release/{position}/manifest", manifest), Route("/release/{position}/rows", rows)]


async def _answered(site: Site, request: Request, what: str) -> Response:
    state = {"position": str(request.path_params["position"])}
    try:
        if what == "rows":
            name, path = await site.ledgers.slowly(lambda ledger: _made(ledger, whole(state, "position")))
            folder = path.parent
            return FileResponse(
                path,
                media_type="application/octet-stream",
                filename=name,
                background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
            )
        release: dict[str, Any] = await site.ledgers.read(lambda ledger: ledger.release(whole(state, "position")))
    except LedgerError as error:
        return site.refused(request, error) if "text/html" in request.headers.get("accept", "") else _plain(error)
    body = json.dumps(release["contents"], ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    named = f"attachment; filename*=utf-8''{quote(release['name'])}.manifest.json"
    return Response(body, media_type="application/json", headers={"content-disposition": named})


def _plain(error: LedgerError) -> Response:
    return Response(json.dumps(told(error)), status_of(error), media_type="application/json")


def _made(ledger: Ledger, position: int) -> tuple[str, Path]:
    """Make the rows of a release again in a folder of their own, which whoever sends them removes."""
    release = ledger.release(position)
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))
    try:
        made = ledger.rebuild(written(folder, "of", release), folder / "rows")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return str(made["output"]["name"]), folder / "rows"
