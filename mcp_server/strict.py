"""Tools whose arguments are taken at their word: none is ignored, and what is wrong with one is said in a sentence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import Icon, ToolAnnotations
from pydantic import ValidationError
from typing_extensions import override

from mcp_server.errors import INTERNAL, cause, note, told
from mcp_server.untrusted import one_line

LARGEST = 1024 * 1024
"""Characters that the arguments of one call may hold."""

_SHOWN = 3
_WORD = 60
_HALF = re.compile("[\ud800-\udfff]")


class Literally(FuncMetadata):
    """Arguments whose texts stay texts: the SDK would read `null` or `[1]` as JSON wherever more than text may stand.

    Where no text may stand, JSON in a text is still read, since some hosts send lists so.
    """

    @override
    def pre_parse_json(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments as they are to be checked."""
        fields = self.arg_model.model_fields
        texts = {name for name, one in fields.items() if takes_text(one.annotation)}
        as_given = {name: value for name, value in data.items() if name in texts}
        return {**super().pre_parse_json(data), **as_given}


class StrictTool(Tool):
    """A tool that refuses arguments it does not know, and whose failures are one sentence each."""

    @classmethod
    @override
    def from_function(
        cls,
        fn: Callable[..., Any],
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        context_kwarg: str | None = None,
        annotations: ToolAnnotations | None = None,
        icons: list[Icon] | None = None,
        meta: dict[str, Any] | None = None,
        structured_output: bool | None = None,
    ) -> StrictTool:
        """Make a tool as the SDK does, with a schema that is closed and short."""
        made = super().from_function(
            fn, name, title, description, context_kwarg, annotations, icons, meta, structured_output
        )
        assert isinstance(made, StrictTool)  # noqa: S101 - tells the type of what the class method makes
        said = made.fn_metadata
        made.fn_metadata = Literally(
            arg_model=said.arg_model,
            output_schema=said.output_schema,
            output_model=said.output_model,
            wrap_output=said.wrap_output,
        )
        made.parameters = {**shorter(made.parameters), "additionalProperties": False}
        return made

    @override
    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Run the tool; raises ToolError with one sentence, and MCPError where the protocol has an error of its own."""
        if fault := self.fault(arguments):
            raise ToolError(f"{self.name}: {fault}")
        try:
            return await super().run(arguments, context, convert_result)
        except MCPError as error:
            if not self.resolved_params:
                raise
            raise ToolError(UNASKED) from error  # in place of whatever the client sent in answer to the question
        except ToolError as error:
            raise ToolError(self._sentence(error)) from None

    def fault(self, arguments: Mapping[str, Any]) -> str:
        """Return what is wrong with the names and the sizes of the arguments, or nothing."""
        takes = list(self.parameters.get("properties", {}))
        for given in arguments:
            if given not in takes:
                near = difflib.get_close_matches(given[:_WORD], takes, 1)
                meant = f"; did you mean {near[0]}?" if near else "."
                return f"there is no argument {one_line(given, _WORD)!r}{meant} It takes {', '.join(takes) or 'none'}."
        return misshapen(arguments) or loose(arguments, self.parameters.get("properties", {}))

    def _sentence(self, error: ToolError) -> str:
        reason = error.__cause__
        if isinstance(reason, ValidationError) and reason.title == self.fn_metadata.arg_model.__name__:
            return f"{self.name}: {refused(reason)}"
        if known := cause(error):
            return told(known)
        if isinstance(reason, ToolError):
            said = str(reason)
            return UNCLEAR if said.startswith("Resolver ") else one_line(said, _LONGEST)
        note(self.name, error)
        return INTERNAL


_LONGEST = 1_000
UNCLEAR = (
    "The client's answer to the question was neither a yes nor a no, so nothing was recorded. "
    "next: Ask the user to answer again, with the same call."
)
"""Said in place of the SDK's words about an answer that is none."""
UNASKED = (
    "The client answered the question with an error, so nothing was recorded. "
    "next: Ask the user to look at the client, then make the same call again."
)


