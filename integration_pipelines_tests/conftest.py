"""Fixtures of all tests: a database of either kind, migrated and empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from integration_pipelines_tests.kit.databases import FRESH, KINDS, forget, fresh_postgresql


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A test that sets logs up, as every command does, leaves them to the next one as it found them."""
    yield
    structlog.reset_defaults()


@pytest.fixture(params=KINDS)
def each_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of each kind."""
    url = FRESH[request.param](tmp_path / "database")
    yield url
    forget(url)


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The URL of a PostgreSQL database."""
    url = fresh_postgresql()
    yield url
    forget(url)
