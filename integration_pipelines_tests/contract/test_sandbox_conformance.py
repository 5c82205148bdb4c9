"""Every connector against the whole running sandbox with seeded tenants, seen through its control door."""

from collections.abc import Iterator

import pytest

from integration_pipelines.ports.lake import Mode
from integration_pipelines.sandbox.server import running_sandbox
from integration_pipelines.sandbox.world import World
from integration_pipelines_tests.contract.benches import BENCHES, plain_columns, rows, said, seeded_account
from integration_pipelines_tests.kit.stripe_sandbox import START


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    """The whole sandbox with one seeded tenant."""
    with running_sandbox(
        World(tenants=1, customers=300, seed=7, now=START, search_lag=0.0, rate_limits=False, tickets=150)
    ) as address:
        yield address


@pytest.fixture(params=sorted(BENCHES))
def partner(request: pytest.FixtureRequest) -> str:
    """Each partner by name."""
    return str(request.param)


def test_a_seeded_account_is_read_as_it_is(sandbox: str, partner: str) -> None:
    """Hundreds of records, odd ones among them: the full read is the state that the control door shows, record by record."""
    account = seeded_account(sandbox, partner)
    for name, spec in account.objects.items():
        extraction = account.connector.extract(name, spec, None)
        found = {row["record_id"]: row for row in rows(extraction)}
        held = account.held(spec.partner_object)
        columns = plain_columns(spec)
        assert found.keys() == held.keys()
        for record_id, record in held.items():
            assert {c: found[record_id][c] or "" for c in columns} == {c: said(record, source) for c, source in columns.items()}
    account.connector.close()


def test_an_edit_through_the_control_door_arrives(sandbox: str, partner: str) -> None:
    """As a person's edit in the partner's product would."""
    account = seeded_account(sandbox, partner)
    spec = account.objects[account.words.main]
    extraction = account.connector.extract(account.words.main, spec, None)
    chosen = next(row["record_id"] for row in rows(extraction) if row.get("status") not in account.bench.closed)
    account.edit(chosen, "Edited at the door")
    again = account.connector.extract(account.words.main, spec, extraction.summary.watermark)
    edited = {row["record_id"]: row[account.words.edited_column] for row in rows(again)}
    assert (again.mode, edited[chosen]) == (Mode.DELTA, "Edited at the door")
    account.connector.close()
