"""What every command needs: settings, an actor's name, the stores or all ports, which integration is meant, and structured logs."""

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any, TypeAlias, TypeVar, cast

import click

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import ConfigError
from integration_pipelines.logs import configure_logs
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.known import Known
from integration_pipelines.settings import Settings, load_settings


def settings() -> Settings:
    """Read once per command; of the logs a person at a terminal sees warnings, unless the settings ask for another level."""
    loaded = load_settings()
    configure_logs("WARNING" if loaded.log_level == "INFO" else loaded.log_level)
    return loaded


F = TypeVar("F", bound=Callable[..., Any])
OpenKnown: TypeAlias = Callable[[Settings], AbstractContextManager[Known | None]]


@contextmanager
def ports() -> Iterator[Ports]:
    """All ports for one command."""
    from integration_pipelines.wiring import open_ports  # noqa: PLC0415 - `--help` need not load the adapters

    with open_ports(settings()) as opened:
        yield opened


@contextmanager
def known() -> Iterator[Known]:
    """What is stored, for a command that asks and changes nothing; a store that is not up to date is opened as for any other."""
    open_known = cast("OpenKnown", import_module("integration_pipelines.known").open_known)  # as above
    with open_known(settings()) as found:
        if found is not None:
            yield found
            return
    with ports() as opened:
        yield opened


def actor() -> str:
    """Who gives the command, for the audit log."""
    return os.environ.get("INTEGRATION_PIPELINES_ACTOR") or getpass.getuser()


def integration_option() -> Callable[[F], F]:
    """`--integration`, which only tenants with several need."""
    return click.option("--integration", help="Which integration; needed only if the tenant has several.")


def contract_of(opened: Known, tenant_id: str, integration: str | None) -> Contract:
    """The contract that is meant: the one named, or the only one that the tenant has.

    Raises:
        ConfigError: it does not exist, the tenant has none, or it has several and none was named.
    """
    if integration is not None:
        if integration not in opened.contracts:
            remedy = f"Choose one of: {', '.join(opened.contracts)}."
            raise ConfigError(f"There is no integration {integration}.", remedy=remedy)
        return opened.contracts[integration]
    installed = [i.integration for i in opened.tenants.installations([tenant_id], None) if i.integration in opened.contracts]
    if not installed:
        remedy = f"Install one: integration-pipelines tenant install {tenant_id} {next(iter(opened.contracts))}"
        raise ConfigError(f"Nothing is installed for tenant {tenant_id}.", remedy=remedy)
    if len(installed) > 1:
        remedy = f"Add --integration {installed[0]}."
        raise ConfigError(f"Which integration is meant? The tenant has {', '.join(installed)}.", remedy=remedy)
    return opened.contracts[installed[0]]
