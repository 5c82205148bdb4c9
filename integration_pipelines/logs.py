"""Structured logs: one JSON line per event on standard error, with what is bound to the context. Who logs what is not known here.

Bound by whoever starts a piece of work: tenant, integration and run (the chain), partner and request id (the connectors). A process that
has nothing to say does not load what it would say it with.
"""

import logging
import sys
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

_STRUCTLOG = "structlog"
_wanted: list[str] = []
"""Levels that were asked for before there was anything to set up; the first one counts."""


def configure_logs(level: str) -> None:
    """Set the process's logs up once: who comes first decides, so a command that wants less noise keeps its choice in its own runs.

    Args:
        level: a level's name; an unknown one means INFO.
    """
    if _STRUCTLOG in sys.modules:
        _set_up(level)
    else:
        _wanted.append(level)


def logger(name: str) -> "FilteringBoundLogger":
    """The logger of a module; ask for it when there is something to log."""
    structlog = import_module(_STRUCTLOG)
    for level in _wanted:
        _set_up(level)
    return cast("FilteringBoundLogger", structlog.get_logger(name))


def _set_up(level: str) -> None:
    structlog = import_module(_STRUCTLOG)
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
