"""A Hub on this machine: the routes that a push to a dataset repository takes, and what arrived over them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

COMMIT = "c0ffee" * 6 + "c0ff"


@dataclass
class Hub:
    """What the Hub is told to do, and what it saw."""

    endpoint: str = ""
    fails: dict[str, int] = field(default_factory=dict)
    """Part of a path -> the status that is answered there; 0 drops the connection."""
    lfs: tuple[str, ...] = ()
    """Ends of the names that must go over LFS."""
    ignored: tuple[str, ...] = ()
    public: bool = False
    exists: bool = False
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    created: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    message: str = ""

    @property
    def paths(self) -> list[str]:
        """Return the paths asked for, in order."""
        return [path for _, path, _ in self.requests]


@contextmanager
def fake_hub(**told: Any) -> Iterator[Hub]:  # noqa: ANN401 - the fields of Hub
    """Yield a Hub that answers on this machine until the end of the block."""
    hub = Hub(**told)

    class Handler(_Routes):
        at = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Routes(BaseHTTPRequestHandler):
    at: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self._body()
        self.at.requests.append((self.command, self.path, {key.lower(): one for key, one in self.headers.items()}))
        self.at.bodies.append(body)
        status = next((code for part, code in self.at.fails.items() if part in self.path), None)
        if status == 0:
            self.close_connection = True
            return
        if status is not None:
            # A Hub that quotes what it was given, as a proxy in between might.
            self._send(status, {"error": f"no, {self.headers['Authorization']}"})
            return
        self._send(*self._routed(body))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _routed(self, body: bytes) -> tuple[int, Any]:
        route = self.path.partition("?")[0]
        if route == "/api/datasets/ada/set":
            there = self.at.exists or bool(self.at.created)
            shown = {"id": "ada/set", "private": not self.at.public, "tags": [], "siblings": []}
            return (200, shown) if there else (404, {"error": "RepoNotFound"})
        if route == "/api/repos/create":
            self.at.created = json.loads(body)
            return 200, {"url": f"{self.at.endpoint}/datasets/ada/set", "name": "ada/set"}
        if "/commit/" in route:
            return self._commit([json.loads(line) for line in body.splitlines()])
        return self._about_files(route, body)

    def _about_files(self, route: str, body: bytes) -> tuple[int, Any]:
        if route == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if "/preupload/" in route:
            return 200, {"files": [self._mode(one) for one in json.loads(body)["files"]]}
        if route.endswith("/info/lfs/objects/batch"):
            return 200, {"transfer": "basic", "objects": [self._slot(one) for one in json.loads(body)["objects"]]}
        if "/paths-info/" in route:
            return 200, [self._info(name) for name in parse_qs(body.decode())["paths"] if name in self.at.files]
        self.at.large[sha256(body).hexdigest()] = body
        return (200 if route == f"/lfs/{sha256(body).hexdigest()}" else 404), {}

    def _mode(self, one: dict[str, Any]) -> dict[str, Any]:
        large = one["path"].endswith(self.at.lfs)
        ignored = one["path"].endswith(self.at.ignored)
        return {"path": one["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": ignored}

    def _slot(self, one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "actions": {"upload": {"href": f"{self.at.endpoint}/lfs/{one['oid']}"}}}

    def _commit(self, lines: list[dict[str, Any]]) -> tuple[int, Any]:
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.at.message = value["summary"]
            elif line["key"] == "file":
                self.at.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.at.files[value["path"]] = self.at.large[value["oid"]]
        url = f"{self.at.endpoint}/datasets/ada/set/commit/{COMMIT}"
        return 200, {"success": True, "commitOid": COMMIT, "commitUrl": url}

    def _info(self, name: str) -> dict[str, Any]:
        data = self.at.files[name]
        lfs = {"oid": sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        info = {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
        return {**info, "lfs": lfs} if name.endswith(self.at.lfs) else info

    def _send(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if b"RepoNotFound" in body:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        self.wfile.write(body)
