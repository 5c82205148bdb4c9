"""What is stored about one record and those it is linked to: the facts that an explanation is told from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import Contract, ObjectKind, SyncField
from integration_pipelines.core.rollup import subscription_facts
from integration_pipelines.core.rollup_inputs import PARENT_COLUMNS
from integration_pipelines.core.sql import Sql
from integration_pipelines.ports.known import Known
from integration_pipelines.use_cases.merged import DATASET, GONE, counting, kept_schema
from integration_pipelines.use_cases.observations import SEQUENCE, Dataset, dataset, observed_schema

Row = Mapping[str, Any]
_AT_ONCE = 4
_OF_A_LINK = frozenset({"tenant_id", "link_id", "is_primary", GONE.name})
_OF_A_RECORD = frozenset({"tenant_id", "record_id", "observed_at", "deleted"})


@dataclass(frozen=True, slots=True)
class Part:
    """A detail record that went into a roll-up."""

    record_id: str
    status: str
    monthly_minor: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored about the records of one group of links."""

    left_ids: tuple[str, ...]
    right_ids: tuple[str, ...]
    merged: Row
    seen: Mapping[str, Row]  # record id → its newest observation
    diffs: Sequence[Row]
    writes: Sequence[Row]
    overwrites: Sequence[Any]
    parts: tuple[Part, ...]

    @classmethod
    def gather(
        cls, tenant_id: str, contract: Contract, links: Sequence[Row], wanted: Mapping[str, SyncField], ports: Known
    ) -> "Facts":
        """Read what those fields are told from, and no more; only the store and the lake are asked."""
        name, rolled = contract.contract, any(spec.left.rollup or spec.right.rollup for spec in wanted.values())
        left = tuple(dict.fromkeys(str(k["left_id"]) for k in links))
        right = tuple(dict.fromkeys(str(k["right_id"]) for k in links))
        among = {tenant_id: [str(k["link_id"]) for k in links]}
        told = _only(kept_schema(contract), {*_OF_A_LINK, *wanted, *(spec.currency_field for spec in wanted.values())})
        with ThreadPoolExecutor(_AT_ONCE) as pool:  # files of large tenants are read beside each other
            if rolled:
                pool.submit(lambda: ports.duck(few=True).close())  # what the amount is worked out by takes a moment to be made
            shown = dataset(ports, [tenant_id], name, DATASET, told, among=among, key="link_id")
            merged = pool.submit(lambda: counting(shown.rows().read_all()))
            main = [_Object.of(tenant_id, contract, contract.main_object(side), ports) for side in ("left", "right")]
            of_left = pool.submit(main[0].newest, "record_id", left, _OF_A_RECORD)
            of_right = pool.submit(
                main[1].newest, "record_id", right, {*_OF_A_RECORD, *PARENT_COLUMNS} if rolled else _OF_A_RECORD
            )
            part = (
                _Object.of(tenant_id, contract, contract.rollup.object, ports) if rolled and contract.rollup is not None else None
            )
            of_part = pool.submit(part.newest, part.parent, right) if part is not None else None
            diffs = ports.diffs.of_records(tenant_id, name, left, right).to_pylist()
            writes = ports.ledger.of_records(tenant_id, name, [*left, *right]).to_pylist()
            overwrites = ports.overwrites.of_records(tenant_id, name, [*left, *right])
        kept, lefts, rights = merged.result(), of_left.result(), of_right.result()
        details = [row for row in (of_part.result() if of_part is not None else ()) if not row["deleted"]]
        rows = kept.sort_by([(SEQUENCE.name, "descending"), ("is_primary", "descending")]).to_pylist()
        seen = {r["record_id"]: r for r in (*lefts, *rights, *details)}
        parts = _parts(contract, rights, details, ports)
        return cls(left, right, rows[0] if rows else {}, seen, diffs, writes, overwrites, parts)


def find_links(tenant_id: str, contract: Contract, record: str, ports: Known) -> list[Row]:
    """The links that count of a record's group: everything that is rolled up together; a detail record stands for its parent."""
    found = _counting(tenant_id, contract, [record], ports)
    if not found:  # it may be a detail record
        parent = _parent(tenant_id, contract, record, ports)
        found = _counting(tenant_id, contract, [parent], ports) if parent else []
    groups = {k["left_id"] for k in found}
    if not groups:
        return []
    mine = [k for k in _counting(tenant_id, contract, sorted(groups), ports) if k["left_id"] in groups]
    return sorted(mine, key=lambda k: (k["created_at"], k["right_id"]))


