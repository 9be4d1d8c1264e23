"""The sandbox that chat templates run in: jinja2's, as transformers sets it up, with every step kept within bounds.

Only whoever compiles a template imports this, as jinja2 is optional.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache, wraps
from inspect import signature
from typing import Any, NoReturn

from jinja2 import TemplateError, nodes, pass_context
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension, loopcontrols
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ledger.exporters import template_bounds as bounds

Filter = Callable[..., Any]


class _Generation(Extension):
    """The tag {% generation %}, which marks what a model says: here it only shows what it holds."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 wants it

    def parse(self, parser: Any) -> Any:  # noqa: ANN401 - jinja2's own types are partial
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_shown"), [], [], body).set_lineno(line)

    @staticmethod
    def _shown(caller: Callable[[], str]) -> str:
        return caller()


class _Code(CodeGenerator):
    """What makes Python of a template, with `~` looked at like the operators that a sandbox can intercept."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - as jinja2 names it
        """Write the join of the parts, as jinja2 does, with the parts passed through `parts`."""
        by_escape = {True: "markup_join", False: "str_join"}
        if frame.eval_ctx.volatile:
            self.write("(markup_join if context.eval_ctx.volatile else str_join)")
        else:
            self.write(by_escape[bool(frame.eval_ctx.autoescape)])
        self.write("(environment.parts((")
        for one in node.nodes:
            self.visit(one, frame)
            self.write(", ")
        self.write(")))")


class _Bounded(ImmutableSandboxedEnvironment):
    """A sandbox in which no one step makes a value without bound."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})
    code_generator_class = _Code

    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """Return what a block or a macro shows."""
        held = list(pieces)
        bounds.check(sum(map(len, held)))
        return "".join(held)

    @staticmethod
    def parts(parts: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the parts that `~` joins."""
        bounds.check(sum(map(bounds.text_size, parts)))
        return parts

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - any value
        """Return what an operator makes."""
        bounds.binary(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any value
        """Return what a method, a function or a macro makes."""
        owner = getattr(called, "__self__", None)
        if isinstance(owner, str | bytes | int):
            args = bounds.method(owner, called.__name__, args, kwargs)
        return bounds.shallow(super().call(context, called, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:  # noqa: ANN401 - any value
        """Return what stands for the method `format` of a text; None for any other value."""
        made = super().wrap_str_format(value)
        if made is None:
            return None

        def bounded(*args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - any values
            bounds.formatted(str(value.__self__), args, kwargs)
            return made(*args, **kwargs)

        return bounded


@lru_cache(maxsize=1)
def environment(clock: datetime) -> ImmutableSandboxedEnvironment:
    """Return the environment of transformers, told that it is `clock`, in which every step has its bound."""
    # Nothing is worked out while a template is compiled: what a whole file of constants makes has no bound.
    made = _Bounded(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_Generation, loopcontrols],
        optimized=False,
        finalize=_shown,
    )
    made.filters["tojson"] = _to_json
    del made.globals["lipsum"], made.filters["random"]  # by chance, so never the same twice
    made.filters.update({name: _bounded(name, function) for name, function in made.filters.items()})
    made.globals["raise_exception"] = _raise_exception
    made.globals["strftime_now"] = lambda text: clock.strftime(bounds.strftime_format(text))
    return made


@pass_context
def _shown(_context: Context, value: Any) -> Any:  # noqa: ANN401 - any value
    """Return a value that the template shows; asking for the context keeps it from being worked out beforehand."""
    bounds.text_size(value)
    return value


def _bounded(name: str, function: Filter) -> Filter:
    """Return a filter that looks at what it is given, and at what it has made."""
    asked = bounds.FILTERS.get(name)
    named = signature(function) if asked else None
    first = int(hasattr(function, "jinja_pass_arg"))

    @wraps(function)
    def bounded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any values
        given = args
        if name == "join":
            given = tuple(list(one) if isinstance(one, Iterator) else one for one in args)
        if asked is not None and named is not None:
            asked(named.bind(*given, **kwargs).arguments)
        elif name not in bounds.WHOLE:
            for one in (*given[first:], *kwargs.values()):
                bounds.text_size(one)
        return bounds.shallow(function(*given, **kwargs))

    return bounded


def _raise_exception(message: object) -> NoReturn:
    bounds.text_size(message)
    raise TemplateError(str(message))


def _to_json(
    value: Any,  # noqa: ANN401 - any JSON value
    ensure_ascii: bool = False,  # noqa: FBT001, FBT002 - templates call it so
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,  # noqa: FBT001, FBT002 - likewise
) -> str:
    level = 0 if indent is None else indent if isinstance(indent, int) else len(indent)
    bounds.text_size([value], 8 + sum(map(len, separators or ())), max(level, 0))
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
