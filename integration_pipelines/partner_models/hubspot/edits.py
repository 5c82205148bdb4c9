"""What a person does in HubSpot's pages: change a company, archive or restore it, change an owner or a property."""

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot import writing
from integration_pipelines.partner_models.hubspot.records import CRM_UI, WHOLE
from integration_pipelines.partner_models.hubspot.refusals import missing
from integration_pipelines.partner_models.hubspot.writing import Books, Claims

ARCHIVED = "archived"


def edit(books: Books, object_name: str, record_id: str, fields: Json) -> Json:
    """Change a record; `archived` archives or restores it, names of properties may carry `properties.` before them.

    Raises:
        PartnerRefusalError: 404 for what is not there, 400 for a value that the page would not take, 409 for a unique one.
    """
    match object_name:
        case "companies":
            return _company(books, record_id, {name.removeprefix("properties."): value for name, value in fields.items()})
        case "owners":
            before, after = books.owners.edit(record_id, fields)
            shown = {name: after.get(name) for name in fields}
            books.ledger.wrote("owners", record_id, before, shown, at=books.now(), source=CRM_UI)
            return after
        case "properties":
            return _property(books, record_id, fields)
        case _:
            raise missing(f"The object {object_name}")


def _company(books: Books, record_id: str, fields: Json) -> Json:
    if fields.get(ARCHIVED) is False and books.companies.find(record_id, archived=True) is not None:
        writing.restore(books, record_id)
    company = writing.require(books, record_id)
    given = {name: value for name, value in fields.items() if name != ARCHIVED}
    if given:
        values = writing.checked(books, given)
        Claims(books).claim(company.id, company.values, values)
        writing.change(books, company, values, CRM_UI)
    if fields.get(ARCHIVED) is True:
        writing.archive(books, company, CRM_UI)
    return company.shown(WHOLE)


def _property(books: Books, name: str, fields: Json) -> Json:
    before = books.schema.get(name)
    archive = fields.get(ARCHIVED) is True
    given = {key: value for key, value in fields.items() if key != ARCHIVED}
    after = books.schema.update(name, given) if given else before
    if archive:
        after = books.schema.archive(name)
    shown = {key: after.get(key) for key in fields}
    changed = any(before.get(key) != after.get(key) for key in fields)
    books.ledger.wrote("properties", name, before, shown, at=books.now(), source=CRM_UI, changed=changed)
    return after
