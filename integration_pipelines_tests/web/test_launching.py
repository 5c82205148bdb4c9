"""Runs for events that are started at once, through a webserver that answers as Dagster's does."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from integration_pipelines.defs.batches import events_requests
from integration_pipelines.defs.integrations import integrations
from integration_pipelines.defs.specs import chain_keys
from integration_pipelines.ports.inbox import EventOutcome, InboxEvent, Settled, TouchedRecord
from integration_pipelines.use_cases.launches import MANY, OWN_RUNS
from integration_pipelines.web.launching import Launcher, Webserver
from integration_pipelines_tests.defs.conftest import QUIET
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product, small_accounts

pytestmark = QUIET
PLACE = {"repositoryName": "__repository__", "repositoryLocationName": "somewhere"}


@dataclass(slots=True)
class Dagster:
    """A webserver with one code location; runs end when they are told to."""

    launched: list[dict[str, Any]] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    status: str = "STARTED"
    down: bool = False
    refuses: bool = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a question."""
        if self.down:
            raise httpx.ConnectError("refused")
        asked = json.loads(request.content)
        return httpx.Response(200, json={"data": self._answer(asked["query"], asked["variables"])})

    def _answer(self, question: str, said: dict[str, Any]) -> dict[str, Any]:
        if "repositoriesOrError" in question:
            node = {"name": "__repository__", "location": {"name": "somewhere"}, "jobs": [{"name": "sync_records"}]}
            return {"repositoriesOrError": {"nodes": [node]}}
        if "addDynamicPartition" in question:
            self.known.append(said["key"])
            return {"addDynamicPartition": {"__typename": "AddDynamicPartitionSuccess"}}
        if "runsOrError" in question:
            return {"runsOrError": {"results": [{"runId": one, "status": self.status} for one in said["ids"]]}}
        if self.refuses:
            return {"launchRun": {"__typename": "PythonError"}}
        self.launched.append(said["params"])
        return {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": f"run-{len(self.launched)}"}}}

    @property
    def tenants(self) -> list[str]:
        """Whose runs were launched, in order."""
        return [tag["value"] for one in self.launched for tag in one["executionMetadata"]["tags"] if tag["key"] == "tenant"]


@pytest.fixture
def dagster() -> Dagster:
    """One that launches."""
    return Dagster()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Product]:
    """Three tenants."""
    with product(tmp_path, {name: small_accounts() for name in ("t1", "t2", "t3")}) as opened:
        yield opened


@pytest.fixture
def launcher(dagster: Dagster, shop: Product) -> Iterator[Launcher]:
    """A launcher over that webserver and the product's inbox."""
    webserver = Webserver("http://dagster", transport=httpx.MockTransport(dagster))
    running = Launcher(webserver, shop.ports.contracts, shop.ports.inbox)
    yield running
    running.close()
    assert "event-launcher" not in {thread.name for thread in threading.enumerate()}


def wait(question: Callable[[], bool]) -> None:
    """Until it is so."""
    end = time.monotonic() + 20
    while not question():
        assert time.monotonic() < end
        time.sleep(0.01)


def keys(*tenants: str) -> frozenset[tuple[str, str]]:
    """Those tenants' events wait."""
    return frozenset((tenant, CONTRACT) for tenant in tenants)


def arrive(shop: Product, *tenants: str, events: int = 1) -> None:
    """So many more events of each wait in the inbox."""
    now, touched = shop.ports.clock.now(), (TouchedRecord("customers", "cus_acme"),)
    shop.ports.inbox.accept(
        [
            InboxEvent(tenant, CONTRACT, "stripe", f"evt_{uuid4()}", "customer.updated", touched, None, now, "p", now)
            for tenant in tenants
            for _ in range(events)
        ]
    )


def come(launcher: Launcher, shop: Product, *tenants: str, events: int = 1) -> None:
    """Events arrive, and the launcher is told."""
    arrive(shop, *tenants, events=events)
    launcher.tell(keys(*tenants))


def take_away(shop: Product, tenant: str) -> None:
    """A run has settled what waited."""
    now = shop.ports.clock.now()
    taken = shop.ports.inbox.take(tenant, CONTRACT, limit=10, run_id="r", at=now)
    shop.ports.inbox.settle([Settled(event, EventOutcome.EQUAL) for event in taken], run_id="r", at=now)


