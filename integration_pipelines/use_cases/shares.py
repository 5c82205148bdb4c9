"""Tables of a whole batch, cut into its tenants' rows once instead of being searched anew for every tenant."""

import pyarrow as pa

from integration_pipelines.use_cases.observations import by_tenant


class Shares:
    """A table that is ordered by tenant, by tenant; nothing is copied."""

    def __init__(self, table: pa.Table) -> None:
        self._parts = by_tenant(table)
        self._nothing = table.schema.empty_table()

    def of(self, tenant_id: str) -> pa.Table:
        """The rows of one tenant."""
        return self._parts.get(tenant_id, self._nothing)
