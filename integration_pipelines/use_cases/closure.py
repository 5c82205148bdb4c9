"""The closure of a few records: they, and all that decide about them or about which they decide, as the lake knows them now and before.

A look at a closure says of its records what a look at everything would say. What changed under a record counts with what it says now and
with what it said before, since it may have stood in the way of another one until now.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from integration_pipelines.core.contract import Contract, ObjectKind
from integration_pipelines.core.kin import CREATE, Kinship, loose_value
from integration_pipelines.core.sayings import Said, said
from integration_pipelines.core.tables import TEXT
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.observations import Dataset, texts

MOST_RECORDS = 5_000
"""A closure with more records than this is looked at together with everything else: that is quicker, and no longer a small change."""

FEW_RECORDS = 500
"""Up to so many, to read rows costs next to nothing beside thinking about how."""

Records = Mapping[str, Collection[str]]
"""Object → ids."""


@dataclass(frozen=True, slots=True)
class Closure:
    """What a run looks at when it does not look at everything: tenant → object → ids."""

    records: Mapping[str, Records]

    @property
    def few(self) -> bool:
        """Whether it is as small as an event's closure usually is."""
        return sum(len(ids) for objects in self.records.values() for ids in objects.values()) <= FEW_RECORDS

    def of(self, name: str) -> dict[str, frozenset[str]]:
        """Tenant → ids of one object."""
        return {tenant: frozenset(objects.get(name, ())) for tenant, objects in self.records.items()}

    def mains(self, contract: Contract) -> list[str]:
        """The ids of all main records, of whichever tenant: what the store is asked about."""
        names = [name for name, spec in contract.objects.items() if spec.kind is ObjectKind.MAIN]
        return sorted({one for objects in self.records.values() for name in names for one in objects.get(name, ())})

    def cut(self, contract: Contract, pairs: pa.Table) -> pa.Table:
        """Those rows of a table with tenant_id, left_id and right_id of which either record is in the closure."""
        left, right = self.of(contract.main_object("left")), self.of(contract.main_object("right"))
        rows = zip(*(pairs[column].to_pylist() for column in ("tenant_id", "left_id", "right_id")), strict=True)
        return pairs.filter(pa.array([a in left.get(t, ()) or b in right.get(t, ()) for t, a, b in rows], pa.bool_()))

    def outside(self, rows: pa.Table) -> pa.Table:
        """Those rows of a table with tenant_id, object and record_id that are about other records."""
        named = zip(*(rows[column].to_pylist() for column in ("tenant_id", "object", "record_id")), strict=True)
        return rows.filter(pa.array([one not in self.records.get(t, {}).get(o, ()) for t, o, one in named], pa.bool_()))

    def joined_by(self, more: Mapping[str, Records]) -> "Closure":
        """With records that turned up meanwhile."""
        together = {
            tenant: {
                name: frozenset(objects.get(name, ())) | frozenset(more.get(tenant, {}).get(name, ()))
                for name in {*objects, *more.get(tenant, {})}
            }
            for tenant, objects in self.records.items()
        }
        return Closure(together)

    def lacking(self, contract: Contract, observed: Mapping[str, Dataset]) -> dict[str, dict[str, set[str]]]:
        """Tenant → lookup object → ids that its records name by now and that are not in it."""
        found: dict[str, dict[str, set[str]]] = {}
        for main, pairs in Kinship.of(contract).lookups.items():
            rows = observed[main].newest()
            for column, name in pairs:
                naming = rows.filter(pc.is_valid(rows[column]))
                for tenant, one in zip(texts(naming, "tenant_id"), texts(naming, column), strict=True):
                    if one and one not in self.records.get(tenant, {}).get(name, ()):
                        found.setdefault(tenant, {}).setdefault(name, set()).add(one)
        return found

    def table(self) -> pa.Table:
        """tenant_id, object, record_id."""
        rows = [
            (tenant, name, one)
            for tenant, objects in sorted(self.records.items())
            for name, ids in sorted(objects.items())
            for one in sorted(ids)
        ]
        columns = zip(*rows, strict=True) if rows else ((), (), ())
        names = ("tenant_id", "object", "record_id")
        return pa.table({name: pa.array(list(column), TEXT) for name, column in zip(names, columns, strict=True)})


