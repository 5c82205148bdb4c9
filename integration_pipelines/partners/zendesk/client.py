"""Zendesk as a connector: one tenant's escalations, and which part of this folder answers which question.

Facts about the API are `wire`, when a ticket is escalated `escalating`, records `translate`, errors `refusals`; reading is `reading` and
`looking`, writing `writing`, custom ticket fields `fields`.
"""

import base64
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pyarrow as pa

from integration_pipelines.core.contract import PropertySpec, SourceObject
from integration_pipelines.errors import ConfigError, IntegrationError
from integration_pipelines.partners.http import Line, Partner
from integration_pipelines.partners.zendesk import fields
from integration_pipelines.partners.zendesk.looking import Access, Looker
from integration_pipelines.partners.zendesk.reading import EscalationsReading, gone_id, start_of
from integration_pipelines.partners.zendesk.refusals import classify
from integration_pipelines.partners.zendesk.session import Session
from integration_pipelines.partners.zendesk.translate import flattener
from integration_pipelines.partners.zendesk.wire import BUCKETS, ESCALATIONS, ME, SHOW_MANY, creatable, parts_of
from integration_pipelines.partners.zendesk.writing import Seen, TicketUpdate
from integration_pipelines.ports.lake import Watermark
from integration_pipelines.ports.partner import Connector, Extraction, Probe, RecordWrite, WriteOutcome

WORKERS = 4
_MARK = "/token:"


def authorization(token: str) -> str:
    """An OAuth access token as it is; an API token comes with its user, as `name@example.com/token:…`."""
    if _MARK in token:
        return f"Basic {base64.b64encode(token.encode()).decode()}"
    return f"Bearer {token}"


ZENDESK = Partner(name="zendesk", label="Zendesk", buckets=BUCKETS, classify=classify, authorization=authorization)


class ZendeskConnector(Connector):
    """One tenant's Zendesk account; `line.base_url` is its own address, `https://<subdomain>.zendesk.com`, or a sandbox on loopback."""

    partner = "zendesk"
    write_batch = SHOW_MANY

    def __init__(self, line: Line) -> None:
        self._http = line.open(ZENDESK)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="zendesk")
        self._access = Access(Session(self._http), self._pool, line.clock, line.tenant_id)
        self._seen = Seen()

    @property
    def calls(self) -> int:
        """Requests sent so far, retries included."""
        return self._http.calls

    def close(self) -> None:
        """Give connections back."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def extract(self, name: str, spec: SourceObject, since: Watermark | None) -> Extraction:
        """Read all escalations, or those of tickets that changed since."""
        _served(name, spec)
        return EscalationsReading(self._access, spec, start_of(since, self._access.clock.now()))

    def fetch(self, name: str, spec: SourceObject, record_ids: Sequence[str]) -> pa.Table:
        """See `Connector.fetch`: one row per id asked for, in that order; writes that follow are measured against what was fetched."""
        _served(name, spec)
        ids, observed_at = list(record_ids), self._access.clock.now()
        looker = Looker(self._access, spec)
        numbers = dict.fromkeys(parts[0] for one in ids if (parts := parts_of(one)) is not None)
        found: dict[str, dict[str, object]] = {}
        for looked in looker.tickets(list(numbers)).values():
            self._seen.keep(looked)
            found |= {record["id"]: record for record in looker.records(looked)}
        made = flattener(spec)
        batch = made.batch(
            [found.get(record_id, {"id": record_id}) for record_id in ids],
            tenant_id=self._access.tenant_id,
            observed_at=observed_at,
            ids=ids,
            deleted=[record_id not in found for record_id in ids],
        )
        return pa.Table.from_batches([batch], schema=made.schema)

    def named(self, name: str, spec: SourceObject, ids: Sequence[str]) -> list[str]:
        """See `Connector.named`: events name tickets; all escalations of a ticket are meant, since a new one changes the others too."""
        _served(name, spec)
        numbers = list(dict.fromkeys(int(one) for one in ids if one.isascii() and one.isdigit()))
        there = Looker(self._access, spec).tickets(numbers)
        known = [one for one in ids if parts_of(one) is not None]
        found = [f"{number}-{one.seq}" for number in numbers if number in there for one in there[number].escalations]
        gone = [gone_id(number) for number in numbers if number not in there]
        return list(dict.fromkeys([*known, *found, *gone]))

    def write(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """See `Connector.write`; each ticket is a safe update of its own, see `writing`."""
        _served(name, spec)
        return list(self._pool.map(TicketUpdate(self._access, spec, self._seen).send, writes))

    def forecast(self, writes: int) -> int:
        """Tickets come in batches, their audits and updates one by one: audits before and after, and the update between."""
        return 3 * writes + 2 * -(-writes // SHOW_MANY)

    def ensure_properties(self, partner_object: str, wanted: dict[str, PropertySpec]) -> tuple[str, ...]:
        """Make the custom ticket fields that do not exist yet; tags need no making."""
        paths = {name if "." in name else f"fields.{name}": spec for name, spec in wanted.items()}
        named = {path: spec for path, spec in paths.items() if creatable(partner_object, path)}
        if not named:
            return ()
        made = fields.ensure(self._http, self._access.session.fields(fresh=True), named)
        fields.check_made(self._access.session.fields(fresh=True), made)
        return made

    def probe(self) -> Probe:
        """Which account and user the token leads to; exports are for admins only."""
        try:
            user = self._http.request("GET", ME, exact=False).as_object().get("user")
        except IntegrationError as error:
            return Probe(ok=False, account="", text=error.message, remedy=error.remedy)
        found = user if isinstance(user, dict) else {}
        account = (urlsplit(str(found.get("url") or "")).hostname or "").partition(".")[0]
        if not account or not found.get("id"):
            return Probe(False, "", "Zendesk does not say who asks.", "Connect with the token of an admin.")
        if found.get("role") != "admin":
            text = f"Zendesk account {account} answers, but the token's user is no admin, and only admins may export tickets."
            return Probe(False, account, text, "Connect with the token of an admin.", ("admin",))
        return Probe(ok=True, account=account, text=f"Zendesk account {account} answers.")


def connect(line: Line) -> ZendeskConnector:
    """The connector of a connection."""
    return ZendeskConnector(line)


def _served(name: str, spec: SourceObject) -> None:
    if spec.partner_object != ESCALATIONS:
        raise ConfigError(
            f"The Zendesk connector does not serve {spec.partner_object}, which {name} asks for.", remedy=f"Use {ESCALATIONS}."
        )
    if not any(spec.options.get(option) for option in ("escalated_priorities", "escalated_tags", "escalated_groups")):
        raise ConfigError(
            f"Nothing says when a ticket counts as escalated, so {name} cannot be read.",
            remedy="Give the object in the contract the option escalated_priorities, escalated_tags or escalated_groups.",
        )
