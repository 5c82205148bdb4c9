"""A modelled account of each partner behind a real server, with its connector: what the conformance suite is run against.

What all benches have in common is `bench`, those of the support side are `support_benches`; here are the others, the door to all, and a
seeded account of a running sandbox.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pyarrow as pa
from starlette.applications import Starlette
from starlette.routing import Mount

from integration_pipelines.core.contract import FieldType, SourceObject
from integration_pipelines.partner_models.base import Faults, Json
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partners.http import Line
from integration_pipelines.partners.hubspot.client import connect as connect_hubspot
from integration_pipelines.partners.stripe.client import connect as connect_stripe
from integration_pipelines.ports.lake import Watermark
from integration_pipelines.ports.partner import Connector, Extraction, FieldWrite, RecordWrite, WriteOutcome
from integration_pipelines.sandbox.hubspot.routes import hubspot_routes
from integration_pipelines.sandbox.pagerduty.routes import pagerduty_routes
from integration_pipelines.sandbox.stripe.routes import stripe_routes
from integration_pipelines.sandbox.zendesk.routes import zendesk_routes
from integration_pipelines_tests.contract.bench import CANARY, TOKEN, Bench, Row, Words
from integration_pipelines_tests.contract.support_benches import PagerDutyBench, ZendeskBench
from integration_pipelines_tests.kit.core import crm_billing
from integration_pipelines_tests.kit.loopback import serving
from integration_pipelines_tests.kit.partner_fakes import OpenQuota, VirtualClock
from integration_pipelines_tests.kit.stripe_sandbox import START, stripe_kit


class StripeBench(Bench):
    """Customers and their subscriptions."""

    words = Words("billing_customers", "customers", "name", "name", "metadata.crm_segment", "crm_segment", "cus_nobody")

    def __init__(self, url: str, faults: Faults, at: list[float]) -> None:
        super().__init__(url, faults, at)
        self.kit = stripe_kit()
        self.kit.account.now = self.kit.account.store.now = lambda: at[0]
        self.account = self.kit.account
        self.account.token = TOKEN

    @staticmethod
    def dial(line: Line) -> Connector:
        """See `Bench`."""
        return connect_stripe(line)

    def fill(self) -> None:
        """See `Bench`."""
        metadata = {
            name: f"{name} 1" for name in ("crm_company_id", "crm_owner_email", "crm_owner_id", "crm_owner_name", "crm_segment")
        }
        old: Json = {
            "id": "cus_3",
            "name": "Ünïcode & Söhne",
            "email": "3@c.example",
            "created": 1_700_000_003,
            "metadata": metadata,
        }
        self.kit.account.insert("customers", old | {"discount": {"coupon": "TEN"}})
        paused = {"pause_collection": {"behavior": "void"}, "cancel_at": int(self.at[0]) + 9, "ended_at": 1, "trial_end": 2}
        items = [{"id": "si_1", "price": "price_tiers"}]
        old = {
            "id": "sub_1",
            "customer": "cus_3",
            "status": "active",
            "created": 1_700_000_004,
            "items": items,
            "discounts": [{"coupon": "TEN"}],
        }
        self.kit.account.insert("subscriptions", old | paused)

    def remove(self, record_id: str) -> None:
        """See `Bench`."""
        self.kit.write("customers", "delete", record_id)

    def surprise(self, record_id: str) -> None:
        """See `Bench`."""
        self.kit.account.insert("customers", self.held()[record_id] | {"brand_new": CANARY})


class HubSpotBench(Bench):
    """Companies and their owners."""

    words = Words("crm_accounts", "companies", "name", "name", "properties.billing_mrr_currency", "billing_mrr_currency", "999")

    def __init__(self, url: str, faults: Faults, at: list[float]) -> None:
        super().__init__(url, faults, at)
        self.hubspot = HubSpotAccount(tenant="acme", account="4711", token=TOKEN, now=lambda: self.clock.now().timestamp())
        self.account = self.hubspot
        self.surprised = ""

    @staticmethod
    def dial(line: Line) -> Connector:
        """See `Bench`."""
        return connect_hubspot(line)

    def line(self, token: str = TOKEN) -> Line:
        """See `Bench`; on the way to the account something may be added."""
        return replace(super().line(token), transport=Surprising(self.surprised) if self.surprised else None)

    @staticmethod
    def told(state: Mapping[str, list[Json]], partner_object: str) -> dict[str, Json]:
        """See `Bench`; companies in the archive are none."""
        return {str(r["id"]): r for r in state[partner_object] if partner_object != "companies" or not r["archived"]}

    def fill(self) -> None:
        """See `Bench`."""
        specs = {f.left.column: f.left.create for f in crm_billing().fields.values() if f.left.column and f.left.create}
        for name, spec in specs.items():
            options = [{"label": value, "value": value} for value in spec.options]
            kind = {"type": spec.wire_type, "fieldType": spec.field_type, "hasUniqueValue": spec.unique}
            self.hubspot.insert("properties", {"name": name, "options": options, **kind})
        self.hubspot.insert("properties", {"name": "customer_segment", "type": "string"})
        self.hubspot.insert("owners", {"id": "7", "email": "ann@crm.example", "firstName": "Ann", "lastName": "Ek"})
        self.hubspot.insert("owners", {"id": "8", "email": "gone@crm.example", "archived": True})
        values = {
            "name": "Ünïcode & Söhne", "domain": "a.example", "lifecyclestage": "customer", "hubspot_owner_id": "7",
            "customer_segment": "SMB", "hs_merged_object_ids": "51;52", "stripe_customer_id": "cus_1", "billing_mrr": "12.5",
            "billing_subscription_status": "active", "billing_mrr_currency": "EUR", "billing_renewal_date": "2026-12-01",
            "billing_cancel_date": "2027-01-01", "billing_synced_at": "2026-11-01T10:00:00.250Z",
        }  # fmt: skip
        old = {"createdAt": "2024-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}
        for record_id, properties in (("101", {"name": "No 1"}), ("102", {"name": "No 2", "domain": ""}), ("103", values)):
            self.hubspot.insert("companies", {"id": record_id, "properties": properties, **old})

    def remove(self, record_id: str) -> None:
        """See `Bench`."""
        self.hubspot.edit("companies", record_id, {"archived": True})

    def surprise(self, record_id: str) -> None:
        """See `Bench`; the model shows nothing unasked, so it is added on the way."""
        self.surprised = record_id


class Surprising(httpx.BaseTransport):
    """Passes requests on and adds a field to one record of every list."""

    def __init__(self, record_id: str) -> None:
        self._inner = httpx.HTTPTransport()
        self._record_id = record_id

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        response = self._inner.handle_request(request)
        body = json.loads(response.read())
        for record in body["results"]:
            record.update({"brand_new": CANARY} if record.get("id") == self._record_id else {})
        response.close()
        return httpx.Response(response.status_code, json=body)

    def close(self) -> None:
        """Give connections back."""
        self._inner.close()


BENCHES: dict[str, type[Bench]] = {
    "hubspot": HubSpotBench,
    "pagerduty": PagerDutyBench,
    "stripe": StripeBench,
    "zendesk": ZendeskBench,
}


class Door:
    """One server for all benches of a module; the account behind it is the one opened last."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.benches: dict[str, Bench] = {}

    def app(self) -> Starlette:
        """All partners by path prefix."""

        def find(partner: str) -> Callable[[str], Any]:
            return lambda token: self.benches[partner].account if token == TOKEN else None

        made = {"hubspot": hubspot_routes, "pagerduty": pagerduty_routes, "stripe": stripe_routes, "zendesk": zendesk_routes}
        return Starlette(routes=[Mount(f"/{name}", routes=routes(find(name), self.faults)) for name, routes in made.items()])

    def open(self, partner: str, address: str) -> Bench:
        """A fresh, filled account."""
        self.faults.clear()
        bench = BENCHES[partner](f"{address}/{partner}", self.faults, [START])
        bench.fill()
        self.benches[partner] = bench
        return bench


