"""A home of its own with connected tenants, and Dagster's real webserver, daemon and code server over it; all of them end with the test."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from integration_pipelines.cli.doctor import make_key
from integration_pipelines.sandbox.server import running_sandbox
from integration_pipelines.sandbox.world import World
from integration_pipelines.settings import Settings
from integration_pipelines.use_cases.onboard import add_tenant, connect_tenant, install_integration
from integration_pipelines.use_cases.switch import switch_writes
from integration_pipelines.wiring import open_ports
from integration_pipelines_tests.kit.bench import CONTRACT

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dagster:
    """A running Dagster."""

    url: str

    def ask(self, query: str, variables: Mapping[str, object] | None = None) -> dict[str, Any]:
        """One GraphQL question; its answer's data."""
        body = {"query": query, "variables": dict(variables or {})}
        answer = httpx.post(f"{self.url}/graphql", json=body, timeout=30, trust_env=False).raise_for_status().json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data


def wait_for(question: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Ask until there is an answer."""
    end = time.monotonic() + seconds
    while (found := question()) is None:
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.3)
    return found


@contextmanager
def connected_home(folder: Path, *, tenants: int = 1, customers: int = 8, database_url: str = "") -> Iterator[Settings]:
    """A home as a checkout has it, with tenants that are connected to a sandbox, installed and switched on."""
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, folder / name)
    settings = Settings(home=folder, database_url=database_url)
    make_key(settings)
    world = World(tenants=tenants, customers=customers, seed=1, now=time.time(), search_lag=0.1, rate_limits=False)
    with running_sandbox(world) as url, open_ports(settings) as ports:
        for account in world.accounts:
            name = account.tenant
            known = {t.name: t for t in ports.tenants.all()}
            tenant = known.get(name) or add_tenant(name, actor="tester", ports=ports)
            place = f"{url}/{account.partner}"
            connect_tenant(tenant.tenant_id, account.partner, token=account.token, base_url=place, actor="tester", ports=ports)
        for tenant in ports.tenants.all():
            install_integration(tenant.tenant_id, CONTRACT, actor="tester", ports=ports)
            switch_writes(tenant.tenant_id, CONTRACT, enabled=True, actor="tester", ports=ports)
        yield settings


@contextmanager
def dagster_dev(home: Path, *, patience: float = PATIENCE, more: Mapping[str, str] | None = None) -> Iterator[Dagster]:
    """`dagster dev` in that folder, with nothing else said but what `more` has for the environment, until its definitions are loaded."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "INTEGRATION_PIPELINES"))} | dict(more or {})
    command = [str(Path(sys.executable).parent / "dagster"), "dev", "--port", str(port)]
    with (home / "dev.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=home, env=env, stdout=log, stderr=log, start_new_session=True)
    dagster = Dagster(f"http://127.0.0.1:{port}")
    try:
        wait_for(lambda: _loaded(dagster, process, home), patience)
        yield dagster
    finally:
        _end(process)


def _loaded(dagster: Dagster, process: subprocess.Popen[bytes], home: Path) -> bool | None:
    assert process.poll() is None, (home / "dev.log").read_text(encoding="utf-8")
    try:
        return bool(dagster.ask("{ assetNodes { id } }")["assetNodes"]) or None
    except httpx.TransportError:
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop, then make sure that none of its processes stays."""
    family = [process, *_children(process.pid)]
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
    for one in family[1:]:
        if isinstance(one, psutil.Process) and one.is_running():
            one.kill()
    process.wait(5)


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
