"""Keeping the merged customers that a look found: one file of all of a tenant's, or what a closure says anew, laid over it."""

from collections.abc import Collection, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import Mode, NewEntry
from integration_pipelines.use_cases.look import Look
from integration_pipelines.use_cases.merged import DATASET, GONE, kept_schema
from integration_pipelines.use_cases.observations import by_tenant_batches, new_entry, of_tenant


def keep_merged(seen: Look, *, ports: Ports, tenants: Collection[str]) -> None:
    """Keep what a look found of those tenants: everything, as one file a tenant; or what a closure says anew, laid over it."""
    run_ids = {t: r for t, r in seen.inputs.run_ids.items() if t in tenants}
    entries = _whole(seen, run_ids, ports) if seen.closure is None else _changed(seen, run_ids, ports)
    if entries:
        ports.manifest.append(entries, ports.clock.now())


def _whole(seen: Look, run_ids: dict[str, str], ports: Ports) -> list[NewEntry]:
    """One file a tenant, written as its rows come; a tenant without any has an empty one."""
    merged, contract = seen.engine.merged(), seen.inputs.contract

    def entry(tenant_id: str, batches: Iterable[pa.RecordBatch]) -> NewEntry:
        rows = pa.RecordBatchReader.from_batches(merged.schema, batches)
        return new_entry(ports, tenant_id, contract.contract, DATASET, Mode.FULL, rows, run_ids[tenant_id])

    made = {t: entry(t, batches) for t, batches in by_tenant_batches(merged) if t in run_ids}
    return [*made.values(), *(entry(t, ()) for t in run_ids if t not in made)]


def _changed(seen: Look, run_ids: dict[str, str], ports: Ports) -> list[NewEntry]:
    """The closure's links as they are now, and those of them that are none any more.

    Also where nothing differs or moved: one part of a roll-up may have become dearer by what another one became cheaper, and a run that
    found out more may have died before it came to this.
    """
    contract = seen.inputs.contract
    here = seen.engine.merged().read_all()
    here = here.append_column(GONE, pa.repeat(pa.scalar(value=False), here.num_rows))
    known = pa.concat_tables([t.select(["tenant_id", "link_id"]) for t in (seen.known_links, seen.result.links)])
    gone = known.filter(pc.invert(pc.is_in(known["link_id"], value_set=here["link_id"].combine_chunks())))
    over = gone.group_by(["tenant_id", "link_id"]).aggregate([])
    over = over.append_column(GONE, pa.repeat(pa.scalar(value=True), over.num_rows))
    rows = pa.concat_tables([here, over], promote_options="default").select(kept_schema(contract).names)
    found = []
    for tenant, run_id in run_ids.items():
        mine = of_tenant(rows, tenant).cast(kept_schema(contract))
        if mine.num_rows:
            found.append(new_entry(ports, tenant, contract.contract, DATASET, Mode.DELTA, mine.to_reader(), run_id))
    return found
