"""A tenant's report as Dagster events: materialisations with metadata that an analyst can read, and check evaluations."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from integration_pipelines.core.alert_words import Standing, stale_by
from integration_pipelines.core.contract import Contract
from integration_pipelines.defs.facts import Facts
from integration_pipelines.defs.names import asset_key
from integration_pipelines.defs.specs import writes_asset
from integration_pipelines.ports.gate import Verdict
from integration_pipelines.use_cases.latency import EventFigures
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome, TenantReport

Metadata = Mapping[str, Any]
AssetEvent = dg.AssetMaterialization | dg.AssetCheckEvaluation


def materializations(
    report: BatchReport, contract: Contract, tenant: TenantReport, facts: Facts
) -> Iterator[dg.AssetMaterialization]:
    """One per asset of the chain, for a tenant that went all the way."""
    for name, metadata in _metadata(contract, tenant, facts).items():
        common = {"mode": str(report.mode), "scope": report.scope, "outcome": str(tenant.outcome)}
        yield dg.AssetMaterialization(
            asset_key=asset_key(contract, name), partition=tenant.tenant_id, metadata={**common, **_spoken(metadata)}
        )


def _metadata(contract: Contract, tenant: TenantReport, facts: Facts) -> dict[str, Metadata]:
    sums, verdicts, numbers = tenant.outcomes, tenant.verdicts.values(), tenant.numbers
    stages: dict[str, Metadata] = {name: _read_metadata(tenant, name) for name in tenant.reads}
    stages["accepted_records"] = {
        "dagster/row_count": sum(v.evaluated - v.quarantined for v in verdicts),
        **{f"accepted_{name}": v.evaluated - v.quarantined for name, v in tenant.verdicts.items()},
    }
    stages["quarantined_records"] = {
        "dagster/row_count": sum(v.quarantined for v in verdicts),
        **{f"quarantined_{name}": v.quarantined for name, v in tenant.verdicts.items()},
    }
    stages["identity_links"] = {
        "dagster/row_count": numbers.links if numbers else 0,
        "ambiguous": sums.get("ambiguous", 0),
        "unmatched": sums.get("unmatched", 0),
    }
    stages["merged_customers"] = {"dagster/row_count": facts.merged.get(tenant.tenant_id, 0)}
    stages["reconciliation_diffs"] = {**tenant.counts, "in_sync": sums.get("in_sync", 0), "held": sums.get("held", 0)}
    stages["write_plan"] = _plan_metadata(tenant)
    for side in ("left", "right"):
        stages[writes_asset(contract, side)] = _writes_metadata(contract, tenant, facts, side)
    stages["sync_certificate"] = {
        "balanced": bool(tenant.balanced),
        "certified": "not applicable" if tenant.certified is None else "yes" if tenant.certified else "no",
        "records_by_outcome": dg.MetadataValue.md(_table(sums)),
        "partner_calls": tenant.calls,
        "reason": tenant.reason or "-",
        **_latency_metadata(facts.events.get(tenant.tenant_id)),
    }
    return stages


def _latency_metadata(events: EventFigures | None) -> Metadata:
    """How long events took in the last 24 hours, from received to written, and what became of them."""
    if events is None:
        return {}
    seconds = {} if events.latency is None else events.latency.seconds
    return {
        **{f"event_seconds_{name}": value for name, value in seconds.items()},
        "event_seconds_promised": events.target_seconds,
        "events_by_outcome": dg.MetadataValue.md(_table(events.outcomes)),
    }


def _plan_metadata(tenant: TenantReport) -> Metadata:
    numbers, plan = tenant.numbers, tenant.plan
    return {
        "dagster/row_count": numbers.records if numbers else 0,
        "fields": numbers.updates if numbers else 0,
        "blankings": numbers.blankings if numbers else 0,
        "plan": plan.plan_id if plan else "nothing to write",
        "plan_hash": numbers.plan_hash if numbers else "-",
        "plan_state": str(plan.state) if plan else "-",
        "reason": tenant.reason or "-",
        "calls_forecast": plan.numbers.get("calls_forecast", 0) if plan else 0,
        "calls_used": tenant.calls - tenant.calls_before_plan if tenant.writes else 0,
        "look": f"integration-pipelines plans show {tenant.tenant_id}",
    }


def _writes_metadata(contract: Contract, tenant: TenantReport, facts: Facts, side: str) -> Metadata:
    target = contract.main_object("left" if side == "left" else "right")
    writes = facts.writes(tenant.tenant_id, target)
    return {
        "dagster/row_count": sum(writes.values()),
        "planned": facts.planned.get((tenant.tenant_id, target), 0),
        **{f"writes_{state}": count for state, count in writes.items()},
    }


def _read_metadata(tenant: TenantReport, name: str) -> Metadata:
    read, verdict = tenant.reads[name], tenant.verdicts.get(name)
    return {
        "dagster/row_count": verdict.expected if verdict else read.rows,
        "rows_read": read.rows,
        "read": f"{read.mode}: {read.reason}",
        "calls": read.calls,
        "unknown_fields": read.unknown_fields,
        "missing_properties": ", ".join(read.missing_columns) or "-",
        "quarantined": verdict.quarantined if verdict else 0,
    }


def _table(counts: Mapping[str, int]) -> str:
    rows = "\n".join(f"| {name.replace('_', ' ')} | {count:,} |" for name, count in sorted(counts.items()))
    return f"| outcome | records |\n| --- | ---: |\n{rows}"


def evaluations(contract: Contract, tenant: TenantReport, facts: Facts) -> Iterator[dg.AssetCheckEvaluation]:
    """What the checks found; also for a tenant that was stopped, since that is when people look."""
    certificate = asset_key(contract, "sync_certificate")
    for name, verdict in tenant.verdicts.items():
        rows = [f"| {c.field} | {c.expectation} | {c.evaluated:,} | {c.unexpected:,} |" for c in verdict.checks if c.unexpected]
        table = "\n".join(["| field | expectation | evaluated | unexpected |", "| --- | --- | ---: | ---: |", *rows])
        yield _evaluation(
            tenant, f"gate_{name}", asset_key(contract, name), verdict.passed,
            {"evaluated": verdict.evaluated, "expected": verdict.expected, "quarantined": verdict.quarantined, "table_hash": verdict.table_hash,
             "reason": verdict.reason or "-", "unexpected": dg.MetadataValue.md(table) if rows else "-", "records": _named(verdict)},
        )  # fmt: skip
    if tenant.numbers is not None:
        held = tenant.outcome is RunOutcome.HELD
        yield _evaluation(
            tenant, "guard", asset_key(contract, "write_plan"), not held, {"reason": tenant.reason or "within limits"}, warn=held
        )
    if tenant.balanced is not None:
        missing = "; ".join(tenant.imbalances[:10]) or "-"
        yield _evaluation(
            tenant, "balance", certificate, tenant.balanced, {"unbalanced": len(tenant.imbalances), "records": missing}
        )
    if tenant.certified is not None:
        yield _evaluation(tenant, "certificate", certificate, tenant.certified, {"reason": tenant.reason or "-"})
    standing = facts.standings.get(tenant.tenant_id)
    if standing is not None:
        yield _freshness(contract, tenant, standing, facts.at)


def _named(verdict: Verdict) -> str:
    """The ids of refused records, some of them if there are many; `quarantine list` has all, each with its reason."""
    more = verdict.quarantined - len(verdict.records)
    return ", ".join(verdict.records) + (f" and {more:,} more" if verdict.records and more > 0 else "") or "-"


def _freshness(contract: Contract, tenant: TenantReport, standing: Standing, at: datetime) -> dg.AssetCheckEvaluation:
    """Also for a run that did not help: the hours go on."""
    metadata = {
        "last_full_reconciliation": f"{standing.last_full:%Y-%m-%d %H:%M} UTC" if standing.last_full else "none yet",
        "contract_hours": contract.latency.full_reconcile_hours,
    }
    fresh = stale_by(standing, contract, at) is None
    return _evaluation(tenant, "fresh_within_contract", asset_key(contract, "sync_certificate"), fresh, metadata, warn=True)


def _evaluation(
    tenant: TenantReport, check: str, asset: dg.AssetKey, passed: bool, metadata: Metadata, *, warn: bool = False
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=check,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR,
        partition=tenant.tenant_id,
        metadata=_spoken(metadata),
    )


def _spoken(metadata: Metadata) -> Metadata:
    """Texts stay texts: Dagster would take some for paths or links."""
    return {k: dg.MetadataValue.text(v) if isinstance(v, str) else v for k, v in metadata.items()}
