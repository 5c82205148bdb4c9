"""One look of the engine at a batch of tenants: load what is known, run a pass, keep what it found."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.ledger_rows import intents
from integration_pipelines.core.passes import Pass, PassInputs, PassResult
from integration_pipelines.core.tables import PLANNED_WRITES, TALLY, TEXT
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import Mode
from integration_pipelines.use_cases.observations import (
    TALLY_ROWS,
    new_entry,
    observed_schema,
    of_tenant,
    read_base,
    read_current,
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


def observe(contract: Contract, tenant_ids: Sequence[str], *, ports: Ports) -> dict[str, pa.Table]:
    """The current observations of every object."""
    return {
        name: read_current(ports, tenant_ids, contract.contract, name, observed_schema(spec))
        for name, spec in contract.objects.items()
    }


def look(
    contract: Contract,
    run_ids: Mapping[str, str],
    observed: Mapping[str, pa.Table],
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
        observed={name: _only_tenants(table, tenants) for name, table in observed.items()},
        refused=_only_tenants(refused.select(["tenant_id", "object", "record_id", "expectation"]), tenants),
        links=ports.links.load(tenants, contract.contract),
        base=read_base(ports, tenants, contract),
        intents=_intents(contract, tenants, ports),
        unresolved=ports.diffs.unresolved(tenants, contract.contract),
        spellings=ports.spellings.load(tenants, contract.contract),
        setting_up=tuple(setting_up),
        only=tuple(only),
    )
    con = ports.duck()
    engine = Pass(con, inputs)
    return Look(con, engine, inputs, engine.run())


def keep(seen: Look, *, ports: Ports, tenants: Collection[str]) -> None:
    """Keep links, bases, merged customers and field counts of those tenants; diffs are kept once their plan is known."""
    contract, run_ids = seen.inputs.contract, {t: r for t, r in seen.inputs.run_ids.items() if t in tenants}
    links = _only_tenants(seen.result.links, list(run_ids))
    if links.num_rows:
        ports.links.save(links)
    save_base(ports, contract, seen.inputs.base, seen.result.base_moves, run_ids)
    entries = [
        new_entry(ports, t, contract.contract, "merged_customers", Mode.FULL, of_tenant(seen.result.merged, t), run_ids[t])
        for t in run_ids
    ]
    ports.manifest.append(entries, ports.clock.now())
    ports.runs.save_field_counts(_only_tenants(seen.result.field_counts, list(run_ids)), contract.contract, run_ids)


def read_tally(contract: Contract, tenant_ids: Sequence[str], *, ports: Ports) -> pa.Table:
    """Every record that the extracts of those tenants saw (`TALLY`), read apart from the records themselves."""
    parts = []
    for name in contract.objects:
        rows = read_current(ports, tenant_ids, contract.contract, tally_of(name), TALLY_ROWS)
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
