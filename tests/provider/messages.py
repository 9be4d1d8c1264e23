"""The Messages API: one question, counting its tokens, and the models that can be asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.provider.answers import Asked, schema_told
from tests.provider.cache import pieces, text_of
from tests.provider.checks import Refusal, checked, invalid
from tests.provider.desk import Desk, Question, Reply, Said, digest_of
from tests.provider.models import MODELS, Model, counted, described

_JSON = {"content-type": "application/json"}


def question_of(body: Mapping[str, Any], model: Model, judge: str) -> Question:
    """Return the question that a body of /v1/messages asks."""
    texts = [(piece.get("role"), text_of(piece)) for piece in pieces(body)]
    said = [text for role, text in texts if role]
    config = body.get("output_config") or {}
    kind = (body.get("thinking") or {}).get("type", "adaptive" if model.adaptive else "disabled")
    schema = (config.get("format") or {}).get("schema")
    schema = schema_told(said[-1]) if schema is None and said else schema
    asked = Asked("\n".join(said), "\n".join(text for _, text in texts), schema, judge)
    raw = json.dumps(body, ensure_ascii=False).encode()
    most = body.get("max_tokens", 0)
    return Question(model, body, raw, digest_of(body), asked, most, kind != "disabled", config.get("effort"))


def message(said: Said, model: Model, tier: str) -> dict[str, Any]:
    """Return what was said as the Messages API gives it."""
    content: list[dict[str, Any]] = [{"type": "text", "text": said.text}] if said.text else []
    if said.thought:
        content.insert(0, {"type": "thinking", "thinking": "", "signature": said.id})
    details = {"type": "refusal", "category": "frontier_llm", "explanation": None}
    used = said.used
    return {
        "id": f"msg_{said.id}",
        "type": "message",
        "role": "assistant",
        "model": model.id,
        "content": content,
        "stop_reason": said.stop,
        "stop_sequence": None,
        "stop_details": details if said.stop == "refusal" else None,
        "usage": {
            "input_tokens": used.fresh,
            "cache_creation_input_tokens": used.write_5m + used.write_1h,
            "cache_read_input_tokens": used.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": used.write_5m,
                "ephemeral_1h_input_tokens": used.write_1h,
            },
            "output_tokens": used.output,
            "output_tokens_details": {"thinking_tokens": said.thought},
            "service_tier": tier,
        },
    }


async def create(desk: Desk, body: Mapping[str, Any], version: str) -> Reply:
    """Answer POST /v1/messages."""
    model = checked(body, version, desk.settings)
    question = question_of(body, model, desk.settings.judge)
    stream = bool(body.get("stream"))

    def headers() -> Mapping[str, str]:
        shown = desk.limits_of(model).headers(desk.now()) if desk.settings.headers else {}
        return {"content-type": "text/event-stream" if stream else "application/json", **shown}

    def render(said: Said) -> bytes:
        made = message(said, model, "standard")
        return events(made) if stream else json.dumps(made, ensure_ascii=False).encode()

    return await desk.answer(question, render, headers)


def count_tokens(desk: Desk, body: Mapping[str, Any], version: str) -> Reply:
    """Answer POST /v1/messages/count_tokens."""
    model = checked({**body, "max_tokens": 1}, version, desk.settings, counting=True)
    many = counted(model, [text_of(piece) for piece in pieces(body)])
    return Reply(200, json.dumps({"input_tokens": desk.settings.input_tokens or many}).encode(), _JSON)


def list_models(desk: Desk) -> Reply:
    """Answer GET /v1/models; those that are retired are still listed."""
    data = [described(one, desk.settings.retired) for one in MODELS.values()]
    page = {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}
    return Reply(200, json.dumps(page).encode(), _JSON)


def show_model(desk: Desk, name: str) -> Reply:
    """Answer GET /v1/models/ID."""
    if name not in MODELS:
        raise Refusal(404, "not_found_error", f"model: {name}")
    return Reply(200, json.dumps(described(MODELS[name], desk.settings.retired)).encode(), _JSON)


def events(made: Mapping[str, Any]) -> bytes:
    """Return a message as the events of a stream, its text in pieces."""
    usage = made["usage"]
    start = {**made, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    told: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(made["content"]):
        if block["type"] != "text":
            told.append({"type": "content_block_start", "index": index, "content_block": block})
        else:
            told.append({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}})
            told += [
                {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": piece}}
                for piece in _in_pieces(block["text"])
            ]
        told.append({"type": "content_block_stop", "index": index})
    ending = {name: made[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    told.append({"type": "message_delta", "delta": ending, "usage": {"output_tokens": usage["output_tokens"]}})
    told.append({"type": "message_stop"})
    return "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in told).encode()


def body_of(raw: bytes) -> dict[str, Any]:
    """Return the JSON object that was sent, or refuse it."""
    try:
        body = json.loads(raw)
    except ValueError:
        raise invalid("The request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise invalid("The request body must be a JSON object")
    return body


def _in_pieces(said: str) -> list[str]:
    return [said[at : at + 40] for at in range(0, len(said), 40)]
