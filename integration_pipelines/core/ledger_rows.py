"""Planned writes as ledger rows, and ledger rows as the sent values (intents) that the next merge must know."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from integration_pipelines.core.tables import INTENTS, LEDGER, table_of
from integration_pipelines.core.writes import WriteState, idempotency_key, write_id

Row = Mapping[str, Any]


def ledger_rows(writes: Iterable[Row], run_id: str, plan_id: str, now: datetime) -> pa.Table:
    """`PLANNED_WRITES` of one tenant as `LEDGER` rows in state planned; the same plan always gives the same write ids."""
    rows = []
    for write in writes:
        write_key = write_id(plan_id, write["target"], write["target_id"])
        changes: Sequence[Row] = write["changes"]
        rows.append(
            {
                "tenant_id": write["tenant_id"],
                "integration": write["integration"],
                "run_id": run_id,
                "plan_id": plan_id,
                "write_id": write_key,
                "idempotency_key": idempotency_key(write["tenant_id"], write["target"], write_key),
                "target": write["target"],
                "target_id": write["target_id"],
                "operation": write["operation"],
                "fields": json.dumps([c["field"] for c in changes]),
                "before_image": json.dumps({c["field"]: c["before"] for c in changes}, ensure_ascii=False),
                "after_image": json.dumps({c["field"]: c["after"] for c in changes}, ensure_ascii=False),
                "state": WriteState.PLANNED.value,
                "attempts": 0,
                "created_at": now,
            }
        )
    return table_of(rows, LEDGER)


def images(row: Row) -> tuple[dict[str, str], dict[str, str]]:
    """A ledger row's before- and after-image: field → text in the target's spelling."""
    return json.loads(row["before_image"]), json.loads(row["after_image"])


def intents(unsettled: pa.Table, planned: Iterable[pa.Table]) -> pa.Table:
    """`INTENTS`: the canonical values of writes that may have been carried out, or may still be, and are not confirmed.

    `unsettled` is the ledger's (`LEDGER`), `planned` the plans (`PLANNED_WRITES`) that those writes belong to.
    """
    never_sent = {WriteState.PLANNED.value, WriteState.SUPERSEDED.value}
    open_writes = {(w["tenant_id"], w["target"], w["target_id"]) for w in unsettled.to_pylist() if w["state"] not in never_sent}
    rows = [
        {
            "tenant_id": w["tenant_id"],
            "target": w["target"],
            "target_id": w["target_id"],
            "field": c["field"],
            "value": c["value"],
        }
        for table in planned
        for w in (table.to_pylist() if open_writes else [])
        if (w["tenant_id"], w["target"], w["target_id"]) in open_writes
        for c in w["changes"]
    ]
    return pa.Table.from_pylist(rows, INTENTS)
