"""Refused records are looked at again when somebody mended them and does not want to wait for the next read."""

from collections.abc import Sequence

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.bundle import Ports


def refused_records(tenant_id: str, contract: Contract, records: Sequence[str], *, ports: Ports) -> dict[str, list[str]]:
    """Object → ids of what is in quarantine; of those records, or of all if none is named.

    Raises:
        ConfigError: one that is named is not in quarantine.
    """
    found: dict[str, set[str]] = {}
    name = contract.contract
    rows = ports.quarantine.of_records(tenant_id, name, records) if records else ports.quarantine.load([tenant_id], name)
    for row in rows.to_pylist():
        found.setdefault(row["object"], set()).add(row["record_id"])
    strange = sorted(set(records).difference(*found.values()))
    if strange:
        raise ConfigError(
            f"Record {strange[0]} is not in quarantine.", remedy=f"See what is: integration-pipelines quarantine list {tenant_id}"
        )
    return {name: sorted(ids) for name, ids in sorted(found.items())}
