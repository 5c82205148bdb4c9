"""Planting records as they are, right or malformed: no rule is asked, nothing is noted or told."""

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.merging import MERGED
from integration_pipelines.partner_models.hubspot.moments import iso, moment
from integration_pipelines.partner_models.hubspot.records import IMPORT, MODIFIED, WHOLE, Company
from integration_pipelines.partner_models.hubspot.refusals import invalid, missing
from integration_pipelines.partner_models.hubspot.writing import OBJECT, Books

_KNOWN = frozenset({"id", "properties", "createdAt", "updatedAt", "archived", "archivedAt"})


def insert(books: Books, object_name: str, record: Json) -> Json:
    """Plant a record in its wire shape; what is not said is filled in, and a record of the same id is replaced.

    Args:
        books: the account's.
        object_name: companies, owners, properties or groups.
        record: for a company `{id, properties, createdAt, updatedAt, archived, archivedAt}`, every part optional; other fields
            are shown as they are. Ids in `hs_merged_object_ids` answer as this company from then on.
    """
    match object_name:
        case "companies":
            return _company(books, record).shown(WHOLE)
        case "owners":
            return books.owners.insert(record)
        case "properties":
            return books.schema.put(record)
        case "groups":
            books.schema.groups[record["name"]] = {"label": record["name"], "displayOrder": -1, "archived": False, **record}
            return books.schema.groups[record["name"]]
        case _:
            raise missing(f"The object {object_name}")


def _company(books: Books, record: Json) -> Company:
    record_id = str(record.get("id") or books.companies.mint())
    if not (record_id.isascii() and record_id.isdigit()) or str(int(record_id)) != record_id:
        raise invalid(f"The id of {OBJECT} must be digits without leading zeros.")
    books.companies.forget(record_id, books.schema.unique)
    created_at = _seconds(record.get("createdAt"), books.now())
    modified_at = _seconds(record.get("updatedAt"), created_at)
    text = iso(created_at)
    own = {"createdate": text, "hs_createdate": text, MODIFIED: iso(modified_at), "hs_object_id": record_id}
    company = Company(record_id, {**own, **record.get("properties", {})}, text, created_at, modified_at, IMPORT)
    company.surprises = {name: value for name, value in record.items() if name not in _KNOWN}
    books.companies.add(company, books.schema.unique)
    old_ids = company.values.get(MERGED)
    if isinstance(old_ids, str):
        books.companies.survivors |= dict.fromkeys(old_ids.split(";"), record_id)
    if record.get("archived"):
        at = _seconds(record.get("archivedAt"), modified_at)
        books.companies.remove(company, at, books.schema.unique, archive=True)
    return company


def _seconds(text: object, default: float) -> float:
    number = moment(text) if isinstance(text, str) else None
    return default if number is None else number / 1000
