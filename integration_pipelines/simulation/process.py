"""One process that runs the product for many lives at once: which of them it was killed for, and whom it works on now.

A process that is killed for a tenant does nothing lasting for that tenant any more, and nobody hears of it but by its silence: its
lease runs out. The other tenants of the same call do not notice, as in as many processes of their own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from integration_pipelines.errors import TransientError


class KilledError(TransientError):
    """The process was killed at this point, for one tenant."""


@dataclass
class Process:
    """What a process knows of itself.

    Args:
        name: whose lease it is.
        fuses: tenant → so many half-steps (before or after something durable) until it is killed for that tenant.
        told: called with tenant and step when that happens.
    """

    name: str
    fuses: dict[str, int] = field(default_factory=dict)
    told: Callable[[str, str], None] = lambda *_: None
    dead: set[str] = field(default_factory=set)
    current: str = ""
    """The tenant that a port was asked about last: who asks for an identifier next asks for that tenant."""

    def step(self, tenant: str, what: str, act: Callable[[], None]) -> None:
        """Do something durable for one tenant; it may be killed before or after it.

        Raises:
            KilledError: it was; what was to be done is done, or not at all.
        """
        self.current = tenant
        if self._burns(tenant, f"before {what}"):
            raise KilledError(f"killed before {what}")
        if tenant in self.dead:
            return
        act()
        if self._burns(tenant, f"after {what}"):
            raise KilledError(f"killed after {what}")

    def quietly(self, tenant: str, what: str, act: Callable[[], None]) -> None:
        """The same where the caller goes on with other tenants: the dead do nothing, and the caller does not hear of it."""
        self.current = tenant
        if tenant not in self.fuses:  # nothing can happen to it here, or it did before
            if tenant not in self.dead:
                act()
            return
        if self.survivors((tenant,), what):
            act()
        self.survived((tenant,), what)

    def survivors(self, tenants: Iterable[str], what: str) -> set[str]:
        """For whom something durable that is done for many at once is done; call `survived` afterwards."""
        mine = set(tenants)
        for tenant in sorted(mine & self.fuses.keys()):
            self._burns(tenant, f"before {what}")
        return mine - self.dead

    def survived(self, tenants: Iterable[str], what: str) -> None:
        """It was done for those; now some may be killed."""
        for tenant in sorted(set(tenants) & self.fuses.keys()):
            self._burns(tenant, f"after {what}")

    def must_live(self, tenant: str) -> None:
        """Raises KilledError where it was killed for that tenant already: the dead send nothing."""
        self.current = tenant
        if tenant in self.dead:
            raise KilledError("killed before")

    def kill(self, tenant: str, where: str) -> None:
        """Now."""
        if tenant not in self.dead:
            self.dead.add(tenant)
            self.told(tenant, where)

    def _burns(self, tenant: str, where: str) -> bool:
        left = self.fuses.get(tenant)
        if left is None or tenant in self.dead:
            return False
        if left > 0:
            self.fuses[tenant] = left - 1
            return False
        self.kill(tenant, where)
        return True
