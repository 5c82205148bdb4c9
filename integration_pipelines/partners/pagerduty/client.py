"""PagerDuty as a connector: one tenant's incidents, and which part of this folder answers which question.

Facts about the API are `wire`, records and severities `translate`, errors `refusals`, requests `session`; reading is `reading`, writing
`writing`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.parse import urlsplit

import pyarrow as pa

from integration_pipelines.core.contract import PropertySpec, SourceObject
from integration_pipelines.errors import ConfigError, IntegrationError
from integration_pipelines.partners.http import Line, Partner
from integration_pipelines.partners.pagerduty import wire
from integration_pipelines.partners.pagerduty.reading import Access, IncidentsReading, start_of
from integration_pipelines.partners.pagerduty.refusals import classify
from integration_pipelines.partners.pagerduty.session import Session, listed
from integration_pipelines.partners.pagerduty.translate import flattener, record, severities_of
from integration_pipelines.partners.pagerduty.writing import IncidentWrites
from integration_pipelines.ports.lake import Watermark
from integration_pipelines.ports.partner import Connector, Extraction, Probe, RecordWrite, WriteOutcome

WORKERS = 4
_MARK = "/token:"
_OF_APPS = ("pdus+", "pdeu+")
_DOTS_OF_A_JWT = 2


def authorization(token: str) -> str:
    """How a credential is shown: apps' access tokens as bearers, REST API keys in PagerDuty's own scheme."""
    key = token.rpartition(_MARK)[2]
    if key.startswith(_OF_APPS) or key.count(".") == _DOTS_OF_A_JWT:
        return f"Bearer {key}"
    return f"Token token={key}"


PAGERDUTY = Partner(
    name="pagerduty", label="PagerDuty", buckets=wire.BUCKETS, headers={"accept": wire.ACCEPT}, classify=classify,
    authorization=authorization,
)  # fmt: skip


class PagerDutyConnector(Connector):
    """One tenant's PagerDuty account.

    Args:
        line: the connection. Its token is a user's or an app's; that of an account comes with the address of the user who acts, as
            `name@example.com/token:KEY`.
    """

    partner = "pagerduty"
    write_batch = wire.PAGE

    def __init__(self, line: Line) -> None:
        self._http = line.open(PAGERDUTY)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="pagerduty")
        self._session = Session(self._http, line.token().rpartition(_MARK)[0])
        self._access = Access(self._session, line.clock, line.tenant_id)

    @property
    def calls(self) -> int:
        """Requests sent so far, retries included."""
        return self._http.calls

    def close(self) -> None:
        """Give connections back."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def extract(self, name: str, spec: SourceObject, since: Watermark | None) -> Extraction:
        """Read all incidents of the contract's service, or what changed since."""
        _served(name, spec)
        return IncidentsReading(self._access, spec, start_of(since, self._access.clock.now()))

    def fetch(self, name: str, spec: SourceObject, record_ids: Sequence[str]) -> pa.Table:
        """See `Connector.fetch`; PagerDuty has no batch read, so single reads run side by side."""
        _served(name, spec)
        ids, observed_at = list(record_ids), self._access.clock.now()
        found = dict(zip(dict.fromkeys(ids), self._pool.map(self._session.incident, dict.fromkeys(ids)), strict=True))
        return self._table(spec, [(one, found[one]) for one in ids], observed_at)

    def find(self, name: str, spec: SourceObject, unique: str, values: Sequence[str]) -> pa.Table:
        """See `Connector.find`: by `incident_key`, in every status; of several incidents that had one key, the newest."""
        _keyed(name, spec, unique)
        observed_at = self._access.clock.now()
        services = IncidentWrites(self._session, spec).services()
        told = self._pool.map(lambda key: self._session.by_key(key, services), dict.fromkeys(values))
        newest = [one[0] for one in told if one]
        return self._table(spec, [(str(one["id"]), one) for one in newest], observed_at)

    def write(self, name: str, spec: SourceObject, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """See `Connector.write`; each incident is its own request."""
        _served(name, spec)
        return list(self._pool.map(IncidentWrites(self._session, spec).change, writes))

    def upsert(self, name: str, spec: SourceObject, unique: str, writes: Sequence[RecordWrite]) -> list[WriteOutcome]:
        """See `Connector.upsert`: by `incident_key`. One that has or had the key is left as it is, for the next plan to compare."""
        _keyed(name, spec, unique)
        return list(self._pool.map(IncidentWrites(self._session, spec).make, writes))

    def forecast(self, writes: int) -> int:
        """Incidents are read and written one by one: a read, a write and a read again for each."""
        return 3 * writes

    def ensure_properties(self, partner_object: str, wanted: dict[str, PropertySpec]) -> tuple[str, ...]:
        """Incidents have no schema of ours: nothing is created."""
        del partner_object, wanted
        return ()

    def probe(self) -> Probe:
        """Which account the token leads to, whether incidents may be read, and whether somebody can act."""
        try:
            self._http.request("GET", wire.INCIDENT_LIST, params={"limit": "1"}, exact=False)
            services = listed(self._http.request("GET", wire.SERVICES, params={"limit": "1"}, exact=False), "services")
            account = _account(services[0]) if services else ""
            if not account:
                text = "PagerDuty answers, but the account has no service on which incidents could be made."
                return Probe(False, "", text, "Make the service that the contract names, then connect again.")
            self._session.sender()
        except IntegrationError as error:
            return Probe(ok=False, account="", text=error.message, remedy=error.remedy)
        return Probe(ok=True, account=account, text=f"PagerDuty account {account} answers.")

    def _table(
        self, spec: SourceObject, found: Sequence[tuple[str, dict[str, object] | None]], observed_at: datetime
    ) -> pa.Table:
        severities = severities_of(spec, self._session.priorities())
        made = flattener(spec)
        batch = made.batch(
            [{"id": name} if incident is None else record(incident, severities) for name, incident in found],
            tenant_id=self._access.tenant_id,
            observed_at=observed_at,
            ids=[name for name, _ in found],
            deleted=[incident is None for _, incident in found],
        )
        return pa.Table.from_batches([batch], schema=made.schema)


def connect(line: Line) -> PagerDutyConnector:
    """The connector of a connection."""
    return PagerDutyConnector(line)


def _account(service: dict[str, object]) -> str:
    """The account's subdomain, from the address of one of its pages."""
    return (urlsplit(str(service.get("html_url") or "")).hostname or "").partition(".")[0]


def _keyed(name: str, spec: SourceObject, unique: str) -> None:
    _served(name, spec)
    if unique != "incident_key":
        raise ConfigError(
            f"{unique} is nothing by which {name} could be created.", remedy="Name the column whose source is incident_key."
        )


def _served(name: str, spec: SourceObject) -> None:
    if spec.partner_object != wire.INCIDENTS:
        raise ConfigError(
            f"The PagerDuty connector does not serve {spec.partner_object}, which {name} asks for.",
            remedy=f"Use {wire.INCIDENTS}.",
        )
