"""Rule about money: amounts are whole minor units or decimals, never binary fractions."""

import ast
import re
from collections.abc import Iterator

from integration_pipelines_tests.lint.source import Breach, Source

_MONEY = re.compile(r"(^|_)(mrr|amount|amounts|price|prices|minor|cents|money|revenue|balance|fee|paid)(_|$)")


def float_money(source: Source) -> Iterator[Breach]:
    """No name that speaks of money is a float or is turned into one."""
    for node in ast.walk(source.tree):
        for name, annotation, line in _annotated(node):
            if _MONEY.search(name) and _says_float(annotation):
                yield Breach(source.path, line, f"{name} is money and a float; use whole minor units")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            for name in sorted({n for a in node.args for n in _names(a) if _MONEY.search(n)}):
                yield Breach(source.path, node.lineno, f"float({name}) loses cents; use Decimal or whole minor units")


def _annotated(node: ast.AST) -> Iterator[tuple[str, ast.expr | None, int]]:
    if isinstance(node, ast.arg):
        yield node.arg, node.annotation, node.lineno
    elif isinstance(node, ast.AnnAssign):
        yield _last(node.target), node.annotation, node.lineno
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name, node.returns, node.lineno


def _last(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _says_float(annotation: ast.expr | None) -> bool:
    return annotation is not None and any(isinstance(n, ast.Name) and n.id == "float" for n in ast.walk(annotation))


def _names(node: ast.AST) -> Iterator[str]:
    """Names, attributes and keys that an expression mentions."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute):
            yield _last(inner)
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
