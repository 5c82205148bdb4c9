"""A store per test, made from one that was migrated once; and a clock that stands still.

With a PostgreSQL database of its own in `INTEGRATION_PIPELINES_TEST_POSTGRESQL_URL` every test runs on both; that database is emptied.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from integration_pipelines.ports.clock import Clock
from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.migrate import upgrade
from integration_pipelines.store.open import Stores, stores_of
from integration_pipelines.store.schema import METADATA
from integration_pipelines_tests.unit.store.rows import NOW

POSTGRESQL = "INTEGRATION_PIPELINES_TEST_POSTGRESQL_URL"


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


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store without rows."""
    path = tmp_path_factory.mktemp("migrated") / "store.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", *(["postgresql"] if POSTGRESQL in os.environ else [])])
def engine(request: pytest.FixtureRequest, migrated: Path, tmp_path: Path) -> Iterator[Engine]:
    """A migrated store of its own."""
    if request.param == "sqlite":
        shutil.copy(migrated, tmp_path / "store.db")
        engine = make_engine(f"sqlite:///{tmp_path / 'store.db'}", busy_seconds=5)
    else:
        engine = _emptied(os.environ[POSTGRESQL])
    yield engine
    engine.dispose()


def _emptied(url: str) -> Engine:
    engine = make_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {', '.join(METADATA.tables)}")
    return engine


@pytest.fixture
def clock() -> StillClock:
    """Stands at `NOW` until somebody sleeps."""
    return StillClock()


@pytest.fixture
def stores(engine: Engine, clock: StillClock) -> Stores:
    """All stores over one engine."""
    return stores_of(engine, clock)
