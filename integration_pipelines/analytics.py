"""pandas doors for analysts: what differs, what is linked, what was refused, written and run, as typed DataFrames.

    from integration_pipelines import analytics
    analytics.diffs(tenants=["t_…"]).groupby("field").size()

Ids and values are `string`, closed sets are `category`, counts and minor units are nullable `Int64`, times are UTC. Amounts are minor
units beside their currency: `amount_delta_minor = -1999` with `currency = USD` is minus 19.99 dollars. Nothing here writes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from pandas.api.extensions import ExtensionDtype

from integration_pipelines.errors import ConfigError
from integration_pipelines.settings import load_settings
from integration_pipelines.store.clock import SystemClock
from integration_pipelines.wiring import open_stores_of

CATEGORIES = {
    "tenant_id", "integration", "object", "field", "kind", "action", "status", "owner_role", "state", "target", "expectation",
    "currency", "trigger", "scope", "outcome", "match_rule", "rule_id", "error_kind",
}  # fmt: skip


def diffs(
    *,
    tenants: Sequence[str] | None = None,
    integration: str = "crm_billing",
    since: datetime | None = None,
    open_only: bool = False,
) -> pd.DataFrame:
    """Reconciliation diffs, one row per field (or record, `field = '*'`) that differs, newest first.

    Args:
        tenants: tenant ids or names; None is all.
        integration: the contract's name.
        since: only what was last seen since then (aware).
        open_only: leave out what is resolved.
    """
    with _Store() as store:
        table = store.stores.diffs.load(store.ids(tenants), integration, since=since)
    frame = _typed(table)
    return frame[frame["resolved_at"].isna()].reset_index(drop=True) if open_only else frame


def links(*, tenants: Sequence[str] | None = None, integration: str = "crm_billing") -> pd.DataFrame:
    """Identity links in every state, with the rule and the evidence that made them."""
    with _Store() as store:
        return _typed(store.stores.links.load(store.ids(tenants), integration))


def quarantine(
    *, tenants: Sequence[str] | None = None, integration: str = "crm_billing", include_resolved: bool = False
) -> pd.DataFrame:
    """Records the gate refused, with field, reason and remedy."""
    with _Store() as store:
        return _typed(store.stores.quarantine.load(store.ids(tenants), integration, include_resolved=include_resolved))


def runs(*, tenants: Sequence[str] | None = None, integration: str = "crm_billing", limit: int = 50) -> pd.DataFrame:
    """The newest runs of every tenant; each count is a column of its own."""
    with _Store() as store:
        found = store.stores.runs.last(store.ids(tenants), integration, limit=limit)
    rows = [
        {
            "tenant_id": r.tenant_id, "integration": r.integration, "run_id": r.run_id, "trigger": r.trigger, "scope": r.scope,
            "started_at": r.started_at, "finished_at": r.finished_at, "outcome": r.outcome, "balanced": r.balanced, "certified": r.certified,
            "error_kind": r.error_kind, **r.counts,
        }
        for r in found
    ]  # fmt: skip
    return _typed(pa.Table.from_pylist(rows)) if rows else pd.DataFrame(columns=["tenant_id", "run_id", "started_at", "outcome"])


def writes(*, tenants: Sequence[str] | None = None, integration: str = "crm_billing", runs_back: int = 50) -> pd.DataFrame:
    """The write ledger of the newest runs, one row per record written, with before- and after-image (JSON)."""
    with _Store() as store:
        ids = store.ids(tenants)
        found = store.stores.runs.last(ids, integration, limit=runs_back)
        tables = [store.stores.ledger.of_run(r.tenant_id, r.run_id) for r in found]
    return _typed(pa.concat_tables(tables)) if tables else pd.DataFrame(columns=["tenant_id", "run_id", "target", "state"])


def view(name: str) -> pd.DataFrame:
    """Any view of the store by name, e.g. `open_diffs`, `diff_history`, `reconciliation_summary`, `mrr_at_risk`, `crm_billing_diffs`.

    Raises:
        ConfigError: there is no such view.
    """
    with _Store() as store:
        known = sa.inspect(store.stores.engine).get_view_names()
        if name not in known:
            raise ConfigError(f"There is no view {name}.", remedy=f"Choose one of: {', '.join(sorted(known))}.")
        with store.stores.engine.connect() as connection:
            frame = pd.read_sql_query(sa.text(f"SELECT * FROM {name}"), connection)
    return frame.astype(dict.fromkeys((c for c in frame.columns if c in CATEGORIES), "category"))


class _Store:
    """The store, opened for one question and closed."""

    def __enter__(self) -> Self:
        self.stores = open_stores_of(load_settings(), SystemClock())
        return self

    def __exit__(self, *_: object) -> None:
        self.stores.close()

    def ids(self, tenants: Sequence[str] | None) -> list[str]:
        """Tenant ids for names or ids; all for None."""
        if tenants is None:
            return [t.tenant_id for t in self.stores.tenants.all()]
        return [self.stores.tenants.find(t).tenant_id for t in tenants]


def _typed(table: pa.Table) -> pd.DataFrame:
    """Arrow to pandas with nullable types and categories."""
    frame = table.to_pandas(types_mapper=_type)
    closed = [c for c in frame.columns if c in CATEGORIES]
    return frame.astype(dict.fromkeys(closed, "category"))


def _type(kind: pa.DataType) -> ExtensionDtype | None:
    if pa.types.is_integer(kind):
        return pd.Int64Dtype()
    if pa.types.is_boolean(kind):
        return pd.BooleanDtype()
    return pd.StringDtype(na_value=pd.NA) if pa.types.is_string(kind) else None
