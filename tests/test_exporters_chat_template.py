"""Chat templates: what they may make is bounded, and whatever they try ends as text or as Unrendered."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.exporters.chat_template import BadTemplate, Unrendered, compile_template, variables_of

pytest.importorskip("jinja2")

SAID = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "you"}]
TOOL = {"name": "move", "parameters": {"to": ["é", 1, None, True, 0.5]}}
FORTY = "{% set ns = namespace(s=%s) %}{% for n in range(40) %}{% set ns.s = %s %}{% endfor %}{{ ns.s | length }}"
MOST = 400_000_000
"""Bytes that a refused template may have held: some values of the longest length, not those that it asked for."""


def rendered(template: str, messages: list[dict[str, Any]] | None = None) -> str:
    """Return what a template makes of a conversation."""
    given = variables_of(messages or SAID, [TOOL], {"eos_token": "</s>"}, generation_prompt=True)
    return compile_template(template)(given)


def forty(start: str, step: str) -> str:
    """Return a template that takes a step forty times, from a value named `ns.s`."""
    return FORTY.replace("%s", start, 1).replace("%s", step, 1)


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a'.ljust(200000000) }}",
        "{{ 'a'.rjust(200000000) }}",
        "{{ 'a'.center(200000000) | length }}",
        "{{ 'a'.zfill(200000000) }}",
        "{{ 'a'.encode().ljust(200000000) }}",
        "{{ ('\\t' * 1000).expandtabs(200000) | length }}",
        "{{ '\\t'.expandtabs(tabsize=200000000) | length }}",
        "{{ (1).to_bytes(200000000, 'big') | length }}",
        "{{ ('a' * 100000).replace('', 'b' * 10000) | length }}",
        "{{ ('a' * 10000000).join(['b'] * 100) | length }}",
        "{{ ('a' * 10000).join(range(99999) | map('string')) | length }}",
        "{{ ('a' * 100000).translate({97: 'b' * 10000}) | length }}",
        "{{ '{:200000000}'.format(1) }}",
        "{{ '{:{}}'.format(1, 200000000) }}",
        "{{ '{:200000000}'['format'](1) | length }}",
        "{{ ('{0}' * 10000).format('a' * 100000) | length }}",
        "{{ '{a:200000000}'.format_map({'a': 1}) | length }}",
        "{{ '%0200000000d' % 1 }}",
        "{{ '%-200000000s' % 'a' | length }}",
        "{{ '%.200000000f' % 1 }}",
        "{{ '%*d' % (200000000, 1) }}",
        "{{ '%(a)200000000d' % {'a': 1} }}",
        "{{ ('%(a)s' * 10000) % {'a': 'b' * 100000} | length }}",
        "{{ '%0200000000d' | format(1) }}",
        "{{ '%(a)0200000000d' | format(a=1) }}",
        "{{ 'a' | center(200000000) }}",
        "{{ ['center'] | map('center', 200000000) | list | length }}",
        "{{ 'a\nb' | indent(200000000) }}",
        "{{ 'a\nb' | indent('a' * 60000000) | length }}",
        "{{ ('a' * 100000) | replace('a', 'b' * 10000) | length }}",
        "{{ ['a'] * 100000 | join('b' * 10000) | length }}",
        "{{ (['a'] * 100000) | join('b' * 10000) | length }}",
        "{{ (['a' * 100000] * 10000) | join | length }}",
        "{{ [1] | batch(200000000, 0) | list | length }}",
        "{{ [1] | slice(200000000) | list | length }}",
        "{{ ('a ' * 1000000) | wordwrap(1, wrapstring='b' * 1000) | length }}",
        "{{ 1.5 | round(2000000000, 'ceil') }}",
        "{{ ([['a'] * 10000] * 10000) | sum(start=[]) | length }}",
        "{{ tools | tojson(indent=200000000) }}",
        "{{ (['a' * 100000] * 10000) | tojson | length }}",
        "{{ (['a' * 100000] * 10000) | string | length }}",
        "{{ ['a' * 100000] * 10000 }}",
        "{{ (['a' * 100000] * 10000) | pprint | length }}",
        "{{ (['a' * 100000] * 10000) | upper | length }}",
        "{{ 'a' ~ (['a' * 100000] * 10000) }}",
        "{{ raise_exception(['a' * 100000] * 10000) }}",
        "{{ strftime_now('%Y' * 10000000) }}",
        "{{ range(200000000) | length }}",
        "{{ 2 ** 200000000 }}",
        forty("'aaaa'", "ns.s ~ ns.s"),
        forty("'aaaa'", "ns.s + ns.s"),
        forty("[1]", "ns.s + ns.s"),
        forty("[1]", "ns.s * 3"),
        forty("7 * 10000000", "ns.s * ns.s"),
        forty("[1]", "[ns.s, ns.s]").replace("ns.s | length", "ns.s"),
        forty("[1]", "[ns.s, ns.s]").replace("| length", "| string | length"),
        forty("[1]", "[ns.s, ns.s]").replace("| length", "| tojson | length"),
        forty("'a'", "ns.s.encode('utf-16').decode('latin-1')"),
        FORTY.replace("{% set ns.s = %s %}", "{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}").replace("%s", "'aaaa'"),
        "{% set ns = namespace(s='a' * 100000) %}{% set ns.t = [ns.s] * 10000 %}{{ ns }}",
        "{% macro twice(s) %}{{ s }}{{ s }}{% endmacro %}" + forty("'aaaa'", "twice(ns.s)"),
        "{{ 'x' | center(60000000) ~ 'x' | center(60000000) }}",
    ],
)
def test_no_step_makes_more_than_its_bound(template: str) -> None:
    """It ends as Unrendered, without having held what it asked for."""
    tracemalloc.start()
    try:
        with pytest.raises(Unrendered, match=r"\w"):
            rendered(template)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()


def test_constants_are_not_worked_out_beforehand() -> None:
    """A template is compiled without making what it would show."""
    text = "".join("{{ 'x' | center(50000000) | length }}" for _ in range(50))
    tracemalloc.start()
    try:
        render = compile_template(text)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()
    assert callable(render)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ 'ab'.ljust(4) }}|{{ 'ab'.zfill(width) if width is defined else 'ab'.center(6, '-') }}", "ab  |--ab--"),
        ("{{ '%s is %05.1f %%' % ('it', 2) }}", "it is 002.0 %"),
        ("{{ '%(a)s-%(b)3d' % {'a': 'x', 'b': 7} }}|{{ '%s!' | format('x') }}", "x-  7|x!"),
        ("{{ '{} {:>4} {a[b]}'.format(1, 'x', a={'b': 2}) }}", "1    x 2"),
        ("{{ ', '.join(messages | map(attribute='role')) }}", "user, assistant"),
        ("{{ messages | map(attribute='role') | join(', ') }}", "user, assistant"),
        ("{{ messages | join('; ', attribute='content') }}", "hello; you"),
        ("{{ 'a\nb' | indent(2, true) }}", "  a\n  b"),
        ("{{ 'abc'.replace('b', '--') }}{{ 'abc' | replace('b', '') }}", "a--cac"),
        ("{{ [1, 2, 3] | batch(2, 0) | list }}{{ [1, 2] | sum }}", "[[1, 2], [3, 0]]3"),
        ("{{ 2.345 | round(2) }} {{ 7 * 6 }} {{ 'ab' * 2 }} {{ [1] + [2] }}", "2.35 42 abab [1, 2]"),
        ("{{ tools[0] | tojson }}", '{"name": "move", "parameters": {"to": ["é", 1, null, true, 0.5]}}'),
        ("{{ {'a': 1} | tojson(indent=2) }}", '{\n  "a": 1\n}'),
        ("{% set s %}{{ 1 }}x{% endset %}{{ s ~ none ~ 2 ~ missing }}", "1xNone2"),
        ("{% autoescape true %}{{ '<' ~ '>' }}{% endautoescape %}", "&lt;&gt;"),
        ("{{ 'x'.upper() ~ ' y '.strip() ~ 'a b'.split()[1] }}{{ 'ab'.encode().hex() }}", "Xyb6162"),
        ("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"),
        ("{% generation %}{{ messages[0].content }}{% endgeneration %}", "hello"),
        ("{% for n in range(5) %}{% if n == 2 %}{% break %}{% endif %}{{ n }}{% endfor %}", "01"),
    ],
)
def test_what_templates_usually_do_is_unchanged(template: str, text: str) -> None:
    """The bounds are not felt by what stays within them."""
    assert rendered(template) == text


def test_a_long_conversation_is_within_bounds() -> None:
    """Thousands of messages, and a megabyte in one of them, are shown as they are."""
    said = [{"role": "user", "content": "x" * (1_000_000 if n == 0 else 1)} for n in range(5000)]
    template = "{% set ns = namespace(s='') %}{% for one in messages %}{% set ns.s = ns.s ~ one.content %}{% endfor %}"
    assert rendered(template + "{{ ns.s }}", said) == "".join(one["content"] for one in said)
    assert len(rendered("{{ messages | tojson }}", said)) > 1_000_000


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in b %}" * 25 + "{% endfor %}" * 25,
        f"{{{{ {'[' * 150}{']' * 150} }}}}",
        f"{{{{ {'(' * 5000}1{')' * 5000} }}}}",
        f"{{{{ 1{' ~ 1' * 20000} }}}}",
    ],
)
def test_what_python_does_not_compile_is_no_crash(template: str) -> None:
    """A template that is nested too deeply is refused, or rendered by a Python that takes it."""
    with suppress(BadTemplate, Unrendered):
        assert rendered(template)


PIECES = ["}}", "{%", "%}", *"()[]'as*%~|.,=", "9999999", "center", "join", "format", "indent", "ljust", "replace"]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_text_is_a_template_or_none(parts: list[str]) -> None:
    """Whatever the text, it is refused, unrendered or text."""
    with suppress(BadTemplate, Unrendered):
        assert isinstance(rendered(f"{{{{ {' '.join(parts)} }}}}"), str)
