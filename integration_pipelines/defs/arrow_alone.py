"""Arrow without pandas, which it loads at its first array to see whether the values come from there.

That is half a second which the run of an event and a short command have not. Nothing is lost: who imports pandas gets it as always, and
Arrow looks again when it is asked for a frame.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa

PANDAS = "pandas"


class _OutOfSight(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        del path, target
        if fullname == PANDAS:
            raise ModuleNotFoundError("pandas is not loaded for Arrow's sake.", name=PANDAS)
        return None


def load_arrow_alone() -> None:
    """Let Arrow make its first array while pandas is out of sight, unless somebody loaded pandas already."""
    if PANDAS in sys.modules:
        return
    finder = _OutOfSight()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([""])
    finally:
        sys.meta_path.remove(finder)
