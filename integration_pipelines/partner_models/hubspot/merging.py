"""Merging two companies: a new id is minted, and both old ids answer with the new record from then on."""

from integration_pipelines.partner_models.hubspot.moments import moment
from integration_pipelines.partner_models.hubspot.records import Company, Source
from integration_pipelines.partner_models.hubspot.refusals import invalid
from integration_pipelines.partner_models.hubspot.writing import OBJECT, Books, require

MERGED = "hs_merged_object_ids"
_OWN = frozenset(
    {"createdate", "hs_createdate", "hs_object_id", "hs_lastmodifieddate", "hs_object_source", "hs_object_source_id", MERGED}
)


def merge(books: Books, primary_id: str, other_id: str, source: Source) -> Company:
    """The survivor: the primary's values, blanks filled from the other, and every old id in `hs_merged_object_ids`.

    Raises:
        PartnerRefusalError: 404 for an id that is not there, 400 for a company merged with itself.
    """
    primary, other = require(books, primary_id), require(books, other_id)
    if primary is other:
        raise invalid("A company cannot be merged with itself.")
    at, new_id = books.now(), books.companies.mint()
    gained = {name: value for name, value in other.values.items() if name not in _OWN and value and not primary.values.get(name)}
    oldest = min(primary, other, key=lambda one: moment(one.created_text) or 0)
    old_ids = _old_ids(primary) + _old_ids(other)
    survivor = Company(new_id, dict(primary.values), oldest.created_text, at, at, source)
    survivor.versions = {name: list(kept) for name, kept in primary.versions.items()}
    for company in (primary, other):
        books.companies.remove(company, at, books.schema.unique, archive=False)
    news = {**gained, "createdate": oldest.created_text, "hs_object_id": new_id, MERGED: ";".join(old_ids)}
    for name, value in news.items():
        survivor.put(name, value, at, source)
    survivor.modified(at, source)
    books.companies.add(survivor, books.schema.unique)
    books.companies.survivors |= dict.fromkeys(old_ids, new_id)
    after = {**gained, MERGED: news[MERGED]}
    before = {name: primary.values.get(name) for name in after}
    books.ledger.wrote(OBJECT, new_id, before, after, at=at, source=source, changed=True)
    _tell(books, survivor, (primary, other), len(gained), source)
    return survivor


def _old_ids(company: Company) -> list[str]:
    """The ids under which a company was known, its own last."""
    listed = company.values.get(MERGED)
    return [*(listed.split(";") if isinstance(listed, str) and listed else []), company.id]


def _tell(books: Books, survivor: Company, merged: tuple[Company, Company], moved: int, source: Source) -> None:
    """A merge tells of itself and of the losers' end, but not of the fields it altered."""
    at = survivor.modified_at
    facts = {
        "objectId": survivor.number,
        "primaryObjectId": merged[0].number,
        "mergedObjectIds": [company.number for company in merged],
        "newObjectId": survivor.number,
        "numberOfPropertiesMoved": moved,
    }
    books.ledger.tell("company.merge", at, source, **facts)
    for company in merged:
        books.ledger.tell("company.deletion", at, source, objectId=company.number, changeFlag="DELETED")
