"""The write ledger and the lease that fences it."""

from itertools import product

import pytest

from integration_pipelines.core.writes import MOVES, WriteState
from integration_pipelines.errors import BugError, ConflictError
from integration_pipelines.ports.writing import Lease, Settled
from integration_pipelines.store.bulk import SMALL
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW, write, writes

W = WriteState
PATHS = {
    W.PLANNED: [], W.SENT: [W.SENT], W.SUPERSEDED: [W.SUPERSEDED], W.APPLIED: [W.SENT, W.APPLIED], W.FAILED: [W.SENT, W.FAILED],
    W.UNKNOWN: [W.SENT, W.UNKNOWN], W.CONFIRMED: [W.SENT, W.APPLIED, W.CONFIRMED],
    W.UNDONE: [W.SENT, W.APPLIED, W.CONFIRMED, W.UNDONE],
}  # fmt: skip


def _lease(stores: Stores, holder: str = "run_1") -> Lease:
    lease = stores.leases.take("t1", CRM, holder, 60)
    assert lease is not None
    return lease


def _brought_to(stores: Stores, state: WriteState) -> None:
    stores.ledger.intend(writes(write("w1")))
    for step in PATHS[state]:
        stores.ledger.settle([Settled("w1", step)], NOW)


def _state(stores: Stores, write_id: str = "w1") -> str:
    found: dict[str, str] = {r["write_id"]: r["state"] for r in stores.ledger.of_plan("t1", "plan_1").to_pylist()}
    return found[write_id]


@pytest.mark.parametrize("filler", [0, SMALL])
def test_an_intent_is_noted_once(stores: Stores, filler: int) -> None:
    """A repeat of the plan finds its rows as they are."""
    rows = [write("w1"), *(write(f"x{i:04d}") for i in range(filler))]
    stores.ledger.intend(writes(*rows))
    stores.ledger.send(["w1"], _lease(stores))
    stores.ledger.intend(writes(*rows, write("w2")))
    assert stores.ledger.of_plan("t1", "plan_1").num_rows == len(rows) + 1
    assert _state(stores) == "sent"


def test_an_intent_is_planned_and_nothing_else(stores: Stores) -> None:
    """No write enters the ledger as done."""
    with pytest.raises(BugError):
        stores.ledger.intend(writes(write("w1", state="applied")))


@pytest.mark.parametrize(("before", "after"), list(product(W, W)))
def test_states_move_along_the_allowed_paths_only(stores: Stores, before: WriteState, after: WriteState) -> None:
    """Every move that the automaton does not know is a bug and changes nothing."""
    _brought_to(stores, before)
    if after in MOVES[before]:
        stores.ledger.settle([Settled("w1", after)], LATER)
        assert _state(stores) == after
    else:
        with pytest.raises(BugError, match=f"from {before} to {after}"):
            stores.ledger.settle([Settled("w1", after)], LATER)
        assert _state(stores) == before


@pytest.mark.parametrize(
    "wrong", [Settled("w2", W.CONFIRMED), Settled("w9", W.FAILED), Settled("w1", W.FAILED), Settled("w2", "x")]
)
def test_one_wrong_move_spoils_the_whole_call(stores: Stores, wrong: Settled) -> None:
    """An unknown write, a doubled one, an unknown state: nothing of the call is kept."""
    stores.ledger.intend(writes(write("w1"), write("w2")))
    stores.ledger.send(["w1", "w2"], _lease(stores))
    with pytest.raises(BugError):
        stores.ledger.settle([Settled("w1", W.APPLIED), wrong], LATER)
    assert (_state(stores, "w1"), _state(stores, "w2")) == ("sent", "sent")


@pytest.mark.parametrize("filler", [0, SMALL])
def test_what_became_of_a_write_is_kept(stores: Stores, filler: int) -> None:
    """Kind and text of a fault stay with the write, the time of confirmation is noted, a later success clears the fault."""
    more = [f"x{i:04d}" for i in range(filler)]
    stores.ledger.intend(writes(write("w1"), *(write(x) for x in more)))
    stores.ledger.send(["w1", *more], _lease(stores))
    rest = [Settled(x, W.APPLIED) for x in more]
    stores.ledger.settle([Settled("w1", W.UNKNOWN, "transient", "no answer"), *rest], NOW)
    row = stores.ledger.of_run("t1", "run_1").to_pylist()[0]
    assert (row["state"], row["error_kind"], row["error_text"], row["attempts"]) == ("unknown", "transient", "no answer", 1)
    stores.ledger.settle([Settled("w1", W.APPLIED)], NOW)
    stores.ledger.settle([Settled("w1", W.CONFIRMED)], LATER)
    stores.ledger.settle([Settled("w1", W.UNDONE)], NOW)
    row = stores.ledger.of_run("t1", "run_1").to_pylist()[0]
    assert (row["error_kind"], row["confirmed_at"]) == (None, LATER)


def test_unsettled_writes_are_those_whose_fate_is_open(stores: Stores) -> None:
    """Planned, sent, unknown, and applied but not confirmed."""
    for state in W:
        stores.ledger.intend(writes(write(f"w_{state}")))
        for step in PATHS[state]:
            stores.ledger.settle([Settled(f"w_{state}", step)], NOW)
    found = stores.ledger.unsettled(["t1"], CRM)["write_id"].to_pylist()
    assert found == ["w_applied", "w_planned", "w_sent", "w_unknown"]
    assert stores.ledger.unsettled(["t2"], CRM).num_rows == 0


def test_nothing_is_sent_without_the_newest_lease(stores: Stores) -> None:
    """A holder that was replaced, or gave its lease back, sends nothing more."""
    stores.ledger.intend(writes(write("w1")))
    first = _lease(stores)
    stores.leases.give_back(first)
    second = _lease(stores, "run_2")
    with pytest.raises(ConflictError):
        stores.ledger.send(["w1"], first)
    stores.leases.give_back(second)
    with pytest.raises(ConflictError):
        stores.ledger.send(["w1"], second)
    assert _state(stores) == "planned"


@pytest.mark.parametrize("state", [s for s in W if W.SENT not in MOVES[s]])
def test_a_write_is_not_sent_twice(stores: Stores, state: WriteState) -> None:
    """One write that is not waiting stops the whole batch before anything is marked as sent."""
    _brought_to(stores, state)
    stores.ledger.intend(writes(write("w2")))
    with pytest.raises(ConflictError, match="1 of 2"):
        stores.ledger.send(["w1", "w2"], _lease(stores))
    assert _state(stores, "w2") == "planned"


def test_a_lease_sends_its_own_tenants_writes_only(stores: Stores) -> None:
    """The right to write for one tenant is none for another."""
    stores.ledger.intend(writes(write("w1", tenant_id="t2")))
    with pytest.raises(ConflictError):
        stores.ledger.send(["w1"], _lease(stores))


def test_an_unknown_write_may_be_repeated_under_its_key(stores: Stores) -> None:
    """The same row goes out again and counts the attempt."""
    _brought_to(stores, W.UNKNOWN)
    stores.ledger.send(["w1"], _lease(stores))
    assert _state(stores) == "sent"
