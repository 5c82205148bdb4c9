"""What the sandbox's partners deliver over real HTTP, worded and signed by code of their own, is taken as what it is."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from integration_pipelines.ports.webhooks import APP
from integration_pipelines.sandbox.server import running_sandbox
from integration_pipelines.sandbox.world import World
from integration_pipelines_tests.kit.receiving import APP_SECRET, Reception, secret_of, served
from integration_pipelines_tests.kit.stripe_sandbox import START

EDITS: dict[str, tuple[str, dict[str, Any]]] = {
    "stripe": ("customers", {"name": "Renamed"}),
    "hubspot": ("companies", {"name": "Renamed"}),
    "zendesk": ("tickets", {"priority": "urgent"}),
    "pagerduty": ("incidents", {"note": "Seen."}),
}


@pytest.fixture(scope="module")
def control() -> Iterator[httpx.Client]:
    """The control door of a sandbox with one tenant."""
    world = World(tenants=1, customers=5, tickets=5, seed=7, now=START, search_lag=0.0, rate_limits=False)
    with running_sandbox(world) as address, httpx.Client(base_url=f"{address}/_control", trust_env=False, timeout=30) as client:
        yield client


def changed(control: httpx.Client, partner: str, account: str) -> str:
    """A person edits the first record of its kind; the record's id."""
    kind, fields = EDITS[partner]
    (held,) = [one for one in control.get("/state").json() if (one["partner"], one["account"]) == (partner, account)]
    record_id = str(held["state"][kind][0]["id"])
    edit = {"partner": partner, "account": account, "object": kind, "id": record_id, "fields": fields}
    control.post("/edit", json=edit).raise_for_status()
    return record_id


def until(desk: Reception, count: int) -> list[tuple[Any, ...]]:
    """The rows, once so many are there."""
    end = time.monotonic() + 30
    while len(rows := desk.rows("tenant_id", "partner", "outcome", "records")) < count and time.monotonic() < end:
        time.sleep(0.05)
    return rows


@pytest.mark.parametrize("partner", sorted(EDITS))
def test_a_persons_edit_at_a_partner_arrives_as_the_record_it_is_about(
    desk: Reception, control: httpx.Client, partner: str
) -> None:
    """Verified by each partner's own signature; HubSpot's over the address that it called."""
    account = next(a["account"] for a in control.get("/accounts").json() if a["partner"] == partner)
    desk.product.clock.moment = datetime.now(UTC)  # the sandbox signs with the machine's
    to_app = partner == "hubspot"
    if not to_app and partner != "stripe":
        desk.add_secret("t1", partner, secret_of("t1"))
    with served(desk) as address:
        url = f"{address}/webhooks/{partner}" + ("" if to_app else "/t1")
        told = {
            "partner": partner,
            "account": "*" if to_app else account,
            "url": url,
            "secret": APP_SECRET if to_app else secret_of("t1"),
        }
        control.post("/webhooks", json=told).raise_for_status()
        try:
            record_id = changed(control, partner, account)
            if to_app:  # an account that is nobody's here: taken, and not kept
                end = time.monotonic() + 30
                while "nobodys" not in (page := desk.request("GET", "/metrics").text) and time.monotonic() < end:
                    time.sleep(0.05)
                assert 'webhook_events_total{outcome="nobodys",partner="hubspot"}' in page
                assert desk.rows("tenant_id") == []
                return
            rows = until(desk, 1)
        finally:
            control.delete("/webhooks", params={"partner": partner})
    assert {(tenant, source) for tenant, source, _, _ in rows} == {("t1", partner)}
    assert all(record_id in records for _, _, _, records in rows)
    assert APP not in {tenant for tenant, *_ in rows}
