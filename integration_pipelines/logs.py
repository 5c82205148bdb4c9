"""Structured logs: one JSON line per event on standard error, with what is bound to the context. Who logs what is not known here.

Bound by whoever starts a piece of work: tenant, integration and run (the chain), partner and request id (the connectors).
"""

import logging
import sys

import structlog


def configure_logs(level: str) -> None:
    """Set the process's logs up once: who comes first decides, so a command that wants less noise keeps its choice in its own runs.

    Args:
        level: a level's name; an unknown one means INFO.
    """
    if structlog.is_configured():
        return
    numeric = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