@contextmanager
def served() -> Iterator[tuple[Door, str]]:
    """The door behind a real server, and its address."""
    door = Door()
    with serving(door.app()) as address:
        yield door, address


@dataclass(frozen=True, slots=True)
class SeededAccount:
    """An account of a running sandbox, seen through its control door."""

    address: str
    account: str
    bench: type[Bench]
    objects: Mapping[str, SourceObject]
    connector: Connector

    @property
    def words(self) -> Words:
        """The names that the suite needs."""
        return self.bench.words

    def held(self, partner_object: str) -> dict[str, Json]:
        """The records that a full read has to bring."""
        state = httpx.get(f"{self.address}/_control/state", params={"account": self.account}).json()[0]["state"]
        return self.bench.told(state, partner_object)

    def edit(self, record_id: str, value: str) -> None:
        """A person edits a main record."""
        named = {"object": self.words.held_as, "id": self.bench.held_id(record_id), "fields": {self.words.edited: value}}
        body = {"partner": self.connector.partner, "account": self.account, **named}
        httpx.post(f"{self.address}/_control/edit", json=body).raise_for_status()


def seeded_account(address: str, partner: str) -> SeededAccount:
    """The first account of that partner."""
    found = next(a for a in httpx.get(f"{address}/_control/accounts").json() if a["partner"] == partner)
    bench = BENCHES[partner]
    clock = VirtualClock(lambda: datetime.fromtimestamp(START, tz=UTC))
    line = Line(tenant_id="t1", base_url=found["base_url"], token=lambda: str(found["token"]), quota=OpenQuota(), clock=clock)
    return SeededAccount(address, found["account"], bench, bench.read_objects(), bench.dial(line))


def rows(extraction: Extraction) -> list[Row]:
    """Everything an extraction brings."""
    found: list[Row] = pa.Table.from_batches(extraction, schema=extraction.schema).to_pylist()
    return found


def full(connector: Connector, bench: Bench) -> tuple[list[Row], Watermark]:
    """A full read of the main object and where the next one starts."""
    extraction = connector.extract(bench.words.main, bench.spec, None)
    found = rows(extraction)
    return found, extraction.summary.watermark


def send(connector: Connector, bench: Bench, values: Sequence[tuple[str, str]], *, run: str = "1") -> dict[str, WriteOutcome]:
    """Write one field of several records; outcomes by record id."""
    writes = [
        RecordWrite(f"w{run}_{record_id}", f"key:{run}:{record_id}", record_id, (FieldWrite(bench.words.written, value),))
        for record_id, value in values
    ]
    outcomes = {outcome.write_id: outcome for outcome in connector.write(bench.words.main, bench.spec, writes)}
    return {write.record_id: outcomes[write.write_id] for write in writes}


def plain_columns(spec: SourceObject) -> dict[str, str]:
    """Column → source, for the columns whose text is the partner's own, so that an oracle needs no rules."""
    spelled = {FieldType.DATE, FieldType.DATETIME, FieldType.LIST, FieldType.IDS}
    return {name: column.source for name, column in spec.columns.items() if column.type not in spelled}


def said(record: Json, source: str) -> str:
    """What the partner holds at a source, as text; blank where it holds nothing."""
    found: Any = record
    for step in source.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, bool | dict | list):
        return json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return "" if found is None else str(found)
