"""Let the gate judge what was read: good records go on, bad ones go to quarantine, a broken suite stops its tenant."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.tables import TEXT
from integration_pipelines.errors import InvalidError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.observations import Dataset, texts
from integration_pipelines.use_cases.outcome import BatchReport
from integration_pipelines.use_cases.suspended import checks, suspended_columns, words
from integration_pipelines.use_cases.verdicts import file_digests

SHOWN = 20
"""So many ids of refused records stand beside a verdict."""
REFUSED = pa.schema([(c, TEXT) for c in ("tenant_id", "object", "record_id", "field", "expectation", "reason", "remedy")])


def judge(
    report: BatchReport, contract: Contract, observed: Mapping[str, Dataset], setting_up: Collection[str] = (), *, ports: Ports
) -> pa.Table:
    """Judge every object; returns the refused records (`REFUSED`), one row per broken expectation.

    A tenant whose verdict is negative (empty table, suite raised, rows not evaluated) fails and writes nothing.
    """
    tenants, whole = tuple(t.tenant_id for t in report.alive()), report.closure is None
    suspended = {t.tenant_id: suspended_columns(t, contract, setting_up) for t in report.alive()}
    for tenant in report.alive():
        tenant.suspended = words(contract, suspended[tenant.tenant_id])
        if suspended[tenant.tenant_id]:
            tenant.counts["suspended_columns"] = sum(len(columns) for columns in suspended[tenant.tenant_id].values())
    parts = []
    for name, spec in contract.objects.items():
        digests = file_digests(observed[name])
        judged = spec if whole else spec.model_copy(update={"allow_empty": True})  # of a few records none may be of this object
        result = ports.gate.judge(name, judged, observed[name].newest(), tenants, few=not whole)
        refused_ids = _ids(result.refused)
        for verdict in result.verdicts:
            tenant = report.tenant(verdict.tenant_id)
            found = (*verdict.checks, *checks(suspended[tenant.tenant_id].get(name, ())))
            tenant.verdicts[name] = replace(verdict, checks=found, records=refused_ids.get(tenant.tenant_id, ()))
            tenant.judged[name] = digests.get(tenant.tenant_id, "")
            if not verdict.passed and tenant.alive:
                tenant.counts["gate_stopped"] = 1
                tenant.fail(
                    InvalidError(
                        f"The gate stopped {contract.contract} for tenant {verdict.tenant_id} at {name}: {verdict.reason}",
                        remedy="Nothing was written. Look at the check's counts, correct the source and sync again.",
                    )
                )
        named = result.refused.append_column("object", pa.repeat(pa.scalar(name, TEXT), result.refused.num_rows))
        parts.append(named.select(REFUSED.names).cast(REFUSED))
    refused = pa.concat_tables(parts)
    objects = list(contract.objects) if report.closure is None else report.closure.table()
    ports.quarantine.replace(refused, tenants, contract.contract, objects, ports.clock.now())
    return refused


def _ids(refused: pa.Table) -> dict[str, tuple[str, ...]]:
    """Some ids of each tenant's refused records, in order."""
    records = (
        refused.group_by(["tenant_id", "record_id"])
        .aggregate([])
        .sort_by([("tenant_id", "ascending"), ("record_id", "ascending")])
    )
    found: dict[str, list[str]] = {}
    for tenant, record in zip(texts(records, "tenant_id"), texts(records, "record_id"), strict=True):
        known = found.setdefault(tenant, [])
        if len(known) < SHOWN:
            known.append(record)
    return {tenant: tuple(ids) for tenant, ids in found.items()}
