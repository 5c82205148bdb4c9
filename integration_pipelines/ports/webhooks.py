"""What partners deliver of their own accord: how a raw delivery becomes verified events, and the secrets that tell it from a forgery.

What was accepted is `inbox`, the files it lands in are `landing`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from integration_pipelines.ports.inbox import EventKind, TouchedRecord

APP = "app"
"""Stands where a tenant's id does, for what belongs to an app whose one address serves all tenants; no tenant is ever named so."""


class Scheme(StrEnum):
    """How what is signed with a secret is signed; with one scheme's secret no other scheme is ever accepted."""

    PARTNER = "partner"  # as the partner itself signs
    STANDARD = "standard"  # as Standard Webhooks says, e.g. by a gateway that verified the partner's delivery and passes it on


@dataclass(frozen=True, slots=True)
class RawDelivery:
    """One request as it came, before anything is believed."""

    method: str
    uri: str  # the full public address with its query, as the partner called it
    headers: Mapping[str, str]  # names in small letters; of a name that came twice there is none
    body: bytes
    received_at: datetime

    def header(self, name: str) -> str:
        """The header's value, '' if there is none."""
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True, slots=True)
class PartnerEvent:
    """One event of a genuine delivery, in no tenant's words yet."""

    account: str  # the partner's account that it is about; '' where the address it came to says it
    event_id: str  # unique at the partner, or made from what identifies the event there
    type: str
    text: str  # the event itself, as JSON: what is landed
    kind: EventKind = EventKind.RECORDS
    records: tuple[TouchedRecord, ...] = ()
    objects: tuple[str, ...] = ()  # partner objects that it is about, besides those of its records
    occurred_at: datetime | None = None
    echo_key: str = ""
    ignored: str = ""  # the rule by which nothing is done about it
    quarantined: str = ""  # why it cannot be read, though it is genuine


class StandardWebhooks(ABC):
    """Verifies what is signed as Standard Webhooks says, whichever partner's event it is."""

    @abstractmethod
    def verify(self, delivery: RawDelivery, secrets: Sequence[str], now: datetime) -> None:
        """As `WebhookSource.verify`."""


class WebhookSource(ABC):
    """One partner's webhooks. Knows the partner's shapes and signature, and neither tenants nor the store."""

    partner: str
    content_types: tuple[str, ...] = ("application/json",)

    @abstractmethod
    def verify(self, delivery: RawDelivery, secrets: Sequence[str], now: datetime) -> None:
        """Check the raw bytes against all those secrets, in a time that does not tell which one matched.

        Raises:
            AuthError: not signed with one of them, or not fresh (too old, or from the future); it does not say which.
        """

    @abstractmethod
    def read(self, delivery: RawDelivery, document: object) -> Sequence[PartnerEvent]:
        """The events of a verified delivery; one that is not as it should be is marked as quarantined and never raises.

        Args:
            delivery: as it came; its headers may name the event.
            document: the body, read strictly as JSON (see `core.strict_json`).
        """


@dataclass(frozen=True, slots=True)
class WebhookRules:
    """How deliveries are told from forgeries, and read."""

    sources: Mapping[str, WebhookSource]  # by partner
    standard: StandardWebhooks
    public_url: str  # how partners reach the receiver, without a slash at its end; what a proxy makes of it does not count


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """A secret that deliveries are signed with; it opens only through the vault."""

    tenant_id: str  # or `APP`
    partner: str
    secret_id: str
    scheme: Scheme
    sealed_secret: bytes
    added_at: datetime
    retires_at: datetime | None = None  # nothing signed with it is accepted from then on

    @property
    def purpose(self) -> str:
        """What the vault binds it to besides tenant and partner: moved to another row, it does not open."""
        return f"webhook secret {self.secret_id}"


class WebhookSecrets(ABC):
    """The secrets of all tenants and apps."""

    @abstractmethod
    def add(self, secret: WebhookSecret) -> None:
        """Store one more."""

    @abstractmethod
    def load(self, tenant_id: str | None, partner: str | None = None) -> list[WebhookSecret]:
        """By tenant, partner and age, retired ones too; None means every tenant and app, or every partner."""

    @abstractmethod
    def retire(self, tenant_id: str, partner: str, secret_ids: Sequence[str], at: datetime) -> None:
        """Let those end at that moment; one that ends earlier already keeps its end."""

    @abstractmethod
    def forget(self, tenant_id: str | None, before: datetime | None) -> int:
        """Remove secrets that ended before then, or (None) all of that tenant; returns how many."""


class Nudge(ABC):
    """Hurries what would be found anyway."""

    @abstractmethod
    def tell(self, waiting: frozenset[tuple[str, str]]) -> None:
        """Something waits for those (tenant, integration). May take its time, may fail, may be called for nothing."""
