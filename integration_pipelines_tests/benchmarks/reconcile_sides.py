"""The two sides of `reconcile`: a whole pass of the engine, and the floor: one hand-written join of left, right and base.

The floor knows what the engine has to find out: that the links are good, that every subscription is a plain monthly one, which columns
belong together. It reads the same tables, compares the same canonical forms and must find the same differences.
"""

import hashlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from unittest.mock import patch

import duckdb
import pyarrow as pa

from integration_pipelines.core.canonical import canonical, minor_from_major
from integration_pipelines.core.contract import FieldType
from integration_pipelines.core.passes import Pass, PassInputs
from integration_pipelines.core.sql import Sql
from integration_pipelines.core.tables import DIFFS, INTENTS, TEXT
from integration_pipelines.settings import Settings
from integration_pipelines.wiring import duck_factory
from integration_pipelines_tests.benchmarks.meter import Answer, Given, Meter
from integration_pipelines_tests.benchmarks.reconcile_world import NOW, TENANT, Tables, contract, load, make

_REFUSED = pa.schema([(column, TEXT) for column in ("tenant_id", "object", "record_id", "expectation")])
_WARM_UP = 20
_FOUND = "left_id, right_id, field, left_value, right_value, base_value, kind"


def engine(meter: Meter, folder: Path, given: Given) -> Answer:
    """One full pass over the tables: links, roll-up, merge, diffs, plan."""
    con, inputs = _warm(folder, _pass), _inputs(load(Path(given["folder"])))
    with meter.lap("pass"):
        found = _pass(con, inputs)
    return _answer(con, found)


def stages(meter: Meter, folder: Path, given: Given) -> Answer:
    """The same pass with a stop-watch on each statement; answers the seconds by module and by statement."""
    con, inputs = _warm(folder, _pass), _inputs(load(Path(given["folder"])))
    with _watched() as seconds, meter.lap("pass"):
        _pass(con, inputs)
    return {"seconds": dict(seconds)}


def floor(meter: Meter, folder: Path, given: Given) -> Answer:
    """The join alone."""
    con, inputs = _warm(folder, _join), _inputs(load(Path(given["folder"])))
    with meter.lap("join"):
        found = _join(con, inputs)
    return _answer(con, found)


def _pass(con: duckdb.DuckDBPyConnection, inputs: PassInputs) -> pa.Table:
    return Pass(con, inputs).run().diffs


def _join(con: duckdb.DuckDBPyConnection, inputs: PassInputs) -> pa.Table:
    sql = Sql(con)
    for name, table in {**inputs.observed, "links": inputs.links, "base": inputs.base}.items():
        sql.put(name, table)
    return sql.arrow(_floor())


def _warm(folder: Path, side: Callable[[duckdb.DuckDBPyConnection, PassInputs], pa.Table]) -> duckdb.DuckDBPyConnection:
    """A fresh connection after one go over a handful of accounts, since a process that reconciles starts once and does so many times."""
    side(_connection(folder), _inputs(make(_WARM_UP)))
    return _connection(folder)


def _inputs(tables: Tables) -> PassInputs:
    return PassInputs(
        contract=contract(), run_ids={TENANT: "run_1"}, now=NOW, observed=tables.observed, refused=_REFUSED.empty_table(),
        links=tables.links, base=tables.base, intents=INTENTS.empty_table(), unresolved=DIFFS.empty_table(),
    )  # fmt: skip


def _connection(folder: Path) -> duckdb.DuckDBPyConnection:
    """As the product gives it to the core."""
    return duck_factory(Settings(home=folder))()


def _answer(con: duckdb.DuckDBPyConnection, found: pa.Table) -> Answer:
    con.register("found", found)
    rows = con.sql(f"SELECT {_FOUND} FROM found ORDER BY ALL").fetchall()
    return {"differences": len(rows), "digest": hashlib.sha256(repr(rows).encode()).hexdigest()}


