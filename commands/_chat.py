"""A sample's content for people: messages by role, indented so that no text can pass for a heading."""

from __future__ import annotations

import json
from typing import Any

from commands._render import line

_ROLES = {"system": "magenta", "developer": "magenta", "user": "cyan", "assistant": "green"}
_INDENT = "  "


def render_content(content: dict[str, Any]) -> None:
    """Print prompt and completion, as messages or as text, and the names of the tools on offer."""
    if tools := content.get("tools"):
        line()
        line(("tools", "bold"), f"  {', '.join(map(_tool_name, tools if isinstance(tools, list) else [tools]))}")
    for side in ("prompt", "completion"):
        value = content[side]
        if isinstance(value, str):
            _heading(side, "green" if side == "completion" else "cyan", "")
            _block(value)
        else:
            for message in value:
                _message(message, " (completion)" if side == "completion" else "")


def _message(message: dict[str, Any], marked: str) -> None:
    role = str(message.get("role"))
    name = f" {message['name']}" if isinstance(message.get("name"), str) else ""
    _heading(role, _ROLES.get(role, "yellow"), name + marked)
    body = message.get("content")
    for part in body if isinstance(body, list) else [body]:
        if isinstance(part, str):
            _text(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            _text(part["text"])
        elif part is not None:
            _block(_json(part))
    for call in message.get("tool_calls") or []:
        function = call.get("function", call) if isinstance(call, dict) else {}
        _call(str(function.get("name")), _arguments(function.get("arguments")))


def _text(text: str) -> None:
    """Print a text; calls written inside it are shown as calls."""
    from ledger import Ledger

    for piece in Ledger.text_calls(text):
        if isinstance(piece, str):
            _block(piece)
        else:
            _call(piece.name, piece.arguments)


def _call(name: str, arguments: Any) -> None:  # noqa: ANN401 - any JSON value
    line(_INDENT, ("→ ", "yellow"), (name, "bold yellow"))
    if not isinstance(arguments, dict):
        _block(_json(arguments), 2)
        return
    for key, value in arguments.items():
        text = value if isinstance(value, str) else _json(value)
        name = json.dumps(key, ensure_ascii=False)[1:-1]  # a key with line feeds must not look like lines of its own
        line(_INDENT * 2, (f"{name}: ", "dim"), text.replace("\n", f"\n{_INDENT * 3}"), lines=True)


def _arguments(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return arguments as a value: OpenAI writes them as a JSON text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _heading(role: str, style: str, rest: str) -> None:
    line()
    line((role, f"bold {style}"), (rest, "dim"))


def _block(text: str, depth: int = 1) -> None:
    indent = _INDENT * depth
    if text.strip():
        line(indent + text.strip("\n").replace("\n", f"\n{indent}"), lines=True)


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(value, ensure_ascii=False, indent=2)


def _tool_name(tool: Any) -> str:  # noqa: ANN401 - any JSON value
    inner = tool.get("function", tool) if isinstance(tool, dict) else {}
    return str(inner.get("name", "unnamed")) if isinstance(inner, dict) else "unnamed"
