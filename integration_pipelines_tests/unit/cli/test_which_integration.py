"""Which integration a command is about, and that a command which only reads is quick."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from integration_pipelines.cli.context import contract_of
from integration_pipelines.errors import ConfigError
from integration_pipelines_tests.kit.bench import product
from integration_pipelines_tests.unit.cli.conftest import Command

HEAVY = {
    "pandas",
    "numpy",
    "dagster",
    "great_expectations",
    "alembic",
    "httpx",
    "fastapi",
    "pydantic_settings",
    "structlog",
    "cryptography",
    "duckdb",
    "dateutil",
    "asyncio",
    "email",
}


def test_of_several_integrations_one_has_to_be_named(home: Path) -> None:
    """Nothing is guessed: the tenant's integrations are told; the only one need not be named, and one that is not installed is named."""
    with product(home) as made:
        other = made.contract.model_copy(update={"contract": "another"})
        ports = made.with_ports(contracts={c.contract: c for c in (made.contract, other)}).ports
        assert contract_of(ports, "t1", None) is made.contract
        ports.tenants.install("t1", "another", 1, made.clock.now())
        with pytest.raises(ConfigError, match="The tenant has another, crm_billing"):
            contract_of(ports, "t1", None)
        assert contract_of(ports, "t1", "another") is other


def test_a_tenant_without_any_is_told_what_there_is(command: Command, home: Path) -> None:
    """Installed later, or misspelt."""
    with product(home) as made:
        made.ports.tenants.remove("t1")
        assert command("tenant", "add", "Fresh", "--integration", "crm_billing").code == 0
    said = command("links", "list", "Fresh", "--integration", "nope")
    assert (said.code, "There is no integration nope" in said.err) == (1, True)


def test_of_several_plans_that_wait_one_has_to_be_named(command: Command, home: Path) -> None:
    """A plan for one record waits beside the whole one: who approves says which was looked at."""
    with product(home) as made:
        made.one()
        made.one(only=("1",))
        whole, part = (p.plan_id for p in made.ports.plans.standing("t1", "crm_billing"))
    said = command("plans", "approve", "T1")
    assert (said.code, f"2 plans wait: {whole}, {part}." in said.err) == (1, True)
    assert command("plans", "show", "T1").out.count("records") > 0
    assert command("plans", "approve", "T1", part).code == 0
    assert command("plans", "approve", "T1").code == 0


def test_explain_loads_nothing_that_it_has_no_use_for(filled: Path) -> None:
    """A person waits for the answer, so the command imports neither what runs need nor what pyarrow would like to have."""
    program = "from integration_pipelines.cli.main import run; run()"
    env = os.environ | {"PYTHONPROFILEIMPORTTIME": "1", "PYTHONPATH": str(Path.cwd()), "INTEGRATION_PIPELINES_HOME": str(filled)}
    done = subprocess.run(
        [sys.executable, "-c", program, "explain", "T1", "1", "mrr"], capture_output=True, check=True, env=env, text=True
    )
    assert "MRR (mrr): 1000 USD (minor units)" in done.stdout
    modules = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line]
    loaded = {name.partition(".")[0] for name in modules if "." in name}  # a package that was only looked for has no parts
    assert "pyarrow" in loaded
    assert loaded & HEAVY == set()


def test_a_command_inside_another_program_takes_nothing_from_it() -> None:
    """Only a process that is there for one command does without numpy and pandas; looking a command up is no such thing."""
    program = (
        "from click.testing import CliRunner; from integration_pipelines.cli.main import app; "
        "print(CliRunner().invoke(app, ['contract', 'scopes', 'crm_billing']).exit_code); import numpy, pandas"
    )
    env = os.environ | {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=env, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "0", "")
