"""Records that wait for another one to be read: counted each run, looked for again by the next, and told to people when it takes too long.

What waits is found by `core.waiting`. Nothing of it is ever written, whether somebody was told or not; the record it waits for ends it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.sql import Sql, text
from integration_pipelines.core.tables import COUNT, TEXT, TIME
from integration_pipelines.core.waiting import WAITING
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import Mode
from integration_pipelines.use_cases.judge import REFUSED
from integration_pipelines.use_cases.observations import dataset, new_entry, of_tenant
from integration_pipelines.use_cases.outcome import BatchReport, TenantReport
from integration_pipelines.use_cases.shares import Shares

DATASET = "waiting"
FULL_READS = 3
"""So many full reads may pass without the record that is waited for."""
EXPECTATION = "parent_present"

SINCE = pa.schema([*WAITING, ("first_seen", TIME), ("full_reads", COUNT)])
_KEY = ", ".join(WAITING.names)


def note_waiting(report: BatchReport, contract: Contract, found: pa.Table, refused: pa.Table, *, ports: Ports) -> None:
    """Count what waits (`WAITING`) for every tenant that this run keeps; what waits for too long joins the quarantine's list.

    Args:
        report: the run.
        contract: its `failure.retry_hours` bound the waiting, besides `FULL_READS`.
        found: what waits now.
        refused: what the gate refused (`REFUSED`), which stays on the list.
        ports: the outside.
    """
    entries = dataset(ports, report.kept, contract.contract, DATASET, SINCE)
    now = ports.clock.now()
    before = entries.rows().read_all()
    since = _since(report, found, before, now, ports)
    overdue = _overdue(since, now - timedelta(hours=contract.failure.retry_hours))
    known = {entry.tenant_id for entry in entries.entries if entry.file.rows}
    fresh, late = [], []
    waits, too_long = Shares(since), Shares(overdue)
    for tenant in (report.tenant(t) for t in report.kept):
        mine = waits.of(tenant.tenant_id)
        if mine.num_rows:
            tenant.counts["waiting_for_parent"] = mine.num_rows
        news = report.closure is None or not mine.equals(of_tenant(before, tenant.tenant_id).select(SINCE.names))
        if news and (mine.num_rows or tenant.tenant_id in known):
            rows = mine.to_reader()
            fresh.append(new_entry(ports, tenant.tenant_id, contract.contract, DATASET, Mode.FULL, rows, tenant.run_id))
        if too_long.of(tenant.tenant_id).num_rows:
            late.append(tenant)
    if fresh:
        ports.manifest.append(fresh, now)
    _tell(
        late, contract, overdue, refused, now, ports, list(contract.objects) if report.closure is None else report.closure.table()
    )


def _since(report: BatchReport, found: pa.Table, before: pa.Table, now: datetime, ports: Ports) -> pa.Table:
    """What waits now, since when and for how many full reads; what was not looked at waits as it did."""
    if not found.num_rows and not before.num_rows:  # as on nearly every day
        return SINCE.empty_table()
    elsewhere = before.schema.empty_table() if report.closure is None else report.closure.outside(before)
    reads = {t: int(all(r.mode is Mode.FULL for r in report.tenant(t).reads.values())) for t in report.kept}
    con = ports.duck()
    try:
        sql = Sql(con)
        sql.put("found", found)
        sql.put("known", before)
        sql.put("elsewhere", elsewhere)
        sql.put("kept", pa.table({"tenant_id": pa.array(list(reads), TEXT), "full": pa.array(list(reads.values()), COUNT)}))
        return sql.arrow(
            f"""SELECT * EXCLUDE (_sequence) FROM elsewhere
            UNION ALL BY NAME SELECT f.*, coalesce(b.first_seen, {text(now.isoformat())}::TIMESTAMPTZ) AS first_seen,
              coalesce(b.full_reads, 0) + k.full AS full_reads FROM found f JOIN kept k USING (tenant_id)
            LEFT JOIN (SELECT * EXCLUDE (_sequence) FROM known) b USING ({_KEY}) ORDER BY tenant_id, object, record_id, field""",
            SINCE,
        )
    finally:
        con.close()


def _overdue(since: pa.Table, before: datetime) -> pa.Table:
    """`REFUSED` rows for what waits for too long; the record itself is not refused, since it may be half of a good one."""
    rows = [
        {
            "tenant_id": r["tenant_id"],
            "object": r["object"],
            "record_id": r["record_id"],
            "field": r["field"],
            "expectation": EXPECTATION,
            "reason": f"It names {r['parent_id']} of {r['parent_object']}, which was not read since {r['first_seen']:%Y-%m-%d %H:%M} UTC.",
            "remedy": f"Look whether the record exists and the connection may read {r['parent_object']}. Once it is read, this ends by itself.",
        }
        for r in since.to_pylist()
        if r["full_reads"] > FULL_READS or r["first_seen"] <= before
    ]
    return pa.Table.from_pylist(rows, REFUSED)


def _tell(
    tenants: Sequence[TenantReport],
    contract: Contract,
    overdue: pa.Table,
    refused: pa.Table,
    now: datetime,
    ports: Ports,
    objects: Sequence[str] | pa.Table,
) -> None:
    if not tenants:
        return
    ids = [t.tenant_id for t in tenants]
    listed = pa.concat_tables([of_tenant(table, t) for table in (refused, overdue) for t in ids])
    ports.quarantine.replace(listed, ids, contract.contract, objects, now)
