"""The end of the demo: webhooks through the receiver, the sensor and Dagster's daemon, with a watch in hand. Nothing is started by this process.

What is measured is what a person sees: from an edit in one partner's product until the other one shows it.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import httpx

from integration_pipelines.errors import TransientError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.webhooks import Scheme
from integration_pipelines.settings import PREFIX, Settings
from integration_pipelines.use_cases.webhook_secrets import add_webhook_secret

LOOPBACK = "127.0.0.1"
STARTING, ARRIVING = 600.0, 300.0
"""Seconds to wait: until the processes are up, and until a change has arrived."""
LATE = f"did not arrive in {ARRIVING:.0f} s"
STATUS = "billing_subscription_status"
_LOOK, _ENDING = 0.1, 20.0
_LOADED = "{ assetNodes { id } }"


@dataclass(frozen=True, slots=True)
class Stage:
    """What the end of the demo is played on: the product, the sandbox, one tenant and its accounts at the partners."""

    settings: Settings
    ports: Ports
    http: httpx.Client  # of the sandbox
    tenant_id: str
    accounts: Mapping[str, str]  # partner → account

    def edit(self, partner: str, kind: str, record: str, fields: Mapping[str, Any]) -> None:
        """Change a record as a person would."""
        body = {"partner": partner, "account": self.accounts[partner], "object": kind, "id": record, "fields": fields}
        self.http.post("/_control/edit", json=body).raise_for_status()

    def writes(self, partner: str, kind: str, record: str) -> list[dict[str, Any]]:
        """What programs changed of a record there: each time with its fields as they are since then."""
        asked = {"partner": partner, "account": self.accounts[partner], "object": kind, "id": record, "actor": "api"}
        found: list[dict[str, Any]] = self.http.get("/_control/effects", params=asked).raise_for_status().json()
        return [effect for effect in found if effect["changed"]]

    def records(self, partner: str, kind: str) -> list[dict[str, Any]]:
        """All records of one kind."""
        asked = {"partner": partner, "account": self.accounts[partner], "object": kind}
        found: list[dict[str, Any]] = self.http.get("/_control/state", params=asked).raise_for_status().json()[0]["state"][kind]
        return found


class Live:
    """The receiver and Dagster with its daemon, as processes of their own, while it is entered; Dagster's UI at any port if none is given."""

    def __init__(self, stage: Stage, ui_port: int | None) -> None:
        self._stage = stage
        self._port = ui_port or free_port()
        self._stack = ExitStack()
        self.dagster_url = f"http://{LOOPBACK}:{self._port}"

    def __enter__(self) -> Self:
        receiver = f"http://{LOOPBACK}:{free_port()}"
        settings = self._stage.settings
        secrets_of = {partner: self._accept(partner) for partner in ("stripe", "zendesk", "pagerduty")}
        known = {f"{PREFIX}HOME": str(settings.home), f"{PREFIX}DAGSTER_URL": self.dagster_url, f"{PREFIX}PUBLIC_URL": receiver}
        try:
            self.dagster = self._start("dagster", "dev", "--port", str(self._port), "--log-level", "warning", more=known)
            program = self._start("integration-pipelines", "serve", "--port", receiver.rpartition(":")[2], more=known)
            self._up(self.dagster, lambda: _answers(f"{self.dagster_url}/graphql", {"query": _LOADED}))
            self._up(program, lambda: _answers(f"{receiver}/healthz"))
        except BaseException:
            self._stack.close()
            raise
        for partner, secret in secrets_of.items():
            address = f"{receiver}/webhooks/{partner}/{self._stage.tenant_id}"
            body = {"partner": partner, "account": self._stage.accounts[partner], "url": address, "secret": secret}
            self._stage.http.post("/_control/webhooks", json=body).raise_for_status()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _accept(self, partner: str) -> str:
        """Have the receiver accept what a partner signs with a secret of its own; returns it."""
        secret, ports = f"whsec_{secrets.token_hex(24)}", self._stage.ports
        add_webhook_secret(
            self._stage.tenant_id, partner, secret, scheme=Scheme.PARTNER, others_end=None, actor="demo", ports=ports
        )
        return secret

    def _start(self, program: str, *words: str, more: dict[str, str]) -> "subprocess.Popen[bytes]":
        # Without DAGSTER_HOME Dagster takes the dagster.yaml of its working directory and leaves nothing beside it.
        env = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"} | more
        folder = self._stage.settings.data / "dagster"
        folder.mkdir(parents=True, exist_ok=True)
        log = self._stack.enter_context((folder / f"{program}.log").open("wb"))
        process = _process([str(Path(sys.executable).parent / program), *words], self._stage.settings.home, env, log)
        self._stack.callback(_end, process)
        return process

    def _up(self, process: "subprocess.Popen[bytes]", question: Callable[[], bool]) -> None:
        if seconds_until(question, STARTING, alive=lambda: process.poll() is None) is None:
            folder = self._stage.settings.data / "dagster"
            raise TransientError("The demo's processes did not start.", remedy=f"Their logs are in {folder}.")


