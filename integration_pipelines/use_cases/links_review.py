"""A person decides which records are the same customer: confirm a pair, take one apart for good, or give a customer to another company.

Stored links come before every rule, so a decision stands from the next run on; each is recorded with who made it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.link_rules import RETURNED
from integration_pipelines.core.links import link_id
from integration_pipelines.core.shapes import base_schema
from integration_pipelines.core.tables import IDENTITY_LINKS
from integration_pipelines.errors import ConflictError, InvalidError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.observations import dataset, observed_schema, save_base

Row = Mapping[str, Any]
COUNTING = ("live", "one_sided")


@dataclass(frozen=True, slots=True)
class Decision:
    """What changed: the links as they are now."""

    act: str
    links: tuple[Row, ...]


def links_of(tenant_id: str, contract: Contract, *, ports: Ports, states: Sequence[str] = (), record: str = "") -> list[Row]:
    """A tenant's links, oldest first; of those states, and of that record (either side's id, or a link's)."""
    records = [record] if record else []
    rows = ports.links.find([tenant_id], contract.contract, states=states, records=records).to_pylist()
    return sorted(rows, key=lambda r: (r["created_at"], r["link_id"]))


def confirm(tenant_id: str, contract: Contract, left: str, right: str, *, actor: str, ports: Ports) -> Decision:
    """Make two records a pair, whatever the rules say; also one that was taken apart before.

    Raises:
        InvalidError: one of the records was never read.
        ConflictError: the right record is linked to another one already; move it instead.
    """
    born = _must_exist(tenant_id, contract, left, right, ports)
    links = links_of(tenant_id, contract, ports=ports, record=right)
    other = next((k for k in links if k["right_id"] == right and k["state"] in COUNTING and k["left_id"] != left), None)
    if other is not None:
        raise ConflictError(
            f"{contract.roles.right.label} {right} is linked to {contract.roles.left.label} {other['left_id']} already.",
            remedy=f"Give it to the other one: integration-pipelines links move {tenant_id} {right} --to {left}",
        )
    known = _known(links, left, right)
    row = _joined(_row(tenant_id, contract, left, right, "live", "confirmed by a person", actor, known, ports), born)
    _forget_base(contract, known, ports)
    return _decided("link_confirmed", [row], actor, ports)


def reject(tenant_id: str, contract: Contract, left: str, right: str, *, actor: str, ports: Ports) -> Decision:
    """Take a pair apart, or keep one from ever being made: no rule proposes it again. Nothing is written at a partner by it."""
    links = links_of(tenant_id, contract, ports=ports, record=right)
    known = _known(links, left, right)
    if known is None:
        _must_exist(tenant_id, contract, left, right, ports)
    row = _row(tenant_id, contract, left, right, "tombstone", "taken apart by a person", actor, known, ports)
    return _decided("link_rejected", [row], actor, ports)


def move(tenant_id: str, contract: Contract, right: str, to_left: str, *, actor: str, ports: Ports) -> Decision:
    """Give a right record to another left one. The old link becomes a tombstone that names the new one; values follow with the next run.

    Raises:
        InvalidError: one of the records was never read, or the right one has no link to move.
    """
    born = _must_exist(tenant_id, contract, to_left, right, ports)
    links = links_of(tenant_id, contract, ports=ports, record=right)
    old = next((k for k in links if k["right_id"] == right and k["state"] in COUNTING), None)
    if old is None or old["left_id"] == to_left:
        what = "has no link that could be moved" if old is None else "is linked to that record already"
        raise InvalidError(
            f"{contract.roles.right.label} {right} {what}.", remedy="Confirm the pair instead, or look: links show."
        )
    known = _known(links, to_left, right)
    new = _joined(_row(tenant_id, contract, to_left, right, "live", "moved by a person", actor, known, ports), born)
    _forget_base(contract, known, ports)
    now = ports.clock.now()
    gone = dict(old) | {"state": "tombstone", "updated_at": now, "survivor_link_id": new["link_id"], "decided_by": actor}
    return _decided("link_moved", [gone, new], actor, ports)


def _known(links: Sequence[Row], left: str, right: str) -> Row | None:
    return next((k for k in links if (k["left_id"], k["right_id"]) == (left, right)), None)


def _row(
    tenant_id: str, contract: Contract, left: str, right: str, state: str, rule: str, actor: str, known: Row | None, ports: Ports
) -> Row:
    now = ports.clock.now()
    fresh = {
        "tenant_id": tenant_id, "integration": contract.contract, "link_id": link_id(tenant_id, contract.contract, left, right),
        "left_id": left, "right_id": right, "match_evidence": "", "created_at": now, "epoch": 1,
    }  # fmt: skip
    if known is not None and known["match_rule"] == RETURNED:  # another life of the same ids
        fresh["epoch"] = known["epoch"] + 1
    return (dict(known) | {"epoch": fresh["epoch"]} if known is not None else fresh) | {
        "state": state, "match_rule": rule, "updated_at": now, "survivor_link_id": None, "decided_by": actor,
    }  # fmt: skip


def _joined(row: Row, born: Sequence[datetime]) -> Row:
    """A pair is never older than its records: a partner's clock may be ahead of ours, and they would be taken for others under their ids."""
    return dict(row) | {"updated_at": max([row["updated_at"], *born])}


def _forget_base(contract: Contract, known: Row | None, ports: Ports) -> None:
    """What both sides held when the pair was last joined says nothing about now: they are compared as if for the first time."""
    if known is None or known["state"] in COUNTING:
        return
    nothing = {"tenant_id": known["tenant_id"], "link_id": known["link_id"]}
    save_base(ports, contract, pa.Table.from_pylist([nothing], base_schema(contract)), {known["tenant_id"]: "review"})


def _must_exist(tenant_id: str, contract: Contract, left: str, right: str, ports: Ports) -> list[datetime]:
    """When the two records were made, as far as they say so."""
    born = []
    for side, record in (("left", left), ("right", right)):
        role = contract.roles.left if side == "left" else contract.roles.right
        name = contract.main_object("left" if side == "left" else "right")
        spec, among = contract.objects[name], {tenant_id: [record]}
        seen = dataset(ports, [tenant_id], contract.contract, name, observed_schema(spec), among=among).newest().to_pylist()
        if not seen or seen[0]["deleted"]:
            what = "was never read" if not seen else "was deleted"
            raise InvalidError(
                f"{role.label} {record} {what}.", remedy="Give its id as the partner shows it, and sync once before."
            )
        if spec.born is not None and seen[0][spec.born]:
            with suppress(ValueError):  # what is no time is the gate's business
                made = datetime.fromisoformat(seen[0][spec.born])
                born.append(made if made.tzinfo else made.replace(tzinfo=UTC))
    return born


def _decided(act: str, rows: Sequence[Row], actor: str, ports: Ports) -> Decision:
    ports.links.save(pa.Table.from_pylist([dict(row) for row in rows], IDENTITY_LINKS), decided=True)
    for row in rows:
        facts = {k: str(row[k]) for k in ("link_id", "left_id", "right_id", "state", "integration")}
        ports.audit.append(str(row["tenant_id"]), actor, act, facts, ports.clock.now())
    return Decision(act, tuple(rows))
