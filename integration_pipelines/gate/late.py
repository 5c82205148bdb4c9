"""Libraries that Great Expectations imports for expectations that no contract may name: each is loaded when somebody first uses it.

They are half of what it takes to load Great Expectations. Nothing is replaced: a module stands in `sys.modules` as always, by the
standard library's own lazy loader, and is what it would have been as soon as an attribute of it is asked for.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

UNUSED = frozenset({"altair", "boto3", "scipy.stats"})
"""Charts of data docs, stores in Amazon S3, and tests of distributions."""


class _LateFinder(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname not in UNUSED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def loading_late() -> Iterator[None]:
    """While this lasts, importing one of those libraries only promises it."""
    finder = _LateFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
