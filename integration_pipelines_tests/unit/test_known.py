"""What a question opens: stored facts as they are, and nothing of a store that is not there or not up to date."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from integration_pipelines.known import open_known, packaged_contracts
from integration_pipelines.settings import Settings
from integration_pipelines.store.clock import SystemClock
from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.open import open_stores
from integration_pipelines_tests.kit.databases import admin_url


def test_every_packaged_contract_is_called_as_its_file() -> None:
    """So that one can be had by name without reading the others."""
    assert {name: contract.contract for name, contract in packaged_contracts().items()} == {n: n for n in packaged_contracts()}
    assert "crm_billing" in packaged_contracts()
    assert "nope" not in packaged_contracts()
    with pytest.raises(KeyError):
        packaged_contracts()["nope"]


def test_no_store_is_made_by_asking(tmp_path: Path) -> None:
    """A question leaves no file behind."""
    with open_known(Settings(home=tmp_path)) as found:
        assert found is None
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_another_revision_is_not_read(tmp_path: Path, each_database: str) -> None:
    """Neither one that has to be brought up to date first nor one without tables of ours."""
    settings = Settings(home=tmp_path, database_url=each_database)
    open_stores(each_database, SystemClock()).close()
    with open_known(settings) as found:
        assert found is not None
        assert found.tenants.all() == []
    engine = make_engine(admin_url(each_database))
    for change in ("UPDATE alembic_version SET version_num = '0001'", "DROP TABLE alembic_version"):
        with engine.begin() as connection:
            connection.execute(sa.text(change))
        with open_known(settings) as found:
            assert found is None
    engine.dispose()
