"""Read a batch of tenants' partner objects into the lake: pages stream to Parquet, then one transaction makes them count.

Also stores the tally (which ids were seen) apart from the rows, so that the balance can notice a row that vanished in between, and the
names of fields that the contract does not know.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from integration_pipelines.core.contract import Contract, ObjectKind, SourceObject
from integration_pipelines.core.tables import UNKNOWN_FIELDS
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import Mode, NewEntry
from integration_pipelines.ports.partner import Connector, ExtractionSummary
from integration_pipelines.use_cases.absences import Doubts, Ids, details, ids_of, main_objects, second_proof, unlisted
from integration_pipelines.use_cases.observations import TALLY_ROWS, observed_schema, read_since, tally_of
from integration_pipelines.use_cases.outcome import BatchReport, Read, TenantReport
from integration_pipelines.use_cases.side_by_side import side_by_side
from integration_pipelines.use_cases.vanished import refuse_vanished

TENANTS_AT_ONCE = 8
OBJECTS_AT_ONCE = 4
_NOTHING_UNKNOWN = UNKNOWN_FIELDS.empty_table()


@dataclass(frozen=True, slots=True)
class _Extracted:
    object: str
    read: Read
    entries: tuple[NewEntry, ...]
    unknown: pa.Table
    doubts: Doubts
    again: bool  # it was read before, so that a read of what changed was asked for
    listed: Ids  # every id that the read named


def extract(report: BatchReport, contract: Contract, *, ports: Ports, full: bool) -> None:
    """Read every object of the contract for every tenant still under way; a tenant that fails is marked and the rest go on.

    Args:
        report: the run; gains `reads` per tenant.
        contract: what to read.
        ports: the outside.
        full: read everything, not only what changed since the watermark.
    """
    shapes = {name: observed_schema(spec) for name, spec in contract.objects.items()}
    side_by_side(
        lambda tenant: _tenant(tenant, contract, shapes, ports, full or tenant.must_read_full),
        report.alive(),
        min(ports.at_once, TENANTS_AT_ONCE),
    )


def _tenant(tenant: TenantReport, contract: Contract, shapes: Mapping[str, pa.Schema], ports: Ports, full: bool) -> None:
    connectors: dict[str, Connector] = {}
    try:
        for role in (contract.roles.left, contract.roles.right):
            connectors[role.name] = ports.connectors.open(tenant.tenant_id, role.partner)
        results = side_by_side(
            lambda job: _object(tenant, contract, shapes[job[0]], ports, full, connectors[job[1].role], *job),
            contract.objects.items(),
            min(ports.at_once, OBJECTS_AT_ONCE),
        )
        entries = [entry for result in results for entry in result.entries]
        listed = {r.entries[-1].dataset: r.listed for r in results if r.read.mode is Mode.FULL}
        refuse_vanished(tenant.tenant_id, contract, listed, ports=ports)
        doubts = _doubts(tenant.tenant_id, contract, results, ports)
        entries += second_proof(tenant, contract, connectors, doubts, ports=ports)  # a read counts with its proofs, or not at all
        ports.manifest.append(entries, ports.clock.now())
        ports.unknown_fields.record(pa.concat_tables(r.unknown for r in results), ports.clock.now())
        tenant.reads = {r.object: r.read for r in results}
        tenant.read_anew = "" if full else _read_anew(contract, results)
        tenant.calls += sum(c.calls for c in connectors.values())
    except IntegrationError as error:
        tenant.fail(error)
    finally:
        for connector in connectors.values():
            connector.close()


def _read_anew(contract: Contract, results: Sequence[_Extracted]) -> str:
    """Why an object that is otherwise read in part was read in full, for people; lookups always are."""
    anew = [
        r for r in results if r.again and r.read.mode is Mode.FULL and contract.objects[r.object].kind is not ObjectKind.LOOKUP
    ]
    return "; ".join(f"{r.object} was read in full: {r.read.reason}" for r in anew)


def _doubts(tenant_id: str, contract: Contract, results: Sequence[_Extracted], ports: Ports) -> dict[str, Doubts]:
    """Of all objects but lookups: what the read says, or does not say any more, about records known so far."""
    asked = frozenset((*main_objects(contract), *details(contract)))
    for result in results:
        if result.object in asked and result.read.mode is Mode.FULL:
            result.doubts.unlisted = unlisted(tenant_id, contract, result.object, result.listed, ports=ports)
            result.doubts.listed = result.listed
    return {result.object: result.doubts for result in results if result.object in asked}


def _object(
    tenant: TenantReport,
    contract: Contract,
    schema: pa.Schema,
    ports: Ports,
    full: bool,
    connector: Connector,
    name: str,
    spec: SourceObject,
) -> _Extracted:
    """One object: rows and tally become durable files, not yet visible."""
    since = None if full else read_since(ports, tenant.tenant_id, contract, name)
    extraction = connector.extract(name, spec, since)
    seen: list[pa.RecordBatch] = []
    doubts = Doubts()
    dataset = f"{contract.contract}-{name}"
    file = ports.lake.write(
        tenant_id=tenant.tenant_id, dataset=dataset, schema=schema, batches=_noting(iter(extraction), seen, schema, doubts, spec)
    )
    tally = ports.lake.write(
        tenant_id=tenant.tenant_id, dataset=f"{contract.contract}-{tally_of(name)}", schema=TALLY_ROWS, batches=seen
    )
    summary = extraction.summary
    entries = (
        NewEntry(tenant.tenant_id, contract.contract, name, extraction.mode, file, tenant.run_id, summary.watermark),
        NewEntry(tenant.tenant_id, contract.contract, tally_of(name), extraction.mode, tally, tenant.run_id),
    )
    read = Read(
        extraction.mode,
        extraction.reason,
        file.rows,
        summary.calls,
        sum(summary.unknown_fields.values()),
        summary.missing_columns,
    )
    unknown = _unknown(tenant.tenant_id, contract.contract, name, summary)
    return _Extracted(name, read, entries, unknown, doubts, since is not None, ids_of(seen))


def _noting(
    batches: Iterator[pa.RecordBatch], seen: list[pa.RecordBatch], schema: pa.Schema, doubts: Doubts, spec: SourceObject
) -> Iterator[pa.RecordBatch]:
    """Pass batches on and remember their ids, and what they say about records that are gone."""
    for batch in batches:
        seen.append(batch.select(TALLY_ROWS.names))
        if spec.kind is ObjectKind.MAIN:
            doubts.note(batch, spec.aliases)
        yield batch if batch.schema.equals(schema) else batch.select(schema.names)


def _unknown(tenant_id: str, integration: str, name: str, summary: ExtractionSummary) -> pa.Table:
    if not summary.unknown_fields:
        return _NOTHING_UNKNOWN
    counts = Counter(summary.unknown_fields)
    rows = [
        {"tenant_id": tenant_id, "integration": integration, "object": name, "name": field, "type": kind, "count": count}
        for (field, kind), count in sorted(counts.items())
    ]
    return pa.Table.from_pylist(rows, UNKNOWN_FIELDS)
