"""What is delivered and to whom: a parcel is one event, a line is one registered endpoint with its partner's habits.

How a partner words, signs and repeats its deliveries is a subclass of `Line`, how its endpoints are registered one of
`Registrar`; when and how parcels travel is `outbound`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integration_pipelines.partner_models.base import Json

ALL_ACCOUNTS = "*"


@dataclass(slots=True, eq=False)
class Parcel:
    """One event on its way to one endpoint.

    Args:
        account: whose event it is.
        kind: its type; a fault's `path` is looked for in it.
        event_id: the partner's id of it.
        event: the event, as it is to be told.
        alone: travels in a request of its own, however many events the partner puts into one.
        attempt: how often it was sent before.
    """

    account: str
    kind: str
    event_id: str
    event: Json
    alone: bool = False
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One request, ready to go."""

    body: bytes
    headers: Mapping[str, str]


class Line(ABC):
    """One registered endpoint and how its partner treats it; one instance for as long as it is registered.

    Attributes:
        partner: its name.
        most: events in a request.
        linger: seconds that an event waits for others to travel with.
        patience: seconds after which an answer counts as none.
    """

    partner: str
    most: int = 1
    linger: float = 0.0
    patience: float = 20.0

    @abstractmethod
    def address(self) -> str:
        """Where it is now."""

    @abstractmethod
    def compose(self, parcels: Sequence[Parcel], at: float) -> Message:
        """The request for these parcels, signed at `at` (seconds since the epoch)."""

    @abstractmethod
    def gap(self, attempt: int) -> float | None:
        """The partner's seconds until the next try when so many were refused; None: there is no other."""

    def lanes(self) -> int:
        """How many requests at once."""
        return 10

    def wanted(self) -> bool:
        """Whether the endpoint is still there and open."""
        return True

    def taken(self, parcel: Parcel) -> None:
        """The endpoint answered 2xx."""
        del parcel


class Registrar(ABC):
    """The endpoints of one partner, as the control door sees them."""

    partner: str

    @abstractmethod
    def listed(self) -> list[Json]:
        """Every endpoint: `{partner, account, id, url, secret}` and what else there is to say."""

    @abstractmethod
    def register(self, account: str, url: str, secret: str) -> list[Json]:
        """Have every event of an account, or of all (`*`), sent to an address; returns the endpoints made or changed.

        An address that is registered already gets the new secret, as when a secret is replaced. A blank secret: one is made.

        Raises:
            PartnerRefusalError: an account that is not here, or an address that is none.
        """

    @abstractmethod
    def remove(self, account: str, url: str) -> int:
        """Take endpoints away, '' standing for every account or address; returns how many."""
