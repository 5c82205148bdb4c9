"""Secrets and customer data never reach a log, a Dagster event or metadata: canaries are planted, everything is run, everything is scanned."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from integration_pipelines.sandbox.server import running_sandbox
from integration_pipelines.sandbox.world import World

ROOT = Path(__file__).parents[2]
CANARY = "canary7f3a9"
COMMAND = Path(sys.executable).parent / "integration-pipelines"


class Home:
    """A home of its own, driven through the command line only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = ""
        for name in ("dagster.yaml", "workspace.yaml"):
            shutil.copy(ROOT / name, folder / name)

    def call(self, *words: str, stdin: str | None = None) -> int:
        """Run a command with the most talkative logs; keep all it says."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("INTEGRATION_PIPELINES")}
        env |= {
            "INTEGRATION_PIPELINES_HOME": str(self.folder),
            "DAGSTER_HOME": str(self.folder),
            "INTEGRATION_PIPELINES_LOG_LEVEL": "DEBUG",
        }
        done = subprocess.run(
            [str(COMMAND), *words], env=env, cwd=self.folder, input=stdin, capture_output=True, text=True, check=False
        )
        self.logs += done.stdout + done.stderr
        return done.returncode

    def bytes_of(self, *folders: str) -> Iterator[tuple[Path, bytes]]:
        """Every file below those folders of the data directory."""
        for folder in folders:
            for path in (self.folder / "data" / folder).rglob("*"):
                if path.is_file():
                    yield path, path.read_bytes()


@pytest.mark.slow
def test_no_canary_leaves_the_store_and_the_lake(tmp_path: Path) -> None:
    """A whole life of a tenant, faults included, leaves tokens and customer data out of logs, Dagster's storage and error texts."""
    home = Home(tmp_path)
    world = World(tenants=1, customers=12, seed=3, now=time.time(), search_lag=0.1, rate_limits=False)
    secrets = [a.token for a in world.accounts]
    with running_sandbox(world) as url, httpx.Client(base_url=url, trust_env=False) as http:
        plant(http)
        home.call("doctor", "--create-key")
        home.call("tenant", "add", "Acme")
        for account in world.accounts:
            address = f"{url}/{account.partner}"
            assert home.call("tenant", "connect", "Acme", account.partner, "--base-url", address, stdin=f"{account.token}\n") == 0
        home.call("enable", "Acme")
        assert home.call("sync", "Acme") == 1
        home.call("plans", "approve", "Acme")
        assert home.call("sync", "Acme") == 0
        http.post("/_control/faults", json={"kind": "token_revoked", "times": -1}).raise_for_status()
        assert home.call("sync", "Acme") == 1
        home.call("health")
    assert CANARY not in home.logs
    assert not [s for s in secrets if s in home.logs]
    assert any(True for _ in home.bytes_of("dagster"))
    assert not [p for p, data in home.bytes_of("dagster", "tmp") if CANARY.encode() in data]
    everywhere = list(home.bytes_of("dagster", "store", "lake", "tmp"))
    assert not [p for p, data in everywhere for s in secrets if s.encode() in data]
    assert [p for p, data in home.bytes_of("store", "lake") if CANARY.encode() in data], (
        "the canary was never read, so this proves nothing"
    )


def plant(http: httpx.Client) -> None:
    """Put the canary into good records of both sides and into one that the gate refuses."""
    for account in http.get("/_control/accounts").json():
        state = http.get("/_control/state", params={"account": account["account"]}).json()[0]["state"]
        kind = "customers" if account["partner"] == "stripe" else "companies"
        fields = [
            {"name": f"{CANARY} Ltd"},
            {"email": f"{CANARY} is no address"} if kind == "customers" else {"domain": f"{CANARY} no domain"},
        ]
        for record, change in zip(state[kind], fields, strict=False):
            body = {
                "partner": account["partner"],
                "account": account["account"],
                "object": kind,
                "id": record["id"],
                "fields": change,
            }
            http.post("/_control/edit", json=body).raise_for_status()
