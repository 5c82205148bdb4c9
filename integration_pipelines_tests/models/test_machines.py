"""Link table, ledger and plans do in any order of calls what their reference model does. `make proof-models` goes further than the sample here."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.engine import Connection

from integration_pipelines.store import ledger, links, plans
from integration_pipelines.store.engine import make_engine
from integration_pipelines.store.open import Stores, stores_of
from integration_pipelines_tests.kit.databases import FRESH, KINDS, forget
from integration_pipelines_tests.models.machines import LedgerMachine, LinksMachine, PlansMachine
from integration_pipelines_tests.unit.store.conftest import StillClock

EXAMPLES = int(os.environ.get("INTEGRATION_PIPELINES_EXAMPLES", "10"))
few = settings(
    max_examples=EXAMPLES, stateful_step_count=20, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """One store of each kind for all examples."""
    url = FRESH[request.param](tmp_path_factory.mktemp("store"))
    stores = stores_of(make_engine(url, busy_seconds=5), StillClock())
    yield stores
    stores.close()
    forget(url)


MACHINES = {"links": LinksMachine, "ledger": LedgerMachine, "plans": PlansMachine}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", list(MACHINES))
def test_the_store_is_its_model(shared: Stores, part: str) -> None:
    """Whatever is called in whatever order, restarts in between: both hold the same, refuse the same, and mix no tenants up."""
    over_this_store = type(part, (MACHINES[part],), {"stores": shared})
    run_state_machine_as_test(over_this_store, settings=few)


def _ignores_decisions(connection: Connection, rows: "sa.Select[Any]", *, decided: bool) -> sa.Insert:
    del decided
    return UPSERT(connection, rows, decided=True)


UPSERT = links._upsert
PLANTED = {
    "a run overwrites what a person decided": ("links", links, "_upsert", _ignores_decisions),
    "words about a link are lost": ("links", links, "_WORDS", ()),
    "who lost its turn still sends": ("ledger", ledger, "_must_hold", lambda *_: None),
    "a write goes from any state to any other": ("ledger", ledger, "_must_be_allowed", lambda *_: None),
    "a new plan supersedes an approved one": ("plans", plans, "_UNDECIDED", ("held", "ready", "approved")),
}
"""Fault → the machine that must notice it, and what is planted where."""


@pytest.mark.parametrize("shared", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", list(PLANTED))
def test_a_planted_fault_is_noticed(shared: Stores, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many examples as the sample has are enough to find each of them."""
    part, module, name, planted = PLANTED[fault]
    monkeypatch.setattr(module, name, planted)
    over_this_store = type(part, (MACHINES[part],), {"stores": shared})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(over_this_store, settings=settings(few, phases=[Phase.generate], report_multiple_bugs=False))
