"""One run per tenant at a time: a batch takes its tenants' leases before it reads and gives them back when it ends.

Two runs that read, plan and write the same tenant side by side could base a plan on what the other one had already changed. What a
lease really protects is in the store: its token is checked in the transaction that lets a write be sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import ConflictError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.use_cases.outcome import BatchReport, RunOutcome

LEASE_SECONDS = 60.0
"""How long a run that died keeps its tenants from the next one; a run that lives renews well before."""

TAKEN = "another run is working on this tenant now; it goes on as soon as that one has ended, or a minute after it died"


@contextmanager
def working_alone(report: BatchReport, contract: Contract, *, ports: Ports) -> Iterator[None]:
    """Take the lease of every tenant of the batch; those that another run holds are skipped."""
    by_run = {t.run_id for t in report.tenants.values()}
    if len(by_run) != 1:
        raise AssertionError("a batch has one run id")
    leases = ports.leases.take_all(list(report.tenants), contract.contract, by_run.pop(), LEASE_SECONDS)
    for lease in leases:
        report.tenant(lease.tenant_id).lease = lease
    for tenant in report.tenants.values():
        if tenant.lease is None:
            tenant.outcome, tenant.reason = RunOutcome.SKIPPED, TAKEN
    try:
        with ports.leases.keep_alive(leases, LEASE_SECONDS):
            yield
    finally:
        ports.leases.give_back_all(leases)


def stay_alone(report: BatchReport, *, ports: Ports) -> None:
    """Before anything is kept that later runs build on: tenants whose lease another run took meanwhile stop here."""
    alive = report.alive()
    held = {lease.tenant_id for lease in ports.leases.renew_all([t.lease for t in alive if t.lease is not None], LEASE_SECONDS)}
    for tenant in alive:
        if tenant.tenant_id not in held:
            tenant.fail(
                ConflictError(
                    f"Another run took over tenant {tenant.tenant_id} while this one was held up; this one kept and wrote nothing more.",
                    remedy="Nothing to do: the other run goes on with what is there now.",
                )
            )
