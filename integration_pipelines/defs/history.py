"""History assets `<object>_changes`, by tenant and day: what changed on that day, as evidence for people. Never merged.

One step fills all objects of its days and tenants and reports each (day, tenant) by itself. The partitions reach back further than the
contract's rolling window, since their start is fixed for a quarter (a start that moved daily would drop Dagster's caches); the window
itself is enforced in the step.
"""

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import dagster as dg
import structlog

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.history import window
from integration_pipelines.core.tables import HISTORY
from integration_pipelines.defs.history_fill import DAY, TENANT, HistoryConfig, changes_asset, fill_history
from integration_pipelines.defs.names import asset_key
from integration_pipelines.defs.partitions import TENANTS
from integration_pipelines.defs.resources import ProductResource
from integration_pipelines.defs.specs import OWNERS
from integration_pipelines.use_cases.history import history_objects
from integration_pipelines.use_cases.launches import PRIORITY

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

JOB = "backfill_history"
GROUP = "history"
_WORDS = {
    "tenant_id": "whose", "integration": "the contract", "object": "the object in the contract", "record_id": "the partner's id",
    "field": "the contract's column; * stands for the whole record", "changed_at": "when, as the partner says",
    "old_value": "canonical text; null: the partner does not tell", "new_value": "canonical text; null: the partner does not tell",
    "actor": "who or what changed it, in the partner's words", "source": "where it was read",
    "coverage": "whole, part or none: how much of the day the partner could tell",
}  # fmt: skip
SCHEMA = dg.TableSchema([dg.TableColumn(f.name, str(f.type), description=_WORDS[f.name]) for f in HISTORY])
JOB_TEXT = (
    "Fill days of history from what the partners still tell, and reconcile the records that changed on them. "
    "Plans only, unless the run config says `mode: apply`."
)


def history_partitions(history_days: int, now: datetime) -> dg.MultiPartitionsDefinition:
    """By day and tenant, from the first day of the quarter in which the window begins; today is there from its start."""
    begins, _ = window(now, history_days)
    start = date(begins.year, 3 * ((begins.month - 1) // 3) + 1, 1)
    days = dg.DailyPartitionsDefinition(start_date=start.isoformat(), end_offset=1)
    return dg.MultiPartitionsDefinition({DAY: days, TENANT: TENANTS})


def history_assets(contract: Contract, now: datetime) -> dg.AssetsDefinition:
    """The history assets of a contract, as one step."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", dg.BetaWarning
        )  # one run a backfill and the mapping to tenants are beta; without them a day is a run

        @dg.multi_asset(
            name=history_step(contract),
            specs=_specs(contract, now),
            can_subset=True,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )
        def changes(
            context: dg.AssetExecutionContext, config: HistoryConfig, product: ProductResource
        ) -> Iterator[dg.AssetMaterialization]:
            with structlog.contextvars.bound_contextvars(integration=contract.contract, run=context.run.run_id):
                yield from fill_history(context, config, contract, product)

    return changes


def history_step(contract: Contract) -> str:
    """The name of the step that fills a contract's history."""
    return f"{contract.contract}_history"


def _specs(contract: Contract, now: datetime) -> list[dg.AssetSpec]:
    partitions = history_partitions(contract.boundaries.history_days, now)
    found = []
    for name in history_objects(contract):
        role = contract.role(contract.side_of(contract.objects[name].role))
        text = (
            f"What changed on a day in {name}, as far as {role.partner} still tells: field, time, old and new value, actor, source. "
            f"Evidence for people, never merged; the last {contract.boundaries.history_days} days can be filled."
        )
        upstream = dg.AssetDep(asset_key(contract, name), partition_mapping=dg.MultiToSingleDimensionPartitionMapping(TENANT))
        found.append(
            dg.AssetSpec(
                asset_key(contract, changes_asset(name)), deps=[upstream], description=text, group_name=GROUP, kinds={role.partner, "parquet"},
                owners=OWNERS, skippable=True, partitions_def=partitions, tags={"integration": contract.contract, "layer": GROUP},
                metadata={
                    "integration": contract.contract, "contract_version": contract.version,
                    "dagster/column_schema": SCHEMA,
                },
            )
        )  # fmt: skip
    return found


def backfill_job(histories: Sequence[dg.AssetsDefinition]) -> "Job":
    """The job over all history assets, behind everything else in the queue."""
    selection = dg.AssetSelection.assets(*(key for history in histories for key in history.keys))
    return dg.define_asset_job(
        JOB, selection=selection, executor_def=dg.in_process_executor, description=JOB_TEXT, tags={PRIORITY: "-10"}
    )
