"""What every launch of a run says, whoever starts it: tags, and the run config of a run for events. Nothing is launched here.

The queue's limit per tenant, priorities and every search in Dagster's UI rest on the tags.
"""

from integration_pipelines.core.contract import Contract

TENANT_TAG = "tenant"
EVENTS_JOB = "sync_records"
PRIORITY = "dagster/priority"
OWN_RUNS = 8
"""So many tenants with waiting events get a run each: nobody's waits for another's then."""
QUEUE = "dagster-celery/queue"
EVENTS_QUEUE, BULK_QUEUE = "events", "bulk"
"""Where workers stand ready, they take what is tagged so; elsewhere the tag means nothing."""
MANY = 200
"""A tenant with more events than this goes to the workers for bulk, so that others' few need not wait for its many."""
EVENTS_FIRST = "10"
"""Above schedules (5) and backfills (0 and below): somebody just changed something and looks whether it arrives."""


def run_tags(*, integration: str, trigger: str, scope: str, contract_version: int, tenant: str | None = None) -> dict[str, str]:
    """The tags of every launch."""
    tags = {"integration": integration, "trigger": trigger, "scope": scope, "contract_version": str(contract_version)}
    return tags | ({TENANT_TAG: tenant} if tenant else {})


def events_tags(contract: Contract, tenant: str | None, events: int = 1) -> dict[str, str]:
    """The tags of a run for events, of one tenant of which so many wait, or of several tenants."""
    mine = run_tags(
        integration=contract.contract, trigger="event", scope="records", contract_version=contract.version, tenant=tenant
    )
    return mine | {PRIORITY: EVENTS_FIRST, QUEUE: BULK_QUEUE if tenant is None or events > MANY else EVENTS_QUEUE}


def events_job(contract: Contract) -> str:
    """The job of runs for events of that contract alone: to cut them out of a job over all contracts takes Dagster as long as the run itself."""
    return f"{EVENTS_JOB}_of_{contract.contract}"


def events_config(contract: Contract) -> dict[str, object]:
    """The run config of a run that drains the inbox and may write."""
    return {"ops": {chain_step(contract): {"config": {"mode": "apply", "inbox": True}}}}


def chain_step(contract: Contract) -> str:
    """The name of the step that is a contract's chain."""
    return f"{contract.contract}_chain"
