"""pandas doors for analysts: what differs, what is linked, what was refused, planned, written and run, as typed DataFrames.

    from integration_pipelines import analytics
    analytics.open_diffs(tenants="Acme").groupby("field").size()

Types are the same everywhere, also in an empty frame: ids and values are `string`, closed sets are `category`, counts and amounts are
nullable `Int64`, yes and no are nullable `boolean`, times are UTC. An amount is in minor units beside its currency:
`amount_delta_minor = -1999` with `currency = USD` is minus 19.99 dollars. `left_…` is the contract's left role (the CRM in
`crm_billing`), `right_…` the right one (billing); the views of a contract, e.g. `view("crm_billing_diffs")`, use the roles' own names.

Every door opens the store that the settings name, asks once and closes it. Nothing here writes a record or asks a partner. What makes the
frames' types is below the doors; what the numbers mean is decided in `core`, never here.
"""

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pandas.api.extensions import ExtensionDtype

from integration_pipelines.core.contract import FieldType
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.tables import COUNT, HISTORY, LEDGER, TEXT, TIME
from integration_pipelines.errors import ConfigError
from integration_pipelines.known import packaged_contracts
from integration_pipelines.settings import load_settings
from integration_pipelines.store.bulk import read_table
from integration_pipelines.store.clock import SortableIds, SystemClock
from integration_pipelines.store.engine import reading, scope
from integration_pipelines.store.lake import ParquetLake
from integration_pipelines.store.schema import FIELD_COUNTS, RUN_OUTCOMES, RUNS, WRITE_LEDGER
from integration_pipelines.use_cases.history_kept import kept_files
from integration_pipelines.use_cases.merged import counting
from integration_pipelines.wiring import open_stores_of

CRM_BILLING = "crm_billing"
Tenants = str | Sequence[str] | None
"""One name or id, several, or None for all."""

CATEGORIES = {
    "tenant_id", "integration", "object", "field", "kind", "action", "status", "owner_role", "state", "target", "expectation",
    "currency", "mrr_currency", "trigger", "scope", "outcome", "match_rule", "rule_id", "rule", "error_kind", "coverage",
}  # fmt: skip
COUNTS = {
    "contract_version", "amount_delta_minor", "occurrences", "attempts", "compared", "matched", "differing", "held", "quarantined",
    "excluded", "unmatched", "records", "mrr_minor", "other_side_mrr_minor",
}  # fmt: skip
FLAGS = {"balanced", "certified", "status_differs", "mrr_differs", "is_primary"}
TIMES = {
    "first_seen_at", "last_seen_at", "resolved_at",
    "first_seen", "last_seen", "created_at", "updated_at", "confirmed_at", "started_at", "finished_at", "seen_at", "since",
}  # fmt: skip


def _shape(*texts: str, **others: pa.DataType) -> pa.Schema:
    """Text columns first, then the others."""
    columns: list[tuple[str, pa.DataType]] = [*((name, TEXT) for name in texts), *others.items()]
    return pa.schema(columns)


_TENANT = _shape("tenant_id", "name", created_at=TIME)
_RUN = _shape(
    "tenant_id", "integration", "run_id", "trigger", "scope", "outcome", "error_kind", "error_text",
    balanced=pa.bool_(), certified=pa.bool_(), started_at=TIME, finished_at=TIME,
)  # fmt: skip
_BALANCE = _shape("tenant_id", "integration", "run_id", "object", "outcome", "rule", records=COUNT, started_at=TIME)
_FIELD_COUNTS = _shape(
    "tenant_id",
    "integration",
    "run_id",
    "object",
    "field",
    compared=COUNT,
    matched=COUNT,
    differing=COUNT,
    held=COUNT,
    started_at=TIME,
)
_WRITTEN = _shape(
    "tenant_id", "integration", "run_id", "plan_id", "write_id", "target", "target_id", "field", "before", "after", "state", "error_text",
    created_at=TIME, confirmed_at=TIME,
)  # fmt: skip

_HISTORY_DAY = _shape(
    "tenant_id", "integration", "object", "day", "coverage", "reason", "source", "run_id", rows=COUNT, filled_at=TIME
)


def tenants() -> pd.DataFrame:
    """Every tenant: `tenant_id, name, created_at`. Merge it with any other frame on `tenant_id` to see names."""
    with _Store() as store:
        rows = [{"tenant_id": t.tenant_id, "name": t.name, "created_at": t.created_at} for t in store.stores.tenants.all()]
    return _typed(pa.Table.from_pylist(rows, _TENANT))


