"""What is stored about one record and those it is linked to: the facts that an explanation is told from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import Contract, ObjectKind, SyncField
from integration_pipelines.core.settled import owner_side
from integration_pipelines.ports.known import Known
from integration_pipelines.ports.lake import Mode
from integration_pipelines.use_cases.merged import DATASET, GONE, counting, kept_schema
from integration_pipelines.use_cases.observations import SEQUENCE, Dataset, dataset, observed_schema

Row = Mapping[str, Any]
_AT_ONCE = 4
_OF_A_LINK = frozenset({"tenant_id", "link_id", "left_id", "is_primary", GONE.name})
_OF_A_RECORD = frozenset({"tenant_id", "record_id", "observed_at"})


@dataclass(frozen=True, slots=True)
class Part:
    """A detail record that went into a roll-up, as the run saw it that computed the value."""

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
    seen: Mapping[str, datetime]  # record id → when it was read last
    diffs: Sequence[Row]
    writes: Sequence[Row]
    overwrites: Sequence[Any]
    parts: tuple[Part, ...] | None  # None: they were not kept yet by the run that the values are of

    @classmethod
    def gather(
        cls, tenant_id: str, contract: Contract, links: Sequence[Row], wanted: Mapping[str, SyncField], ports: Known
    ) -> "Facts":
        """Read what those fields are told from, and no more; only the store and the lake are asked."""
        name = contract.contract
        left = tuple(dict.fromkeys(str(k["left_id"]) for k in links))
        right = tuple(dict.fromkeys(str(k["right_id"]) for k in links))
        read = partial(_seen, tenant_id, contract, ports=ports)
        owners = {owner_side(contract, spec) for spec in wanted.values() if not is_rolled(spec)}
        with ThreadPoolExecutor(_AT_ONCE) as pool:  # files of large tenants are read beside each other
            kept = pool.submit(_merged, tenant_id, contract, links, wanted, ports)
            sides = [
                pool.submit(read, side, ids) for side, ids in (("left", left), ("right", right)) if owners & {side, "two_way"}
            ]
            diffs = ports.diffs.of_records(tenant_id, name, left, right).to_pylist()
            writes = ports.ledger.of_records(tenant_id, name, [*left, *right]).to_pylist()
            overwrites = ports.overwrites.of_records(tenant_id, name, [*left, *right])
        rows, seen = kept.result(), {record: at for side in sides for record, at in side.result().items()}
        parts = {part["record_id"]: part for row in rows for part in row.get("parts") or ()}
        rolled_of_nothing = not parts and any(map(is_rolled, wanted.values()))
        if rolled_of_nothing and right[0] not in seen:  # then it is told by its customer
            seen |= read("right", right)
        seen |= {record: part["observed_at"] for record, part in parts.items()}
        told = tuple(_part(part) for _, part in sorted(parts.items()))
        older = any("parts" in row and row["parts"] is None for row in rows)
        return cls(left, right, rows[0] if rows else {}, seen, diffs, writes, overwrites, None if older else told)


def _part(row: Row) -> Part:
    amount = row["monthly_minor"]
    return Part(row["record_id"], row["status"], None if amount is None else int(amount), row["currency"])


def is_rolled(spec: SyncField) -> bool:
    """Whether a field is worked out from several records."""
    return bool(spec.left.rollup or spec.right.rollup)


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
        for row in _Object.of(tenant_id, contract, name, ports).newest((record,)):
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
            found = _Object.of(tenant_id, contract, name, ports).newest((record,))
            if found:
                return str(found[0][spec.parent])
    return ""


def _merged(
    tenant_id: str, contract: Contract, links: Sequence[Row], fields: Mapping[str, SyncField], ports: Known
) -> Sequence[Row]:
    """What those fields should be, and what roll-ups are made up of, by link; the newest and the primary one first.

    A whole file is searched by the left record, by which it is ordered: ids of links lie anywhere in it. What was laid over it since is
    small, and names of links that are none any more nothing but their ids.
    """
    columns = {*_OF_A_LINK, *fields, *(spec.currency_field for spec in fields.values())}
    schema = _only(kept_schema(contract), columns | ({"parts"} if any(map(is_rolled, fields.values())) else set()))
    mine = {str(k["link_id"]) for k in links}
    shown = dataset(ports, [tenant_id], contract.contract, DATASET, schema)
    found = []
    for mode, key, wanted in ((Mode.FULL, "left_id", {str(k["left_id"]) for k in links}), (Mode.DELTA, "link_id", mine)):
        entries = tuple(entry for entry in shown.entries if entry.mode is mode)
        found.append(replace(shown, entries=entries, among={tenant_id: wanted}, key=key).rows().read_all())
    rows = counting(pa.concat_tables(found)).sort_by([(SEQUENCE.name, "descending"), ("is_primary", "descending")])
    return [row for row in rows.to_pylist() if row["link_id"] in mine]


def _seen(tenant_id: str, contract: Contract, side: str, ids: Sequence[str], *, ports: Known) -> dict[str, datetime]:
    """When records of one side were read last."""
    found = _Object.of(tenant_id, contract, contract.main_object("left" if side == "left" else "right"), ports)
    return {str(row["record_id"]): row["observed_at"] for row in found.newest(ids, _OF_A_RECORD)}


def _only(schema: pa.Schema, columns: Collection[str | None]) -> pa.Schema:
    return pa.schema([field for field in schema if field.name in columns])


@dataclass(frozen=True, slots=True)
class _Object:
    """Observations of one object: which files there are is known, and they are read when asked."""

    files: Dataset
    tenant_id: str

    @classmethod
    def of(cls, tenant_id: str, contract: Contract, name: str, ports: Known) -> "_Object":
        """As they are known by now."""
        spec = contract.objects[name]
        return cls(dataset(ports, [tenant_id], contract.contract, name, observed_schema(spec)), tenant_id)

    def newest(self, records: Sequence[str], columns: Collection[str] | None = None) -> list[Row]:
        """The newest observation of each of those records; all of it, or those columns."""
        schema = self.files.schema if columns is None else _only(self.files.schema, columns)
        rows = replace(self.files, schema=schema, among={self.tenant_id: records}).rows().read_all()
        return list({row["record_id"]: row for row in rows.sort_by(SEQUENCE.name).to_pylist()}.values())
