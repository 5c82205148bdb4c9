"""The Stripe connector: one tenant's customers, subscriptions, prices, products and coupons.

Reads everything or what events since the last read touched, fetches by id, and writes nothing but metadata keys of customers.
How requests are sent is `partners.http`, what is missing in lists is `completion`, what changed is `changes`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import httpx
import pyarrow as pa

from integration_pipelines.core.contract import PropertySpec, SourceObject
from integration_pipelines.errors import ConfigError, ErrorKind, IntegrationError, UnknownOutcomeError
from integration_pipelines.partners.http import Bucket, Line, Partner, PartnerHttp
from integration_pipelines.partners.observe import Json
from integration_pipelines.partners.stripe import changes, history, preimages
from integration_pipelines.partners.stripe.completion import Completion, expansions
from integration_pipelines.partners.stripe.extraction import Start, StripeExtraction
from integration_pipelines.partners.stripe.faults import classify
from integration_pipelines.partners.stripe.paging import Lists, ahead, bucket
from integration_pipelines.partners.stripe.translate import flattener, metadata_form, sources
from integration_pipelines.partners.stripe.wire import API_VERSION, PAGE_SIZE, RESOURCES, TOP_LEVEL, writable
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.history import HistoryRead
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.partner import (
    Applied,
    Connector,
    Extraction,
    PreImage,
    Probe,
    RecordWrite,
    Refused,
    Unknown,
    WriteOutcome,
)
from integration_pipelines.ports.quota import Quota

WORKERS = 4
_ENDPOINTS = ("account", "coupons", "customers", "events", "prices", "products", "subscription_items", "subscriptions")
BUCKETS: Mapping[str, Bucket] = {"default": Bucket(20, 5), **{name: Bucket(20, 5) for name in _ENDPOINTS}}
"""Stripe allows 25 requests a second at one endpoint (docs.stripe.com/rate-limits); some are left to the tenant's other tools."""