@dataclass(slots=True)
class Known:
    """What the lake holds of one tenant's records, as far as it decides about others; read when it is asked for."""

    tenant_id: str
    kinship: Kinship
    ports: Ports
    _said: dict[str, Said] = field(default_factory=dict)

    @property
    def contract(self) -> Contract:
        """The integration."""
        return self.kinship.contract

    def of(self, name: str) -> Said:
        """Of one object: every stored row."""
        if name not in self._said:
            entries = self.ports.manifest.current([self.tenant_id], self.contract.contract, name)
            schema = pa.schema([(column, TEXT) for column in self.kinship.columns[name]])
            self._said[name] = said(self.kinship, name, self.ports.lake.read([e.file for e in entries if e.file.rows], schema))
        return self._said[name]

    def add(self, name: str, rows: pa.Table) -> None:
        """Rows of an object that were stored meanwhile."""
        self._said[name] = self.of(name).joined_by(rows)

    def named_by(self, target: str, target_id: str) -> dict[str, set[str]]:
        """The record that a write goes to: itself, or for one that is to be made the records it is made for."""
        create, right = self.contract.matching.create, self.contract.main_object("right")
        if create is None or target != self.contract.main_object("left") or self.of(target).present([target_id]):
            return {target: {target_id}}
        return {right: self.of(right).saying({CREATE: loose_value(self.kinship, right, CREATE, target_id)})}

    def mains_of(self, records: Records) -> dict[tuple[str, str], frozenset[tuple[str, str]]]:
        """The main records that records are, belong to, or are looked up by, or were once: (object, id) → (main object, id)."""
        found: dict[tuple[str, str], set[tuple[str, str]]] = {(name, one): set() for name, ids in records.items() for one in ids}
        for name, ids in records.items():
            for one, main in self._mains(name, ids):
                found[name, one].add(main)
        return {record: frozenset(mains) for record, mains in found.items()}

    def _mains(self, name: str, ids: Collection[str]) -> Iterator[tuple[str, tuple[str, str]]]:
        spec = self.contract.objects[name]
        if spec.kind is ObjectKind.MAIN:
            yield from ((one, (name, one)) for one in ids)
        elif spec.kind is ObjectKind.DETAIL:
            parent = str(spec.parent_object)
            yield from ((one, (parent, whose)) for one, whose in self.of(name).column(str(spec.parent), ids))
        else:
            for main, pairs in self.kinship.lookups.items():
                for column in (column for column, named in pairs if named == name):
                    yield from ((one, (main, who)) for who, one in self.of(main).naming(column, ids))


def closure_of(known: Known, touched: Records) -> dict[str, frozenset[str]] | None:
    """The closure of some records of a tenant; None if it has more than `MOST_RECORDS`."""
    contract = known.contract
    found: dict[str, set[str]] = {name: set() for name in contract.objects}
    fresh: dict[str, set[str]] = {name: set(touched.get(name, ())) for name in contract.objects}
    for mains in known.mains_of(touched).values():
        for main, one in mains:
            fresh[main].add(one)
    while any(fresh.values()):
        for name, ids in fresh.items():
            found[name] |= ids
        if sum(map(len, found.values())) > MOST_RECORDS:
            return None
        fresh = {name: ids - found[name] for name, ids in _next(known, fresh).items()}
    for name, pairs in known.kinship.lookups.items():
        for column, named in pairs:
            found[named] |= {value for _, value in known.of(name).column(column, found[name])}
    return {name: frozenset(ids) for name, ids in found.items()}


def _next(known: Known, records: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Who decides about those records, or is decided about by them, in one step."""
    contract = known.contract
    spoken: dict[str, set[str]] = {}
    for name, ids in records.items():
        if ids and contract.objects[name].kind is not ObjectKind.LOOKUP:
            for key, values in known.of(name).says(ids).items():
                spoken.setdefault(key, set()).update(values)
    found = {
        name: known.of(name).saying(spoken) if spec.kind is not ObjectKind.LOOKUP else set()
        for name, spec in contract.objects.items()
    }
    for side, ids in _linked(known, records).items():
        found[side] |= ids
    return found


def _linked(known: Known, records: Mapping[str, set[str]]) -> dict[str, set[str]]:
    left, right = known.contract.main_object("left"), known.contract.main_object("right")
    mains = records.get(left, set()) | records.get(right, set())
    if not mains:
        return {}
    links = known.ports.links.find([known.tenant_id], known.contract.contract, records=sorted(mains))
    return {
        side: {str(one) for one in links[column].drop_null().to_pylist()}
        for side, column in ((left, "left_id"), (right, "right_id"))
    }