def diffs(
    *, tenants: Tenants = None, integration: str = CRM_BILLING, since: datetime | None = None, open_only: bool = False
) -> pd.DataFrame:
    """Reconciliation diffs, newest first: one row per field (or record, `field = '*'`) from the run that first saw it until it is resolved.

    Columns that answer most questions: `field, record_label, left_value, right_value, base_value, resolved_value` (canonical text; null is
    missing, '' is blank), `owner_role, kind, action, status, rule_id, reason`, `first_seen_at, last_seen_at, resolved_at`, `occurrences`
    (runs that saw it), `amount_delta_minor` (right minus left) with `currency`, `plan_id, write_id`.

    Args:
        tenants: names or ids; None is all.
        integration: the contract's name.
        since: only what was last seen since then (aware).
        open_only: leave out what is resolved.

    Raises:
        ConfigError: there is no such tenant, or `since` has no time zone.
    """
    with _Store() as store:
        frame = _typed(store.stores.diffs.load(store.ids(tenants), integration, since=_aware(since)))
    return frame[frame["resolved_at"].isna()].reset_index(drop=True) if open_only else frame


def open_diffs(*, tenants: Tenants = None) -> pd.DataFrame:
    """What differs now: the columns of `diffs`, and beside each value its `readable_…` twin, such as `1,234.50 USD` or `(blank)`."""
    return view("open_diffs", tenants=tenants)


def diff_history(*, tenants: Tenants = None) -> pd.DataFrame:
    """One row per run and diff that the run saw: `run_id, seen_at`, both values then, and what was done about it."""
    return view("diff_history", tenants=tenants)


def summary(*, tenants: Tenants = None) -> pd.DataFrame:
    """The newest run of every tenant: per object and field how many pairs were `compared`, `matched`, are `differing` or `held`.

    `quarantined, excluded, unmatched` count records of the whole object; the row with `field = '*'` counts records instead of fields.
    """
    return view("reconciliation_summary", tenants=tenants)


def mrr_at_risk(*, tenants: Tenants = None) -> pd.DataFrame:
    """Customers whose subscription needs somebody: `status, since, mrr_minor, currency`, and whether the other side shows it yet.

    `mrr_minor` is in minor units of `currency`; it is null when the customer pays in several currencies. A customer whose two sides never
    differed is not known here; `customers` knows all.
    """
    return view("mrr_at_risk", tenants=tenants)


def customers(*, tenants: Tenants = None, integration: str = CRM_BILLING) -> pd.DataFrame:
    """The merged customers of the newest run, one row per link: the value that every field of the contract should have, by its owner.

    Columns: `tenant_id, link_id, left_id, right_id, record_label`, the contract's fields and `is_primary`. Money is minor units beside its
    currency field, dates are midnight UTC. Several billing customers behind one company share its roll-up: sum over `is_primary` only.
    """
    contract = packaged_contracts().get(integration)
    if contract is None:
        raise ConfigError(f"There is no integration {integration}.", remedy=f"Choose one of: {', '.join(packaged_contracts())}.")
    fields = compared_fields(contract)
    schema = _shape("tenant_id", "link_id", "left_id", "right_id", "record_label", *fields, is_primary=pa.bool_())
    with _Store() as store:
        entries = store.stores.manifest.current(store.ids(tenants), integration, "merged_customers")
        lake = ParquetLake(store.settings.lake, SortableIds(SystemClock()))
        rows = lake.read([e.file for e in entries], schema.append(pa.field("gone", pa.bool_())))
        frame = _typed(counting(rows))
    for name, field in fields.items():
        if field.type is FieldType.MONEY:
            frame[name] = _whole(frame[name])
        elif field.type in {FieldType.DATE, FieldType.DATETIME}:
            frame[name] = _moments(frame[name])
        elif field.type in {FieldType.ENUM, FieldType.CURRENCY}:
            frame[name] = frame[name].astype("category")
    return frame


def links(*, tenants: Tenants = None, integration: str = CRM_BILLING) -> pd.DataFrame:
    """Identity links in every `state` (live, one_sided, merged, …), with the `match_rule` and `match_evidence` that made them."""
    with _Store() as store:
        return _typed(store.stores.links.load(store.ids(tenants), integration))


def quarantine(*, tenants: Tenants = None, integration: str = CRM_BILLING, include_resolved: bool = False) -> pd.DataFrame:
    """Records the gate refused, one row per broken expectation: `object, record_id, field, reason, remedy, first_seen, last_seen`."""
    with _Store() as store:
        return _typed(store.stores.quarantine.load(store.ids(tenants), integration, include_resolved=include_resolved))


