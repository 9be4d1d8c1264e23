"""JSON Schema: the parameters of tools as a standard schema, checked with the `jsonschema` library.

Draft 2020-12 unless the schema names another. A schema is itself checked when it is loaded, its references included;
nothing is ever fetched. The library is imported only when there is such a schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ledger.sample import MAX_DEPTH
from ledger.validators.contract import Call, Finding, NoSchema, Talk, deeper_than
from ledger.validators.patterns import Allowance
from ledger.validators.tool_rules import UNKNOWN, found, readable, shown, unknown_tools

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

DIALECT = "json_schema"
_RULES = {
    "required": "tools/missing_parameter",
    "dependentRequired": "tools/missing_parameter",
    "type": "tools/wrong_type",
    "enum": "tools/wrong_value",
    "const": "tools/wrong_value",
    "additionalProperties": "tools/forbidden_parameter",
    "unevaluatedProperties": "tools/forbidden_parameter",
    "untried": "tools/unchecked",
}
_MOST = 50
"""Findings about one call."""
_DEEPEST = 32
"""Levels of arguments; the library takes several frames of Python's stack for each."""
_CLIPPED = 160


class JsonSchemas:
    """The tools of a file whose parameters are JSON Schemas."""

    dialect = DIALECT
    expects_call = False

    def __init__(self, tools: Mapping[str, Validator], schemas: Mapping[str, Any], allowance: Allowance) -> None:
        """Keep a validator of arguments for each tool, names and patterns of its schema, what patterns may take."""
        self._tools = dict(tools)
        self._known = {name: frozenset(_names(schema)) for name, schema in schemas.items()}
        self._patterns = {name: frozenset(_patterns_of_names(schema)) for name, schema in schemas.items()}
        self._allowance = allowance
        self.names = tuple(sorted(tools))

    def check(self, talk: Talk) -> Iterator[Finding]:
        """Yield what is wrong with the calls of a content."""
        self._allowance.renew()
        yield from unknown_tools(talk, self._tools.keys())
        for call in readable(talk):
            if call.name in self._tools:
                yield from self._call(call)

    def _call(self, call: Call) -> Iterator[Finding]:
        place = f"{call.path}.arguments"
        if deeper_than(call.arguments, _DEEPEST):
            yield found("tools/unchecked", place, f"the arguments are nested deeper than {_DEEPEST} levels")
            return
        patterns = self._patterns[call.name]
        if patterns and not all(
            self._allowance.take(pattern, len(name)) for name in _keys(call.arguments) for pattern in patterns
        ):
            yield found(
                "tools/unchecked", place, "names of arguments are too long or too many for the schema's patterns"
            )
            return
        known = self._known[call.name]
        try:
            for error in islice(self._tools[call.name].iter_errors(call.arguments), _MOST):
                yield from _findings(error, place, known)
        except RecursionError:
            yield found("tools/unchecked", place, "the schema leads in a circle for these arguments")


def load(schemas: Mapping[str, Any]) -> JsonSchemas:
    """Return the tools of name -> JSON Schema; raise NoSchema with the place and what is wrong there."""
    tools, allowance = {}, Allowance()
    for name, schema in schemas.items():
        try:
            tools[name] = _validator(schema, allowance)
        except NoSchema as error:
            raise NoSchema(f"the schema of {name[:80]!r} {error}") from error
        except ValueError as error:  # an address in it that is none
            raise NoSchema(f"the schema of {name[:80]!r} cannot be read: {_clipped(str(error))}") from error
    return JsonSchemas(tools, schemas, allowance)


def _validator(schema: Any, allowance: Allowance) -> Validator:  # noqa: ANN401 - any JSON value
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415 - takes a fifth of a second; most runs need none
    from jsonschema.validators import extend  # noqa: PLC0415 - likewise
    from referencing import Registry  # noqa: PLC0415 - likewise

    draft = _draft(schema)
    try:
        draft.check_schema(schema)
    except SchemaError as error:
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
        raise NoSchema(f"is not valid at {steps.lstrip('.') or 'its top'}: {_clipped(error.message)}") from error
    _check_references(schema, draft)
    # A registry of its own, and empty: with the usual one the library would fetch what a reference names.
    own = {"uniqueItems": _unique_items, "pattern": partial(_pattern, allowance)}
    made: Validator = extend(draft, own)(schema, registry=Registry())  # type: ignore[no-untyped-call]
    try:
        list(made.iter_errors({}))
    except RecursionError as error:
        raise NoSchema("refers to itself in a circle") from error
    return made


