"""Endpoints that belong to one account and are known here alone, for partners whose own way of registering them is not modelled."""

import itertools
import secrets
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from integration_pipelines.partner_models.base import Json, PartnerRefusalError
from integration_pipelines.sandbox.webhooks.lines import ALL_ACCOUNTS, Line, Parcel, Registrar
from integration_pipelines.sandbox.webhooks.outbound import Outbound

ROLL_SECONDS = 86_400.0


class Telling(Protocol):
    """An account that tells what happens in it."""

    account: str

    def on_event(self, listener: Callable[[Json], None]) -> None:
        """Call `listener` with every new event."""


A = TypeVar("A", bound=Telling)


@dataclass(slots=True)
class Endpoint:
    """One registered address; replaced secrets sign along until a moment (seconds since the epoch) where the partner does that."""

    id: str
    account: str
    url: str
    secret: str
    old_secrets: list[tuple[str, float]] = field(default_factory=list)
    open: bool = True

    def secrets_at(self, at: float) -> list[str]:
        """The secret, and those that were replaced lately."""
        return [self.secret, *(secret for secret, until in self.old_secrets if until > at)]

    def shown(self, partner: str) -> Json:
        """As the control door shows it."""
        return {"partner": partner, "account": self.account, "id": self.id, "url": self.url, "secret": self.secret}


class EndpointLine(Line):
    """A line to one such endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def address(self) -> str:
        """The endpoint's address."""
        return self.endpoint.url

    def wanted(self) -> bool:
        """Removing an endpoint ends its deliveries."""
        return self.endpoint.open


class AccountWebhooks(Registrar, Generic[A]):
    """The endpoints of all accounts of a partner; listens to every account from the start."""

    def __init__(self, accounts: Sequence[A], outbound: Outbound) -> None:
        self._accounts = accounts
        self._outbound = outbound
        self._lines: list[EndpointLine] = []
        self._numbers = itertools.count(1)
        for account in accounts:
            account.on_event(self._teller(account))

    @abstractmethod
    def line(self, account: A, endpoint: Endpoint) -> EndpointLine:
        """The partner's habits for an endpoint."""

    @abstractmethod
    def parcel(self, account: A, event: Json) -> Parcel:
        """An event of the account, ready for the way."""

    def listed(self) -> list[Json]:
        """Every endpoint."""
        return [line.endpoint.shown(self.partner) for line in self._lines]

    def register(self, account: str, url: str, secret: str) -> list[Json]:
        """One endpoint in each chosen account."""
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise PartnerRefusalError(400, "invalid_url", "The address of an endpoint begins with http:// or https://.")
        chosen = [one for one in self._accounts if account in {ALL_ACCOUNTS, one.account}]
        if not chosen:
            raise PartnerRefusalError(404, "unknown", "There is no such account here.")
        return [self._one(one, url, secret).shown(self.partner) for one in chosen]

    def remove(self, account: str, url: str) -> int:
        """Forget endpoints."""
        gone = [
            line
            for line in self._lines
            if account in {"", ALL_ACCOUNTS, line.endpoint.account} and url in {"", line.endpoint.url}
        ]
        for line in gone:
            line.endpoint.open = False
        self._lines = [line for line in self._lines if line.endpoint.open]
        return len(gone)

    def _one(self, account: A, url: str, secret: str) -> Endpoint:
        new = secret or secrets.token_urlsafe(24)
        known = next(
            (line.endpoint for line in self._lines if (line.endpoint.account, line.endpoint.url) == (account.account, url)), None
        )
        if known is None:
            known = Endpoint(f"{self.partner}-{next(self._numbers)}", account.account, url, new)
            self._lines = [*self._lines, self.line(account, known)]
        elif known.secret != new:
            known.old_secrets.append((known.secret, time.time() + ROLL_SECONDS))
            known.secret = new
        return known

    def _teller(self, account: A) -> Callable[[Json], None]:
        def tell(event: Json) -> None:
            for line in self._lines:
                if line.endpoint.account == account.account:
                    self._outbound.send(line, self.parcel(account, event))

        return tell