class StripeConnector(Connector):
    """See `Connector`.

    Args:
        tenant_id: whose account.
        base_url: `https://api.stripe.com`, or the sandbox.
        token: gives the secret or restricted key, or an OAuth access token.
        quota: permits.
        clock: time.
        account: set when the token is a platform's and acts for this connected account.
        buckets: limits by endpoint.
        transport: replaces the sockets in tests.
    """

    partner = "stripe"
    write_batch = 100

    def __init__(  # noqa: PLR0913 - the ports it stands on, by keyword
        self,
        *,
        tenant_id: str,
        base_url: str,
        token: Callable[[], str],
        quota: Quota,
        clock: Clock,
        account: str = "",
        buckets: Mapping[str, Bucket] = BUCKETS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"stripe-version": API_VERSION, **({"stripe-account": account} if account else {})}
        partner = Partner(name=self.partner, label="Stripe", buckets=buckets, headers=headers, classify=classify)
        self._http = PartnerHttp(
            partner=partner, tenant_id=tenant_id, base_url=base_url, token=token, quota=quota, clock=clock, transport=transport
        )
        self._tenant = tenant_id
        self._clock = clock
        self._lists = Lists(self._http)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="stripe")

    @property
    def calls(self) -> int:
        """See `Connector.calls`."""
        return self._http.calls

    def close(self) -> None:
        """See `Connector.close`."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def extract(self, name: str, spec: SourceObject, since: Watermark | None) -> Extraction:
        """See `Connector.extract`; events are read here already, since they decide between a partial and a full read."""
        kind, wanted, calls = _known(name, spec), sources(spec), self.calls
        start = Start(self._clock.now())
        begin, reason = changes.start_of(since, start.at)
        ids: list[str] | None = None
        if not reason:
            asked = changes.Wanted(kind, wanted, changes.own_keys(self._tenant, name))
            found = changes.touched(self._lists, asked, begin, start.partner_time)
            reason = found.full
            ids = None if found.full else sorted(found.ids)
        completion = Completion(self._http, self._pool, kind, wanted)

        def pages() -> Iterable[list[Json]]:
            return self._everything(kind, wanted, completion, start) if ids is None else self._single(ids, completion)

        return StripeExtraction(
            mode=Mode.FULL if ids is None else Mode.DELTA, reason=reason or "events since the last read name what changed",
            pages=pages, flattener=flattener(spec), known=TOP_LEVEL[kind], start=start, clock=self._clock,
            tenant_id=self._tenant, calls=lambda: self.calls - calls, token=changes.token,
        )  # fmt: skip

    def fetch(self, name: str, spec: SourceObject, record_ids: Sequence[str]) -> pa.Table:
        """See `Connector.fetch`; Stripe has no batch read, so single reads run side by side."""
        completion = Completion(self._http, self._pool, _known(name, spec), sources(spec))
        observed_at = self._clock.now()
        found = [record for page in self._single(list(record_ids), completion) for record in page]
        made = flattener(spec)
        batch = made.batch(found, tenant_id=self._tenant, observed_at=observed_at, ids=list(record_ids))
        return pa.Table.from_batches([batch], schema=made.schema)

    def of_parents(self, name: str, spec: SourceObject, parent_ids: Sequence[str]) -> pa.Table | None:
        """See `Connector.of_parents`: a list of each customer's, whatever their status."""
        kind, wanted = _known(name, spec), sources(spec)
        resource = RESOURCES[kind]
        if resource.parent is None:
            return None
        completion, observed_at = Completion(self._http, self._pool, kind, wanted), self._clock.now()
        params = [*resource.params, *expansions(resource.expand, wanted)]
        exact, belongs_to = bool(resource.decimals & wanted), resource.parent

        def of(parent: str) -> list[Json]:
            pages = self._lists.pages(resource.path, [*params, (belongs_to, parent)], exact=exact)
            return [record for page in pages for record in page]

        found = [record for records in self._pool.map(of, parent_ids) for record in records]
        made = flattener(spec)
        batch = made.batch(completion.complete(found), tenant_id=self._tenant, observed_at=observed_at)
        return pa.Table.from_batches([batch], schema=made.schema)

    def write(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """See `Connector.write`; each record is its own request under its own idempotency key."""
        kind = _known(name, spec)
        return list(self._pool.map(lambda write: self._write_one(kind, write), writes))

    def pre_images(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite], since: datetime) -> list[PreImage]:
        """See `Connector.pre_images`: events name the request that caused them and what it replaced."""
        return preimages.of_events(self._lists, _known(name, spec), writes, since, self._clock.sleep)

    def history(self, name: str, spec: SourceObject, record_ids: Sequence[str], days: Sequence[date]) -> HistoryRead:
        """See `Connector.history`: events tell of all records for 30 days."""
        del record_ids
        _known(name, spec)
        return history.of_events(self._lists, spec, days, self._clock.now())

    def forecast(self, writes: int) -> int:
        """Stripe reads and writes customers one by one: a read, a write and a read again for each; and the events of all of them."""
        return 3 * writes + -(-writes // PAGE_SIZE)

    def ensure_properties(self, partner_object: str, wanted: dict[str, PropertySpec]) -> tuple[str, ...]:
        """Metadata needs no schema: nothing is created."""
        del partner_object, wanted
        return ()

    def probe(self) -> Probe:
        """See `Connector.probe`."""
        try:
            body = self._http.request("GET", "/v1/account", bucket="account").as_object()
        except IntegrationError as error:
            missing = (error.detail,) if error.kind is ErrorKind.AUTH and error.detail.count("_") else ()
            return Probe(ok=False, account="", text=error.message, remedy=error.remedy, missing_scopes=missing)
        account = str(body.get("id", ""))
        return Probe(ok=True, account=account, text=f"Connected to the Stripe account {account}.")

    def _everything(self, kind: str, wanted: frozenset[str], completion: Completion, start: Start) -> Iterator[list[Json]]:
        resource = RESOURCES[kind]
        params = [*resource.params, *expansions(resource.expand, wanted)]
        exact = bool(resource.decimals & wanted)
        for page in ahead(self._lists.pages(resource.path, params, exact=exact, on_time=start.partner_time)):
            yield completion.complete(page)

    def _single(self, ids: Sequence[str], completion: Completion) -> Iterator[list[Json]]:
        """Records by id, one per id and in that order; one that is gone is an empty one marked deleted."""
        for first in range(0, len(ids), self.write_batch):
            part = ids[first : first + self.write_batch]
            found = self._pool.map(completion.one, part)
            records = [record or {"id": name, "deleted": True} for name, record in zip(part, found, strict=True)]
            yield completion.complete(records)

    def _write_one(self, kind: str, write: RecordWrite) -> WriteOutcome:
        refused = next((field.path for field in write.fields if not writable(kind, field.path)), None)
        if refused is not None or not write.fields:
            text = "Stripe fields other than customers' metadata are never written."
            return Refused(write.write_id, ErrorKind.INVALID, text, "")
        path = f"{RESOURCES[kind].path}/{{}}"
        try:
            reply = self._http.request(
                "POST", path, ids=(write.record_id,), form=metadata_form(write.fields), bucket=bucket(path),
                headers={"idempotency-key": write.idempotency_key}, write=True, idempotent=True,
            )  # fmt: skip
        except UnknownOutcomeError as error:
            return Unknown(write.write_id, error.message)
        except IntegrationError as error:
            return Refused(write.write_id, error.kind, str(error), error.request_id)
        if not isinstance(reply.data, dict) or reply.data.get("id") != write.record_id:
            return Unknown(write.write_id, "Stripe answered about another record than the one written.")
        return Applied(write.write_id, reply.request_id)


def connect(line: Line) -> StripeConnector:
    """The connector of a connection."""
    return StripeConnector(
        tenant_id=line.tenant_id,
        base_url=line.base_url,
        token=line.token,
        quota=line.quota,
        clock=line.clock,
        transport=line.transport,
    )


def _known(name: str, spec: SourceObject) -> str:
    if spec.partner_object not in RESOURCES:
        raise ConfigError(
            f"{name} reads {spec.partner_object}, which Stripe's connector does not offer.",
            remedy=f"Use one of {', '.join(sorted(RESOURCES))}.",
        )
    return spec.partner_object
