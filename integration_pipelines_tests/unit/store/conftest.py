"""A store per test, on each kind of database, made from one that was migrated once; and a clock that stands still."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from integration_pipelines.ports.clock import Clock
from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.open import Stores, stores_of
from integration_pipelines_tests.kit.databases import admin_url, migrated_file
from integration_pipelines_tests.unit.store.rows import NOW


class StillClock(Clock):
    """Shows the time it is told."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        """The time it was told."""
        return self.moment.astimezone(UTC)

    def monotonic(self) -> float:
        """The same in seconds."""
        return self.moment.timestamp()

    def sleep(self, seconds: float) -> None:
        """Time passes at once."""
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def engine(each_database: str) -> Iterator[Engine]:
    """A migrated store of its own."""
    engine = make_engine(each_database, busy_seconds=5)
    yield engine
    engine.dispose()


@pytest.fixture
def owner(each_database: str) -> Iterator[Engine]:
    """The same store for somebody whom no right and no policy holds."""
    engine = make_engine(admin_url(each_database))
    yield engine
    engine.dispose()


@pytest.fixture
def migrated() -> Path:
    """The file of a store without rows."""
    return migrated_file()


@pytest.fixture
def clock() -> StillClock:
    """Stands at `NOW` until somebody sleeps."""
    return StillClock()


@pytest.fixture
def stores(engine: Engine, clock: StillClock) -> Stores:
    """All stores over one engine."""
    return stores_of(engine, clock)
