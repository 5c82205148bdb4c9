"""Forget days of history that left the contract's rolling window: evidence is kept no longer than people were told."""

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.history import ONE_DAY, window
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.history_kept import history_dataset


def expire_history(contract: Contract, *, ports: Ports) -> int:
    """Remove the files and the notes of older days, of every tenant that has the integration; returns how many days with changes went.

    A crash leaves files that no manifest names, or notes of days without files; the next time removes the notes.

    Raises:
        TransientError: the lake does not answer.
    """
    begins, _ = window(ports.clock.now(), contract.boundaries.history_days)
    gone = 0
    for tenant_id in sorted({i.tenant_id for i in ports.tenants.installations(None, contract.contract)}):
        old = ports.history.load([tenant_id], contract.contract, last=begins - ONE_DAY)
        if old:
            datasets = sorted({history_dataset(day.object, day.day) for day in old})
            ports.lake.remove(ports.manifest.forget([tenant_id], contract.contract, datasets))
            ports.history.forget([tenant_id], contract.contract, begins)
            gone += sum(1 for day in old if day.rows)
    return gone
