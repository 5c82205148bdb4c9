"""Small worlds for the heart: build observations by hand, run one pass, read what it found. No I/O but the packaged contract."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

import integration_pipelines
from integration_pipelines.core.contract import Column, Contract, FieldType, NestedColumn
from integration_pipelines.core.passes import Pass, PassInputs, PassResult
from integration_pipelines.core.shapes import base_schema
from integration_pipelines.core.sql import Rows, teach
from integration_pipelines.core.tables import DIFFS, IDENTITY_LINKS, INTENTS, OBSERVED_PREFIX, TEXT

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REFUSED = pa.schema([(c, TEXT) for c in ("tenant_id", "object", "record_id", "expectation")])
Row = Mapping[str, Any]


@cache
def crm_billing() -> Contract:
    """The packaged contract."""
    path = Path(integration_pipelines.__file__).parent / "contracts" / "crm_billing.yaml"
    return Contract.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def connect(*, few: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection as wiring gives it to the core, for tables of any size or for few rows."""
    return _database(few).cursor()


@cache
def _database(few: bool) -> duckdb.DuckDBPyConnection:
    root = duckdb.connect()
    root.execute(
        "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL enable_external_access = false; SET GLOBAL python_enable_replacements = false"
    )
    if few:
        root.execute("SET GLOBAL threads = 1; SET GLOBAL enable_optimizer = false")
        teach(root)
    return root


def observed_type(column: Column | NestedColumn) -> pa.DataType:
    """Text, or a list of rows of text."""
    if column.type is not FieldType.LIST:
        return TEXT
    return pa.list_(pa.struct([(n, observed_type(c)) for n, c in column.fields.items()]))


def observations(object_name: str, rows: Iterable[Row], tenant: str = "t1") -> pa.Table:
    """Observations of one object; a column that a row does not name is blank."""
    columns = crm_billing().objects[object_name].columns
    schema = pa.schema([*OBSERVED_PREFIX, *((n, observed_type(c)) for n, c in columns.items()), ("_sequence", pa.int64())])
    blank: dict[str, Any] = {n: [] if c.type is FieldType.LIST else "" for n, c in columns.items()}
    made = [
        {"tenant_id": tenant, "observed_at": NOW, "deleted": False, "_sequence": 1}
        | blank
        | {"id": row.get("record_id", "")}
        | dict(row)
        for row in rows
    ]
    return pa.Table.from_pylist(made, schema)


def item(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any column of the nested row
    """A subscription item of 10.00 a month."""
    plain = {
        "id": "si_1", "quantity": "1", "current_period_end": "2026-12-01T00:00:00Z", "price_id": "price_1", "product_id": "prod_1",
        "interval": "month", "interval_count": "1", "usage_type": "licensed", "billing_scheme": "per_unit", "unit_amount": "1000",
        "tiers_mode": "", "divide_by": "", "divide_round": "", "tiers": [], "discounts": [],
    }  # fmt: skip
    return plain | changes


def discount(**changes: str) -> dict[str, str]:
    """A discount that lasts for ever."""
    return {"percent_off": "", "amount_off": "", "currency": "", "duration": "forever", "ends_at": "", "products": ""} | changes


def subscription(record_id: str, customer_id: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - idem
    """An active subscription in dollars with one plain item."""
    return {
        "record_id": record_id,
        "customer_id": customer_id,
        "status": "active",
        "currency": "usd",
        "items": [item()],
    } | changes


@dataclass
class World:
    """What the engine is shown, by object; change it and run the next pass."""

    companies: Sequence[Row] = field(default_factory=list)
    owners: Sequence[Row] = field(default_factory=list)
    customers: Sequence[Row] = field(default_factory=list)
    subscriptions: Sequence[Row] = field(default_factory=list)
    refused: list[Row] = field(default_factory=list)
    links: pa.Table = field(default_factory=IDENTITY_LINKS.empty_table)
    base: list[Row] = field(default_factory=list)
    intents: list[Row] = field(default_factory=list)
    unresolved: pa.Table = field(default_factory=DIFFS.empty_table)
    run: str = "run_1"
    tenant: str = "t1"
    setting_up: bool = False
    only: tuple[str, ...] = ()

    def inputs(self, contract: Contract | None = None) -> PassInputs:
        """As a pass takes them."""
        contract = contract or crm_billing()
        tenant = {"tenant_id": self.tenant}
        return PassInputs(
            contract=contract,
            run_ids={self.tenant: self.run},
            now=NOW,
            observed={
                "crm_accounts": observations("crm_accounts", self.companies, self.tenant),
                "crm_owners": observations("crm_owners", self.owners, self.tenant),
                "billing_customers": observations("billing_customers", self.customers, self.tenant),
                "billing_subscriptions": observations("billing_subscriptions", self.subscriptions, self.tenant),
            },
            refused=pa.Table.from_pylist([tenant | dict(r) for r in self.refused], REFUSED),
            links=self.links,
            base=pa.Table.from_pylist([tenant | dict(r) for r in self.base], base_schema(contract)),
            intents=pa.Table.from_pylist([tenant | dict(r) for r in self.intents], INTENTS),
            unresolved=self.unresolved,
            setting_up=(self.tenant,) if self.setting_up else (),
            only=self.only,
        )

    def open(self, contract: Contract | None = None) -> Pass:
        """A pass that is not run yet."""
        return Pass(connect(), self.inputs(contract))

    def run_pass(self, contract: Contract | None = None) -> PassResult:
        """Run one pass, and the same one as it goes for few rows: both have to find the same."""
        inputs = self.inputs(contract)
        found, few = (Pass(connect(few=few), replace(inputs, few=few)).run() for few in (False, True))
        assert few == found
        return found

    def merged(self) -> list[dict[str, Any]]:
        """The merged customers of one pass, and of the same one as it goes for few rows: both have to find the same."""
        found, few = (self._merged(few=few) for few in (False, True))
        assert few == found
        return found

    def _merged(self, *, few: bool) -> list[dict[str, Any]]:
        engine = Pass(connect(few=few), replace(self.inputs(), few=few))
        engine.run()
        return engine.merged().read_all().to_pylist()


def joined(worlds: Iterable[World], contract: Contract | None = None) -> PassInputs:
    """Several tenants' worlds as one pass takes them; each world has a tenant of its own."""
    parts = [world.inputs(contract) for world in worlds]
    return PassInputs(
        contract=parts[0].contract,
        run_ids={tenant: run for part in parts for tenant, run in part.run_ids.items()},
        now=NOW,
        observed={name: _all([part.observed[name] for part in parts]) for name in parts[0].observed},
        refused=pa.concat_tables([part.refused for part in parts]),
        links=_all([part.links for part in parts]),
        base=_all([part.base for part in parts]),
        intents=pa.concat_tables([part.intents for part in parts]),
        unresolved=pa.concat_tables([part.unresolved for part in parts]),
        setting_up=tuple(tenant for part in parts for tenant in part.setting_up),
    )


def _all(parts: Iterable[Rows]) -> pa.Table:
    return pa.concat_tables([part for part in parts if isinstance(part, pa.Table)])  # as every world makes them


def verdicts(result: PassResult) -> dict[str, dict[str, Any]]:
    """Field diffs by field."""
    return {d["field"]: d for d in result.diffs.to_pylist() if d["field"] != "*"}
