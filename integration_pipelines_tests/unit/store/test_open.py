"""Opening a store again and again in one process, as a worker does that carries out one run after the other."""

import threading
from collections.abc import Iterator

import pytest

from integration_pipelines.store import open as opening
from integration_pipelines.store.open import keep_stores_open, open_stores
from integration_pipelines_tests.unit.store.conftest import StillClock


@pytest.fixture(autouse=True)
def kept_by_nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that keeps nothing yet, and what it keeps is closed at the end."""
    monkeypatch.setattr(opening, "_keeping", threading.Event())
    monkeypatch.setattr(opening, "_kept", {})
    yield
    for engine, _ in opening._kept.values():
        engine.dispose()


def test_a_process_opens_its_store_anew_unless_it_keeps_it(each_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept, it is the same one, also when its tables are looked at again; what was asked before need not be prepared again."""
    first, second = (open_stores(each_database, StillClock()) for _ in range(2))
    assert first.engine is not second.engine
    first.close()
    second.close()

    keep_stores_open()
    kept = open_stores(each_database, StillClock())
    kept.close()
    assert kept.tenants.all() == []
    for seconds in (60.0, 0.0):
        monkeypatch.setattr(opening, "_LOOK_AGAIN_SECONDS", seconds)
        again = open_stores(each_database, StillClock())
        assert again.engine is kept.engine
        assert again.tenants.all() == []
        again.close()
