"""What every command needs: settings, an actor's name, the stores or all ports, and structured logs."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager

from integration_pipelines.logs import configure_logs
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.settings import Settings, load_settings


def settings() -> Settings:
    """Read once per command; of the logs a person at a terminal sees warnings, unless the settings ask for another level."""
    loaded = load_settings()
    configure_logs("WARNING" if loaded.log_level == "INFO" else loaded.log_level)
    return loaded


@contextmanager
def ports() -> Iterator[Ports]:
    """All ports for one command."""
    from integration_pipelines.wiring import open_ports  # noqa: PLC0415 - `--help` need not load the adapters

    with open_ports(settings()) as opened:
        yield opened


def actor() -> str:
    """Who gives the command, for the audit log."""
    return os.environ.get("INTEGRATION_PIPELINES_ACTOR") or getpass.getuser()
