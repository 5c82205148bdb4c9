"""What every launch of a run says, whoever starts it: tags, and the run config of a run for events. Nothing is launched here.

The queue's limit per tenant, priorities and every search in Dagster's UI rest on the tags.
"""

from integration_pipelines.core.contract import Contract

TENANT_TAG = "tenant"
EVENTS_JOB = "sync_records"
PRIORITY = "dagster/priority"
EVENTS_FIRST = "10"
"""Above schedules (0) and backfills (below 0): somebody just changed something and looks whether it arrives."""


def run_tags(*, integration: str, trigger: str, scope: str, contract_version: int, tenant: str | None = None) -> dict[str, str]:
    """The tags of every launch."""
    tags = {"integration": integration, "trigger": trigger, "scope": scope, "contract_version": str(contract_version)}
    return tags | ({TENANT_TAG: tenant} if tenant else {})


def events_tags(contract: Contract, tenant: str | None) -> dict[str, str]:
    """The tags of a run for events, of one tenant or of several."""
    mine = run_tags(
        integration=contract.contract, trigger="event", scope="records", contract_version=contract.version, tenant=tenant
    )
    return mine | {PRIORITY: EVENTS_FIRST}


def events_config(contract: Contract) -> dict[str, object]:
    """The run config of a run that drains the inbox and may write."""
    return {"ops": {f"{contract.contract}_chain": {"config": {"mode": "apply", "inbox": True}}}}