def subscription_arrives(stage: Stage, subscription: str, company: str) -> dict[str, str]:
    """Let a subscription become past due; how long it takes until the CRM says so of the company."""
    known = len(stage.writes("hubspot", "companies", company))
    stage.edit("stripe", "subscriptions", subscription, {"status": "past_due"})
    took = seconds_until(lambda: len(stage.writes("hubspot", "companies", company)) > known, ARRIVING)
    shown = stage.writes("hubspot", "companies", company)[-1]["after"] if took is not None else {}
    return _arrived(took, "billing: a subscription is past due", f"CRM: {STATUS}", str(shown.get(STATUS, "")))


def escalation_arrives(stage: Stage) -> dict[str, str]:
    """Let a ticket become urgent; how long it takes until there is an incident of it."""
    tickets = stage.records("zendesk", "tickets")
    calm = next(t for t in tickets if t["status"] == "open" and t["priority"] != "urgent" and "escalated" not in t["tags"])
    stage.edit("zendesk", "tickets", str(calm["id"]), {"priority": "urgent"})

    def made() -> list[dict[str, Any]]:
        return [one for one in stage.records("pagerduty", "incidents") if f":{calm['id']}:" in str(one["incident_key"])]

    took = seconds_until(lambda: bool(made()), ARRIVING)
    shown = f"{made()[0]['priority']['summary']}, {made()[0]['status']}" if took is not None else ""
    return _arrived(took, f"support: ticket {calm['id']} is urgent", "incident system: an incident", shown)


def _arrived(took: float | None, what: str, where: str, shown: str) -> dict[str, str]:
    return {"what": what, "where": where, "shown": shown, "took": LATE if took is None else f"{took:.1f} s"}


def seconds_until(question: Callable[[], bool], patience: float, alive: Callable[[], bool] = lambda: True) -> float | None:
    """Seconds until the answer is yes; None if it is not in time, or nobody lives to give it."""
    began = time.monotonic()
    while not question():
        if time.monotonic() - began > patience or not alive():
            return None
        time.sleep(_LOOK)
    return time.monotonic() - began


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(url: str, question: Mapping[str, str] | None = None) -> bool:
    """Whether something answers there; a question is posted and must be answered without errors."""
    try:
        with httpx.Client(trust_env=False, timeout=10) as client:
            reply = client.get(url) if question is None else client.post(url, json=question)
    except httpx.TransportError:
        return False
    return reply.is_success and (question is None or bool((reply.json().get("data") or {}).get("assetNodes")))


def _process(command: list[str], home: Path, env: Mapping[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, cwd=home, env=env, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own programs


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process and those that it started to stop, then make sure."""
    for asked in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, asked)
            process.wait(_ENDING)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
        else:
            break