def test_it_launches_what_the_sensor_would(launcher: Launcher, dagster: Dagster, shop: Product) -> None:
    """The same run config, tags and partition, by a job that holds the same assets; the tenant is made known to Dagster before."""
    come(launcher, shop, "t1")
    wait(lambda: len(dagster.launched) == 1)
    contract, params = shop.ports.contracts[CONTRACT], dagster.launched[0]
    (request,) = events_requests(contract, ["t1"], ["t1"])
    tags = {tag["key"]: tag["value"] for tag in params["executionMetadata"]["tags"]}
    assert {k: params["selector"][k] for k in PLACE} == PLACE
    assert (params["selector"]["jobName"], params["runConfigData"]) == (f"sync_records_of_{CONTRACT}", request.run_config)
    assert tags == {**request.tags, "dagster/partition": request.partition_key}
    job = integrations().resolve_job_def(params["selector"]["jobName"])
    assert set(job.asset_layer.selected_asset_keys) == set(request.asset_selection or ()) == set(chain_keys(contract))
    assert dagster.known == ["t1"]


def test_a_run_under_way_takes_what_arrives(launcher: Launcher, dagster: Dagster, shop: Product) -> None:
    """Nothing more is launched for its tenant until it has ended; then only if something still waits."""
    come(launcher, shop, "t1")
    wait(lambda: dagster.tenants == ["t1"])
    come(launcher, shop, "t1", "t2")
    wait(lambda: dagster.tenants == ["t1", "t2"])
    time.sleep(0.6)
    assert dagster.tenants == ["t1", "t2"]
    dagster.status = "SUCCESS"
    wait(lambda: dagster.tenants == ["t1", "t2", "t1"])


def test_what_the_ended_run_took_needs_no_other(launcher: Launcher, dagster: Dagster, shop: Product) -> None:
    """The inbox is asked before every launch."""
    come(launcher, shop, "t1")
    wait(lambda: dagster.tenants == ["t1"])
    launcher.tell(keys("t1"))
    take_away(shop, "t1")
    dagster.status = "SUCCESS"
    come(launcher, shop, "t2")
    wait(lambda: dagster.tenants == ["t1", "t2"])
    time.sleep(0.6)
    assert dagster.tenants == ["t1", "t2"]


def test_many_tenants_are_left_to_the_sensor(launcher: Launcher, dagster: Dagster, shop: Product) -> None:
    """It lets them share runs; a launch each would be a run each."""
    come(launcher, shop, *(f"t{number:02d}" for number in range(OWN_RUNS + 5)))
    wait(lambda: len(dagster.launched) == OWN_RUNS)
    time.sleep(0.4)
    assert len(dagster.launched) == OWN_RUNS


@pytest.mark.parametrize(("events", "queue"), [(1, "events"), (MANY, "events"), (MANY + 1, "bulk")])
def test_a_burst_goes_where_it_holds_nobody_up(
    launcher: Launcher, dagster: Dagster, shop: Product, events: int, queue: str
) -> None:
    """A tenant of whom much waits leaves the workers for events to those of whom little does."""
    come(launcher, shop, "t1", events=events)
    wait(lambda: len(dagster.launched) == 1)
    assert {"key": "dagster-celery/queue", "value": queue} in dagster.launched[0]["executionMetadata"]["tags"]


@pytest.mark.parametrize("trouble", ["down", "refuses"])
def test_without_a_webserver_the_sensor_is_enough(launcher: Launcher, dagster: Dagster, shop: Product, trouble: str) -> None:
    """It is said once, and the next event is tried again."""
    setattr(dagster, trouble, True)
    with capture_logs() as logs:
        come(launcher, shop, "t1")
        time.sleep(0.3)
        come(launcher, shop, "t2")
        time.sleep(0.3)
    assert [line["event"] for line in logs] == ["launch_left_to_the_sensor"]
    setattr(dagster, trouble, False)
    come(launcher, shop, "t3")
    wait(lambda: dagster.tenants == ["t3"])
