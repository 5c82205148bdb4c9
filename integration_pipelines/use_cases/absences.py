"""The second proof that a record is gone: a read that does not list it is believed only when a fetch by its id says so, too.

A page that moved while it was read hides a record that is still there, and a survivor of a merge claims records before the partner
stops listing them. Both are asked for by id, and the answer counts. Of main records only linked ones are asked for, since of others
nothing depends on it; a detail record that is not listed any more would change what is computed from it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract, ObjectKind
from integration_pipelines.core.tables import TEXT
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import NewEntry
from integration_pipelines.ports.partner import Connector
from integration_pipelines.use_cases.observations import TALLY_ROWS, dataset, laid_over, tally_of, texts
from integration_pipelines.use_cases.outcome import TenantReport

SIDES = ("left", "right")
Ids: TypeAlias = "pa.Array[Any]"
"""Ids of records, as text."""


@dataclass(slots=True)
class Doubts:
    """Of one object of a tenant: ids that a read did not list any more, and ids that it said were deleted or merged away."""

    unlisted: set[str] = field(default_factory=set)
    told_gone: set[str] = field(default_factory=set)
    listed: "Ids | None" = None  # by a full read

    def note(self, batch: pa.RecordBatch, aliases: str | None) -> None:
        """Look through rows of a read for what they say about records that are gone."""
        if batch.num_rows == 0:
            return
        gone = cast("pa.BooleanArray", batch.column("deleted"))
        if gone.true_count:
            self.told_gone.update(str(one) for one in batch.column("record_id").filter(gone).to_pylist())
        if aliases is not None:
            for claim in batch.column(aliases).drop_null().unique().to_pylist():
                self.told_gone.update(part for part in str(claim).replace(" ", "").split(";") if part)


def unlisted(tenant_id: str, contract: Contract, name: str, now: Ids, *, ports: Ports) -> set[str]:
    """Ids that were known before and that a new full read does not list; to be asked before the read counts."""
    known = dataset(ports, [tenant_id], contract.contract, tally_of(name), TALLY_ROWS)
    if not known.entries:
        return set()
    before = ids_of(ports.lake.read([one.file for one in known.entries], TALLY_ROWS).to_batches())
    if before.equals(now):
        return set()
    before = before.unique()
    return {str(one) for one in before.filter(pc.invert(pc.is_in(before, value_set=now))).to_pylist()}


def ids_of(tallies: Iterable[pa.RecordBatch]) -> Ids:
    """The ids that tallies name (`TALLY_ROWS`), as often as they name them."""
    columns: list[Any] = [batch.column("record_id") for batch in tallies]
    found: Ids = columns[0] if len(columns) == 1 else pa.concat_arrays([pa.array([], TEXT), *columns])
    return found


def second_proof(
    tenant: TenantReport, contract: Contract, connectors: Mapping[str, Connector], doubts: Mapping[str, Doubts], *, ports: Ports
) -> list[NewEntry]:
    """Fetch doubtful records by id; what the answers say, to count together with the read that left the doubt, or not at all.

    A full read also asks again for what one-sided links lack.

    Args:
        tenant: whose records.
        contract: the integration.
        connectors: by role.
        doubts: by object; only main and detail objects matter.
        ports: the outside.

    Raises:
        IntegrationError: a partner cannot be asked; then nobody knows, and the run must not go on as if somebody did.
    """
    answers: list[NewEntry] = []
    for side in SIDES:
        name = contract.main_object("left" if side == "left" else "right")
        mine = doubts.get(name, Doubts())
        wanted = _linked(tenant.tenant_id, contract, f"{side}_id", mine.unlisted | mine.told_gone, ports)
        swept = _missing(tenant.tenant_id, contract, f"{side}_id", mine, ports) - wanted
        for rows in _fetched(contract, name, sorted(wanted | swept), connectors):
            counts = rows.filter(
                pc.or_(pc.invert(rows["deleted"]), pc.is_in(rows["record_id"], value_set=pa.array(sorted(mine.told_gone), TEXT)))
            )
            if counts.num_rows:
                answers += laid_over(ports, contract, tenant.tenant_id, name, counts, tenant.run_id)
    for name in details(contract):
        for rows in _fetched(contract, name, sorted(doubts.get(name, Doubts()).unlisted), connectors):
            there = rows.filter(pc.invert(rows["deleted"]))
            if there.num_rows:
                answers += laid_over(ports, contract, tenant.tenant_id, name, there, tenant.run_id)
    return answers


def _fetched(contract: Contract, name: str, ids: list[str], connectors: Mapping[str, Connector]) -> Iterator[pa.Table]:
    spec = contract.objects[name]
    connector = connectors[spec.role]
    for start in range(0, len(ids), connector.write_batch):
        yield connector.fetch(name, spec, ids[start : start + connector.write_batch])


def _linked(tenant_id: str, contract: Contract, column: str, ids: set[str], ports: Ports) -> set[str]:
    """Those of the ids that have a live link."""
    if not ids:
        return set()
    found: set[str] = set()
    wanted = pa.array(sorted(ids), TEXT)
    for batch in ports.links.batches([tenant_id], contract.contract):
        live = pc.and_(pc.equal(batch["state"], pa.scalar("live")), pc.is_in(batch[column], value_set=wanted))
        found.update(str(one) for one in batch[column].filter(live).to_pylist())
    return found


def _missing(tenant_id: str, contract: Contract, column: str, doubts: Doubts, ports: Ports) -> set[str]:
    """Records of one-sided links that a full read did not list: they may be back without being listed yet."""
    if doubts.listed is None:
        return set()
    one_sided = ports.links.find([tenant_id], contract.contract, states=["one_sided"])
    if one_sided.num_rows == 0:
        return set()
    return set(texts(one_sided, column)) - {str(one) for one in doubts.listed.to_pylist()}


def main_objects(contract: Contract) -> Iterable[str]:
    """The objects whose records are linked."""
    return (contract.main_object("left"), contract.main_object("right"))


def details(contract: Contract) -> list[str]:
    """The objects whose records belong to others."""
    return [name for name, spec in contract.objects.items() if spec.kind is ObjectKind.DETAIL]