def takes_text(kind: object) -> bool:
    """Say whether a text may stand where this type is asked for."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return takes_text(inner[0])
    if origin in {Union, UnionType}:
        return any(takes_text(one) for one in inner)
    return kind is str or (origin is Literal and any(isinstance(one, str) for one in inner))


def misshapen(arguments: Mapping[str, Any]) -> str:
    """Return what no argument may be: longer than a request may be, or text that is no text."""
    length = 0
    for text in _texts(arguments):
        length += len(text)
        if length > LARGEST:
            return f"the arguments hold more than {LARGEST} characters; send less."
        if _HALF.search(text):
            return "the arguments hold half of a character (a lone surrogate); send whole ones."
    return ""


def loose(arguments: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    """Return which argument is of another type than its schema says, where one would be made of the other.

    A text is no number, a number is not true or false. What is null, or of a type that can be no other, is for the
    validator to refuse.
    """
    for name, value in arguments.items():
        schema = properties[name]
        inside = schema.get("items", {}) if isinstance(value, list) else None
        for place, one, kind in (
            [(name, value, schema.get("type"))]
            if inside is None
            else [(f"{name}[{at}]", one, inside.get("type")) for at, one in enumerate(value)]
        ):
            if _is_loose(one, kind):
                return f"{place} should be {_JSON[kind]}."
    return ""


_JSON = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}


def _is_loose(value: object, kind: str | None) -> bool:
    if kind not in _JSON or not isinstance(value, (str, bool, int, float)):
        return False
    return isinstance(value, bool) != (kind == "boolean") or isinstance(value, str)


def refused(error: ValidationError) -> str:
    """Return what a validation found, in one sentence, without the values."""
    found = error.errors(include_url=False, include_context=True, include_input=False)
    kinds: dict[tuple[Any, ...], list[str]] = {}
    for one in found:
        if one["type"] in _KINDS:
            kinds.setdefault(_place(one["loc"]), []).append(_KINDS[one["type"]])
    said = list(
        dict.fromkeys(
            f"{''.join(_place(one['loc']))} should be {' or '.join(dict.fromkeys(kinds[_place(one['loc'])]))}"
            if one["type"] in _KINDS
            else _complaint(dict(one))
            for one in found
        )
    )
    more = f"; and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return "; ".join(said[:_SHOWN]) + more + "."


def shorter(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON Schema without what tells a model nothing: titles, and null as another word for leaving out."""
    return {
        key: _shorter(key, value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))
    }


def _shorter(key: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    if key in {"properties", "$defs"}:
        return {name: _without_null(shorter(one)) for name, one in value.items()}
    if isinstance(value, dict):
        return shorter(value)
    if isinstance(value, list):
        return [shorter(one) if isinstance(one, dict) else one for one in value]
    return value


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    branches = schema.get("anyOf")
    if branches is None or {"type": "null"} not in branches or schema.get("default", 0) is not None:
        return schema
    kept = [one for one in branches if one != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    return {**kept[0], **rest} if len(kept) == 1 else {"anyOf": kept, **rest}


_KINDS = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list in brackets",
    "sequence_str": "a list in brackets",
    "string_type": "a text",
}
"""What should stand there, by the kinds that the validator tells apart; one place can take several."""


def _place(loc: Sequence[object]) -> tuple[str, ...]:
    """Return the argument's name, and the places in lists inside it; words inside are the caller's, or the schema's."""
    name, *inner = loc or ("the arguments",)
    return (str(name), *(f"[{part}]" for part in inner if isinstance(part, int)))


def _complaint(fault: Mapping[str, Any]) -> str:
    place = "".join(_place(fault["loc"]))
    if fault["type"] == "missing":
        return f"{place} is missing"
    if fault["type"] == "too_short":
        return f"{place} should hold at least {fault['ctx']['min_length']}"
    said = fault["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return f"{place} {_lowered(said.replace('Input should', 'should'))}"


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _texts(value: object) -> Iterator[str]:
    """Yield every text of a JSON value, keys too; without recursion, as a caller chooses the depth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            waiting.extend((*one.keys(), *one.values()))
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)
        else:
            yield " "
