"""A modelled HubSpot account with a few companies, owners and billing properties, alone or served over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount

from integration_pipelines.partner_models.base import Faults, Json
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines.partner_models.hubspot.limits import RateLimits
from integration_pipelines.partner_models.hubspot.records import view_of
from integration_pipelines.sandbox.hubspot.routes import hubspot_routes
from integration_pipelines_tests.kit.loopback import serving

START = 1_795_392_000.0  # 2026-11-23 00:00 UTC
TOKEN = "pat-kit"
SEGMENTS = ("Enterprise", "SMB")


@dataclass(slots=True)
class Clock:
    """A clock that moves only when told."""

    at: float = START

    def __call__(self) -> float:
        """The time."""
        return self.at


@dataclass(slots=True)
class Kit:
    """An account, its clock and the faults of its sandbox."""

    account: HubSpotAccount
    clock: Clock
    faults: Faults = field(default_factory=Faults)
    url: str = ""

    def create(self, **values: Any) -> str:  # noqa: ANN401 - values of any JSON type
        """A new company; returns its id."""
        return str(self.account.create_company({"properties": values})["id"])

    def update(self, record_id: str, **values: Any) -> Json:  # noqa: ANN401 - values of any JSON type
        """Change a company; returns its properties."""
        properties: Json = self.account.update_company(record_id, {"properties": values})["properties"]
        return properties

    def value(self, record_id: str, name: str) -> object:
        """What a property says."""
        return self.account.get_company(record_id, view_of((name,)))["properties"][name]

    def found(self, *filters: Json, **body: Any) -> list[str]:  # noqa: ANN401 - parts of a search body
        """The ids a search of one filter group finds."""
        groups = {"filterGroups": [{"filters": list(filters)}]} if filters else {}
        return [record["id"] for record in self.account.search_companies({**groups, **body})["results"]]

    def ids(self, *, archived: bool = False) -> list[str]:
        """The ids of the list's first page."""
        return [record["id"] for record in self.account.list_companies(limit=100, archived=archived)["results"]]


def hubspot_kit(rates: RateLimits | None = None, search_lag: float = 0.0) -> Kit:
    """An account with companies 1 to 3, owners 11 and (archived) 12, and billing properties."""
    clock = Clock()
    account = HubSpotAccount(
        tenant="acme", account="4711", token=TOKEN, now=clock, rate_limits=rates, search_lag=search_lag, currency="EUR"
    )
    team = {"id": "7", "name": "North", "primary": True}
    account.insert("owners", {"id": "11", "email": "ann@a.example", "firstName": "Ann", "teams": [team]})
    account.insert("owners", {"id": "12", "email": "bob@a.example", "archived": True})
    account.insert("owners", {"id": "13", "email": "queue@a.example", "type": "QUEUE"})
    options = [{"label": value, "value": value} for value in SEGMENTS]
    billing: dict[str, Json] = {
        "stripe_customer_id": {"hasUniqueValue": True},
        "billing_mrr": {"type": "number", "fieldType": "number", "numberDisplayHint": "currency"},
        "billing_renewal_date": {"type": "date", "fieldType": "date"},
        "billing_synced_at": {"type": "datetime", "fieldType": "date"},
        "customer_segment": {"type": "enumeration", "fieldType": "select", "options": options},
        "regions": {"type": "enumeration", "fieldType": "checkbox", "options": options},
    }
    for name, rest in billing.items():
        account.insert("properties", {"name": name, **rest})
    for number in (1, 2, 3):
        values = {"name": f"No {number}", "domain": f"{number}.example", "stripe_customer_id": f"cus_{number}"}
        created = f"2026-01-0{number}T00:00:00Z"
        account.insert("companies", {"id": str(number), "properties": values, "createdAt": created})
    return Kit(account, clock)


@contextmanager
def served(kit: Kit) -> Iterator[Kit]:
    """The kit behind a real server; `url` is what an SDK takes as its base address."""
    routes = hubspot_routes(lambda token: kit.account if token == TOKEN else None, kit.faults)
    with serving(Starlette(routes=[Mount("/hubspot", routes=routes)])) as address:
        kit.url = f"{address}/hubspot"
        yield kit
