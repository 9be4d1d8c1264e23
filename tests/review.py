"""A review page over a small ledger of real samples: asked as a browser asks, without one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from ledger import Ledger
from review_page.options import Options
from review_page.server import application
from tests.small import write

HOST, ORIGIN = "ledger.test", "http://ledger.test"
POLICY = """name = "memory"
headline = "overall_quality"
[threshold]
min_overall = 3.2
[[rule]]
name = "empty_memory"
reject = "sessionMemory_quality < 2 and overall_quality < min_overall"
[[rule]]
name = "low_quality"
reject = "overall_quality < min_overall"
"""
HOSTILE = (
    '<script>window.fired=1</script><img src=x onerror="window.fired=2">\u202egnp.exe\u202c {{ 7*7 }} '
    "\"'><svg onload=alert(1)>"
)


def world(folder: Path, data: Path) -> Path:
    """Make a ledger of real samples that were scored, decided, split and released twice; return its path."""
    path, policy = folder / "ledger.db", folder / "policy.toml"
    policy.write_text(POLICY, encoding="utf-8")
    with Ledger.init(path, actor="anna") as made:
        lines = [line for line in (data / "scored.jsonl").read_text(encoding="utf-8").splitlines() if _whole(line)]
        scored = [{**json.loads(line), "domain": ("menus", "notes")[n % 2]} for n, line in enumerate(lines)]
        made.ingest([data / "poor.jsonl", write(folder / "scored.jsonl", *scored)], campaign="may")
        made.ingest([data / "enhanced.jsonl"], campaign="june")
        made.import_scores(field="quality_scores")
        made.decide(policy)
        made.split("80/10/10")
        made.project("train", folder / "first.jsonl", no_gates=True)
        found = made.near_misses(limit=3)["near_misses"]
        made.accept([one["sample"] for one in found], reason="good enough")
        made.project("train", folder / "second.jsonl", no_gates=True)
    return path


def _whole(line: str) -> bool:
    """Say whether a line is JSON; one of the real ones is not."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


class Page:
    """What a browser of one person does: it keeps cookies, sends this server's Host, and posts the form's token."""

    def __init__(self, path: Path, subjects: Mapping[str, str] | None = None, token: str = "") -> None:
        """Open a page of a ledger; with `subjects` (token -> name) a token is needed, and `token` is brought."""
        self.path = path
        app = application(Options(path, "anna", subjects or {}), [HOST], [ORIGIN])
        self.client = TestClient(app, base_url=ORIGIN, follow_redirects=False)
        if token:
            self.client.headers["authorization"] = f"Bearer {token}"

    def get(self, address: str, status: int = 200, *, htmx: bool = False) -> str:
        """Return what is shown; with `htmx` as a script asks for a part of it."""
        answer = self.client.get(address, headers={"HX-Request": "true"} if htmx else {})
        assert answer.status_code == status, (answer.status_code, answer.text[-300:])
        return answer.text

    def json(self, address: str, status: int = 200) -> dict[str, Any]:
        """Return what the twin of a page says."""
        answer = self.client.get(address)
        assert answer.status_code == status, (answer.status_code, answer.text[-300:])
        value = answer.json()
        assert isinstance(value, dict)
        return value

    @property
    def token(self) -> str:
        """Return the token that this server's own forms hold."""
        found = re.search(r'name="ledger-form" content="([^"]+)"', self.get("/"))
        assert found is not None
        return found[1]

    def seen(self) -> dict[str, str]:
        """Return what the forms of a page that is made now hold besides what a person puts in: the head."""
        return {"head": str(self.json("/overview.json")["head"]["position"])}

    def seen_of(self, sample: str) -> dict[str, str]:
        """Return what the forms of a sample's page hold: the head, and the version that is shown."""
        found = self.get(f"/sample/{sample}")
        names = {name: re.search(rf'name="{name}" value="([^"]+)"', found) for name in ("head", "version")}
        return {name: match[1] for name, match in names.items() if match is not None}

    def send(self, address: str, fields: Mapping[str, str], **headers: str) -> Any:  # noqa: ANN401 - an answer of the client
        """Send a form as this server's own page does."""
        sent = {"form_token": self.token, **fields}
        return self.client.post(address, data=sent, headers={"origin": ORIGIN, **headers})

    def post(self, address: str, fields: Mapping[str, str], status: int = 200, **headers: str) -> dict[str, Any]:
        """Send a form, and return what came of it."""
        answer = self.send(address, fields, **headers)
        assert answer.status_code == status, (answer.status_code, answer.text[-300:])
        told: dict[str, Any] = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        return {**told, "location": answer.headers.get("location")}
