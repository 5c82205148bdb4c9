"""Rules about what is silenced: broad excepts and ignored checks always say why."""

import ast
import re
from collections.abc import Iterator

from integration_pipelines_tests.lint.source import Breach, Source

_BROAD = {"Exception", "BaseException"}
_NOQA = re.compile(r"^noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* - \S")
_TYPE_IGNORE = re.compile(r"^type: ignore\[[a-z-]+(, ?[a-z-]+)*\] +# \S")
_WHOLE_FILE = re.compile(r"^(ruff|flake8|mypy): |^pragma: no cover|^fmt: (off|on)\b|^isort: ")
_REASON = re.compile(r"(^| - )\w+( \S+){2,}")


def swallowed(source: Source) -> Iterator[Breach]:
    """Who catches everything hands it on, or does something about it and says why nothing less would do."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
            if all(isinstance(s, ast.Pass | ast.Continue) or _is_constant(s) for s in node.body):
                yield Breach(source.path, node.lineno, "everything is caught and nothing is done about it")
            elif not _hands_on(node) and not _REASON.search(source.comments.get(node.lineno, "")):
                yield Breach(source.path, node.lineno, "everything is caught without a reason beside it")
        elif (
            isinstance(node, ast.Call) and source.full_name(node.func) == "contextlib.suppress" and any(map(_is_broad, node.args))
        ):
            yield Breach(source.path, node.lineno, "everything is suppressed")


def _is_broad(caught: ast.expr | None) -> bool:
    options = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(option is None or (isinstance(option, ast.Name) and option.id in _BROAD) for option in options)


def _is_constant(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _hands_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def reasonless_ignore(source: Source) -> Iterator[Breach]:
    """An ignored check names its code and a reason, line by line; nothing is switched off for a whole file."""
    for line, comment in source.comments.items():
        if _WHOLE_FILE.match(comment):
            yield Breach(source.path, line, "a check is switched off for more than one line")
        elif "noqa" in comment and not _NOQA.match(comment):
            yield Breach(source.path, line, "a noqa needs its code and ` - reason`")
        elif comment.startswith("type: ignore") and not _TYPE_IGNORE.match(comment):
            yield Breach(source.path, line, "a type: ignore needs its code and `  # reason`")


def ignores(source: Source) -> Iterator[str]:
    """Every ignored check: the codes of each `noqa`, and `type` for each ignored type error."""
    for comment in source.comments.values():
        if found := re.match(r"noqa: ([A-Z0-9, ]+)", comment):
            yield from re.findall(r"[A-Z]+[0-9]+", found[1])
        if comment.startswith("type: ignore"):
            yield "type"
