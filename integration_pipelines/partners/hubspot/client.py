"""HubSpot as a connector: one tenant's connection, and which part of this folder answers which question.

Facts about the API are `wire`, values `translate`, errors `refusals`; reading is `reading` and `fetching`, writing `writing`, the
schema `properties`. Companies and owners are served; another object needs its facts in `wire` first.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import httpx
import pyarrow as pa

from integration_pipelines.core.contract import PropertySpec, SourceObject
from integration_pipelines.errors import ConfigError, ErrorKind, IntegrationError
from integration_pipelines.partners.http import Line, Partner, PartnerHttp
from integration_pipelines.partners.hubspot import fetching, history, preimages, properties
from integration_pipelines.partners.hubspot.archiving import archive_companies
from integration_pipelines.partners.hubspot.columns import asked
from integration_pipelines.partners.hubspot.reading import CompaniesReading, OwnersReading, start_of
from integration_pipelines.partners.hubspot.refusals import classify, missing_scopes
from integration_pipelines.partners.hubspot.session import Session
from integration_pipelines.partners.hubspot.translate import flattener
from integration_pipelines.partners.hubspot.wire import (
    API_VERSION,
    BATCH,
    BUCKETS,
    COMPANIES,
    OWNERS,
    Paths,
    property_of,
    writable,
)
from integration_pipelines.partners.hubspot.writing import BatchUpdate
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.history import HistoryRead
from integration_pipelines.ports.lake import Watermark
from integration_pipelines.ports.partner import Connector, Extraction, PreImage, Probe, RecordWrite, Refused, WriteOutcome
from integration_pipelines.ports.quota import Quota

HUBSPOT = Partner(name="hubspot", label="HubSpot", buckets=BUCKETS, classify=classify)
HORIZON = timedelta(days=30)
"""Older watermarks lead to a full read: HubSpot keeps archived companies for 90 days, and we stay well inside."""

_FORBIDDEN = 403


class HubSpotConnector(Connector):
    """One tenant's HubSpot account.

    Args:
        tenant_id: whose connection it is.
        base_url: `https://api.hubapi.com`, or a sandbox on loopback.
        token: asked before every request.
        quota: permits, shared between processes.
        clock: time and waiting.
        version: the date in every path.
        horizon: how old a watermark may be.
        transport: replaces the sockets in tests.
    """

    partner = "hubspot"
    write_batch = BATCH

    def __init__(  # noqa: PLR0913 - the ports it stands on, by keyword
        self,
        *,
        tenant_id: str,
        base_url: str,
        token: Callable[[], str],
        quota: Quota,
        clock: Clock,
        version: str = API_VERSION,
        horizon: timedelta = HORIZON,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = PartnerHttp(
            partner=HUBSPOT, tenant_id=tenant_id, base_url=base_url, token=token, quota=quota, clock=clock, transport=transport
        )
        self._paths = Paths(version)
        self._session = Session(self._http, self._paths)
        self._tenant = tenant_id
        self._clock = clock
        self._horizon = horizon

    @property
    def calls(self) -> int:
        """Requests sent so far, retries included."""
        return self._http.calls

    def close(self) -> None:
        """Give connections back."""
        self._http.close()

    def extract(self, name: str, spec: SourceObject, since: Watermark | None) -> Extraction:
        """Read an object: everything, or what changed since (archived companies arrive as deleted)."""
        if _served(name, spec) == OWNERS:
            return OwnersReading(self._session, self._clock, self._tenant, spec)
        start = start_of(since, self._clock.now(), self._horizon)
        return CompaniesReading(self._session, self._clock, self._tenant, spec, start)

    def fetch(self, name: str, spec: SourceObject, record_ids: Sequence[str]) -> pa.Table:
        """See `Connector.fetch`: one row per id asked for, in that order."""
        ids = list(record_ids)
        observed_at = self._clock.now()
        if _served(name, spec) == OWNERS:
            found = fetching.owners(self._session, ids)
        else:
            wanted = asked(spec, self._session.schema(fresh=False).by_name)
            found = fetching.companies(self._session, ids, wanted.properties)
        batch = flattener(spec).batch(
            [found[record_id] or {"id": record_id} for record_id in ids],
            tenant_id=self._tenant,
            observed_at=observed_at,
            ids=ids,
            deleted=[found[record_id] is None for record_id in ids],
        )
        return pa.Table.from_batches([batch])

    def write(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """Send changed properties in batches; '' clears.

        HubSpot knows no idempotency keys. What is sent are absolute values, so a repeat adds nothing up, but it could replace
        what somebody entered meanwhile: after `Unknown`, read the record first and send again only what still differs.
        """
        partner_object = _served(name, spec)
        allowed = [write for write in writes if not _barred(partner_object, write)]
        refused = [_not_written(partner_object, write) for write in writes if _barred(partner_object, write)]
        return [*refused, *BatchUpdate(self._http, self._paths).send(allowed)]

    def upsert(self, name: str, spec: SourceObject, unique: str, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """See `Connector.upsert`: HubSpot keeps a unique property's values apart, so the same value is always the same company."""
        key = _unique_property(name, spec, unique)
        allowed = [write for write in writes if not _barred(COMPANIES, write)]
        refused = [_not_written(COMPANIES, write) for write in writes if _barred(COMPANIES, write)]
        return [*refused, *BatchUpdate(self._http, self._paths, key).send(allowed)]

    def find(self, name: str, spec: SourceObject, unique: str, values: Sequence[str]) -> pa.Table:
        """See `Connector.find`; asked of the records themselves, since the search index lags behind."""
        key = _unique_property(name, spec, unique)
        wanted = asked(spec, self._session.schema(fresh=False).by_name)
        observed_at = self._clock.now()
        found = fetching.holders(self._session, key, list(values), wanted.properties)
        batch = flattener(spec).batch(found, tenant_id=self._tenant, observed_at=observed_at)
        return pa.Table.from_batches([batch])

    def archive(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """See `Connector.archive`: companies only."""
        if _served(name, spec) != COMPANIES:
            return super().archive(name, spec, writes)
        return archive_companies(self._http, self._paths, writes)

    def forecast(self, writes: int) -> int:
        """See `Connector.forecast`: versions are read in smaller batches."""
        return 3 * -(-writes // self.write_batch) + -(-writes // preimages.WITH_HISTORY)

    def pre_images(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite], since: datetime) -> list[PreImage]:
        """See `Connector.pre_images`: HubSpot keeps every property's versions."""
        return [] if _served(name, spec) == OWNERS else preimages.of_companies(self._session, writes, since)

    def history(self, name: str, spec: SourceObject, record_ids: Sequence[str], days: Sequence[date]) -> HistoryRead:
        """See `Connector.history`: HubSpot keeps versions of companies' properties, none of owners."""
        if _served(name, spec) == OWNERS:
            return super().history(name, spec, record_ids, days)
        return history.of_companies(self._session, spec, record_ids, days, self._clock.now())

    def ensure_properties(self, partner_object: str, wanted: dict[str, PropertySpec]) -> tuple[str, ...]:
        """Create the properties that do not exist yet; a name may carry the contract's `properties.` before it."""
        if not wanted:
            return ()
        created = properties.ensure(self._http, self._paths.properties(partner_object), wanted)
        self._session.forget_schema()
        return created

    def probe(self) -> Probe:
        """Which account the token leads to, and whether companies, their schema and owners may be read."""
        try:
            account = str(self._http.request("GET", self._paths.account(), exact=False).as_object().get("portalId", ""))
            missing = tuple(dict.fromkeys(scope for path, scope in self._needed() for scope in self._missing(path, scope)))
        except IntegrationError as error:
            return Probe(ok=False, account="", text=error.message, remedy=error.remedy)
        if missing:
            text = f"HubSpot account {account} answers, but does not grant {', '.join(missing)}."
            return Probe(False, account, text, "Grant the missing scopes and connect the account again.", missing)
        return Probe(ok=True, account=account, text=f"HubSpot account {account} answers.")

    def _needed(self) -> tuple[tuple[str, str], ...]:
        return (
            (self._paths.companies(), "crm.objects.companies.read"),
            (self._paths.owners(), "crm.objects.owners.read"),
            (self._paths.properties(COMPANIES), "crm.schemas.companies.read"),
        )

    def _missing(self, path: str, scope: str) -> tuple[str, ...]:
        reply = self._http.request("GET", path, params={"limit": "1"}, exact=False, accept=frozenset({_FORBIDDEN}))
        if reply.status != _FORBIDDEN:
            return ()
        return missing_scopes(reply.data if isinstance(reply.data, dict) else {}) or (scope,)


def connect(line: Line) -> HubSpotConnector:
    """The connector of a connection."""
    return HubSpotConnector(
        tenant_id=line.tenant_id,
        base_url=line.base_url,
        token=line.token,
        quota=line.quota,
        clock=line.clock,
        transport=line.transport,
    )


def _barred(partner_object: str, write: RecordWrite) -> tuple[str, ...]:
    """The fields of a write that HubSpot does not let apps change."""
    return tuple(field.path for field in write.fields if not writable(partner_object, field.path))


def _not_written(partner_object: str, write: RecordWrite) -> WriteOutcome:
    names = ", ".join(_barred(partner_object, write))
    text = f"HubSpot does not let {names} of {partner_object} be written; let the contract write another property."
    return Refused(write.write_id, ErrorKind.INVALID, text, "")


def _unique_property(name: str, spec: SourceObject, unique: str) -> str:
    found = property_of(unique)
    if _served(name, spec) != COMPANIES or found is None:
        raise ConfigError(
            f"{unique} of {spec.partner_object} is no property by which {name} could be created.",
            remedy="Name a column of the companies whose source is a unique property.",
        )
    return found


def _served(name: str, spec: SourceObject) -> str:
    if spec.partner_object not in {COMPANIES, OWNERS}:
        raise ConfigError(
            f"The HubSpot connector does not serve {spec.partner_object}, which {name} asks for.",
            remedy=f"Use {COMPANIES} or {OWNERS}.",
        )
    return spec.partner_object
