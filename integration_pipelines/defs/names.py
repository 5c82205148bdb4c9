"""What assets are called: each integration's below its own name, unless its contract says that they stand alone."""

import dagster as dg

from integration_pipelines.core.contract import Contract


def asset_key(contract: Contract, name: str) -> dg.AssetKey:
    """The key of a contract's asset, e.g. `identity_links` or `support_incidents/identity_links`."""
    return dg.AssetKey([*contract.asset_path, name])
