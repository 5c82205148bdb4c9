"""Read a few records again by id, and what they name that was never read; the lake has their present state before anything is decided.

A part of a record is read with all parts of that record, since they are added up. Records that nobody named stay as the lake knows them:
each is read again before it is written. That a linked record is gone is believed of it when the fetch by its id says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from integration_pipelines.core.contract import Contract, ObjectKind, SourceObject
from integration_pipelines.core.kin import Kinship
from integration_pipelines.core.sayings import Said
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.lake import Mode
from integration_pipelines.ports.partner import Connector
from integration_pipelines.use_cases.closure import Closure, Known, Records, closure_of
from integration_pipelines.use_cases.observations import lay_over_all, observed_schema, read_since, shaped
from integration_pipelines.use_cases.outcome import BatchReport, Read, RunOutcome, TenantReport
from integration_pipelines.use_cases.side_by_side import side_by_side

TENANTS_AT_ONCE = 8
OBJECTS_AT_ONCE = 4
MOST_STEPS = 5
"""So often what was read may name something else that was never read."""
MOST_PARENTS = 20
"""The parts of more records than this are read one by one, as far as they were named."""
NEVER_READ = "nothing of this tenant was read yet; the first full read finds what changed"
TOO_MANY = "more records decide about each other than are worth looking at apart; everything is looked at instead"


def fetch_touched(report: BatchReport, contract: Contract, touched: Mapping[str, Records], *, ports: Ports) -> None:
    """Read those records of each tenant (tenant → object → ids) and find their closure, which the run looks at from here on.

    A tenant without a first full read is held, and one whose closure is too large is left to a look at everything (`too_many`).
    """
    found: dict[str, Records] = {}
    kinship = Kinship.of(contract)
    shapes = {name: observed_schema(spec) for name, spec in contract.objects.items()}

    def one(tenant: TenantReport) -> None:
        try:
            closure = _tenant(tenant, kinship, shapes, touched.get(tenant.tenant_id, {}), ports)
        except IntegrationError as error:
            tenant.fail(error)
            return
        if closure is not None:
            found[tenant.tenant_id] = closure

    side_by_side(one, report.alive(), min(ports.at_once, TENANTS_AT_ONCE))
    report.closure = Closure(found)


def _tenant(
    tenant: TenantReport, kinship: Kinship, shapes: Mapping[str, pa.Schema], touched: Records, ports: Ports
) -> Records | None:
    contract = kinship.contract
    if any(read_since(ports, tenant.tenant_id, contract, name) is None for name in contract.objects):
        tenant.outcome, tenant.reason = RunOutcome.HELD, NEVER_READ
        return None
    known = Known(tenant.tenant_id, kinship, ports)
    reading = _Reading(tenant.tenant_id, contract, shapes, known, ports)
    try:
        meant = reading.meant(touched)
        touched = {name: {one for ids in of.values() for one in ids} for name, of in meant.items()}
        tables = reading.read(touched)
    finally:
        tenant.calls += reading.close()
    tables = {name: _without_strangers(rows, known.of(name)) for name, rows in tables.items()}
    for name, rows in lay_over_all(ports, contract, tenant.tenant_id, tables, tenant.run_id).items():
        known.add(name, rows)
    tenant.reads = {
        name: Read(Mode.DELTA, "named by an event or a person", table.num_rows, 0, 0, ()) for name, table in tables.items()
    }
    mains = known.mains_of(touched)
    tenant.mains = {
        (name, event): frozenset(main for one in ids for main in mains[name, one])
        for name, of in meant.items()
        for event, ids in of.items()
    }
    closure = closure_of(known, {name: {*touched.get(name, ()), *_ids(table)} for name, table in tables.items()})
    if closure is None:
        tenant.outcome, tenant.reason, tenant.too_many = RunOutcome.SKIPPED, TOO_MANY, True
    return closure


@dataclass(slots=True)
class _Reading:
    """One tenant's reading under way: what was asked for so far, and the connections it is asked over."""

    tenant_id: str
    contract: Contract
    shapes: Mapping[str, pa.Schema]
    known: Known
    ports: Ports
    asked: dict[str, set[str]] = field(default_factory=dict)  # object → ids
    listed: dict[str, set[str]] = field(default_factory=dict)  # detail object → the records whose parts were listed
    connectors: dict[str, Connector] = field(default_factory=dict)  # by role

    def meant(self, touched: Records) -> dict[str, dict[str, list[str]]]:
        """Object → what an event names → the records that it means; nearly always the record itself."""
        found: dict[str, dict[str, list[str]]] = {}
        for name, ids in touched.items():
            spec, listed = self.contract.objects[name], sorted(ids)
            if not listed:
                continue
            self._connect(spec.role)
            connector = self.connectors[spec.role]
            found[name] = {one: connector.named(name, spec, [one]) for one in listed}
        return found

    def read(self, touched: Records) -> dict[str, pa.Table]:
        """The present state of the touched records, of the parts they belong together with, and of what they name, by object."""
        found: dict[str, list[pa.Table]] = {name: [] for name in self.contract.objects}
        wanted = {name: set(touched.get(name, ())) for name in self.contract.objects}
        parents = {
            name: {parent for _, parent in self.known.of(name).column(str(spec.parent), wanted[name])}
            for name, spec in self._details()
            if wanted[name]
        }
        for _ in range(MOST_STEPS):
            jobs = [(name, wanted[name], parents.get(name, set())) for name in self.contract.objects]
            jobs = [job for job in jobs if job[1] or job[2]]
            for role in sorted({self.contract.objects[name].role for name, *_ in jobs}):
                self._connect(role)
            got = side_by_side(lambda job: self._object(*job), jobs, min(self.ports.at_once, OBJECTS_AT_ONCE))
            fresh = {job[0]: table for job, table in zip(jobs, got, strict=True)}
            for name, table in fresh.items():
                found[name].append(table)
            wanted, parents = self._named(fresh)
            if not any(wanted.values()) and not any(parents.values()):
                break
        return {name: _each_once(pa.concat_tables(tables)) for name, tables in found.items() if tables}

    def close(self) -> int:
        """Give the connections back; how many requests went over them."""
        for connector in self.connectors.values():
            connector.close()
        return sum(connector.calls for connector in self.connectors.values())

    def _connect(self, role: str) -> None:
        if role not in self.connectors:
            partner = self.contract.role(self.contract.side_of(role)).partner
            self.connectors[role] = self.ports.connectors.open(self.tenant_id, partner)

    def _details(self) -> Iterable[tuple[str, SourceObject]]:
        return ((name, spec) for name, spec in self.contract.objects.items() if spec.kind is ObjectKind.DETAIL)

    def _object(self, name: str, ids: set[str], parents: set[str]) -> pa.Table:
        """Those records of one object, and all that belong to those parents, if the partner can be asked for them."""
        spec, connector = self.contract.objects[name], self.connectors[self.contract.objects[name].role]
        schema = self.shapes[name]
        parts = None
        if parents and len(parents) <= MOST_PARENTS:
            parts = connector.of_parents(name, spec, sorted(parents))
        here = set() if parts is None else _ids(parts)
        self.listed.setdefault(name, set()).update(parents)
        left = sorted(ids - here)
        self.asked.setdefault(name, set()).update(ids | here)
        batches = [left[i : i + connector.write_batch] for i in range(0, len(left), connector.write_batch)]
        tables = [connector.fetch(name, spec, batch) for batch in batches] + ([] if parts is None else [parts])
        return pa.concat_tables([shaped(table, schema) for table in tables]) if tables else schema.empty_table()

    def _named(self, fresh: Mapping[str, pa.Table]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """What was just read names and the lake does not have: ids by object, and records whose parts were never listed."""
        wanted: dict[str, set[str]] = {name: set() for name in self.contract.objects}
        parents: dict[str, set[str]] = {}
        for name, rows in ((n, _there(t)) for n, t in fresh.items() if t.num_rows):
            spec = self.contract.objects[name]
            for column, named in self.known.kinship.lookups.get(name, ()):
                wanted[named] |= self._unknown(named, _values(rows, column))
            if spec.kind is ObjectKind.DETAIL:
                whose = _values(rows, str(spec.parent))
                wanted[str(spec.parent_object)] |= self._unknown(str(spec.parent_object), whose)
                parents.setdefault(name, set()).update(whose - self.listed.get(name, set()))
            if spec.kind is ObjectKind.MAIN:
                for detail in (d for d, s in self._details() if s.parent_object == name):
                    new = _ids(rows) - self.known.of(name).present(_ids(rows)) - self.listed.get(detail, set())
                    parents.setdefault(detail, set()).update(new)
            if spec.aliases is not None:
                claimed = {part for claim in _values(rows, spec.aliases) for part in claim.replace(" ", "").split(";") if part}
                wanted[name] |= self._linked(claimed - self.asked.get(name, set()))
        return wanted, parents

    def _unknown(self, name: str, ids: set[str]) -> set[str]:
        fresh = ids - self.asked.get(name, set())
        return fresh - self.known.of(name).present(fresh)

    def _linked(self, ids: set[str]) -> set[str]:
        """Those that have a live link: of others nothing depends on whether they are gone."""
        if not ids:
            return set()
        links = self.ports.links.find([self.tenant_id], self.contract.contract, states=["live"], records=sorted(ids))
        return ids & {str(one) for side in ("left_id", "right_id") for one in links[side].drop_null().to_pylist()}


def _without_strangers(rows: pa.Table, said: Said) -> pa.Table:
    """Without records that the partner does not have and that were never read: there never was anything of them."""
    ids = rows["record_id"].to_pylist()
    gone = {str(one) for one, deleted in zip(ids, rows["deleted"].to_pylist(), strict=True) if deleted}
    strange = gone - said.present(gone)
    return rows.filter(pa.array([one not in strange for one in ids], pa.bool_())) if strange else rows


def _there(rows: pa.Table) -> pa.Table:
    """Those that the partner has."""
    deleted = rows["deleted"].to_pylist()
    return rows.filter(pa.array([not one for one in deleted], pa.bool_())) if any(deleted) else rows


def _each_once(rows: pa.Table) -> pa.Table:
    """Of a record that came twice what came last."""
    last = {one: place for place, one in enumerate(rows["record_id"].to_pylist())}
    return rows.take(pa.array(sorted(last.values()), pa.int64())) if len(last) < rows.num_rows else rows


def _ids(rows: pa.Table) -> set[str]:
    return _values(rows, "record_id")


def _values(rows: pa.Table, column: str) -> set[str]:
    return {str(value) for value in rows[column].to_pylist() if value}
