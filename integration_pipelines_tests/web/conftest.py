"""A receiver on each kind of database, and one on SQLite where the database does not matter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration_pipelines_tests.kit.databases import fresh_sqlite
from integration_pipelines_tests.kit.receiving import Reception, reception


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Reception]:
    """Two tenants; the store is SQLite."""
    with reception(tmp_path, database_url=fresh_sqlite(tmp_path)) as running:
        yield running


@pytest.fixture(scope="module")
def closed_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reception]:
    """One for all deliveries of a module that leave nothing behind."""
    folder = tmp_path_factory.mktemp("closed")
    with reception(folder, database_url=fresh_sqlite(folder)) as running:
        yield running


@pytest.fixture
def each_desk(tmp_path: Path, each_database: str) -> Iterator[Reception]:
    """The same on each kind of database."""
    with reception(tmp_path, database_url=each_database) as running:
        yield running