def runs(
    *, tenants: Tenants = None, integration: str = CRM_BILLING, since: datetime | None = None, limit: int = 50
) -> pd.DataFrame:
    """The newest runs of every tenant; each count (`rows_read`, `records_written`, `writes_failed`, `calls`, …) is a column of its own.

    Args:
        tenants: names or ids; None is all.
        integration: the contract's name.
        since: only runs that started since then (aware).
        limit: how many runs per tenant.
    """
    moment = _aware(since)
    with _Store() as store:
        found = store.stores.runs.last(store.ids(tenants), integration, limit=limit)
    kept = [r for r in found if moment is None or r.started_at >= moment]
    plain = pa.Table.from_pylist([{n: getattr(r, n) for n in _RUN.names} for r in kept], _RUN)
    frame = _typed(plain)
    for name in sorted({name for r in kept for name in r.counts}):
        frame[name] = pd.array([r.counts.get(name) for r in kept], dtype="Int64")
    return frame


def balance(*, tenants: Tenants = None, integration: str = CRM_BILLING, since: datetime | None = None) -> pd.DataFrame:
    """The balance of every run: per object, `outcome` and `rule` how many `records`. Each source record is counted exactly once."""
    return _of_runs(RUN_OUTCOMES, _BALANCE, tenants, integration, since)


def field_counts(*, tenants: Tenants = None, integration: str = CRM_BILLING, since: datetime | None = None) -> pd.DataFrame:
    """Per run, object and field how many pairs were `compared`, `matched`, `differing` and `held`: `summary` over time."""
    return _of_runs(FIELD_COUNTS, _FIELD_COUNTS, tenants, integration, since)


def writes(*, tenants: Tenants = None, integration: str = CRM_BILLING, since: datetime | None = None) -> pd.DataFrame:
    """The write ledger, newest first: one row per record that was to be written, with `state`, `attempts`, `error_text`.

    `before_image` and `after_image` are JSON (field → text in the target's spelling); `written_fields` has them as rows. `since` is about
    `created_at`, when the write was intended.
    """
    t, moment = WRITE_LEDGER.c, _aware(since)
    with _Store() as store:
        ids = store.ids(tenants)
        query = sa.select(*(t[n] for n in LEDGER.names)).where(t.tenant_id.in_(ids), t.integration == integration)
        if moment is not None:
            query = query.where(t.created_at >= moment)
        return _typed(read_table(store.stores.engine, query.order_by(t.created_at.desc(), t.tenant_id, t.write_id), LEDGER, ids))


def written_fields(*, tenants: Tenants = None, integration: str = CRM_BILLING, since: datetime | None = None) -> pd.DataFrame:
    """The write ledger field by field: `target, target_id, field, before, after, state, created_at, confirmed_at, error_text`."""
    ledger = writes(tenants=tenants, integration=integration, since=since)
    rows: list[dict[str, Any]] = []
    for row in ledger.itertuples(index=False):
        before, after = json.loads(str(row.before_image)), json.loads(str(row.after_image))
        shared = {c: _or_none(getattr(row, c)) for c in ledger.columns if c in _WRITTEN.names}
        rows += [shared | {"field": f, "before": before.get(f), "after": after.get(f)} for f in after]
    return _typed(pa.Table.from_pylist([{n: r[n] for n in _WRITTEN.names} for r in rows], _WRITTEN))


def history(
    *, tenants: Tenants = None, integration: str = CRM_BILLING, since: datetime | None = None, objects: Sequence[str] = ()
) -> pd.DataFrame:
    """What changed at the partners, oldest first, as far as backfills have filled it: evidence that no sync reads.

    One row per change: `object, record_id, field` (`*` is the whole record), `changed_at, old_value, new_value` (canonical text; null is
    what the partner does not tell), `actor, source` in the partner's words, and the `coverage` of its day (whole, part). A day without rows
    was quiet only if `history_days` has it with coverage whole.

    Args:
        tenants: names or ids; None is all.
        integration: the contract's name.
        since: only what changed since then (aware).
        objects: some of the contract's objects, e.g. `["crm_accounts"]`; empty is all.
    """
    moment = _aware(since)
    with _Store() as store:
        ids, stores = store.ids(tenants), store.stores
        first = None if moment is None else moment.astimezone(UTC).date()
        files = kept_files(stores.history, stores.manifest, ids, integration, objects=objects, since=first)
        rows = ParquetLake(store.settings.lake, SortableIds(SystemClock())).read(files, HISTORY)
    found = rows if moment is None else rows.filter(pc.field("changed_at") >= pa.scalar(moment, TIME))
    return _typed(found.sort_by([(name, "ascending") for name in ("changed_at", "tenant_id", "object", "record_id", "field")]))


def history_days(*, tenants: Tenants = None, integration: str = CRM_BILLING) -> pd.DataFrame:
    """Every filled day of history: `object, day, rows, coverage` (whole, part, none), `reason` why not all, `source, run_id, filled_at`."""
    with _Store() as store:
        found = store.stores.history.load(store.ids(tenants), integration)
    rows = [
        {n: getattr(d, n) for n in _HISTORY_DAY.names} | {"day": d.day.isoformat(), "coverage": d.coverage.value} for d in found
    ]
    frame = _typed(pa.Table.from_pylist(rows, _HISTORY_DAY))
    frame["day"] = _moments(frame["day"])
    return frame