def _floor() -> str:
    """Left, right and base joined by link; only rows that differ somewhere are taken apart into fields.

    It joins by record alone, since there is one tenant: with the tenant in every key DuckDB is free to join left and right by it first.
    """
    segment = """CASE l.customer_segment WHEN 'Enterprise' THEN 'enterprise' WHEN 'Mid-Market' THEN 'mid_market'
      WHEN 'SMB' THEN 'small_business' WHEN 'Startup' THEN 'startup' ELSE l.customer_segment END"""
    text, ident, email = FieldType.TEXT, FieldType.ID, FieldType.EMAIL
    currency = canonical(FieldType.CURRENCY, "l.billing_mrr_currency")
    fields = {
        "billing_customer_id": ("right", canonical(ident, "l.stripe_customer_id"), canonical(ident, "r.id")),
        "subscription_status": ("right", canonical(FieldType.ENUM, "l.billing_subscription_status"), "m.status"),
        "mrr": ("right", minor_from_major("l.billing_mrr", "m.currency"), "m.mrr"),
        "mrr_currency": ("right", currency, "m.currency"),
        "renewal_date": ("right", canonical(FieldType.DATE, "l.billing_renewal_date"), "m.renewal"),
        "cancel_date": ("right", canonical(FieldType.DATE, "l.billing_cancel_date"), "''"),
        "account_owner": ("left", canonical(email, "o.email"), canonical(email, "r.crm_owner_email")),
        "account_owner_id": ("left", canonical(ident, "o.id"), canonical(ident, "r.crm_owner_id")),
        "account_owner_name": (
            "left", canonical(text, "concat_ws(' ', trim(o.first_name), trim(o.last_name))"), canonical(text, "r.crm_owner_name")
        ),
        "customer_segment": ("left", canonical(FieldType.ENUM, segment), canonical(FieldType.ENUM, "r.crm_segment")),
        "crm_company_id": ("left", canonical(ident, "l.id"), canonical(ident, "r.crm_company_id")),
    }  # fmt: skip
    columns = ", ".join(f"{left} AS l_{f}, {right} AS r_{f}, z.{f} AS z_{f}" for f, (_, left, right) in fields.items())
    differs = " OR ".join(f"l_{f} <> r_{f}" for f in fields)
    parts = ", ".join(
        f"{{'field': '{f}', 'l': l_{f}, 'r': r_{f}, 'z': z_{f}, 'o': {side[0]}_{f}, 'x': {'l' if side == 'right' else 'r'}_{f}}}"
        for f, (side, _, _) in fields.items()
    )
    return f"""WITH money AS (
        SELECT customer_id, any_value(status) AS status, any_value(upper(currency)) AS currency,
          sum(item.quantity::BIGINT * item.unit_amount::BIGINT)::VARCHAR AS mrr, min(left(item.current_period_end, 10)) AS renewal
        FROM (SELECT customer_id, status, currency, unnest(items) AS item FROM billing_subscriptions) GROUP BY customer_id),
      wide AS (
        SELECT k.left_id, k.right_id, {columns} FROM links k
        JOIN crm_accounts l ON l.record_id = k.left_id
        JOIN billing_customers r ON r.record_id = k.right_id
        LEFT JOIN crm_owners o ON o.record_id = l.owner_id
        LEFT JOIN money m ON m.customer_id = r.record_id
        LEFT JOIN base z ON z.link_id = k.link_id)
      SELECT left_id, right_id, c.field, c.l AS left_value, c.r AS right_value, c.z AS base_value,
        CASE WHEN c.x = c.z OR c.z IS NULL THEN 'drift' WHEN c.o = c.z THEN 'foreign_edit' ELSE 'conflict' END AS kind
      FROM (SELECT left_id, right_id, unnest([{parts}]) AS c FROM wide WHERE {differs}) WHERE c.l <> c.r"""


@contextmanager
def _watched() -> Iterator[defaultdict[str, float]]:
    """Time every statement of the engine by the module that asks for it and the table it makes."""
    seconds: defaultdict[str, float] = defaultdict(float)

    def timed(method: Callable[..., object]) -> Callable[..., object]:
        @wraps(method)
        def call(sql: Sql, *given: object) -> object:
            module = sys._getframe(1).f_globals["__name__"].rpartition(".")[2]
            started = time.perf_counter()
            found = method(sql, *given)
            seconds[f"{module}: {given[0] if method.__name__ == 'make' else 'result'}"] += time.perf_counter() - started
            return found

        return call

    # A stop-watch, in a process of its own.
    with patch.object(Sql, "make", timed(Sql.make)), patch.object(Sql, "arrow", timed(Sql.arrow)):
        yield seconds