def _draft(schema: Any) -> type[Validator]:  # noqa: ANN401 - any JSON value
    """Return the library's class for the draft that a schema names."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - see _validator
    from jsonschema.validators import validator_for  # noqa: PLC0415 - likewise

    named = schema.get("$schema") if isinstance(schema, dict) else None
    if named is None:
        return Draft202012Validator
    unknown: Any = None
    draft: type[Validator] = validator_for(schema, default=unknown) if isinstance(named, str) else unknown
    if draft is unknown:
        raise NoSchema(f"names a draft that is not known: {str(named)[:80]!r}")
    return draft


def _check_references(schema: Any, draft: type[Validator]) -> None:  # noqa: ANN401 - any JSON value
    """Raise NoSchema where a reference leads nowhere, or outside."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # noqa: PLC0415 - see _validator
    from referencing import Resource  # noqa: PLC0415 - likewise
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - likewise
    from referencing.jsonschema import specification_with  # noqa: PLC0415 - likewise

    dialect = specification_with(str(dict(draft.META_SCHEMA)["$schema"]))
    root: Resource[Any] = dialect.create_resource(schema)
    waiting = [(root, REGISTRY.resolver_with_root(root))]
    while waiting:
        resource, resolver = waiting.pop()
        for word in ("$ref", "$dynamicRef"):
            reference = resource.contents.get(word) if isinstance(resource.contents, dict) else None
            if not isinstance(reference, str):
                continue
            try:
                resolver.lookup(reference)
            except Unresolvable as error:
                raise NoSchema(f"refers to {reference[:80]!r}, which is not in it; nothing is fetched") from error
        waiting += [(inner, resolver.in_subresource(inner)) for inner in resource.subresources()]


def _findings(error: ValidationError, place: str, known: frozenset[str]) -> Iterator[Finding]:
    rule = _RULES.get(str(error.validator), "tools/schema_violation")
    path = place + "".join(_step(step, known) for step in islice(error.absolute_path, MAX_DEPTH))
    message = _clipped(error.message)
    instance: Any = error.instance
    if error.validator == "required" and isinstance(error.validator_value, list):
        for name in error.validator_value:
            if name not in instance:
                yield found(rule, path + _step(name, known), f"the parameter {name[:80]!r} is missing")
    elif rule == "tools/forbidden_parameter":
        yield found(rule, f"{path}.{UNKNOWN}", message)
    else:
        yield found(rule, path, message)


def _step(step: Any, known: frozenset[str]) -> str:  # noqa: ANN401 - an index or a name
    if isinstance(step, int):
        return f"[{step}]"
    return f".{shown(step) if step in known else UNKNOWN}"


def _names(schema: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield every name that a schema gives to a property, anywhere in it."""
    waiting = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            properties, required = item.get("properties"), item.get("required")
            if isinstance(properties, dict):
                yield from properties
            if isinstance(required, list):
                yield from (name for name in required if isinstance(name, str))
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _keys(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield every name in a call's arguments."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield from item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _patterns_of_names(schema: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield every pattern that a schema has for names of properties, anywhere in it."""
    waiting = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            named = item.get("patternProperties")
            if isinstance(named, dict):
                yield from named
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _unique_items(_validator: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:  # noqa: ANN401 - the library's own signature
    """Judge `uniqueItems` in linear time; the library compares each with each where items cannot be sorted."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - see _validator

    if wanted and isinstance(instance, list) and len(set(map(_written, instance))) < len(instance):
        yield ValidationError("an item stands twice")


def _pattern(
    allowance: Allowance,
    _validator: Any,  # noqa: ANN401 - the library's own signature, from here on
    pattern: str,
    instance: Any,  # noqa: ANN401 - likewise
    _schema: Any,  # noqa: ANN401 - likewise
) -> Iterator[ValidationError]:
    """Judge `pattern` where that is quick, whatever the text; what is too long for that is not compared."""
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - see _validator

    if isinstance(instance, str) and not allowance.take(pattern, len(instance)):
        message = f"the text, or all texts together, are too long to be compared with the pattern {pattern!r}"
        yield ValidationError(message, validator="untried")
    elif isinstance(instance, str) and not re.search(pattern, instance):
        yield ValidationError(f"{instance[:_CLIPPED]!r} does not match {pattern!r}")


def _written(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a text that two JSON values share exactly if they are equal (1 and 1.0 are)."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{_written(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))
    return repr(value)


def _clipped(message: str) -> str:
    text = re.sub(r"\s+", " ", message[: 2 * _CLIPPED])
    return text[:_CLIPPED] + ("…" if len(text) > _CLIPPED else "")
