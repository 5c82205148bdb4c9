"""One modelled HubSpot account: the single door through which the sandbox and the simulation use it.

The rules live in the modules beside this one; here a request takes the lock, so that threads see whole changes only.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from integration_pipelines.partner_models.base import Json, PartnerAccount
from integration_pipelines.partner_models.hubspot import batches, edits, merging, reading, searching, seeding, writing
from integration_pipelines.partner_models.hubspot.batches import Answer
from integration_pipelines.partner_models.hubspot.definitions import Schema
from integration_pipelines.partner_models.hubspot.ledger import Ledger
from integration_pipelines.partner_models.hubspot.limits import PROFESSIONAL, RateLimiter, RateLimits
from integration_pipelines.partner_models.hubspot.owners import Owners
from integration_pipelines.partner_models.hubspot.records import CRM_UI, INTEGRATION, RECALCULATED, WHOLE, Source, View, view_of
from integration_pipelines.partner_models.hubspot.refusals import invalid, missing, missing_scopes
from integration_pipelines.partner_models.hubspot.store import Companies
from integration_pipelines.partner_models.hubspot.writing import OBJECT, Books, Claims, properties_of

SCOPES = frozenset(
    {
        "oauth",
        "crm.objects.companies.read",
        "crm.objects.companies.write",
        "crm.objects.owners.read",
        "crm.schemas.companies.read",
        "crm.schemas.companies.write",
    }
)
BATCHES: Mapping[str, Callable[[Books, Mapping[str, Any]], Answer]] = {
    "create": batches.create,
    "update": batches.update,
    "upsert": batches.upsert,
    "archive": batches.archive,
}
PROPERTY_BATCHES: Mapping[str, Callable[[Books, Mapping[str, Any]], Answer]] = {
    "read": batches.read_properties,
    "create": batches.create_properties,
}


class HubSpotAccount(PartnerAccount):
    """A tenant's account in memory.

    Args:
        tenant: whose account it is.
        account: the portal's number as text; anything else gets a number made from it.
        token: what opens it.
        now: the clock, seconds since the epoch.
        search_lag: how many seconds the search index is behind.
        rate_limits: how many requests it takes; None switches the limiter off.
        scopes: what the token was granted.
        currency: the company currency, as account details tell it.
    """

    partner = "hubspot"

    def __init__(  # noqa: PLR0913 - one keyword per documented property of an account
        self,
        *,
        tenant: str,
        account: str,
        token: str,
        now: Callable[[], float],
        search_lag: float = 10.0,
        rate_limits: RateLimits | None = PROFESSIONAL,
        scopes: Iterable[str] = SCOPES,
        currency: str = "USD",
    ) -> None:
        super().__init__(tenant=tenant, account=account, token=token, now=now)
        self.scopes = frozenset(scopes)
        self.index = searching.SearchIndex(search_lag)
        self.portal_id = int(account) if account.isascii() and account.isdigit() else zlib.crc32(account.encode())
        self._currency = currency
        self._limiter = None if rate_limits is None else RateLimiter(rate_limits)
        self._books = Books(
            now=now,
            portal_id=self.portal_id,
            schema=Schema(now),
            owners=Owners(now),
            companies=Companies(),
            ledger=Ledger(account, self.portal_id, self.note),
        )

    def admit(self, scopes: Iterable[str] = (), *, search: bool = False) -> dict[str, str]:
        """Let a request in: it counts against the limits and needs its scopes; returns the headers of its reply.

        Raises:
            PartnerRefusalError: 429, or 403 naming the scopes that are missing.
        """
        with self.lock:
            headers = {} if self._limiter is None else self._limiter.admit(self.now(), search=search)
        lacking = frozenset(scopes) - self.scopes
        if lacking:
            raise missing_scopes(lacking)
        return headers

    def about(self) -> Json:
        """The account's details."""
        return {
            "portalId": self.portal_id,
            "accountType": "STANDARD",
            "timeZone": "US/Eastern",
            "companyCurrency": self._currency,
            "additionalCurrencies": [],
            "utcOffset": "-05:00",
            "utcOffsetMilliseconds": -18_000_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }

    def list_companies(
        self,
        *,
        limit: int = 10,
        after: str | None = None,
        properties: tuple[str, ...] = (),
        history: tuple[str, ...] = (),
        archived: bool = False,
    ) -> Json:
        """One page of companies by id: `{results, paging: {next: {after}}}`."""
        with self.lock:
            return reading.page(self._books, view_of(properties, history), limit=limit, after=after, archived=archived)

    def get_company(
        self, record_id: str, view: View | None = None, *, id_property: str | None = None, archived: bool = False
    ) -> Json:
        """One company by id or by a unique value; a merged one answers as its survivor."""
        with self.lock:
            return reading.one(self._books, record_id, view or view_of(), id_property=id_property, archived=archived)

    def create_company(self, body: Mapping[str, Any]) -> Json:
        """A new company from `{properties}`."""
        with self.lock:
            values = writing.checked(self._books, properties_of(body))
            Claims(self._books).claim("a new company", {}, values)
            return writing.create(self._books, values).shown(WHOLE)

    def update_company(self, record_id: str, body: Mapping[str, Any], *, id_property: str | None = None) -> Json:
        """Change the properties in `{properties}` and leave the others; '' clears."""
        with self.lock:
            company = writing.require(self._books, record_id, id_property)
            values = writing.checked(self._books, properties_of(body))
            Claims(self._books).claim(company.id, company.values, values)
            return writing.change(self._books, company, values).shown(WHOLE)

    def archive_company(self, record_id: str) -> None:
        """Archive a company; one that is not there is passed over."""
        with self.lock:
            company = self._books.companies.find(record_id)
            if company is not None:
                writing.archive(self._books, company)

    def restore(self, record_id: str) -> Json:
        """A person takes a company out of the archive."""
        with self.lock:
            return writing.restore(self._books, record_id).shown(WHOLE)

    def search_companies(self, body: Mapping[str, Any]) -> Json:
        """One page of search results, as old as the index is."""
        with self.lock:
            return searching.search(self._books, self.index, body)

    def read_companies(self, body: Mapping[str, Any], *, archived: bool = False) -> Answer:
        """Batch read."""
        with self.lock:
            return batches.read(self._books, body, archived=archived)

    def batch_companies(self, verb: str, body: Mapping[str, Any]) -> Answer:
        """Batch `create`, `update`, `upsert` or `archive`."""
        with self.lock:
            return BATCHES[verb](self._books, body)

    def merge_companies(self, body: Mapping[str, Any]) -> Json:
        """An app merges two companies: `{primaryObjectId, objectIdToMerge}`."""
        ids = [body.get(name) for name in ("primaryObjectId", "objectIdToMerge")]
        if not all(isinstance(name, (str, int)) and str(name) for name in ids):
            raise invalid("Invalid input JSON: primaryObjectId and objectIdToMerge are required.")
        return self._merged(str(ids[0]), str(ids[1]), INTEGRATION)

    def list_owners(
        self, *, limit: int = 100, after: str | None = None, email: str | None = None, archived: bool = False
    ) -> Json:
        """One page of owners."""
        with self.lock:
            return self._books.owners.page(limit=limit, after=after, email=email, archived=archived)

    def get_owner(self, owner_id: str, *, id_property: str = "id", archived: bool = False) -> Json:
        """One owner."""
        with self.lock:
            return self._books.owners.get(owner_id, id_property=id_property, archived=archived)

    def list_properties(self, *, archived: bool = False) -> Json:
        """All properties of companies."""
        with self.lock:
            return {"results": self._books.schema.listed(archived=archived)}

    def get_property(self, name: str, *, archived: bool = False) -> Json:
        """One property."""
        with self.lock:
            return self._books.schema.get(name, archived=archived)

    def create_property(self, body: Mapping[str, Any]) -> Json:
        """A new property."""
        with self.lock:
            return self._schema_changed({}, self._books.schema.create(body), body)

    def update_property(self, name: str, body: Mapping[str, Any]) -> Json:
        """Change a property."""
        with self.lock:
            before = self._books.schema.get(name)
            return self._schema_changed(before, self._books.schema.update(name, body), body)

    def archive_property(self, name: str) -> None:
        """Archive a property of the account's own."""
        with self.lock:
            before = self._books.schema.get(name)
            self._schema_changed(before, self._books.schema.archive(name), {"archived": True})

    def batch_properties(self, verb: str, body: Mapping[str, Any]) -> Answer:
        """Batch `read` or `create` of properties."""
        with self.lock:
            return PROPERTY_BATCHES[verb](self._books, body)

    def list_groups(self) -> Json:
        """All property groups."""
        with self.lock:
            return {"results": list(self._books.schema.groups.values())}

    def create_group(self, body: Mapping[str, Any]) -> Json:
        """A new property group."""
        with self.lock:
            return self._books.schema.create_group(body)

    def insert(self, object_name: str, record: Json) -> Json:
        """Seed a record as it is, malformed values included; nothing is noted or told."""
        with self.lock:
            return seeding.insert(self._books, object_name, record)

    def edit(self, object_name: str, record_id: str, fields: Json) -> Json:
        """A person edits a company, an owner or a property; `archived` archives and restores."""
        with self.lock:
            return edits.edit(self._books, object_name, record_id, fields)

    def merge(self, object_name: str, primary_id: str, other_id: str) -> Json:
        """A person merges two companies; the answer's id is a new one."""
        if object_name != OBJECT:
            raise missing(f"The object {object_name}")
        return self._merged(primary_id, other_id, CRM_UI)

    def recalculate(self, record_id: str) -> None:
        """HubSpot recalculates something of its own: the company counts as modified, although nothing of it changed."""
        with self.lock:
            writing.touch(self._books, writing.require(self._books, record_id), RECALCULATED)

    def freeze_search(self, seconds: float) -> None:
        """The search index stands still for so long."""
        with self.lock:
            self.index.freeze(self.now(), seconds)

    def on_event(self, listener: Callable[[Json], None]) -> None:
        """Call `listener` with every new webhook event, inside the write that made it."""
        self._books.ledger.listeners.append(listener)

    def state(self) -> dict[str, list[Json]]:
        """All records by object, by id: archived companies and owners too, merged ones as their survivor only."""
        with self.lock:
            companies = self._books.companies
            return {
                "companies": [one.shown(WHOLE) for shelf in (companies.live, companies.archived) for one in shelf.walk()],
                "owners": [dict(owner) for owner in self._books.owners.all()],
                "properties": [dict(found) for found in self._books.schema.by_name.values()],
                "groups": [dict(found) for found in self._books.schema.groups.values()],
            }

    def _merged(self, primary_id: str, other_id: str, source: Source) -> Json:
        with self.lock:
            return merging.merge(self._books, primary_id, other_id, source).shown(WHOLE)

    def _schema_changed(self, before: Mapping[str, Any], after: Json, given: Mapping[str, Any]) -> Json:
        said = {name: after.get(name) for name in given}
        changed = any(before.get(name) != said[name] for name in given)
        self._books.ledger.wrote("properties", after["name"], before, said, at=self.now(), source=INTEGRATION, changed=changed)
        return after
