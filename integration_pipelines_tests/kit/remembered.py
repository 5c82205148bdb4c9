"""What a deed made of a product, remembered: whoever does the same with the same product gets the same rows, files and accounts at once.

Hundreds of tests begin with a first sync of the same few records. It runs once a test process for each beginning; after that its rows are
inserted and its files copied. What makes it another beginning: any row of the store, any value of an account, the contract, the moment.
"""

import copy
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.schema import METADATA
from integration_pipelines_tests.kit.databases import admin_url

Row = dict[str, Any]
T = TypeVar("T")
_ADDRESS = re.compile(" at 0x[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a product keeps what it knows, and what stands for the world around it."""

    database_url: str
    lake: Path
    around: Sequence[object]
    """Accounts, clock, ids, gate: whatever a deed may change."""
    beginning: str
    """What else decides, in words."""


@dataclass(frozen=True, slots=True)
class _Deed(Generic[T]):
    answer: T
    rows: Mapping[str, list[Row]]
    lake: Path
    around: list[dict[str, Any]]


_DEEDS: dict[str, _Deed[Any]] = {}


def remembered(places: Places, name: str, deed: Callable[[], T]) -> T:
    """Do it, or have it done: the product is afterwards as after the deed."""
    engine = make_engine(admin_url(places.database_url))
    try:
        before = _rows(engine)
        key = _key(places, name, before)
        if key is None or any(places.lake.rglob("*.parquet")):
            return deed()
        if key not in _DEEDS:
            answer = deed()
            kept = Path(tempfile.mkdtemp(prefix="remembered-")) / "lake"
            shutil.copytree(places.lake, kept)
            _DEEDS[key] = _Deed(answer, _rows(engine), kept, copy.deepcopy([vars(one) for one in places.around]))
            return answer
        done: _Deed[T] = _DEEDS[key]
        _write(engine, before, done.rows)
        shutil.copytree(done.lake, places.lake, dirs_exist_ok=True)
        for one, known in zip(places.around, copy.deepcopy(done.around), strict=True):
            _become(vars(one), known)
        return done.answer
    finally:
        engine.dispose()


def _become(here: dict[Any, Any], known: Mapping[Any, Any]) -> None:
    """The same dictionaries and lists with what is known: a test may hold any of them."""
    for gone in here.keys() - known.keys():
        del here[gone]
    for key, value in known.items():
        if isinstance(value, dict) and isinstance(here.get(key), dict):
            _become(here[key], value)
        elif isinstance(value, list) and isinstance(here.get(key), list):
            here[key][:] = value
        else:
            here[key] = value


def _rows(engine: sa.Engine) -> dict[str, list[Row]]:
    with engine.connect() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()] for table in METADATA.sorted_tables
        }


def _write(engine: sa.Engine, before: Mapping[str, list[Row]], after: Mapping[str, list[Row]]) -> None:
    changed = [table for table in METADATA.sorted_tables if before[table.name] != after[table.name]]
    with engine.begin() as connection:
        for table in reversed(changed):
            if before[table.name]:
                connection.execute(sa.delete(table))
        for table in changed:
            if after[table.name]:
                connection.execute(sa.insert(table), after[table.name])


def _key(places: Places, name: str, rows: Mapping[str, list[Row]]) -> str | None:
    """None where a function of the world around knows more than its code says: then nothing can be said to be the same."""
    around = [vars(one) for one in places.around]
    if any(getattr(value, "__closure__", None) for one in around for value in one.values()):
        return None
    said = repr((name, places.beginning, sa.make_url(places.database_url).get_backend_name(), rows, around))
    return hashlib.sha256(_ADDRESS.sub("", said).encode()).hexdigest()
