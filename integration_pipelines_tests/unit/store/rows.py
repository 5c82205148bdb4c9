"""Rows to store in tests, each whole and plain unless a test says otherwise."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import Engine

from integration_pipelines.core.tables import DIFFS, IDENTITY_LINKS, LEDGER, OUTCOMES, TEXT
from integration_pipelines.ports.evidence import Run
from integration_pipelines.ports.lake import StoredFile
from integration_pipelines.ports.writing import PlanState, StoredPlan
from integration_pipelines.store.engine import EVERYONE, reading

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
CRM = "crm_billing"
REFUSED = pa.schema([(n, TEXT) for n in ("tenant_id", "object", "record_id", "field", "expectation", "reason", "remedy")])
Row = Mapping[str, Any]


def diff(diff_id: str, **changes: Any) -> Row:  # noqa: ANN401 - any column
    """An open difference of an amount."""
    plain = {
        "diff_id": diff_id, "tenant_id": "t1", "integration": CRM, "contract_version": 1, "object": "crm_accounts", "field": "mrr",
        "link_id": f"link_of_{diff_id}", "left_id": "1", "right_id": "cus_1", "record_label": "Acme", "owner_role": "billing",
        "left_value": "5000", "right_value": "123450", "resolved_value": "123450", "currency": "USD", "amount_delta_minor": 118450,
        "kind": "drift", "action": "write_left", "status": "open", "rule_id": "mrr.owner", "reason": "billing owns it",
        "first_seen_at": NOW, "last_seen_at": NOW, "occurrences": 1, "first_run_id": "run_1", "last_run_id": "run_1",
    }  # fmt: skip
    return plain | changes


def diffs(*rows: Row) -> pa.Table:
    """Those differences as a table."""
    return pa.Table.from_pylist([dict(r) for r in rows], DIFFS)


def link(link_id: str, left: str | None, right: str | None, **changes: Any) -> Row:  # noqa: ANN401 - idem
    """A live link."""
    plain = {"tenant_id": "t1", "integration": CRM, "link_id": link_id, "left_id": left, "right_id": right, "state": "live"}
    return (
        plain
        | {"match_rule": "email_domain", "match_evidence": "acme.com", "created_at": NOW, "updated_at": NOW, "epoch": 1}
        | changes
    )


def links(*rows: Row) -> pa.Table:
    """Those links as a table."""
    return pa.Table.from_pylist([dict(r) for r in rows], IDENTITY_LINKS)


def write(write_id: str, **changes: Any) -> Row:  # noqa: ANN401 - idem
    """A planned write."""
    plain = {
        "tenant_id": "t1", "integration": CRM, "run_id": "run_1", "plan_id": "plan_1", "write_id": write_id,
        "idempotency_key": f"key:{write_id}", "target": "crm_accounts", "target_id": write_id.removeprefix("w"), "operation": "update",
        "fields": '["mrr"]',
        "before_image": "{}", "after_image": "{}", "state": "planned", "attempts": 0, "created_at": NOW,
    }  # fmt: skip
    return plain | changes


def writes(*rows: Row) -> pa.Table:
    """Those writes as a table."""
    return pa.Table.from_pylist([dict(r) for r in rows], LEDGER)


def outcomes(*rows: tuple[str, str, str], tenant: str = "t1", rule: str | None = None) -> pa.Table:
    """(object, record, outcome) as a balance."""
    named = [{"tenant_id": tenant, "object": o, "record_id": r, "outcome": what, "rule": rule} for o, r, what in rows]
    return pa.Table.from_pylist(named, OUTCOMES)


def refused(*rows: tuple[str, str | None], tenant: str = "t1") -> pa.Table:
    """(record, field) of `crm_accounts` that the gate refused."""
    fixed = {
        "tenant_id": tenant,
        "object": "crm_accounts",
        "expectation": "in_set",
        "reason": "unknown",
        "remedy": "choose another",
    }
    return pa.Table.from_pylist([fixed | {"record_id": r, "field": f} for r, f in rows], REFUSED)


def run(run_id: str, tenant: str = "t1", **changes: Any) -> Run:  # noqa: ANN401 - idem
    """A run that began at `NOW`."""
    plain: dict[str, Any] = {"trigger": "manual", "scope": "full", "started_at": NOW}
    return Run(tenant, CRM, run_id, **(plain | changes))


def file(name: str) -> StoredFile:
    """A stored file of that name."""
    return StoredFile(f"t1/{name}.parquet", "a" * 64, 3, 400)


def plan(plan_id: str, **changes: Any) -> StoredPlan:  # noqa: ANN401 - idem
    """A held plan."""
    plain: dict[str, Any] = {
        "plan_id": plan_id, "tenant_id": "t1", "integration": CRM, "run_id": "run_1", "plan_hash": f"hash_of_{plan_id}",
        "state": PlanState.HELD, "reason": "first plan", "numbers": {"records": 2}, "file": file(plan_id), "created_at": NOW,
    }  # fmt: skip
    return StoredPlan(**(plain | changes))


def query(engine: Engine, sql: str) -> list[dict[str, Any]]:
    """What an analyst sees."""
    with reading(engine, EVERYONE) as connection:
        return [dict(row._mapping) for row in connection.exec_driver_sql(sql)]
