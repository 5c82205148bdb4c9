"""What every side of `reconcile` must find: the differing fields with both values, the base and the verdict."""

import hashlib

import duckdb
import pyarrow as pa

from integration_pipelines_tests.benchmarks.meter import Answer

FOUND = "left_id, right_id, field, left_value, right_value, base_value, kind"
PAIRS = "right_id, field, left_value, right_value"
"""What is left of it for a side that knows two tables and no base."""


def answer(found: pa.Table) -> Answer:
    """How many differences, and a digest of their content, with and without what only a three-way side can know."""
    return {"differences": found.num_rows, "digest": _digest(found, FOUND), **pairs(found)}


def pairs(found: pa.Table) -> Answer:
    """A digest of who differs in what."""
    return {"pairs": _digest(found, PAIRS)}


def _digest(found: pa.Table, columns: str) -> str:
    con = duckdb.connect()
    con.register("found", found)
    rows = con.sql(f"SELECT {columns} FROM found ORDER BY ALL").fetchall()
    con.close()
    return hashlib.sha256(repr(rows).encode()).hexdigest()
