"""Creating, changing, archiving and restoring companies, one at a time. Batches are `batches`, merging is `merging`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.partner_models.hubspot.definitions import Schema
from integration_pipelines.partner_models.hubspot.ledger import Ledger
from integration_pipelines.partner_models.hubspot.moments import iso
from integration_pipelines.partner_models.hubspot.owners import Owners
from integration_pipelines.partner_models.hubspot.records import CRM_UI, INTEGRATION, Company, Source
from integration_pipelines.partner_models.hubspot.refusals import conflict, fault, invalid, missing
from integration_pipelines.partner_models.hubspot.store import Companies
from integration_pipelines.partner_models.hubspot.values import Values

OBJECT = "companies"


@dataclass(frozen=True, slots=True)
class Books:
    """Everything an account keeps."""

    now: Callable[[], float]
    portal_id: int
    schema: Schema
    owners: Owners
    companies: Companies
    ledger: Ledger

    def values(self) -> Values:
        """A check of the values of one request."""
        return Values(self.schema.find, self.owners.is_active)


class Claims:
    """Who would hold which unique value after the writes of one request; nothing is written yet."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._changed: dict[tuple[str, str], str] = {}

    def claim(self, record_id: str, held: Mapping[str, Any], values: Mapping[str, str]) -> None:
        """Take the unique values in `values` for a record that holds `held`.

        Raises:
            PartnerRefusalError: 409 naming the company that holds a value already.
        """
        for name in self._books.schema.unique & values.keys():
            old, new = held.get(name), values[name]
            if isinstance(old, str) and old != new:
                self._changed[name, old] = ""
            if not new:
                continue
            holder = self._changed.get((name, new), self._books.companies.holders.get((name, new), ""))
            if holder not in {"", record_id}:
                raise _taken(name, record_id, holder)
            self._changed[name, new] = record_id


def properties_of(given: Mapping[str, Any]) -> Json:
    """The `properties` of a request body."""
    found = given.get("properties")
    if not isinstance(found, dict):
        raise invalid("Invalid input JSON: properties must be an object of names and values.")
    return found


def checked(books: Books, given: Json) -> dict[str, str]:
    """Canonical values of one record; raises PartnerRefusalError 400 with every fault."""
    check = books.values()
    values = check.canonical(given)
    check.refuse()
    return values


def require(books: Books, record_id: str, id_property: str | None = None) -> Company:
    """The live company of an id or of a unique value; raises PartnerRefusalError 404."""
    found = locate(books, record_id, id_property)
    if found is None:
        raise missing("resource")
    return found


def locate(books: Books, record_id: str, id_property: object = None, *, archived: bool = False) -> Company | None:
    """The same, None if there is none; raises PartnerRefusalError 400 if the property is not unique."""
    if not id_property:
        return books.companies.find(record_id, archived=archived)
    if not isinstance(id_property, str) or id_property not in books.schema.unique:
        message = f"Unable to perform update/upsert by non-unique 0-2 property {id_property} in portal ID {books.portal_id}"
        raise invalid(message)
    return None if archived else books.companies.holder(id_property, record_id)


def create(books: Books, values: Mapping[str, str], source: Source = INTEGRATION) -> Company:
    """A new company of checked and claimed values."""
    at, record_id = books.now(), books.companies.mint()
    text = iso(at)
    own = {
        "createdate": text,
        "hs_createdate": text,
        "hs_lastmodifieddate": text,
        "hs_object_id": record_id,
        "hs_object_source": source.kind,
        "hs_object_source_id": source.id,
    }
    company = Company(record_id, {**own, **values}, text, at, at, source)
    books.companies.add(company, books.schema.unique)
    books.ledger.wrote(OBJECT, record_id, {}, values, at=at, source=source, changed=True)
    books.ledger.tell("company.creation", at, source, objectId=company.number, changeFlag="NEW")
    _tell_changes(books, company, values, source)
    return company


def change(books: Books, company: Company, values: Mapping[str, str], source: Source = INTEGRATION) -> Company:
    """Write checked and claimed values; a value that is there already leaves no trace but the noted write."""
    at = books.now()
    before = {name: company.values.get(name) for name in values}
    changed = {name: value for name, value in values.items() if (before[name] or "") != value}
    for name, value in changed.items():
        if name in books.schema.unique:
            books.companies.release(company, name)
            books.companies.hold(company, name, value)
        company.put(name, value, at, source)
    if changed:
        company.modified(at, source)
    books.ledger.wrote(OBJECT, company.id, before, values, at=at, source=source)
    _tell_changes(books, company, changed, source)
    return company


def touch(books: Books, company: Company, source: Source) -> None:
    """HubSpot computes something of its own: the record counts as modified, although nothing of it changed."""
    company.modified(books.now(), source)


def archive(books: Books, company: Company, source: Source = INTEGRATION) -> None:
    """Put a company into the archive."""
    at = books.now()
    books.companies.remove(company, at, books.schema.unique, archive=True)
    company.modified(at, source)
    books.ledger.wrote(OBJECT, company.id, {"archived": False}, {"archived": True}, at=at, source=source)
    books.ledger.tell("company.deletion", at, source, objectId=company.number, changeFlag="DELETED")


def restore(books: Books, record_id: str) -> Company:
    """A person takes a company out of the archive."""
    company = books.companies.find(record_id, archived=True)
    if company is None:
        raise missing("resource")
    at = books.now()
    for name in books.schema.unique & company.values.keys():
        if books.companies.holder(name, company.values[name]) is not None:  # somebody else took the value meanwhile
            company.put(name, "", at, CRM_UI)
    books.companies.restore(company, books.schema.unique)
    company.modified(at, CRM_UI)
    books.ledger.wrote(OBJECT, company.id, {"archived": True}, {"archived": False}, at=at, source=CRM_UI)
    books.ledger.tell("company.restore", at, CRM_UI, objectId=company.number, changeFlag="RESTORED")
    return company


def _tell_changes(books: Books, company: Company, changed: Mapping[str, Any], source: Source) -> None:
    at = company.modified_at
    for name, value in changed.items():
        facts = {"objectId": company.number, "propertyName": name, "propertyValue": value, "isSensitive": False}
        books.ledger.tell("company.propertyChange", at, source, **facts)


def _taken(name: str, record_id: str, holder: str) -> PartnerRefusalError:
    message = f"Cannot set {name} on {record_id or 'a new company'}. Existing ID: {holder} already has that value."
    return conflict(message, [fault(message, "CONFLICTING_UNIQUE_VALUE", propertyName=name, id=holder)])
