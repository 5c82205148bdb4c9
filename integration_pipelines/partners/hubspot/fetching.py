"""The present state of single records, by id.

A company that was merged away still answers, with its survivor: both the id asked for and the id that answered are kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from integration_pipelines.partners.hubspot.lists import results_of
from integration_pipelines.partners.hubspot.refusals import named_in
from integration_pipelines.partners.hubspot.session import Session
from integration_pipelines.partners.hubspot.wire import BATCH, MERGED_IDS

Record = dict[str, Any]

_NOT_FOUND = 404
_LONGEST_ID = 19


def companies(session: Session, ids: Sequence[str], properties: Sequence[str]) -> dict[str, Record | None]:
    """Id asked for → the record that answered, None if there is none or it is archived."""
    possible = [name for name in dict.fromkeys(ids) if name.isascii() and name.isdigit() and len(name) <= _LONGEST_ID]
    found: dict[str, Record | None] = dict.fromkeys(ids)
    for chunk in _chunks(possible):
        found.update(_chunk(session, chunk, properties))
    return found


def holders(session: Session, unique: str, values: Sequence[str], properties: Sequence[str]) -> list[Record]:
    """The companies that hold one of those values of a unique property; values that nobody holds have none."""
    found: list[Record] = []
    for chunk in _chunks(list(dict.fromkeys(values))):
        inputs = [{"id": value} for value in chunk]
        body = {"idProperty": unique, "inputs": inputs, "properties": sorted({*properties, unique, MERGED_IDS})}
        found += results_of(session.http.request("POST", f"{session.paths.companies()}/batch/read", json=body, exact=False))
    return [record for record in found if record.get("archived") is not True]


def owners(session: Session, ids: Sequence[str]) -> dict[str, Record | None]:
    """Id → owner, also one who left; None if there never was one. They are few, so the lists are read."""
    wanted = set(ids)
    found: dict[str, Record | None] = dict.fromkeys(ids)
    for archived in (True, False):
        for page in session.owners(archived=archived):
            found.update({str(record["id"]): record for record in page if str(record.get("id")) in wanted})
    return found


def merged_into(record: Mapping[str, Any]) -> list[str]:
    """The ids that a company had before."""
    properties = record.get("properties")
    text = properties.get(MERGED_IDS) if isinstance(properties, dict) else None
    return text.split(";") if isinstance(text, str) and text else []


def _chunk(session: Session, ids: Sequence[str], properties: Sequence[str]) -> dict[str, Record | None]:
    body = {"inputs": [{"id": name} for name in ids], "properties": sorted({*properties, MERGED_IDS})}
    reply = session.http.request("POST", f"{session.paths.companies()}/batch/read", json=body, exact=False)
    answered = results_of(reply)
    errors = reply.as_object().get("errors")
    lost = (
        {name for error in errors if isinstance(error, dict) for name in named_in(error, "ids")}
        if isinstance(errors, list)
        else set()
    )
    direct = {str(record.get("id")): record for record in answered}
    survivors = {old: record for record in answered for old in merged_into(record)}
    found: dict[str, Record | None] = {}
    for name in ids:
        record = direct.get(name) or survivors.get(name)
        if record is None and name not in lost:
            record = _single(session, name, properties)
        found[name] = _unless_archived(record)
    return found


def _single(session: Session, name: str, properties: Sequence[str]) -> Record | None:
    """A batch may pass over an id in silence; asked alone it gets an answer."""
    path = f"{session.paths.companies()}/{{}}"
    params = {"properties": ",".join(properties), "archived": "false"}
    reply = session.http.request("GET", path, ids=(name,), params=params, exact=False, accept=frozenset({_NOT_FOUND}))
    return None if reply.status == _NOT_FOUND else reply.as_object()


def _unless_archived(record: Record | None) -> Record | None:
    return None if record is None or record.get("archived") is True else record


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
