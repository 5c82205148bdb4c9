"""Rule about tenants: whoever asks a table that holds tenants' rows says whose rows.

A query that is meant to see all tenants says so in a comment inside its function: `# any tenant: ` and the reason.
"""

import ast
import re
from collections.abc import Iterator
from functools import partial

from integration_pipelines_tests.lint.source import Breach, Function, Rule, Source

_ASKS = {"select", "update", "delete", "union", "union_all", "join", "join_from", "outerjoin", "select_from"}
"""Rows that are inserted carry their tenant: every table's key begins with it."""
_ESCAPE = re.compile(r"^any tenant: \S+ \S+")


def tenant_scope(tables: frozenset[str]) -> Rule:
    """The rule for these tables, named as in the schema's module."""
    return partial(_tenant_scope, tables)


def _tenant_scope(tables: frozenset[str], source: Source) -> Iterator[Breach]:
    aliases = _aliases(source, tables)
    for function in source.functions():
        used = sorted({name for call in _asks(function) for name in _mentioned(call) if name in aliases})
        if used and not _mentions_tenant(function) and not _escaped(source, function):
            yield Breach(source.path, function.lineno, f"{function.name} asks {', '.join(used)} and does not say whose rows")


def _aliases(source: Source, tables: frozenset[str]) -> set[str]:
    """The tables' names here, and module-level names that are made of them, e.g. `_W = WRITE_LEDGER.c`."""
    found = {local for local, full in source.names.items() if full.rpartition(".")[2] in tables}
    found |= {t.id for t in _assigned(source) if t.id in tables}
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute) and _root(node.value) in found:
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return found


def _assigned(source: Source) -> Iterator[ast.Name]:
    for node in source.tree.body:
        if isinstance(node, ast.Assign):
            yield from (t for t in node.targets if isinstance(t, ast.Name))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _own(function: Function) -> Iterator[ast.AST]:
    """What a function says itself, not in functions inside it."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)


def _asks(function: Function) -> Iterator[ast.Call]:
    for node in _own(function):
        if isinstance(node, ast.Call):
            called = node.func
            if (called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else "") in _ASKS:
                yield node


def _mentioned(call: ast.Call) -> Iterator[str]:
    return (n.id for n in ast.walk(call) if isinstance(n, ast.Name))


def _mentions_tenant(function: Function) -> bool:
    for node in _own(function):
        if isinstance(node, ast.arg):
            continue  # to be told a tenant is not yet to ask for its rows
        words = (getattr(node, "attr", None), getattr(node, "id", None), getattr(node, "arg", None), getattr(node, "value", None))
        if any(isinstance(word, str) and re.search(r"\btenant_ids?\b", word) for word in words):
            return True
    return False


def _escaped(source: Source, function: Function) -> bool:
    lines = range(function.lineno, (function.end_lineno or function.lineno) + 1)
    return any(_ESCAPE.match(source.comments.get(line, "")) for line in lines)
