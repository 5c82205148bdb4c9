"""Starting a run for events at once, through Dagster's webserver, in place of waiting until its sensor looks, which is every five seconds.

Nothing rests on it: what it does not launch, because the webserver does not answer or because too many tenants have events, the sensor
finds in the inbox. It launches what the sensor would, and nothing for a tenant whose run it started is still under way: such a run takes
what arrives until it ends.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import TransientError
from integration_pipelines.logs import logger
from integration_pipelines.ports.inbox import Inbox
from integration_pipelines.ports.webhooks import Nudge
from integration_pipelines.use_cases.launches import EVENTS_JOB, OWN_RUNS, events_config, events_job, events_tags

Key = tuple[str, str]
"""Tenant and integration."""
ASK_AGAIN_SECONDS = 0.25
_TIMEOUT_SECONDS = 10.0
_COMPLAIN_SECONDS = 60.0
_ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
_PLACE = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
  name location { name } jobs { name } } } } }"""
_KNOW = """mutation($key: String!, $where: RepositorySelector!) {
  addDynamicPartition(partitionsDefName: "tenants", partitionKey: $key, repositorySelector: $where) { __typename } }"""
_LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } } }"""
_STATES = """query($ids: [String]) { runsOrError(filter: {runIds: $ids}) { ... on Runs { results { runId status } } } }"""


_Place = Mapping[str, str]
"""The code location that has the job, as a selector of it."""


class Webserver:
    """Dagster's webserver, asked in its own language.

    Args:
        url: its address.
        transport: for tests; the network by default.
    """

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS, trust_env=False, transport=transport)
        self._place: _Place | None = None
        self._known: set[str] = set()

    def launch(self, contract: Contract, tenant_id: str, events: int) -> str:
        """Start a run that works off what waits of a tenant, so many events; returns its id.

        Raises:
            TransientError: the webserver does not answer, does not know the job, or launches nothing.
        """
        place = self._where()
        if tenant_id not in self._known:
            self._ask(_KNOW, {"key": tenant_id, "where": place})
            self._known.add(tenant_id)
        tags = events_tags(contract, tenant_id, events) | {"dagster/partition": tenant_id}
        params = {
            "selector": {**place, "jobName": events_job(contract)},
            "runConfigData": events_config(contract),
            "mode": "default",
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        answer = self._ask(_LAUNCH, {"params": params})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            self._place = None
            raise TransientError(f"Dagster launched nothing: {answer['__typename']}.", remedy="See the webserver's log.")
        return str(answer["run"]["runId"])

    def under_way(self, run_ids: Sequence[str]) -> set[str]:
        """Which of those runs have not ended."""
        if not run_ids:
            return set()
        found = self._ask(_STATES, {"ids": list(run_ids)})["runsOrError"].get("results", [])
        return {run["runId"] for run in found if run["status"] not in _ENDED}

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _where(self) -> _Place:
        """The code location that has the job; asked once, and again after a launch was refused."""
        if self._place is None:
            nodes = self._ask(_PLACE, {})["repositoriesOrError"].get("nodes", [])
            mine = [node for node in nodes if EVENTS_JOB in {job["name"] for job in node["jobs"]}]
            if not mine:
                raise TransientError(f"Dagster has not loaded the job {EVENTS_JOB}.", remedy="Look at the code location.")
            self._place = {"repositoryName": mine[0]["name"], "repositoryLocationName": mine[0]["location"]["name"]}
        return self._place

    def _ask(self, question: str, variables: Mapping[str, object]) -> dict[str, Any]:
        try:
            reply = self._client.post("/graphql", json={"query": question, "variables": variables}).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise TransientError(f"Dagster's webserver: {type(error).__name__}.", remedy="Check that it runs.") from None
        if not isinstance(reply, dict) or reply.get("errors") or not isinstance(reply.get("data"), dict):
            raise TransientError("Dagster's webserver does not understand what it is asked.", remedy="Check its version.")
        found: dict[str, Any] = reply["data"]
        return found


class Launcher(Nudge):
    """Launches from a thread of its own; the newest run of each tenant and integration is remembered until it has ended.

    Args:
        webserver: who launches.
        contracts: by name.
        inbox: whether anything still waits when a run has ended.
    """

    def __init__(self, webserver: Webserver, contracts: Mapping[str, Contract], inbox: Inbox) -> None:
        self._webserver, self._contracts, self._inbox = webserver, contracts, inbox
        self._changed = threading.Condition()
        self._wanted: set[Key] = set()
        self._runs: dict[Key, str] = {}
        self._stopping = False
        self._complained = float("-inf")
        self._thread = threading.Thread(target=self._work, name="event-launcher", daemon=True)
        self._thread.start()

    def tell(self, waiting: frozenset[Key]) -> None:
        """Have a run for each of them soon; returns at once."""
        with self._changed:
            self._wanted |= waiting
            self._changed.notify()

    def close(self) -> None:
        """Launch nothing more."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(_TIMEOUT_SECONDS)
        self._webserver.close()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or bool(self._wanted), None)
                if self._stopping:
                    return
                wanted, self._wanted = self._wanted, set()
            left = self._round(wanted)
            with self._changed:
                self._wanted |= left
                if left and not self._stopping:
                    self._changed.wait(ASK_AGAIN_SECONDS)

    def _round(self, wanted: set[Key]) -> set[Key]:
        """Launch for those who have no run under way; returns the others, to be asked for again."""
        try:
            active = self._webserver.under_way(list(self._runs.values()))
            self._runs = {key: run for key, run in self._runs.items() if run in active}
            busy = wanted & self._runs.keys()
            waiting = {(w.tenant_id, w.integration): w.events for w in self._inbox.waiting()}
            free = sorted(key for key in wanted - busy if key in waiting)  # of the others a run has taken care meanwhile
            for key in free[: max(0, OWN_RUNS - len(self._runs))]:  # those beyond share runs that the sensor starts
                self._runs[key] = self._webserver.launch(self._contracts[key[1]], key[0], waiting[key])
        except TransientError as error:
            self._complain(error)
            return set()
        return busy

    def _complain(self, error: TransientError) -> None:
        """Say it once a minute: the sensor takes over, so that nothing but time is lost."""
        if time.monotonic() >= self._complained + _COMPLAIN_SECONDS:
            self._complained = time.monotonic()
            logger(__name__).warning("launch_left_to_the_sensor", error=error.message)


@contextmanager
def launching(url: str, contracts: Mapping[str, Contract], inbox: Inbox) -> Iterator[Launcher]:
    """A launcher for as long as the block lasts."""
    launcher = Launcher(Webserver(url), contracts, inbox)
    try:
        yield launcher
    finally:
        launcher.close()
