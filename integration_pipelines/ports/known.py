"""What is known: those of all ports that answer from stored facts, so that a question opens no more than it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from integration_pipelines.core.contract import Contract
    from integration_pipelines.ports.bundle import Ducks
    from integration_pipelines.ports.evidence import Diffs, Links, Quarantine
    from integration_pipelines.ports.lake import Lake, Manifest
    from integration_pipelines.ports.retries import Overwrites
    from integration_pipelines.ports.tenants import TenantStore
    from integration_pipelines.ports.writing import Ledger


class Known(Protocol):
    """All ports of a process have these, too."""

    @property
    def contracts(self) -> Mapping[str, Contract]:
        """By name; read when asked for."""

    @property
    def tenants(self) -> TenantStore:
        """Who they are and what they have installed."""

    @property
    def links(self) -> Links:
        """Which records are the same customer."""

    @property
    def diffs(self) -> Diffs:
        """What differs or differed."""

    @property
    def quarantine(self) -> Quarantine:
        """What the gate refused."""

    @property
    def ledger(self) -> Ledger:
        """What was written."""

    @property
    def overwrites(self) -> Overwrites:
        """What a write replaced unseen."""

    @property
    def manifest(self) -> Manifest:
        """Which files of the lake count."""

    @property
    def lake(self) -> Lake:
        """The files."""

    @property
    def duck(self) -> Ducks:
        """Calculates."""

    @property
    def at_once(self) -> int:
        """How many files may be under way at the same time."""
