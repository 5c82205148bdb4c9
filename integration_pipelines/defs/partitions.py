"""The partitions of every asset: tenants, added and removed at run time. No other partitioning belongs here."""

import dagster as dg

TENANTS = dg.DynamicPartitionsDefinition(name="tenants")
TENANT_TAG = "tenant"


def run_tags(*, integration: str, trigger: str, scope: str, contract_version: int, tenant: str | None = None) -> dict[str, str]:
    """The tags of every launch, whoever starts it: the queue's limit per tenant and every search in the UI rest on them."""
    tags = {"integration": integration, "trigger": trigger, "scope": scope, "contract_version": str(contract_version)}
    return tags | ({TENANT_TAG: tenant} if tenant else {})
