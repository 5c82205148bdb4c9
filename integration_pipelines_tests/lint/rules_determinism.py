"""Rules about time and chance: no naive moment anywhere; no clock, chance, environment or log inside the core, ports and use cases."""

import ast
from collections.abc import Iterator

from integration_pipelines_tests.lint.source import Breach, Source

_NEEDS_ZONE = {"datetime.datetime.now": 0, "datetime.datetime.fromtimestamp": 1}
_NEVER = {
    "datetime.datetime.utcnow", "datetime.datetime.utcfromtimestamp", "datetime.datetime.today", "datetime.date.today",
    "datetime.date.fromtimestamp",
}  # fmt: skip
_OUTSIDE_MODULES = {"time", "random", "secrets", "uuid", "socket", "subprocess", "threading", "tempfile", "logging", "structlog"}
_OUTSIDE_NAMES = {
    "os.environ",
    "os.getenv",
    "os.urandom",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.date.today",
}
_OUTSIDE_CALLS = {"open", "print", "input"}


def naive_time(source: Source) -> Iterator[Breach]:
    """A moment without a zone means another moment on another machine."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        called = source.full_name(node.func) or ""
        zone = _NEEDS_ZONE.get(called)
        given = len(node.args) > zone or any(k.arg == "tz" for k in node.keywords) if zone is not None else True
        if called in _NEVER or not given:
            yield Breach(source.path, node.lineno, f"{called} gives a moment without a zone; name UTC")


def outside_world(source: Source) -> Iterator[Breach]:
    """What decides must be replayable: clock, chance, files and settings come in through a port or a parameter."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                if module.partition(".")[0] in _OUTSIDE_MODULES:
                    yield Breach(
                        source.path, node.lineno, f"{module} is the outside world; take what you need as a parameter or port"
                    )
        elif isinstance(node, ast.Attribute | ast.Name) and (source.full_name(node) or "") in _OUTSIDE_NAMES:
            yield Breach(
                source.path, node.lineno, f"{source.full_name(node)} is the outside world; take it as a parameter or port"
            )
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _OUTSIDE_CALLS:
            yield Breach(source.path, node.lineno, f"{node.func.id}() is the outside world; return what is to be said or read")
