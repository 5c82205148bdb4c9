"""The receiver's view of the store: read anew every few seconds in a thread, so that no delivery waits for it."""

import threading
import time
from collections.abc import Iterable

from integration_pipelines.errors import IntegrationError
from integration_pipelines.logs import logger
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.webhooks import APP
from integration_pipelines.use_cases.webhook_routes import Routes, load_routes

EVERY_SECONDS = 5.0
"""So long a new tenant, account or secret is not known yet; when a secret ends is looked at with every delivery."""
_TOLD_AGAIN_SECONDS = 3600.0
_MOST_STRANGERS = 100
"""Remembered at a time: who has a secret could name any number of accounts."""


class RoutesWatch:
    """Holds what was read last, and records in the audit log which strangers were delivered for."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._opened: dict[bytes, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="webhook-routes", daemon=True)
        self._met: set[tuple[str, str]] = set()
        self._told: dict[tuple[str, str], float] = {}
        self.current = self._load()
        self.read_at = time.monotonic()

    def start(self) -> None:
        """Begin to read again and again."""
        self._thread.start()

    def stop(self) -> None:
        """End, and record what is still to be recorded."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self.refresh()

    def refresh(self) -> None:
        """Look now; if the store does not answer, what was read before goes on to count, and nothing can be accepted anyway."""
        try:
            self.current = self._load()
            self._record()
            self.read_at = time.monotonic()
        except IntegrationError as error:
            logger(__name__).warning("webhook_routes_not_read", reason=error.message)

    def met(self, partner: str, accounts: Iterable[str]) -> None:
        """A genuine delivery named accounts that are nobody's here."""
        for account in accounts:
            if len(self._met) < _MOST_STRANGERS:
                self._met.add((partner, account))

    def _work(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            self.refresh()

    def _load(self) -> Routes:
        p = self._ports
        return load_routes(
            tenants=p.tenants, secrets=p.webhook_secrets, vault=p.vault, contracts=p.contracts, opened=self._opened
        )

    def _record(self) -> None:
        now = time.monotonic()
        self._told = {who: at for who, at in self._told.items() if now - at < _TOLD_AGAIN_SECONDS}
        while self._met:
            who = partner, account = self._met.pop()
            if who not in self._told and len(self._told) < _MOST_STRANGERS:
                facts = {"partner": partner, "account": account}
                self._ports.audit.append(APP, "receiver", "webhook_for_nobody", facts, self._ports.clock.now())
                self._told[who] = now
