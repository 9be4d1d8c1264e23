"""Chat templates as transformers renders them: the text that a prompt becomes before it is cut into tokens.

A template is a program of whoever made the tokenizer. It runs in jinja2's sandbox with what transformers gives it
(read in 5.23) and nothing else, so it can neither read files nor change what it is given. What it cannot be kept from
is taking time. Two things differ: the clock stands at CLOCK, since a length that changes with the day could not be
made again, and text cannot grow over LONGEST characters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

CLOCK = datetime(2024, 7, 26)  # noqa: DTZ001 - transformers gives templates the local time, without a zone
"""What every template is told the time is: the day that Llama's own templates fall back to."""
LONGEST = 64 * 1024 * 1024
"""Characters that a template may make of one prompt."""
_REASONING = ("reasoning_content", "thinking", "reasoning")
_WRONG = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)


class BadTemplate(ValueError):  # noqa: N818 - turned into TokenizerUnreadable by whoever read the file
    """A text that is no chat template; the message says where."""


class Unrendered(ValueError):  # noqa: N818 - a value in disguise: the prompt is measured without the template
    """A template that raised, or did not end within its bounds, on one conversation."""


def compile_template(text: str) -> Callable[[Mapping[str, Any]], str]:
    """Return what renders variables to text, raising Unrendered; raise BadTemplate where `text` is no template."""
    from jinja2 import TemplateError  # noqa: PLC0415 - optional

    try:
        template = _environment().from_string(text)
    except (TemplateError, *_WRONG) as error:
        raise BadTemplate(f"line {getattr(error, 'lineno', 1)}: {error}") from error

    def render(variables: Mapping[str, Any]) -> str:
        pieces, length = [], 0
        try:
            for piece in template.generate(variables):
                length += len(piece)
                if length > LONGEST:
                    raise Unrendered(f"the template makes over {LONGEST} characters of it")
                pieces.append(piece)
        except (TemplateError, *_WRONG) as error:
            raise Unrendered(str(error)) from error
        return "".join(pieces)

    return render


def variables_of(
    messages: Sequence[Any],
    tools: Any,  # noqa: ANN401 - any JSON value
    special_tokens: Mapping[str, str],
    *,
    generation_prompt: bool,
) -> dict[str, Any]:
    """Return what a template is given for a conversation; raise Unrendered for what transformers refuses.

    Fields of a message that are null are left out, and reasoning stands under every name that it has.
    """
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise Unrendered("a conversation is a list of messages, one at least")
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        raise Unrendered("the tools are not a list of objects")
    said = [_with_reasoning({key: value for key, value in one.items() if value is not None}) for one in messages]
    given = {"messages": said, "tools": tools, "documents": None, "add_generation_prompt": generation_prompt}
    return {**special_tokens, **given}


def _with_reasoning(message: dict[str, Any]) -> dict[str, Any]:
    reasoning = next((message[name] for name in _REASONING if name in message), None)
    return message if reasoning is None else {"thinking": reasoning, **message, "reasoning_content": reasoning}


@lru_cache(maxsize=1)
def _environment() -> Any:  # noqa: ANN401 - a class of an optional package
    """Return the environment of transformers, in which text cannot be multiplied without bound."""
    from jinja2 import TemplateError, nodes  # noqa: PLC0415 - optional
    from jinja2.exceptions import SecurityError  # noqa: PLC0415 - optional
    from jinja2.ext import Extension, loopcontrols  # noqa: PLC0415 - optional
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 - optional

    class Generation(Extension):
        """The tag {% generation %}, which marks what a model says: here it only shows what it holds."""

        tags = {"generation"}  # noqa: RUF012 - as jinja2 wants it

        def parse(self, parser: Any) -> Any:  # noqa: ANN401 - jinja2's own types are partial
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.CallBlock(self.call_method("_shown"), [], [], body).set_lineno(line)

        @staticmethod
        def _shown(caller: Callable[[], str]) -> str:
            return caller()

    class Bounded(ImmutableSandboxedEnvironment):
        """A sandbox in which neither text nor numbers can be multiplied without bound."""

        intercepted_binops = frozenset({"*", "**"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - any value
            if operator == "**" or _product(left, right) > LONGEST:
                raise SecurityError(f"{operator} is kept from making values without bound")
            return super().call_binop(context, operator, left, right)

    def raise_exception(message: object) -> NoReturn:
        raise TemplateError(str(message))

    environment = Bounded(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = CLOCK.strftime
    del environment.globals["lipsum"], environment.filters["random"]  # by chance, so never the same twice
    return environment


def _product(left: object, right: object) -> int:
    """Return how long the product of a text or list with a number would be; 0 for other products."""
    for many, count in ((left, right), (right, left)):
        if isinstance(many, str | list | tuple) and isinstance(count, int):
            return len(many) * count
    return 0


def _to_json(
    value: Any,  # noqa: ANN401 - any JSON value
    ensure_ascii: bool = False,  # noqa: FBT001, FBT002 - templates call it so
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,  # noqa: FBT001, FBT002 - likewise
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
