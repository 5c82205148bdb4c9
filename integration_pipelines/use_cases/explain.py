"""Where a value came from, from stored facts alone: which record of which system, by which rule, in which run, and what lost.

No partner is asked. The value is the one that the last run computed; diffs say what differed and why, the ledger what was written, and
overwrites what a write replaced unseen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from integration_pipelines.core.contract import Contract, SyncField
from integration_pipelines.core.ledger_rows import images
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.settled import owner_side
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.known import Known
from integration_pipelines.use_cases.explain_facts import Facts, Part, Row, find_links, is_rolled, of_no_pair


@dataclass(frozen=True, slots=True)
class Lost:
    """A value that gave way, and where it is kept."""

    value: str
    side: str
    why: str
    when: datetime
    kept_in: str


@dataclass(frozen=True, slots=True)
class Written:
    """The last write of the field to the other side."""

    write_id: str
    plan_id: str
    run_id: str
    target: str
    before: str
    after: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FieldStory:
    """One field of one link. Values are canonical text; money is in minor units of `currency`."""

    field: str
    label: str
    value: str | None
    currency: str
    owner: str
    source: tuple[str, ...]  # the records it was read from
    observed_at: datetime | None
    state: str  # in sync, or what the open difference's status is
    why: str
    run_id: str
    written: Written | None
    parts: tuple[Part, ...]
    lost: tuple[Lost, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One record: its links, and the story of every field asked for; without a link, why there is none."""

    record: str
    links: tuple[Row, ...]
    fields: tuple[FieldStory, ...]
    notes: tuple[str, ...]


def explain(tenant_id: str, contract: Contract, record: str, fields: Sequence[str] = (), *, ports: Known) -> Explanation:
    """Explain a record's fields.

    Args:
        tenant_id: whose record.
        contract: the integration.
        record: an id of either side, or of a detail record such as a subscription.
        fields: fields of the contract; none: all of them.
        ports: the outside; only the store and the lake are read.

    Raises:
        ConfigError: the contract has no such field, or nothing is known of the record.
    """
    wanted = _wanted(contract, fields)
    links = find_links(tenant_id, contract, record, ports)
    notes = tuple(_notes(tenant_id, contract, record, bool(links), ports))
    if not links and not notes:
        raise ConfigError(
            f"Nothing is known of a record {record} in {contract.contract}.",
            remedy="Give its id as the partner shows it; a record that is new is known after the next sync.",
        )
    if not links:
        return Explanation(record, (), (), notes)
    facts = Facts.gather(tenant_id, contract, links, wanted, ports)
    if facts.parts is None:
        notes = (*notes, "What its roll-up is made up of was not kept yet by the run that is told of; it is after the next one.")
    return Explanation(record, tuple(links), tuple(_story(contract, facts, f, s) for f, s in wanted.items()), notes)


def _wanted(contract: Contract, fields: Sequence[str]) -> dict[str, SyncField]:
    known = compared_fields(contract)
    strange = [f for f in fields if f not in known]
    if strange:
        raise ConfigError(f"The contract has no field {strange[0]}.", remedy=f"Choose one of: {', '.join(known)}.")
    return {f: s for f, s in known.items() if not fields or f in fields}


def _notes(tenant_id: str, contract: Contract, record: str, linked: bool, ports: Known) -> Iterator[str]:
    """What else is known of the record: why it is in quarantine, why it has no link."""
    for row in ports.quarantine.of_records(tenant_id, contract.contract, [record]).to_pylist():
        yield f"It is in quarantine for its {row['field']}: {row['reason']} {row['remedy']}"
    if not linked:
        for row in ports.diffs.of_records(tenant_id, contract.contract, [record], [record]).to_pylist():
            if row["field"] == "*" and row["resolved_at"] is None:
                yield f"It is not linked: {row['reason']}"
        yield from of_no_pair(tenant_id, contract, record, ports)


def _story(contract: Contract, facts: Facts, field: str, spec: SyncField) -> FieldStory:
    mine = [d for d in facts.diffs if d["field"] == field]
    current = next((d for d in mine if d["resolved_at"] is None), None)
    newest = mine[0] if mine else None
    rolled = is_rolled(spec)
    owner = owner_side(contract, spec)
    source = _source(contract, facts, owner, rolled)
    times = [facts.seen[r] for r in source if r in facts.seen]
    return FieldStory(
        field=field,
        label=spec.label,
        value=facts.merged.get(field),
        currency=str(facts.merged.get(spec.currency_field or "") or ""),
        owner=spec.owner,
        source=source,
        observed_at=max(times, default=None),
        state="in sync" if current is None else str(current["status"]),
        why=_why(spec, newest),
        run_id="" if newest is None else str(newest["last_run_id"]),
        written=_written(facts, field),
        parts=(facts.parts or ()) if rolled else (),
        lost=tuple(_lost(contract, facts, field, mine)),
    )


def _source(contract: Contract, facts: Facts, owner: str, rolled: bool) -> tuple[str, ...]:
    if rolled:
        return tuple(p.record_id for p in facts.parts or ()) or facts.right_ids
    if owner == "two_way":
        return (*facts.left_ids[:1], *facts.right_ids[:1])
    del contract
    return facts.left_ids if owner == "left" else facts.right_ids[:1]


def _why(spec: SyncField, newest: Row | None) -> str:
    if newest is None:
        return f"{spec.owner} owns this field, and both sides have agreed ever since they were first compared"
    ended = f"; it was put right on {newest['resolved_at']:%Y-%m-%d %H:%M} UTC" if newest["resolved_at"] else ""
    return f"{newest['reason']} (rule {newest['rule_id']}){ended}"


def _written(facts: Facts, field: str) -> Written | None:
    for row in facts.writes:
        before, after = images(row)
        if field in after and row["state"] != "superseded":
            at = row["confirmed_at"] or row["created_at"]
            return Written(
                row["write_id"], row["plan_id"], row["run_id"], row["target"], before[field], after[field], row["state"], at
            )
    return None


def _lost(contract: Contract, facts: Facts, field: str, diffs: Sequence[Row]) -> Iterator[Lost]:
    """Values that gave way: the losing side of foreign edits and conflicts, and edits that a write replaced unseen."""
    for diff in diffs:
        if diff["kind"] in {"foreign_edit", "conflict"}:
            winner_is_left = diff["resolved_value"] == diff["left_value"]
            value, role = (
                (diff["right_value"], contract.roles.right) if winner_is_left else (diff["left_value"], contract.roles.left)
            )
            kept_in = f"reconciliation_diffs {diff['diff_id']}"
            yield Lost(str(value), role.name, str(diff["kind"]).replace("_", " "), diff["first_seen_at"], kept_in)
    for one in facts.overwrites:
        if one.field == field:
            role = contract.role(contract.side_of(contract.objects[one.target].role))
            yield Lost(
                one.lost_value, role.name, "entered while our write was under way", one.detected_at, f"overwrites {one.write_id}"
            )