def of_no_pair(tenant_id: str, contract: Contract, record: str, ports: Known) -> Iterator[str]:
    """What is known of a record of which no pair counts: pairs in doubt or over, and as what it was read; a part also tells of its parent."""
    for pair in ports.links.find([tenant_id], contract.contract, states=_OTHERS, records=[record]).to_pylist():
        other = pair["left_id"] if record == pair["right_id"] else pair["right_id"]
        why = (
            f"{pair['match_rule']} ({pair['decided_by']})" if pair["decided_by"] else pair["match_evidence"] or pair["match_rule"]
        )
        yield f"Its pair with {other} is {pair['state']} since {pair['updated_at']:%Y-%m-%d %H:%M} UTC: {why}"
    for name, spec in contract.objects.items():
        for row in _Object.of(tenant_id, contract, name, ports).newest("record_id", (record,)):
            gone = ", where it was gone by then" if row["deleted"] else ""
            read = f"It was read among {name} on {row['observed_at']:%Y-%m-%d %H:%M} UTC{gone}"
            if spec.parent is not None and row[spec.parent]:
                yield f"{read}; it is a part of {row[spec.parent]}, which is linked to nothing."
                yield from of_no_pair(tenant_id, contract, str(row[spec.parent]), ports)
            elif spec.kind is ObjectKind.LOOKUP:
                yield f"{read}; others name it, and it is linked to nothing itself."
            else:
                yield f"{read}; it is linked to nothing."


_OTHERS = ("proposed", "merged", "tombstone")


def _counting(tenant_id: str, contract: Contract, records: Sequence[str], ports: Known) -> Sequence[Row]:
    return ports.links.find([tenant_id], contract.contract, states=("live", "one_sided"), records=records).to_pylist()


def _parent(tenant_id: str, contract: Contract, record: str, ports: Known) -> str:
    """The main record that a detail record belongs to, '' if it is none."""
    for name, spec in contract.objects.items():
        if spec.parent is not None:
            found = _Object.of(tenant_id, contract, name, ports).newest("record_id", (record,))
            if found:
                return str(found[0][spec.parent])
    return ""


def _only(schema: pa.Schema, columns: Collection[str | None]) -> pa.Schema:
    return pa.schema([field for field in schema if field.name in columns])


@dataclass(frozen=True, slots=True)
class _Object:
    """Observations of one object: which files there are is known, and they are read when asked."""

    files: Dataset
    tenant_id: str
    parent: str  # the column that names the main record, '' if it is one

    @classmethod
    def of(cls, tenant_id: str, contract: Contract, name: str, ports: Known) -> "_Object":
        """As they are known by now."""
        spec = contract.objects[name]
        return cls(dataset(ports, [tenant_id], contract.contract, name, observed_schema(spec)), tenant_id, spec.parent or "")

    def newest(self, column: str, values: Sequence[str], columns: Collection[str] | None = None) -> list[Row]:
        """The newest observation of every record whose column says one of those values; all of it, or those columns."""
        schema = self.files.schema if columns is None else _only(self.files.schema, columns)
        wanted = values
        if column != "record_id":  # what said so once may say otherwise now
            said = self._where(column, values, _only(self.files.schema, {"tenant_id", "record_id", column}))
            wanted = sorted({str(record) for record in said["record_id"].to_pylist()})
        rows = self._where("record_id", wanted, schema)
        newest = {row["record_id"]: row for row in rows.sort_by(SEQUENCE.name).to_pylist()}
        return [row for row in newest.values() if row[column] in values]

    def _where(self, column: str, values: Sequence[str], schema: pa.Schema) -> pa.Table:
        return replace(self.files, schema=schema, among={self.tenant_id: values}, key=column).rows().read_all()


def _parts(contract: Contract, parents: Sequence[Row], details: Sequence[Row], ports: Known) -> tuple[Part, ...]:
    """The detail records of those customers, each with what it adds to the amount by the engine's own calculation."""
    rollup = contract.rollup
    if rollup is None or not details:
        return ()
    spec = contract.objects[rollup.object]
    con = ports.duck(few=True)
    try:
        sql = Sql(con, few=True)
        for name, rows in ((rollup.object, details), (spec.parent_object or "", parents)):
            schema = observed_schema(contract.objects[name]).append(SEQUENCE)
            sql.put(f"accepted_{name}", pa.Table.from_pylist([dict(r) for r in rows], schema))
        subscription_facts(sql, contract, ports.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
        found = sql.arrow(
            "SELECT record_id, status, rdiv(mrr12, 1000000000000)::BIGINT AS amount, currency FROM sub_facts ORDER BY record_id"
        )
    finally:
        con.close()
    return tuple(Part(r["record_id"], r["status"], r["amount"], r["currency"]) for r in found.to_pylist())
