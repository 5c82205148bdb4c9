"""What every command needs: settings, an actor's name, the stores or all ports, and structured logs."""

import getpass
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from integration_pipelines.ports.bundle import Ports
from integration_pipelines.settings import Settings, load_settings


def settings() -> Settings:
    """Read once per command; logs go to standard error as JSON lines."""
    loaded = load_settings()
    _log(loaded.log_level)
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


def _log(level: str) -> None:
    numeric = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(max(numeric, logging.WARNING) if level == "INFO" else numeric),
        logger_factory=structlog.WriteLoggerFactory(file=__import__("sys").stderr),
    )
