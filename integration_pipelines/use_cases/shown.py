"""Whether a record that was fetched shows what was written to it."""

from collections.abc import Mapping
from typing import Any

from integration_pipelines.core.contract import Contract, SourceObject
from integration_pipelines.core.ledger_rows import images
from integration_pipelines.use_cases.whole_records import carried_out

Row = Mapping[str, Any]


def shows(contract: Contract, row: Row, record: Row | None) -> bool:
    """Whether a fetched record shows that a ledger row was carried out."""
    if row["operation"] != "update":
        return carried_out(row["operation"], record)
    return says(contract, row["target"], record, images(row)[1])


def says(contract: Contract, target: str, record: Mapping[str, Any] | None, after: Mapping[str, str]) -> bool:
    """Whether a fetched record shows what was written, compared in the contract's canonical forms by the partner's own spelling."""
    if record is None or record["deleted"] or _is_another(contract.objects[target], record):
        return False
    side = contract.side_of(contract.objects[target].role)
    columns = {field: getattr(contract.fields[field], side).column for field in after}
    return all(_plain(record[columns[field]]) == _plain(value) for field, value in after.items())


def _is_another(spec: SourceObject, record: Row) -> bool:
    """Whether the record that answered has another id than was asked for: that one was merged into it, and what it says proves nothing."""
    own = next((column for column, how in spec.columns.items() if how.source == "id"), None)
    return own is not None and (record[own] or record["record_id"]) != record["record_id"]


def _plain(value: str | None) -> str:
    """Numbers without trailing zeros, text without outer blanks: what partners reformat on their own."""
    text = (value or "").strip()
    if text.replace(".", "", 1).lstrip("-").isdigit() and "." in text:
        return text.rstrip("0").rstrip(".")
    return text
