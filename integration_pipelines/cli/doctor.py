"""`doctor` and `audit verify`: is everything there, does everything work, and what to do if not."""

import sys
from base64 import b64encode
from collections.abc import Iterator
from secrets import token_bytes

import click

from integration_pipelines.cli.context import ports, settings
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import print_rows
from integration_pipelines.errors import IntegrationError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.settings import Settings
from integration_pipelines.use_cases.onboard import check_connections

Check = dict[str, str]


@click.command("doctor")
@click.option(
    "--create-key", is_flag=True, help="Make a master key file if there is none (for development; keep a copy elsewhere)."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def doctor(create_key: bool, as_json: bool) -> None:
    """Check configuration, storage, keys and partners, and say what to do. Exits 1 if anything is wrong.

    Example: integration-pipelines doctor
    """
    loaded = settings()
    if create_key:
        make_key(loaded)
    checks = list(_checks(loaded))
    if as_json:
        print_json(checks)
    else:
        print_rows(checks, {"check": "check", "result": "result", "what": "found", "what_to_do": "what to do"})
    if any(c["result"] != "ok" for c in checks):
        sys.exit(1)


def make_key(loaded: Settings) -> None:
    """Write a fresh master key, readable by its owner only; an existing key is never touched."""
    path = loaded.key_file
    if path.exists() or loaded.master_key is not None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(b64encode(token_bytes(32)).decode(), encoding="ascii")
    say(f"Made a master key in {path}. Keep a copy: without it no stored token can be read.")


def _checks(loaded: Settings) -> Iterator[Check]:
    yield _result(
        "home", str(loaded.home), "" if (loaded.home / "dagster.yaml").is_file() else "Run it from the folder with dagster.yaml."
    )
    try:
        _, current = loaded.master_keys()
        yield _result("master key", f"key {current}")
        with ports() as opened:
            yield from _inside(opened, loaded)
    except IntegrationError as error:
        yield _result("configuration", error.message, error.remedy or "See the message.")


def _inside(opened: Ports, loaded: Settings) -> Iterator[Check]:
    yield _result("store", loaded.store_url.split("@")[-1])
    yield _result("lake", loaded.lake)
    for what, remedy in opened.grants.weaknesses():
        yield _result("tenants apart", what, remedy)
    con = opened.duck()
    con.execute("SELECT 1")
    con.close()
    yield _result("duckdb", f"limit {loaded.duckdb_limit}, {loaded.duckdb_threads} threads")
    yield _result("contracts", ", ".join(sorted(opened.contracts)))
    checked, breaks = opened.audit.verify()
    yield _result("audit chain", f"{checked} acts", "; ".join(breaks[:3]))
    sinks = opened.alerting.sinks()
    for sink in sinks:
        yield _result(f"alerts: {sink.name}", "set", sink.trouble)
    if not sinks:
        yield _result("alerts", "nobody is told; see them with integration-pipelines alerts list")
    for tenant in opened.tenants.all():
        for partner, probe in check_connections(tenant.tenant_id, ports=opened).items():
            remedy = "" if probe.ok else probe.remedy or "Connect the tenant again."
            yield _result(f"{tenant.name}: {partner}", f"{probe.account} {probe.text}".strip(), remedy)


def _result(check: str, what: str, remedy: str = "") -> Check:
    return {"check": check, "result": "wrong" if remedy else "ok", "what": what, "what_to_do": remedy}


@click.group("audit")
def audit() -> None:
    """The hash-chained record of every act.

    Example: integration-pipelines audit verify
    """


@audit.command("verify")
def verify() -> None:
    """Check every chain of acts. Exits 1 if an act was changed, removed or reordered.

    Example: integration-pipelines audit verify
    """
    with ports() as opened:
        checked, breaks = opened.audit.verify()
    for line in breaks:
        say(line)
    say(f"{checked:,} acts checked, {len(breaks):,} breaks.")
    if breaks:
        sys.exit(1)


COMMANDS = {"doctor": doctor, "audit": audit}
