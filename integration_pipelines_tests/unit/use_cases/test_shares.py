"""Tables of a batch, cut into its tenants' rows: each tenant gets its own and nobody else's, however many there are."""

import pyarrow as pa
import pytest

from integration_pipelines.errors import BugError
from integration_pipelines.use_cases.observations import by_tenant, by_tenant_batches
from integration_pipelines.use_cases.shares import Shares


def of_many(tenants: int) -> pa.Table:
    """Three rows of each, ordered by tenant."""
    names = [name for name in sorted(f"t{n}" for n in range(tenants)) for _ in range(3)]
    return pa.table({"tenant_id": names, "value": [f"of {name}" for name in names]})


@pytest.mark.parametrize("tenants", [0, 1, 17, 400])
def test_nobody_gets_rows_of_another_tenant(tenants: int) -> None:
    """The rows of a tenant name that tenant, all of them, in a table and in batches alike."""
    table = of_many(tenants)
    parts = by_tenant(table)
    batches = {t: pa.Table.from_batches(list(b)) for t, b in by_tenant_batches(table.to_batches(max_chunksize=7))}
    expected = {f"t{n}": [f"of t{n}"] * 3 for n in range(tenants)}
    assert {t: part["value"].to_pylist() for t, part in parts.items()} == expected
    assert {t: part["value"].to_pylist() for t, part in batches.items()} == expected


def test_a_tenant_without_rows_has_none() -> None:
    """Whoever is not in the table gets an empty one of the same shape."""
    assert Shares(of_many(2)).of("elsewhere") == of_many(0).cast(of_many(1).schema)


def test_rows_in_disorder_are_refused() -> None:
    """What is not ordered by tenant is no table that could be cut, and is never cut wrongly."""
    with pytest.raises(BugError, match="not ordered"):
        by_tenant(pa.table({"tenant_id": ["a", "b", "a"]}))
