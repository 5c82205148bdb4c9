"""Writes that make or archive a record as a whole: how they are sent, and how a read tells whether they were carried out.

A record is made by upsert on a unique value only, so a repeat never makes a second one; before it is sent, whoever holds the value
already is looked for. The order of the steps, the ledger and the lease are `push`; what is to be made is `core.creates`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from integration_pipelines.core.contract import Contract, CreateRule
from integration_pipelines.errors import BugError
from integration_pipelines.ports.partner import Connector, RecordWrite, WriteOutcome

OPERATIONS = ("create", "update", "delete")
"""In the order in which they are sent: what is new first, what goes last."""

Row = Mapping[str, Any]
Laid = TypeVar("Laid", bound=Row)


def in_order(rows: Sequence[Laid]) -> Iterator[Sequence[Laid]]:
    """Ledger rows by what they do, since one request does one thing."""
    for operation in OPERATIONS:
        of = [r for r in rows if r["operation"] == operation]
        if of:
            yield of


def send_records(
    contract: Contract, target: str, connector: Connector, operation: str, records: Sequence[RecordWrite]
) -> list[WriteOutcome]:
    """Let the partner carry them out; one outcome per write."""
    spec = contract.objects[target]
    if operation == "create":
        return connector.upsert(target, spec, spec.columns[_rule(contract).unique].source, records)
    if operation == "delete":
        return connector.archive(target, spec, records)
    return connector.write(target, spec, records)


def found_now(contract: Contract, target: str, connector: Connector, rows: Sequence[Row]) -> pa.Table:
    """The records that ledger rows of one operation are about, as they are now; those to be made by their unique value."""
    spec = contract.objects[target]
    wanted = [r["target_id"] for r in rows]
    if rows[0]["operation"] == "create":
        return connector.find(target, spec, spec.columns[_rule(contract).unique].source, wanted)
    return connector.fetch(target, spec, wanted)


def key_of(contract: Contract, operation: str) -> str:
    """The column that holds what a ledger row calls its record."""
    return _rule(contract).unique if operation == "create" else "record_id"


def by_key(contract: Contract, operation: str, found: pa.Table) -> dict[str, dict[str, Any]]:
    """Fetched records by what a ledger row calls them."""
    column = key_of(contract, operation)
    return {str(r[column]): r for r in found.to_pylist()}


def carried_out(operation: str, record: Row | None) -> bool:
    """Whether a record's presence shows that it was made, or its absence that it was archived."""
    there = record is not None and not record["deleted"]
    return there if operation == "create" else not there


def _rule(contract: Contract) -> CreateRule:
    if contract.matching.create is None:
        raise BugError(f"The contract {contract.contract} makes no records, and one was to be made.")
    return contract.matching.create
