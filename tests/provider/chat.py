"""The same models in OpenAI's shape: POST /v1/chat/completions, and the list of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.provider.answers import Asked, schema_told
from tests.provider.checks import Refusal, invalid
from tests.provider.desk import Desk, Question, Reply, Said, digest_of
from tests.provider.models import CHAT_MODELS, MODELS, Model

_JSON = {"content-type": "application/json"}
_STOPS = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter"}
_CODES = {429: "rate_limit_exceeded", 404: "model_not_found", 401: "invalid_api_key"}


async def create(desk: Desk, body: Mapping[str, Any]) -> Reply:
    """Answer POST /v1/chat/completions."""
    model = CHAT_MODELS.get(str(body.get("model"))) or MODELS.get(str(body.get("model")))
    if model is None or model.id in desk.settings.retired:
        raise Refusal(404, "not_found_error", f"The model `{body.get('model')}` does not exist")
    question = question_of(body, model, desk.settings.judge)

    def headers() -> Mapping[str, str]:
        if not desk.settings.headers:
            return _JSON
        shown = desk.limits_of(model).headers(desk.now())
        kept = {name: shown[f"anthropic-ratelimit-{name}-remaining"] for name in ("requests", "tokens")}
        limits = {name: shown[f"anthropic-ratelimit-{name}-limit"] for name in ("requests", "tokens")}
        return {
            **_JSON,
            **{f"x-ratelimit-limit-{name}": limit for name, limit in limits.items()},
            **{f"x-ratelimit-remaining-{name}": left for name, left in kept.items()},
        }

    return await desk.answer(question, lambda said: completion(said, model), headers)


def question_of(body: Mapping[str, Any], model: Model, judge: str) -> Question:
    """Return the question that a body asks, or refuse it."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("'messages' must be a non-empty list")
    texts = [(message.get("role"), _text(message.get("content"))) for message in messages]
    form = body.get("response_format") or {}
    schema = (form.get("json_schema") or {}).get("schema") if form.get("type") == "json_schema" else None
    said = "\n".join(text for role, text in texts if role == "user")
    if schema is None:
        schema = schema_told(said)
    asked = Asked(said, "\n".join(text for _, text in texts), schema, judge)
    most = body.get("max_completion_tokens") or body.get("max_tokens") or model.most_output
    raw = json.dumps(body, ensure_ascii=False).encode()
    plain = {"messages": [{"role": str(role), "content": text or " "} for role, text in texts]}
    return Question(model, {**body, **plain}, raw, digest_of(body), asked, most, thinks=False, effort=None)


def completion(said: Said, model: Model) -> bytes:
    """Return what was said as the Chat Completions API gives it."""
    refused = "I cannot help with that." if said.stop == "refusal" else None
    message = {"role": "assistant", "content": None if refused else said.text, "refusal": refused}
    used = said.used
    made = {
        "id": f"chatcmpl-{said.id}",
        "object": "chat.completion",
        "created": 1_767_225_600,
        "model": model.id,
        "choices": [{"index": 0, "message": message, "finish_reason": _STOPS[said.stop], "logprobs": None}],
        "usage": {
            "prompt_tokens": used.prompt,
            "completion_tokens": used.output,
            "total_tokens": used.prompt + used.output,
            "prompt_tokens_details": {"cached_tokens": used.read},
            "completion_tokens_details": {"reasoning_tokens": said.thought},
        },
    }
    return json.dumps(made, ensure_ascii=False).encode()


def list_models() -> Reply:
    """Answer GET /v1/models in this shape."""
    data = [{"id": one, "object": "model", "created": 1_767_225_600, "owned_by": "tests"} for one in CHAT_MODELS]
    return Reply(200, json.dumps({"object": "list", "data": data}).encode(), _JSON)


def error(refusal: Refusal) -> bytes:
    """Return a refusal in this shape."""
    code = "insufficient_quota" if refusal.code else _CODES.get(refusal.status)
    shown = {"message": refusal.message, "type": refusal.kind, "param": None, "code": code}
    return json.dumps({"error": shown}).encode()


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")
