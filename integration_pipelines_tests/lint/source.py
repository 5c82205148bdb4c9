"""What the lint rules look at: a file's text, syntax tree and comments; and what they say: a breach with its line.

Rules are pure functions from one source to breaches, so that each can be shown a planted violation. Which files a rule covers, and that
the product is clean, is stated in `test_domain_law`.
"""

import ast
import io
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "integration_pipelines"
TESTS = "integration_pipelines_tests"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file; `path` is relative to the repository."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, self.path)

    @cached_property
    def comments(self) -> dict[int, str]:
        """Line → comment, without the `#`."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return {t.start[0]: t.string.removeprefix("#").strip() for t in tokens if t.type == tokenize.COMMENT}

    @cached_property
    def names(self) -> dict[str, str]:
        """Imported name → what it stands for, e.g. `dt` → `datetime.datetime`."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {
                    a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0] for a in node.names
                }
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
        return found

    def full_name(self, node: ast.AST) -> str | None:
        """The dotted name of an imported thing, whatever it is called here; None for anything else."""
        steps = []
        while isinstance(node, ast.Attribute):
            steps.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.names:
            return None
        return ".".join([self.names[node.id], *reversed(steps)])

    def functions(self) -> Iterator[Function]:
        """All functions and methods."""
        yield from (n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


@dataclass(frozen=True)
class Breach:
    """A rule broken, where, and how."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        """As compilers say it."""
        return f"{self.path}:{self.line}: {self.what}"


Rule = Callable[[Source], Iterator[Breach]]


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the product and its tests, in a stable order."""
    files = sorted(path for folder in (PACKAGE, TESTS) for path in (ROOT / folder).rglob("*.py"))
    return tuple(Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in files)


def under(*folders: str) -> tuple[Source, ...]:
    """The files below these folders of the repository."""
    return tuple(s for s in sources() if s.path.startswith(tuple(f"{f}/" for f in folders)))
