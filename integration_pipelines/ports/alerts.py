"""What alerts need of the outside: the facts to judge by, the book of what people were told, and the sinks that tell them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from integration_pipelines.core.alert_words import Standing
from integration_pipelines.core.alerts import Alert, AlertEvent, AlertKind, Changes, Rules
from integration_pipelines.core.contract import Contract
from integration_pipelines.ports.evidence import Run


class DeliveryState(StrEnum):
    """A message waits for its try, is being sent, arrived, was given up, or is not wanted any more."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message about one alert to one sink."""

    alert: Alert
    sink: str
    event: AlertEvent
    state: DeliveryState
    attempts: int
    asked_at: datetime
    next_try_at: datetime | None = None
    error_text: str | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """The sink took it."""


@dataclass(frozen=True, slots=True)
class NotArrived:
    """The sink did not take it: why, without secrets; whether trying again is of any use, and the earliest moment the sink asks for."""

    reason: str
    again: bool = True
    after_seconds: float = 0.0


class AlertSink(ABC):
    """Tells people. Has a deadline of its own, raises nothing expected, and knows no secret but its own."""

    name: str
    trouble: str = ""
    """Why it cannot work as it is set; empty if it can."""

    @abstractmethod
    def deliver(self, alert: Alert, event: AlertEvent, at: datetime) -> Arrived | NotArrived:
        """Send one message. The same alert and event may come twice; sinks that can tell make one of them."""


class Standings(ABC):
    """How every installation stands, from the store alone; nobody else is asked."""

    @abstractmethod
    def load(self, contracts: Mapping[str, Contract], tenant_ids: Sequence[str] | None = None) -> list[Standing]:
        """Every installation of those contracts, ordered by tenant and integration."""

    @abstractmethod
    def abandoned(self, started_before: datetime) -> list[Run]:
        """Runs that began before then, did not end, and hold no lease that is alive: their process is gone."""

    @abstractmethod
    def unsettled(self, planned: tuple[datetime, datetime]) -> list[tuple[str, str]]:
        """Tenant and integration of writes planned within that time that were sent and whose fate is open, and at which no run works.

        Only where writes are on and not paused; ordered.
        """


class AlertBook(ABC):
    """Alerts and their deliveries. What one process opens, no other opens again."""

    @abstractmethod
    def revise(
        self, decide: Callable[[Sequence[Alert]], Changes], sinks: Sequence[str], *, forget_before: datetime | None = None
    ) -> Changes:
        """Let `decide` see all open alerts and store what it wants, with one delivery per event and sink; alone, in one transaction.

        Alerts that closed before `forget_before` are removed with their deliveries.
        """

    @abstractmethod
    def find(
        self,
        tenant_ids: Sequence[str] | None,
        *,
        kind: AlertKind | None = None,
        include_closed: bool = False,
        limit: int | None = None,
    ) -> list[Alert]:
        """Newest first; None means every tenant and the alerts about many."""

    @abstractmethod
    def deliveries(self, alert_ids: Sequence[str]) -> list[Delivery]:
        """What was sent about those, by alert, sink and time."""

    @abstractmethod
    def claim(self, sink: str, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Messages whose time has come, oldest first; nobody else gets them before `until`."""

    @abstractmethod
    def note(self, deliveries: Sequence[Delivery], at: datetime) -> None:
        """Store what became of claimed messages."""


@dataclass(frozen=True, slots=True)
class Alerting:
    """All that alerts need, and the operator's rules."""

    standings: Standings
    book: AlertBook
    sinks: Callable[[], Sequence[AlertSink]]
    """Made when they are needed, so that nobody else pays for their libraries."""
    sink_names: tuple[str, ...]
    rules: Rules
    dagster_url: str
