"""Judge one delivery: is it genuine, what does it tell, whose is it, and who reads it. Nothing is stored here; that is `land_events`.

The raw bytes decide first. Only what is genuine is read, and then nothing of it is lost: what cannot be read is set aside with the reason,
what nobody reads is kept with the rule. Each event goes to the tenant whose account it names, whichever address it came to.
"""

import base64
import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from integration_pipelines.core.strict_json import parse
from integration_pipelines.errors import AuthError, InvalidError
from integration_pipelines.ports.inbox import EventKind
from integration_pipelines.ports.webhooks import APP, PartnerEvent, RawDelivery, Scheme, StandardWebhooks, WebhookSource
from integration_pipelines.use_cases.webhook_routes import Routes

NOT_READ = "not_read"
"""Rule: none of the tenant's integrations reads what the event names."""


class Refusal(StrEnum):
    """Why a delivery is not taken; told to us, never to the sender."""

    UNKNOWN_ADDRESS = "unknown_address"  # nobody's, or not any more
    NOT_GENUINE = "not_genuine"
    NOT_READY = "not_ready"  # our own secret does not open


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event on its way to one tenant, or to `APP` where nobody can tell whose it is."""

    tenant_id: str
    partner: str
    event: PartnerEvent
    integrations: tuple[str, ...]  # that are to look at it
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """A genuine delivery."""

    arrivals: tuple[Arrival, ...]
    strangers: tuple[str, ...] = ()  # accounts named in it that are nobody's: of theirs nothing is kept


def judge(
    delivery: RawDelivery, owner: str, source: WebhookSource, *, routes: Routes, standard: StandardWebhooks, now: datetime
) -> Judged | Refusal:
    """What becomes of a delivery.

    Args:
        delivery: as it came.
        owner: the tenant whose address it came to, or `APP`.
        source: the partner's rules.
        routes: what the store says.
        standard: verifies what a gateway passes on.
        now: aware.
    """
    if owner != APP and owner not in routes.tenants:
        return Refusal.UNKNOWN_ADDRESS
    if not _genuine(delivery, owner, source, routes, standard, now):
        return Refusal.NOT_READY if (owner, source.partner) in routes.closed else Refusal.NOT_GENUINE
    arrivals, strangers = [], []
    for event in _events(delivery, source):
        whose = _whose(event, owner, source.partner, routes)
        if whose is None:
            strangers.append(event.account)
        else:
            arrivals.append(_arrival(event, whose, source.partner, routes, delivery.received_at))
    return Judged(tuple(arrivals), tuple(strangers))


def _genuine(
    delivery: RawDelivery, owner: str, source: WebhookSource, routes: Routes, standard: StandardWebhooks, now: datetime
) -> bool:
    """By the partner's own signature, or by that of a gateway whose secret is known; never by a mixture of both."""
    genuine = False
    for scheme, verify in ((Scheme.PARTNER, source.verify), (Scheme.STANDARD, standard.verify)):
        secrets = routes.valid(owner, source.partner, scheme, now)
        if secrets or scheme is Scheme.PARTNER:  # without any secret as much is computed as with one
            with suppress(AuthError):
                verify(delivery, secrets or [""], now)
                genuine = True
    return genuine


def _events(delivery: RawDelivery, source: WebhookSource) -> Iterable[PartnerEvent]:
    try:
        document = parse(delivery.body)
    except InvalidError as error:
        text = _kept(delivery.body)
        yield PartnerEvent("", _content_id(text), "", text, quarantined=error.message)
        return
    for event in source.read(delivery, document):
        yield event if event.event_id else replace(event, event_id=_content_id(event.text))


def _kept(body: bytes) -> str:
    """Bytes that are no text are kept to the bit."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(body).decode()}"


def _content_id(text: str) -> str:
    """For what names no id: delivered again it is the same again."""
    return f"content-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _whose(event: PartnerEvent, owner: str, partner: str, routes: Routes) -> str | None:
    """The tenant, or `APP` for what cannot be told; None for an account that is nobody's here."""
    if not event.account:
        return owner
    tenant = routes.owners.get((partner, event.account))
    if owner in {APP, tenant}:
        return tenant
    return None if tenant or routes.accounts.get((owner, partner)) else owner


def _arrival(event: PartnerEvent, tenant_id: str, partner: str, routes: Routes, at: datetime) -> Arrival:
    if tenant_id == APP and not event.quarantined:
        event = replace(event, quarantined="it does not say whose it is, and it came to the address of all tenants")
    if event.ignored or event.quarantined:
        return Arrival(tenant_id, partner, event, (), at)
    readers = routes.readers.get((tenant_id, partner), {})
    about = {r.partner_object for r in event.records} | set(event.objects)
    if not about and event.kind in {EventKind.GAP, EventKind.UNINSTALL}:
        about = set(readers)
    integrations = tuple(sorted({i for o in about for i in readers.get(o, ())}))
    return Arrival(tenant_id, partner, event if integrations else replace(event, ignored=NOT_READ), integrations, at)