def view(name: str, *, tenants: Tenants = None) -> pd.DataFrame:
    """Any view of the store, typed: `open_diffs, diff_history, reconciliation_summary, mrr_at_risk, crm_billing_diffs, crm_billing_links`.

    Raises:
        ConfigError: there is no such view or tenant.
    """
    with _Store() as store:
        known = sa.inspect(store.stores.engine).get_view_names()
        if name not in known:
            raise ConfigError(f"There is no view {name}.", remedy=f"Choose one of: {', '.join(sorted(known))}.")
        source = sa.table(name, sa.column("tenant_id"))
        query = sa.select(sa.text("*")).select_from(source)
        ids = None if tenants is None else store.ids(tenants)
        if ids is not None:
            query = query.where(source.c.tenant_id.in_(ids))
        with reading(store.stores.engine, scope(ids)) as connection:
            found = connection.execute(query)
            frame = pd.DataFrame([tuple(row) for row in found], columns=list(found.keys()), dtype=object)
    for column in frame.columns:
        frame[column] = _as_named(str(column), frame[column])
    return frame


class _Store:
    """The store, opened for one question and closed."""

    def __enter__(self) -> Self:
        self.settings = load_settings()
        self.stores = open_stores_of(self.settings, SystemClock())
        return self

    def __exit__(self, *_: object) -> None:
        self.stores.close()

    def ids(self, tenants: Tenants) -> list[str]:
        """Tenant ids for names or ids; all for None."""
        if tenants is None:
            return [t.tenant_id for t in self.stores.tenants.all()]
        names = [tenants] if isinstance(tenants, str) else tenants
        return [self.stores.tenants.find(t).tenant_id for t in names]


def _of_runs(table: sa.Table, shape: pa.Schema, tenants: Tenants, integration: str, since: datetime | None) -> pd.DataFrame:
    """A table that hangs on runs, with the start of the run; newest run first."""
    moment = _aware(since)
    same = (RUNS.c.tenant_id == table.c.tenant_id, RUNS.c.integration == table.c.integration, RUNS.c.run_id == table.c.run_id)
    columns = [RUNS.c.started_at if n == "started_at" else table.c[n] for n in shape.names]
    with _Store() as store:
        ids = store.ids(tenants)
        query = sa.select(*columns).join_from(table, RUNS, sa.and_(*same))
        query = query.where(table.c.tenant_id.in_(ids), table.c.integration == integration)
        if moment is not None:
            query = query.where(RUNS.c.started_at >= moment)
        order = (
            RUNS.c.started_at.desc(),
            *(table.c[n] for n in shape.names if n in {"tenant_id", "run_id", "object", "field", "outcome"}),
        )
        return _typed(read_table(store.stores.engine, query.order_by(*order), shape, ids))


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise ConfigError("A time without a time zone says nothing.", remedy='Use e.g. pandas.Timestamp.now("UTC").')
    return moment


def _typed(table: pa.Table) -> pd.DataFrame:
    """Arrow to pandas with nullable types and categories."""
    frame = table.to_pandas(types_mapper=_type)
    return frame.astype(dict.fromkeys(_closed(frame.columns), "category"))


def _closed(columns: Collection[Any]) -> list[Any]:
    return [c for c in columns if c in CATEGORIES]


def _type(kind: pa.DataType) -> ExtensionDtype | None:
    if pa.types.is_integer(kind):
        return pd.Int64Dtype()
    if pa.types.is_boolean(kind):
        return pd.BooleanDtype()
    return pd.StringDtype(na_value=pd.NA) if pa.types.is_string(kind) else None


def _as_named(name: str, column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A view's column typed by its name, since databases state no types for computed columns."""
    if name in TIMES or name.endswith("_observed_at"):  # the roles' own names stand before it in a contract's views
        return _moments(column)
    if name in COUNTS:
        return _whole(column)
    if name in FLAGS:
        return column.astype("Int64").astype("boolean")
    text = column.astype(pd.StringDtype(na_value=pd.NA))
    return text.astype("category") if name in CATEGORIES else text


def _moments(column: "pd.Series[Any]") -> "pd.Series[Any]":
    return pd.to_datetime(column.replace("", None), utc=True, format="ISO8601").dt.as_unit("us")


def _whole(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Whole numbers, exact to the last digit; blank, missing and what is no whole number are null."""
    return pd.Series(pd.array([_int(v) for v in column], dtype="Int64"), index=column.index)


def _int(value: Any) -> int | None:  # noqa: ANN401 - a cell
    try:
        return int(str(value))
    except ValueError:
        return None


def _or_none(value: Any) -> Any:  # noqa: ANN401 - a cell
    return None if value is pd.NaT or value is pd.NA else value
