"""One look of the engine at a batch of tenants: load what is known, run a pass, keep what it found."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.creates import NAMED_RECORDS
from integration_pipelines.core.ledger_rows import intents
from integration_pipelines.core.passes import Pass, PassInputs, PassResult
from integration_pipelines.core.tables import PLANNED_WRITES, TALLY, TEXT
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import Mode, NewEntry
from integration_pipelines.use_cases.observations import (
    TALLY_ROWS,
    Dataset,
    base_of,
    by_tenant_batches,
    dataset,
    new_entry,
    observed_schema,
    save_base,
    tally_of,
    texts,
)

STILL_ARRIVING = timedelta(hours=24)
"""So long a request that was given up may still be carried out; what it said is ours and no edit of a person's."""


@dataclass(slots=True)
class Look:
    """A pass with its connection, so that the balance can be drawn from the very tables the plan came from."""

    con: duckdb.DuckDBPyConnection
    engine: Pass
    inputs: PassInputs
    result: PassResult

    def close(self) -> None:
        """Free the tables."""
        self.con.close()


def observe(contract: Contract, tenant_ids: Sequence[str], *, ports: Ports) -> dict[str, Dataset]:
    """The current observations of every object."""
    return {
        name: dataset(ports, tenant_ids, contract.contract, name, observed_schema(spec))
        for name, spec in contract.objects.items()
    }


def look(
    contract: Contract,
    run_ids: Mapping[str, str],
    observed: Mapping[str, Dataset],
    refused: pa.Table,
    *,
    ports: Ports,
    setting_up: Sequence[str] = (),
    only: Sequence[str] = (),
) -> Look:
    """Run one pass over those tenants."""
    tenants = sorted(run_ids)
    inputs = PassInputs(
        contract=contract,
        run_ids={t: run_ids[t] for t in tenants},
        now=ports.clock.now(),
        observed={name: found.of(tenants).source() for name, found in observed.items()},
        refused=_only_tenants(refused.select(["tenant_id", "object", "record_id", "expectation"]), tenants),
        links=ports.links.batches(tenants, contract.contract),
        base=base_of(ports, tenants, contract).source(),
        intents=_intents(contract, tenants, ports),
        unresolved=ports.diffs.unresolved(tenants, contract.contract),
        spellings=ports.spellings.load(tenants, contract.contract),
        created=_created(contract, tenants, ports),
        setting_up=tuple(setting_up),
        only=tuple(only),
    )
    con = ports.duck()
    engine = Pass(con, inputs)
    return Look(con, engine, inputs, engine.run())


def _created(contract: Contract, tenants: Sequence[str], ports: Ports) -> pa.Table:
    """Records that we made; asked only where the contract makes any."""
    if contract.matching.create is None:
        return NAMED_RECORDS.empty_table()
    return ports.ledger.created(tenants, contract.contract)


def keep(seen: Look, *, ports: Ports, tenants: Collection[str]) -> None:
    """Keep links, bases and field counts of those tenants; diffs are kept once their plan is known."""
    contract, run_ids = seen.inputs.contract, {t: r for t, r in seen.inputs.run_ids.items() if t in tenants}
    links = _only_tenants(seen.result.links, list(run_ids))
    if links.num_rows:
        ports.links.save(links)
    save_base(ports, contract, seen.result.base_moves, run_ids)
    ports.runs.save_field_counts(_only_tenants(seen.result.field_counts, list(run_ids)), contract.contract, run_ids)


def keep_merged(seen: Look, *, ports: Ports, tenants: Collection[str]) -> None:
    """Keep the merged customers, for people: one file a tenant, written as its rows come; a tenant without any has an empty one."""
    contract, run_ids = seen.inputs.contract, {t: r for t, r in seen.inputs.run_ids.items() if t in tenants}
    merged = seen.engine.merged()

    def entry(tenant_id: str, batches: Iterable[pa.RecordBatch]) -> NewEntry:
        rows = pa.RecordBatchReader.from_batches(merged.schema, batches)
        return new_entry(ports, tenant_id, contract.contract, "merged_customers", Mode.FULL, rows, run_ids[tenant_id])

    made = {t: entry(t, batches) for t, batches in by_tenant_batches(merged) if t in run_ids}
    ports.manifest.append([*made.values(), *(entry(t, ()) for t in run_ids if t not in made)], ports.clock.now())


def read_tally(contract: Contract, tenant_ids: Sequence[str], *, ports: Ports) -> pa.Table:
    """Every record that the extracts of those tenants saw (`TALLY`), read apart from the records themselves."""
    parts = []
    for name in contract.objects:
        rows = dataset(ports, tenant_ids, contract.contract, tally_of(name), TALLY_ROWS).rows().read_all()
        parts.append(
            rows.append_column("object", pa.repeat(pa.scalar(name, TEXT), rows.num_rows)).select(TALLY.names).cast(TALLY)
        )
    return pa.concat_tables(parts)


def _only_tenants(table: pa.Table, tenants: Sequence[str]) -> pa.Table:
    if table.num_rows == 0:
        return table
    return table.filter(pc.is_in(table["tenant_id"], value_set=pa.array(tenants, TEXT)))


def _intents(contract: Contract, tenants: Sequence[str], ports: Ports) -> pa.Table:
    """Values that were sent and not confirmed; their canonical form stands in the plans they belong to."""
    late = ports.ledger.lost_since(tenants, contract.contract, ports.clock.now() - STILL_ARRIVING)
    unsettled = pa.concat_tables([ports.ledger.unsettled(tenants, contract.contract), late])
    plans = {(t, p) for t, p in zip(texts(unsettled, "tenant_id"), texts(unsettled, "plan_id"), strict=True)}
    files = [ports.plans.find(tenant, plan).file for tenant, plan in sorted(plans)]
    return intents(unsettled, [ports.lake.read([file], PLANNED_WRITES) for file in files])
