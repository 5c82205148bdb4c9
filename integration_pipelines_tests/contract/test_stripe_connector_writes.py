"""The Stripe connector's writes against the modelled account over real HTTP: one effect each, or an honest "unknown"."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from integration_pipelines.errors import ErrorKind
from integration_pipelines.partner_models.base import FaultKind
from integration_pipelines.ports.partner import Applied, FieldWrite, RecordWrite, Refused, Unknown
from integration_pipelines_tests.kit.stripe_bench import CUSTOMERS, Bench, Door, open_door


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    """One server for all tests of this module."""
    with open_door() as opened:
        yield opened


@pytest.fixture
def bench(door: Door) -> Iterator[Bench]:
    """A fresh account, served."""
    with door.bench() as made:
        yield made


def test_a_write_changes_only_its_keys(bench: Bench) -> None:
    """Other people's metadata stays; '' removes a key; the event carries our key."""
    bench.kit.update("customers", "cus_1", metadata={"theirs": "1", "crm_segment": "old"})
    outcome = bench.write(key="integration_pipelines:t1:x:1", crm_segment="", crm_owner_name="Åsa & Söhne=1")
    assert isinstance(outcome, Applied)
    assert outcome.request_id.startswith("req_")
    assert bench.metadata() == {"theirs": "1", "crm_owner_name": "Åsa & Söhne=1"}
    assert bench.kit.account.effects[-1].idempotency_key == "integration_pipelines:t1:x:1"


def test_a_bad_record_spoils_no_other(bench: Bench) -> None:
    """One outcome per write; what is not ours to write is refused before it is sent."""

    def one(number: int, record_id: str, path: str, value: str) -> RecordWrite:
        return RecordWrite(f"w{number}", f"k{number}", record_id, (FieldWrite(path, value),))

    writes = [
        one(1, "cus_nope", "metadata.a", "1"), one(2, "cus_1", "name", "Mine"), one(3, "cus_1", "metadata.a", "x" * 501),
        one(4, "cus_2", "metadata.a", "1"),
    ]  # fmt: skip
    outcomes = {outcome.write_id: outcome for outcome in bench.connector.write("x", CUSTOMERS, writes)}
    kinds = {name: outcome.kind if isinstance(outcome, Refused) else type(outcome) for name, outcome in outcomes.items()}
    assert kinds == {"w1": ErrorKind.INVALID, "w2": ErrorKind.INVALID, "w3": ErrorKind.INVALID, "w4": Applied}
    assert bench.kit.account.get("customers", "cus_1")["name"] == "No 1"


@pytest.mark.fault("H06", "H21")
@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (FaultKind.DROPPED_ANSWER, {}), (FaultKind.TIMEOUT_AFTER_APPLYING, {"seconds": 0.05}), (FaultKind.TRUNCATED, {}),
        (FaultKind.TRUNCATED, {"short": True}), (FaultKind.NOT_JSON, {}), (FaultKind.SERVER_ERROR, {"status": 503}),
        (FaultKind.SERVER_ERROR, {"status": 504}), (FaultKind.SERVER_ERROR, {"status": 500, "stored": False}),
        (FaultKind.RATE_LIMITED, {"retry_after": 2}), (FaultKind.RATE_LIMITED, {}), (FaultKind.RATE_LIMITED, {"policy": "lock_timeout"}),
    ],
)  # fmt: skip
def test_a_write_takes_effect_once_whatever_happens_to_its_answer(bench: Bench, kind: FaultKind, params: Any) -> None:  # noqa: ANN401 - each fault has its own
    """The same key goes again, and Stripe answers what it answered first."""
    bench.fault(kind, method="POST", **params)
    assert isinstance(bench.write(crm_segment="enterprise"), Applied)
    assert bench.metadata() == {"crm_segment": "enterprise"}
    assert [effect.changed for effect in bench.kit.account.effects] == [True]


@pytest.mark.parametrize(
    ("kind", "params"),
    [(FaultKind.SERVER_ERROR, {"status": 500}), (FaultKind.SERVER_ERROR, {"status": 504}), (FaultKind.DROPPED_ANSWER, {}),
     (FaultKind.SERVER_ERROR, {"status": 503, "should_retry": False})],
)  # fmt: skip
def test_a_write_whose_answer_never_comes_is_unknown(bench: Bench, kind: FaultKind, params: Any) -> None:  # noqa: ANN401 - each fault has its own
    """Only a read can settle it; a remembered 500 and a key in flight prove nothing."""
    bench.fault(kind, times=-1, method="POST", **params)
    assert isinstance(bench.write(crm_segment="enterprise"), Unknown)
    assert bench.connector.calls <= 4


@pytest.mark.fault("H21")
def test_a_write_that_lands_late_takes_effect_once(bench: Bench) -> None:
    """While its key is in flight the outcome is unknown; afterwards the same key confirms it."""
    bench.fault(FaultKind.LATE_WRITE, method="POST", seconds=0.2)
    assert isinstance(bench.write(crm_segment="enterprise"), Unknown)
    deadline = time.monotonic() + 5
    while not bench.kit.account.effects and time.monotonic() < deadline:
        time.sleep(0.02)
    assert isinstance(bench.write(crm_segment="enterprise"), Applied)
    assert [effect.changed for effect in bench.kit.account.effects] == [True]


@pytest.mark.parametrize(
    ("kind", "params", "expected"),
    [(FaultKind.SCOPE_REMOVED, {"scope": "customer_write"}, ErrorKind.AUTH), (FaultKind.TOKEN_REVOKED, {}, ErrorKind.AUTH),
     (FaultKind.RATE_LIMITED, {"retry_after": 600}, ErrorKind.RATE_LIMITED)],
)  # fmt: skip
def test_a_write_that_is_not_let_in_is_refused(bench: Bench, kind: FaultKind, params: Any, expected: ErrorKind) -> None:  # noqa: ANN401 - each fault has its own
    """Nothing was changed, and the reason is known."""
    bench.fault(kind, times=-1, **params)
    outcome = bench.write(crm_segment="enterprise")
    assert isinstance(outcome, Refused)
    assert outcome.kind is expected
    assert "customer_write" in outcome.text or kind is not FaultKind.SCOPE_REMOVED


@pytest.mark.fault("H22")
def test_a_key_used_for_two_writes_is_our_bug(bench: Bench) -> None:
    """It is refused as such and no new key is made up."""
    assert isinstance(bench.write(crm_segment="a"), Applied)
    outcome = bench.write(crm_segment="b")
    assert isinstance(outcome, Refused)
    assert outcome.kind is ErrorKind.BUG
