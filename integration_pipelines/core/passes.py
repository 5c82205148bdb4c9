"""One pass of the engine over a batch of tenants: from what was observed to what should be written. Pure: same inputs, same bytes out.

`run_pass` is the heart's only door: the pipeline calls it to plan, and again after the writes to prove that nothing is left to write.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa

from integration_pipelines.core import balance, diffs, links, plan
from integration_pipelines.core.contract import Contract
from integration_pipelines.core.creates import NAMED_RECORDS, find_creations, name_created
from integration_pipelines.core.epochs import changed_links
from integration_pipelines.core.guards import PlanNumbers
from integration_pipelines.core.intake import accept, latest, slim
from integration_pipelines.core.merge import respell, widen
from integration_pipelines.core.news import news
from integration_pipelines.core.reconcile import merged, reconcile
from integration_pipelines.core.rollup import subscription_facts
from integration_pipelines.core.shapes import base_schema, merged_schema
from integration_pipelines.core.sql import Files, Rows, Sql
from integration_pipelines.core.tables import IDENTITY_LINKS, INSTALLED, INTENTS, SPELLINGS, empty
from integration_pipelines.core.waiting import waiting


@dataclass(frozen=True, slots=True)
class PassInputs:
    """Everything a pass depends on; nothing else may influence its result."""

    contract: Contract
    run_ids: Mapping[str, str]  # tenant → run
    now: datetime
    observed: Mapping[str, Rows]  # object → observations with `_sequence`
    refused: pa.Table  # tenant_id, object, record_id, expectation
    links: Rows  # IDENTITY_LINKS
    base: Rows  # tenant_id, link_id, one text column per compared field; with `_sequence` if a link may have several rows
    intents: pa.Table  # INTENTS
    unresolved: pa.Table  # DIFFS
    created: pa.Table = field(default_factory=lambda: empty(NAMED_RECORDS))  # what we made before, by its unique value
    installed: pa.Table = field(default_factory=lambda: empty(INSTALLED))  # since when; asked where a contract makes records
    spellings: pa.Table = field(default_factory=lambda: empty(SPELLINGS))  # values that a partner shows otherwise than written
    setting_up: tuple[str, ...] = ()  # tenants whose own properties do not exist yet
    only: tuple[str, ...] = ()  # plan writes for these records and what they are linked to; empty: for all
    few: bool = False  # some hundred rows at most: the result is the same, the way there is the quickest for so few


@dataclass(frozen=True, slots=True)
class PassResult:
    """What a pass found and would do."""

    links: pa.Table  # IDENTITY_LINKS: new and changed ones only
    diffs: pa.Table  # DIFFS: seen now and resolved now
    field_counts: pa.Table  # tenant_id, object, field, compared, matched, differing, held
    base_moves: pa.Table  # as PassInputs.base
    writes: pa.Table  # PLANNED_WRITES
    numbers: Mapping[str, PlanNumbers]
    waiting: pa.Table  # WAITING: what names a record that was not read
    news: pa.Table  # NEWS: what people are to be told of it


class Pass:
    """A pass that keeps its tables, so that the balance can be drawn after the writes. Use as `with Pass(con, inputs) as p`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, inputs: PassInputs) -> None:
        self._sql = Sql(con, few=inputs.few)
        self._inputs = inputs
        if not any(isinstance(rows, Files) for rows in inputs.observed.values()):
            self._sql.plan_quickly()

    def run(self) -> PassResult:
        """Link, roll up, merge, diff and plan."""
        sql, given = self._sql, self._inputs
        now_text = given.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._load()
        subscription_facts(sql, given.contract, now_text)  # before the links, which are still being read meanwhile
        links.resolve_links(sql, given.contract, given.links, given.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        name_created(sql, given.contract, given.created)
        slim(sql, given.contract)
        widen(sql, given.contract, "setting_up")
        respell(sql, given.contract, given.spellings)
        reconcile(sql, given.contract)
        find_creations(sql, given.contract, given.installed)
        found = diffs.diffs(sql, given.contract, given.unresolved, now_text)
        writes = plan.plan_writes(sql, given.contract, given.only)
        return PassResult(
            links=sql.arrow(changed_links(given.contract), IDENTITY_LINKS),
            diffs=found,
            field_counts=sql.arrow("SELECT * FROM field_counts ORDER BY tenant_id, object, field"),
            base_moves=sql.arrow("SELECT * FROM base_moves ORDER BY tenant_id, link_id", base_schema(given.contract)),
            writes=writes,
            numbers=plan.plan_numbers(sql, tuple(sorted(given.run_ids))),
            waiting=waiting(sql, given.contract),
            news=news(sql, given.contract),
        )

    def merged(self) -> pa.RecordBatchReader:
        """The merged customers, by tenant: the table people read, some at a time."""
        contract = self._inputs.contract
        return self._sql.reader(merged(contract), merged_schema(contract))

    def outcomes(self, writes: pa.Table) -> pa.Table:
        """The outcome of every record, given what became of this pass' writes (tenant_id, target, target_id, state)."""
        return balance.outcomes(self._sql, self._inputs.contract, writes)

    def imbalances(self, tally: pa.Table, found: pa.Table) -> list[balance.Imbalance]:
        """Compare outcomes with what the extract saw."""
        return balance.imbalances(self._sql, tally, found)

    def _load(self) -> None:
        sql, given = self._sql, self._inputs
        tenants = pa.table({"tenant_id": list(given.run_ids), "run_id": list(given.run_ids.values())})
        sql.put("runs", tenants)
        sql.put("setting_up", pa.table({"tenant_id": pa.array(sorted(set(given.setting_up)), pa.string())}))
        if "_sequence" in given.base.schema.names:
            latest(sql, "base", given.base, "link_id")
        else:
            sql.put("base", given.base)
        sql.put("intents", given.intents.cast(INTENTS))
        for object_name in given.contract.objects:
            latest(sql, f"observed_{object_name}", given.observed[object_name])
        accept(sql, given.contract, given.refused)
