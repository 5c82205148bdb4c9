"""One look of the engine at a batch of tenants: load what is known, run a pass, keep what it found."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.creates import NAMED_RECORDS
from integration_pipelines.core.ledger_rows import intents
from integration_pipelines.core.passes import Pass, PassInputs, PassResult
from integration_pipelines.core.sql import Rows
from integration_pipelines.core.tables import IDENTITY_LINKS, INSTALLED, PLANNED_WRITES, TALLY, TEXT
from integration_pipelines.errors import ConflictError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.closure import Closure
from integration_pipelines.use_cases.observations import (
    TALLY_ROWS,
    Dataset,
    base_of,
    by_tenant,
    dataset,
    observed_schema,
    save_base,
    tally_of,
    texts,
)

STILL_ARRIVING = timedelta(days=4)
"""So long what a request said that was given up is taken for ours and for no edit of a person's: it may be carried out within a day, and
for three days more nobody may have looked."""


@dataclass(slots=True)
class Look:
    """A pass with its connection, so that the balance can be drawn from the very tables the plan came from."""

    con: duckdb.DuckDBPyConnection
    engine: Pass
    inputs: PassInputs
    result: PassResult
    closure: Closure | None  # None: it looked at everything
    known_links: pa.Table  # those of the closure, as they were before
    tally: Mapping[str, Dataset] = field(default_factory=dict)  # object → every record that was read until then

    def pairs(self) -> pa.Table:
        """The links that counted: tenant_id, left_id, right_id."""
        found: pa.Table = self.con.sql("SELECT tenant_id, left_id, right_id FROM live_links ORDER BY ALL").to_arrow_table()
        return found

    def close(self) -> None:
        """Free the tables."""
        self.con.close()


def observe(contract: Contract, tenant_ids: Sequence[str], *, ports: Ports, closure: Closure | None = None) -> dict[str, Dataset]:
    """The current observations of every object, of all records or of those in a closure."""
    return {
        name: dataset(
            ports, tenant_ids, contract.contract, name, observed_schema(spec), among=None if closure is None else closure.of(name)
        )
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
    closure: Closure | None = None,
) -> Look:
    """Run one pass over those tenants: over everything of theirs, or over a closure, to which `observed` and `refused` are cut already."""
    tenants = sorted(run_ids)
    links, among = _links(contract, tenants, closure, ports)
    few, base = closure is not None and closure.few, base_of(ports, tenants, contract, among)
    inputs = PassInputs(
        contract=contract,
        run_ids={t: run_ids[t] for t in tenants},
        now=ports.clock.now(),
        observed={name: _rows(found.of(tenants), few=few) for name, found in observed.items()},
        refused=_only_tenants(refused.select(["tenant_id", "object", "record_id", "expectation"]), tenants),
        links=links,
        base=_rows(base, few=few),
        intents=_intents(contract, tenants, ports),
        unresolved=_unresolved(contract, tenants, closure, ports),
        spellings=ports.spellings.load(tenants, contract.contract),
        created=_created(contract, tenants, closure, ports),
        installed=_installed(contract, tenants, ports),
        setting_up=tuple(setting_up),
        only=tuple(only),
        few=few,
    )
    con = ports.duck(few=inputs.few)
    engine = Pass(con, inputs)
    return Look(
        con, engine, inputs, engine.run(), closure, links if isinstance(links, pa.Table) else IDENTITY_LINKS.empty_table()
    )


def _rows(found: Dataset, *, few: bool) -> Rows:
    """A dataset for the engine; of few records, and where the gate has seen them just now, each only once, as it has seen them."""
    return found.newest() if few or found.known else found.source()


def _links(
    contract: Contract, tenants: Sequence[str], closure: Closure | None, ports: Ports
) -> tuple[Rows, dict[str, list[str]] | None]:
    """The links, and by tenant the ids of those whose base is wanted (None: of all)."""
    if closure is None:
        return ports.links.batches(tenants, contract.contract), None
    mine = closure.cut(contract, ports.links.find(tenants, contract.contract, records=closure.mains(contract)))
    among: dict[str, list[str]] = {}
    for tenant, link in zip(texts(mine, "tenant_id"), texts(mine, "link_id"), strict=True):
        among.setdefault(tenant, []).append(link)
    return mine, among


def _unresolved(contract: Contract, tenants: Sequence[str], closure: Closure | None, ports: Ports) -> pa.Table:
    if closure is None:
        return ports.diffs.unresolved(tenants, contract.contract)
    return closure.cut(contract, ports.diffs.unresolved(tenants, contract.contract, closure.mains(contract)))


def _created(contract: Contract, tenants: Sequence[str], closure: Closure | None, ports: Ports) -> pa.Table:
    """Records that we made; asked only where the contract makes any, and by record only where those name what was made for them."""
    rule = contract.matching.create
    if rule is None:
        return NAMED_RECORDS.empty_table()
    by_id = contract.objects[contract.main_object("right")].columns[rule.value].source == "id"
    among = closure.mains(contract) if closure is not None and by_id else None
    return ports.ledger.created(tenants, contract.contract, among)


def _installed(contract: Contract, tenants: Sequence[str], ports: Ports) -> pa.Table:
    """Since when those tenants have the integration; asked only where the contract makes records."""
    found = ports.tenants.installations(tenants, contract.contract) if contract.matching.create is not None else []
    # Partners tell whole seconds: what happened in the same one counts as after.
    rows = [{"tenant_id": i.tenant_id, "installed_at": i.installed_at.replace(microsecond=0)} for i in found]
    return pa.Table.from_pylist(rows, INSTALLED)


def keep(seen: Look, *, ports: Ports, tenants: Collection[str]) -> dict[str, ConflictError]:
    """Keep links, bases and field counts of those tenants; diffs are kept once their plan is known.

    Returns the tenants of whom nothing was kept, since a person linked one of their records otherwise in this very moment.
    """
    contract, run_ids = seen.inputs.contract, {t: r for t, r in seen.inputs.run_ids.items() if t in tenants}
    refused = _save_links(_only_tenants(seen.result.links, list(run_ids)), ports)
    run_ids = {t: r for t, r in run_ids.items() if t not in refused}
    save_base(ports, contract, seen.result.base_moves, run_ids)
    ports.runs.save_field_counts(_only_tenants(seen.result.field_counts, list(run_ids)), contract.contract, run_ids)
    return refused


def _save_links(links: pa.Table, ports: Ports) -> dict[str, ConflictError]:
    """All at once; if one cannot be, tenant by tenant, so that only its own tenant has the trouble."""
    if links.num_rows == 0:
        return {}
    refused = {}
    try:
        ports.links.save(links)
    except ConflictError:
        for tenant_id, mine in by_tenant(links).items():
            try:
                ports.links.save(mine)
            except ConflictError as error:
                refused[tenant_id] = error
    return refused


def tallies(contract: Contract, tenant_ids: Sequence[str], *, ports: Ports, closure: Closure | None = None) -> dict[str, Dataset]:
    """Every record that reads of those tenants saw until now, or of them those in a closure, by object; stored apart from the records.

    What a push meets later, the survivor of a merge say, is no part of a balance that was drawn over what was read before.
    """
    return {
        name: dataset(
            ports, tenant_ids, contract.contract, tally_of(name), TALLY_ROWS, among=None if closure is None else closure.of(name)
        )
        for name in contract.objects
    }


def read_tally(listed: Mapping[str, Dataset], tenant_ids: Sequence[str]) -> pa.Table:
    """Of those tenants (`TALLY`)."""
    parts = []
    for name, records in listed.items():
        rows = records.of(tenant_ids).rows().read_all()
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
