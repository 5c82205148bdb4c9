"""Reading companies: page by page in the order of their ids, or one by one. Searching is `search`."""

from itertools import islice

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.hubspot.records import Company, View
from integration_pipelines.partner_models.hubspot.refusals import invalid, missing
from integration_pipelines.partner_models.hubspot.store import ARCHIVE_SECONDS
from integration_pipelines.partner_models.hubspot.writing import Books, locate

MOST = 100
MOST_WITH_HISTORY = 50
_LONGEST_CURSOR = 19


def in_use(books: Books, view: View) -> View:
    """The view without properties that do not exist: HubSpot passes over them in silence."""
    known = tuple(name for name in view.names if books.schema.find(name) is not None)
    history = tuple(name for name in view.history if books.schema.find(name) is not None)
    return View(known, history, view.whole)


def page(books: Books, view: View, *, limit: int = 10, after: str | None = None, archived: bool = False) -> Json:
    """One page of the list.

    Raises:
        PartnerRefusalError: 400 for a limit out of range or a cursor that is none.
    """
    most = MOST_WITH_HISTORY if view.history else MOST
    if not 1 <= limit <= most:
        raise invalid(f"limit must be between 1 and {most}.")
    shelf = books.companies.archived if archived else books.companies.live
    seen = in_use(books, view)
    found = list(islice((one for one in shelf.walk(_cursor(after)) if _is_kept(books, one)), limit + 1))
    result: Json = {"results": [company.shown(seen) for company in found[:limit]]}
    if len(found) > limit:
        result["paging"] = {"next": {"after": found[limit - 1].id}}
    return result


def one(books: Books, record_id: str, view: View, *, id_property: str | None = None, archived: bool = False) -> Json:
    """One company; raises PartnerRefusalError 404. A merged one answers as its survivor, whose id differs."""
    found = locate(books, record_id, id_property, archived=archived)
    if found is None or not _is_kept(books, found):
        raise missing("resource")
    return found.shown(in_use(books, view))


def _is_kept(books: Books, company: Company) -> bool:
    """Archived companies can be read for 90 days."""
    return not company.archived or company.gone_at is None or books.now() - company.gone_at <= ARCHIVE_SECONDS


def _cursor(after: str | None) -> int:
    if not after:
        return 0
    if not (after.isascii() and after.isdigit() and len(after) <= _LONGEST_CURSOR):
        raise invalid("The paging cursor is not one of this list.")
    return int(after)
