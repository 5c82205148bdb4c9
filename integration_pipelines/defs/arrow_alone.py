"""Arrow without what it looks for beside it: pandas at its first array, to see whether the values come from there; numpy in several modules.

Pandas is half a second which the run of an event and a short command have not, numpy a tenth, and a command that only shows rows has no
use for either; nor for Arrow's own clouds, since the lake's files come from elsewhere.
"""

import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

PANDAS = "pandas"
NUMPY = "numpy"
CLOUDS = ("pyarrow._s3fs", "pyarrow._gcsfs", "pyarrow._azurefs", "pyarrow._hdfs")


class _OutOfSight(MetaPathFinder):
    def __init__(self, hidden: Collection[str]) -> None:
        self._hidden = hidden

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        del path, target
        if fullname in self._hidden:
            raise ModuleNotFoundError(f"{fullname} is kept out of sight in this process.", name=fullname)
        return None


def load_arrow_alone() -> None:
    """Let Arrow make its first array while pandas is out of sight, unless somebody loaded it already.

    Nothing is lost: who imports pandas gets it as always, and Arrow looks again when it is asked for a frame.
    """
    finder = _OutOfSight({PANDAS})
    sys.meta_path.insert(0, finder)
    try:
        import_module("pyarrow").array([""])
    finally:
        sys.meta_path.remove(finder)


def do_without_arrays() -> None:
    """Keep all of it out of sight as long as this process lives; for commands whose process shows rows and ends."""
    sys.meta_path.insert(0, _OutOfSight({NUMPY, PANDAS, *CLOUDS}))
