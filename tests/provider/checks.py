"""What the provider refuses of a request before anything else, and how it says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.provider.cache import pieces, text_of
from tests.provider.models import EFFORTS, MODELS, RETIRED, Model, counted, lifecycle
from tests.provider.settings import Settings

VERSIONS = ("2023-06-01", "2026-10-21")
_SAMPLING = ("temperature", "top_p", "top_k")
_UNSUPPORTED = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems"}
)
_FIELDS = (
    "model max_tokens messages system tools tool_choice metadata stop_sequences stream thinking output_config "
    "service_tier cache_control container inference_geo speed diagnostics temperature top_p top_k"
)
_KNOWN = frozenset(_FIELDS.split())
_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
MOST_IN_BATCH = 100_000


class Refusal(Exception):  # noqa: N818 - what is answered, not an error of this program
    """An answer that is no success: its status, the API's word for it, a sentence, and perhaps a code."""

    def __init__(
        self, status: int, kind: str, message: str, code: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Take what is answered."""
        super().__init__(message)
        self.status, self.kind, self.message, self.code, self.headers = status, kind, message, code, dict(headers or {})

    def body(self, request_id: str | None) -> dict[str, Any]:
        """Return the answer in the shape of the Messages API."""
        details = {} if self.code is None else {"details": {"error_code": self.code}}
        error = {"type": self.kind, "message": self.message, **details}
        return {"type": "error", "error": error, "request_id": request_id}


def invalid(message: str) -> Refusal:
    """Return a refusal of a request that is wrong."""
    return Refusal(400, "invalid_request_error", message)


def authorised(headers: Mapping[str, str], settings: Settings) -> None:
    """Refuse a request without the right key."""
    given = headers.get("authorization", "").removeprefix("Bearer ") or headers.get("x-api-key", "")
    if not given or (settings.key is not None and given != settings.key):
        raise Refusal(401, "authentication_error", "invalid authentication credentials")


def versioned(headers: Mapping[str, str]) -> str:
    """Return the version of the API that is asked for."""
    version = headers.get("anthropic-version", "")
    if version not in VERSIONS:
        raise invalid("anthropic-version: header is required and must be a valid version")
    return version


def model_of(name: object, settings: Settings) -> Model:
    """Return a model that can be asked; those that are retired are not found, like those that never were."""
    model = MODELS.get(str(name))
    if model is None or lifecycle(model, settings.retired) == RETIRED:
        raise Refusal(404, "not_found_error", f"model: {name}")
    return model


def checked(body: Mapping[str, Any], version: str, settings: Settings, *, counting: bool = False) -> Model:
    """Return the model of a request to /v1/messages that is as it must be, or refuse it."""
    if unknown := body.keys() - _KNOWN:
        raise invalid(f"{min(unknown)}: Extra inputs are not permitted")
    model = model_of(body.get("model"), settings)
    _messages(body)
    if not counting:
        _limits(model, body)
    _sampling(model, body, version)
    _thinking(model, body)
    _caching(body)
    form = (body.get("output_config") or {}).get("format")
    if form is not None:
        if form.get("type") != "json_schema":
            raise invalid("output_config.format.type: Input should be 'json_schema'")
        _schema(form.get("schema"))
    return model


def batch_of(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the requests of a batch whose ids are as they must be; their params are looked at later."""
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise invalid("requests: List should have at least 1 item")
    if len(requests) > MOST_IN_BATCH:
        raise invalid(f"requests: List should have at most {MOST_IN_BATCH} items")
    seen: set[str] = set()
    for number, one in enumerate(requests):
        name = one.get("custom_id") if isinstance(one, dict) else None
        if not isinstance(name, str) or not _CUSTOM_ID.fullmatch(name):
            raise invalid(f"requests.{number}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
        if name in seen:
            raise invalid(f"requests: Duplicate custom_id found: {name}")
        if not isinstance(one.get("params"), dict):
            raise invalid(f"requests.{number}.params: Field required")
        seen.add(name)
    return requests


def _messages(body: Mapping[str, Any]) -> None:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages: at least one message is required")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in {"user", "assistant"}:
            raise invalid(f"messages.{number}.role: Input should be 'user' or 'assistant'")
        content = message.get("content")
        if not isinstance(content, str | list) or not content:
            raise invalid(f"messages.{number}: content must be non-empty")
    if messages[-1]["role"] == "assistant":
        raise invalid("This model does not support assistant message prefill.")


def _limits(model: Model, body: Mapping[str, Any]) -> None:
    most = body.get("max_tokens")
    if type(most) is not int or most < 1:
        raise invalid("max_tokens: Input should be greater than or equal to 1")
    if most > model.most_output:
        raise invalid(f"max_tokens: {most} > {model.most_output}, which is the maximum allowed number of output tokens")
    if counted(model, [text_of(piece) for piece in pieces(body)]) > model.context:
        raise invalid(f"prompt is too long: more than {model.context} tokens")


def _sampling(model: Model, body: Mapping[str, Any], version: str) -> None:
    given = [name for name in _SAMPLING if name in body]
    if given and (version != VERSIONS[0] or not model.sampling):
        raise invalid(f"{given[0]}: Extra inputs are not permitted")


def _thinking(model: Model, body: Mapping[str, Any]) -> None:
    config = body.get("output_config") or {}
    if unknown := config.keys() - {"effort", "format"}:
        raise invalid(f"output_config.{min(unknown)}: Extra inputs are not permitted")
    effort = config.get("effort")
    if effort is not None and (effort not in EFFORTS or not model.adaptive):
        raise invalid("output_config.effort: this model does not support the effort parameter")
    kind = (body.get("thinking") or {}).get("type")
    allowed = {None, *(["disabled"] if model.off else []), *(["adaptive"] if model.adaptive else [])}
    if kind not in allowed | ({"enabled"} if model.budget else set()):
        raise invalid(f"thinking.type: '{kind}' is not supported by this model")
    if kind == "disabled" and effort in {"xhigh", "max"}:
        raise invalid("thinking.type: 'disabled' needs an effort of at most high")


def _caching(body: Mapping[str, Any]) -> None:
    kept = [piece["cache_control"] for piece in pieces(body) if piece.get("cache_control")]
    if len(kept) > 4:
        raise invalid("A maximum of 4 blocks with cache_control may be provided.")
    times = [one.get("ttl", "5m") for one in kept]
    if any(one.get("type") != "ephemeral" for one in kept) or set(times) - {"5m", "1h"}:
        raise invalid("cache_control: Input should be ephemeral with a ttl of '5m' or '1h'")
    if times != sorted(times):  # 1h sorts before 5m
        raise invalid("cache_control: a block with ttl '1h' must not come after one with ttl '5m'")


def _schema(schema: object) -> None:
    if not isinstance(schema, dict):
        raise invalid("output_config.format.schema: Field required")
    for part in _parts(schema, 0):
        if unsupported := part.keys() & _UNSUPPORTED:
            raise invalid(f"output_config.format.schema: '{min(unsupported)}' is not supported")
        if part.get("type") == "object" and part.get("additionalProperties") is not False:
            raise invalid("output_config.format.schema: object needs 'additionalProperties' set to false")
        if part.get("minItems", 0) not in {0, 1}:
            raise invalid("output_config.format.schema: 'minItems' must be 0 or 1")


def _parts(schema: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > 30:
        raise invalid("output_config.format.schema: too deep")
    yield schema
    below: list[Any] = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), schema.get("items")]
    for one in (*below, *schema.get("anyOf", ()), *schema.get("allOf", ())):
        if isinstance(one, dict):
            yield from _parts(one, depth + 1)
