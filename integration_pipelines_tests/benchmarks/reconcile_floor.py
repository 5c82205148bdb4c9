"""The floor under `reconcile`: one hand-written join of left, right and base in DuckDB, over the same Parquet files.

It knows what the engine has to find out: that nothing was read twice, that the links are good, that every subscription is a plain
monthly one, which columns belong together. It compares the same canonical forms, must find the same differences, and keeps nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from integration_pipelines.core.canonical import canonical, minor_from_major
from integration_pipelines.core.contract import FieldType
from integration_pipelines.core.sql import Sql
from integration_pipelines.settings import Settings
from integration_pipelines_tests.benchmarks.landing import LINKS, files
from integration_pipelines_tests.benchmarks.meter import Answer, Given, Meter
from integration_pipelines_tests.benchmarks.reconcile_answer import answer

_SETS = ("crm_accounts", "crm_owners", "billing_customers", "billing_subscriptions", "base")

KEY = "right_id"
_TEXT, _ID, _EMAIL, _ENUM, _DATE = FieldType.TEXT, FieldType.ID, FieldType.EMAIL, FieldType.ENUM, FieldType.DATE
_SEGMENT = """CASE l.customer_segment WHEN 'Enterprise' THEN 'enterprise' WHEN 'Mid-Market' THEN 'mid_market'
  WHEN 'SMB' THEN 'small_business' WHEN 'Startup' THEN 'startup' ELSE l.customer_segment END"""
_OWNER_NAME = "concat_ws(' ', trim(o.first_name), trim(o.last_name))"
COMPARED = {
    "billing_customer_id": ("right", canonical(_ID, "l.stripe_customer_id"), canonical(_ID, "r.id")),
    "subscription_status": ("right", canonical(_ENUM, "l.billing_subscription_status"), "m.status"),
    "mrr": ("right", minor_from_major("l.billing_mrr", "m.currency"), "m.mrr"),
    "mrr_currency": ("right", canonical(FieldType.CURRENCY, "l.billing_mrr_currency"), "m.currency"),
    "renewal_date": ("right", canonical(_DATE, "l.billing_renewal_date"), "m.renewal"),
    "cancel_date": ("right", canonical(_DATE, "l.billing_cancel_date"), "''"),
    "account_owner": ("left", canonical(_EMAIL, "o.email"), canonical(_EMAIL, "r.crm_owner_email")),
    "account_owner_id": ("left", canonical(_ID, "o.id"), canonical(_ID, "r.crm_owner_id")),
    "account_owner_name": ("left", canonical(_TEXT, _OWNER_NAME), canonical(_TEXT, "r.crm_owner_name")),
    "customer_segment": ("left", canonical(_ENUM, _SEGMENT), canonical(_ENUM, "r.crm_segment")),
    "crm_company_id": ("left", canonical(_ID, "l.id"), canonical(_ID, "r.crm_company_id")),
}
"""By field: the owner's side, and the canonical form on the left and on the right."""


def join(meter: Meter, folder: Path, given: Given) -> Answer:
    """The join alone."""
    with connected(folder) as con:
        read(con, Path(given["home"]), given["small"])
        con.sql(three_way()).to_arrow_table()
        read(con, Path(given["home"]), given["tenant"])
        with meter.lap("join"):
            found = con.sql(three_way()).to_arrow_table()
    return answer(found)


def connected(folder: Path) -> duckdb.DuckDBPyConnection:
    """As limited and as many-threaded as the product's, but free to read files."""
    defaults = Settings(home=folder)
    con = duckdb.connect()
    con.execute(f"SET memory_limit = '{defaults.duckdb_limit}'; SET threads = {defaults.duckdb_threads}; SET TimeZone = 'UTC'")
    con.execute("SET preserve_insertion_order = false")
    Sql(con)  # the canonical forms' macros
    return con


def read(con: duckdb.DuckDBPyConnection, home: Path, tenant_id: str) -> None:
    """Make the files of a tenant readable by name; nothing is read yet."""
    sources: Mapping[str, Sequence[str]] = {name: files(home, tenant_id, name) for name in _SETS}
    for name, paths in {**sources, "links": [str(home / f"{tenant_id}-{LINKS}")]}.items():
        con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM read_parquet({list(paths)})")


def side_file(home: Path, tenant_id: str, side: str) -> Path:
    """One side alone in canonical form, for those who can compare nothing else."""
    return home / f"{tenant_id}-{side}.parquet"


def write_sides(home: Path, tenant_id: str) -> None:
    """Put both sides down in canonical form."""
    with connected(home) as con:
        read(con, home, tenant_id)
        for side in ("left", "right"):
            columns = ", ".join(f"{side[0]}_{field} AS {field}" for field in COMPARED)
            con.execute(
                f"COPY (SELECT {KEY}, {columns} FROM ({wide()})) TO '{side_file(home, tenant_id, side)}' (FORMAT parquet)"
            )


def three_way() -> str:
    """Left, right and base joined by link; only rows that differ somewhere are taken apart into fields."""
    differs = " OR ".join(f"l_{f} <> r_{f}" for f in COMPARED)
    parts = ", ".join(
        f"{{'field': '{f}', 'l': l_{f}, 'r': r_{f}, 'z': z_{f}, 'o': {side[0]}_{f}, 'x': {'l' if side == 'right' else 'r'}_{f}}}"
        for f, (side, _, _) in COMPARED.items()
    )
    return f"""SELECT left_id, right_id, c.field, c.l AS left_value, c.r AS right_value, c.z AS base_value,
        CASE WHEN c.x = c.z OR c.z IS NULL THEN 'drift' WHEN c.o = c.z THEN 'foreign_edit' ELSE 'conflict' END AS kind
      FROM (SELECT left_id, right_id, unnest([{parts}]) AS c FROM ({wide()}) WHERE {differs}) WHERE c.l <> c.r"""


def wide() -> str:
    """Both sides and the base beside each other, in canonical form.

    It joins by record alone, since there is one tenant: with the tenant in every key DuckDB is free to join left and right by it first.
    """
    columns = ", ".join(f"{left} AS l_{f}, {right} AS r_{f}, z.{f} AS z_{f}" for f, (_, left, right) in COMPARED.items())
    return f"""WITH money AS (
        SELECT customer_id, any_value(status) AS status, any_value(upper(currency)) AS currency,
          sum(item.quantity::BIGINT * item.unit_amount::BIGINT)::VARCHAR AS mrr, min(left(item.current_period_end, 10)) AS renewal
        FROM (SELECT customer_id, status, currency, unnest(items) AS item FROM billing_subscriptions) GROUP BY customer_id)
      SELECT k.left_id, k.right_id, {columns} FROM links k
        JOIN crm_accounts l ON l.record_id = k.left_id
        JOIN billing_customers r ON r.record_id = k.right_id
        LEFT JOIN crm_owners o ON o.record_id = l.owner_id
        LEFT JOIN money m ON m.customer_id = r.record_id
        LEFT JOIN base z ON z.link_id = k.link_id"""
