"""Read a tree of Python modules without importing it: names, imports, string literals and sizes.

Everything here is a function over a root path, so that the layer tests can be shown a tree with planted faults.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_IMPORTERS = frozenset({"import_module", "__import__"})


@dataclass(frozen=True, slots=True)
class Module:
    """One file of a package: its dotted name, its path below the root (with `/`), its text and its tree."""

    name: str
    path: str
    is_package: bool
    text: str
    tree: ast.Module


class Import(NamedTuple):
    """A module that a file asks for, by absolute name, and the line where it does."""

    name: str
    line: int


class Literal(NamedTuple):
    """A string in the code, f-strings with `{}` for each expression; never a docstring."""

    text: str
    line: int


def modules(root: Path, packages: Iterable[str]) -> list[Module]:
    """Return every module of the named packages below `root`, in the order of their paths."""
    return [_module(root, path) for package in packages for path in sorted((root / package).rglob("*.py"))]


def _module(root: Path, path: Path) -> Module:
    relative = path.relative_to(root)
    parts = list(relative.with_suffix("").parts)
    is_package = parts[-1] == "__init__"
    text = path.read_text(encoding="utf-8")
    name = ".".join(parts[:-1] if is_package else parts)
    return Module(name, relative.as_posix(), is_package, text, ast.parse(text, filename=str(path)))


def imports(module: Module, known: frozenset[str]) -> Iterator[Import]:
    """Yield what `module` imports anywhere: at the top, in functions, under TYPE_CHECKING, by a literal name.

    `known` decides whether `from a import b` asks for the module `a.b` or for a name that `a` defines.
    """
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield Import(whole if whole in known else base, node.lineno)
        elif isinstance(node, ast.Call) and _called(node) in _IMPORTERS and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield Import(first.value, node.lineno)


def _base(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    up = node.level - 1 if module.is_package else node.level
    parts = module.name.split(".")
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def literals(module: Module) -> Iterator[Literal]:
    """Yield the string literals of `module`. A string that stands alone as a statement is prose and left out."""
    prose = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.JoinedStr):
            prose.update(id(part) for part in node.values)
            yield Literal("".join(_part(part) for part in node.values), node.lineno)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield Literal(node.value, node.lineno)


def _part(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "{}"


def uses(module: Module, name: str) -> Iterator[int]:
    """Yield the lines at which `module` uses the bare name `name`, called or passed on."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id == name:
            yield node.lineno


def functions(module: Module) -> Iterator[tuple[str, int, int]]:
    """Yield each function of `module`, methods and inner ones included: name, line, number of lines."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1
