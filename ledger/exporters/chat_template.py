"""Chat templates as transformers renders them: the text that a prompt becomes before it is cut into tokens.

A template is a program of whoever made the tokenizer. It runs in jinja2's sandbox with what transformers gives it
(read in 5.23) and nothing else, so it can neither read files nor change what it is given. Two things differ: the clock
stands at CLOCK, since a length that changes with the day could not be made again, and no one step of a template can
make a text of over 64 Mi characters or a list of over 8 Mi items (see `ledger.exporters.template_bounds`), nor all of
them together such a text. A template can still take time without end, and memory by keeping many values of that size:
against those only the limits of the process that runs it help.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ledger.exporters.template_bounds import check

CLOCK = datetime(2024, 7, 26)  # noqa: DTZ001 - transformers gives templates the local time, without a zone
"""What every template is told the time is: the day that Llama's own templates fall back to."""
_REASONING = ("reasoning_content", "thinking", "reasoning")
_WRONG = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError),
)
"""What a template can raise besides jinja2's own errors: Python's compiler refuses what is nested deeply."""


class BadTemplate(ValueError):  # noqa: N818 - turned into TokenizerUnreadable by whoever read the file
    """A text that is no chat template; the message says where."""


class Unrendered(ValueError):  # noqa: N818 - a value in disguise: the prompt is measured without the template
    """A template that raised, or did not end within its bounds, on one conversation."""


def compile_template(text: str) -> Callable[[Mapping[str, Any]], str]:
    """Return what renders variables to text, raising Unrendered; raise BadTemplate where `text` is no template."""
    from jinja2 import TemplateError  # noqa: PLC0415 - optional

    from ledger.exporters.template_sandbox import environment  # noqa: PLC0415 - it needs jinja2

    try:
        template = environment(CLOCK).from_string(text)
    except (TemplateError, *_WRONG) as error:
        raise BadTemplate(f"line {getattr(error, 'lineno', 1)}: {error}") from error

    def render(variables: Mapping[str, Any]) -> str:
        pieces, length = [], 0
        try:
            for piece in template.generate(variables):
                length += len(piece)
                check(length)
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
