"""The one HTTP client of all connectors: deadlines, retries, quota, and the line between "refused" and "nobody knows".

A connector says what to ask; here it is decided how often, how long, and what a missing or damaged answer means. A read that fails
may be asked again; a write without a trustworthy answer is repeated only under an idempotency key and otherwise reported as unknown,
since only a read can settle it. How one partner words its refusals is its own `classify`; reading a body is `body`, the sockets are
`transport`. Nothing that a partner or a tenant wrote is ever logged.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast
from urllib.parse import quote, urlsplit

import httpx
import orjson
import structlog

from integration_pipelines.errors import ConfigError, ErrorKind, IntegrationError, InvalidError, RateLimitedError, TransientError
from integration_pipelines.logs import logger
from integration_pipelines.partners.attempts import Ledger, Trouble
from integration_pipelines.partners.body import BadBodyError, parse_json, read_body
from integration_pipelines.partners.redact import path_template, safe_request_id
from integration_pipelines.partners.retry import Classify, Failure, by_status, http_date, retry_after
from integration_pipelines.partners.transport import Deadline, PooledTransport, is_loopback
from integration_pipelines.ports.clock import Clock
from integration_pipelines.ports.quota import Quota

DEADLINE_SECONDS = 30.0
UNREACHABLE_SECONDS = 60.0
"""How long nobody knocks for this tenant after a partner could not be reached again and again; longer than a request may wait."""
_LEAST_ATTEMPT_SECONDS = 5.0
_FIRST_ERROR = 300
_UNAUTHORIZED = 401
_REQUEST_IDS = ("request-id", "x-request-id", "x-hubspot-correlation-id", "x-slack-req-id", "x-amzn-requestid")

Params = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A partner's limit for one class of endpoints."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer; `data` is its JSON, None where no body was expected."""

    status: int
    data: object
    headers: Mapping[str, str]
    request_id: str

    def as_object(self) -> dict[str, object]:
        """The data as a JSON object; raises TransientError if it is something else."""
        if not isinstance(self.data, dict):
            raise TransientError("The partner answered with JSON of an unexpected shape.", remedy="It is read again by itself.")
        return cast("dict[str, object]", self.data)


@dataclass(frozen=True, slots=True)
class _Request:
    """One request as it goes on the wire, the same for every attempt."""

    method: str
    path: str
    template: str
    bucket: str
    params: Params | None
    content: bytes | None
    headers: dict[str, str]
    empty_ok: bool
    exact: bool
    accept: frozenset[int]


def _nothing(status: int, headers: Mapping[str, str], body: object) -> Failure | None:
    del status, headers, body
    return None


def _bearer(token: str) -> str:
    return f"Bearer {token}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """What is the same for all tenants of a partner: its name, limits, fixed headers, how it takes a token and words its refusals."""

    name: str
    label: str
    buckets: Mapping[str, Bucket]
    headers: Mapping[str, str] = field(default_factory=dict)
    classify: Classify = _nothing
    connections: int = 8
    authorization: Callable[[str], str] = _bearer
    """The `Authorization` header for a token; '' sends none."""
    plain_text: bool = False
    """Whether an answer in plain text is a proper one; `data` is then its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one tenant's connection to one partner stands on; see `PartnerHttp`."""

    tenant_id: str
    base_url: str
    token: Callable[[], str]
    quota: Quota
    clock: Clock
    transport: httpx.BaseTransport | None = None

    def open(self, partner: Partner) -> "PartnerHttp":
        """The way to that partner; close it."""
        return PartnerHttp(
            partner=partner, tenant_id=self.tenant_id, base_url=self.base_url, token=self.token, quota=self.quota, clock=self.clock,
            transport=self.transport,
        )  # fmt: skip


class PartnerHttp:
    """One tenant's way to one partner. Thread-safe; connections are pooled and reused.

    Args:
        partner: the partner, see `Partner`; `buckets` needs a `default`.
        tenant_id: whose connection it is; part of every log line and quota bucket.
        base_url: `https://…`, or plain http on loopback only.
        token: called before every attempt; what it returns travels as the partner takes it and is never kept or logged.
        quota: permits, shared between processes.
        clock: time and waiting.
        transport: replaces the sockets in tests.
    """

    def __init__(  # noqa: PLR0913 - the ports it stands on, by keyword
        self,
        *,
        partner: Partner,
        tenant_id: str,
        base_url: str,
        token: Callable[[], str],
        quota: Quota,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.partner = partner
        self._tenant = tenant_id
        self._base = _checked(base_url, partner.label)
        self._token = token
        self._quota = quota
        self._clock = clock
        self._deadline = Deadline(clock.monotonic)
        secure = self._base.startswith("https:")
        self._client = httpx.Client(
            transport=transport or PooledTransport(self._deadline, secure=secure, connections=partner.connections),
            headers={"accept": "application/json", "accept-encoding": "gzip", **partner.headers},
            follow_redirects=False,
            trust_env=False,
        )
        self._count = threading.Lock()
        self._calls = 0
        bound = structlog.contextvars.get_contextvars()  # the connector's own threads do not see the caller's context
        log = logger("integration_pipelines.partners")
        self._log = log.bind(**bound | {"tenant": tenant_id, "partner": partner.name})

    @property
    def calls(self) -> int:
        """Requests sent so far, retries included."""
        return self._calls

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def request(  # noqa: PLR0913 - what a request can say, by keyword
        self,
        method: str,
        path: str,
        *,
        ids: Sequence[str] = (),
        params: Params | None = None,
        json: object | None = None,
        form: Params | None = None,
        headers: Mapping[str, str] | None = None,
        bucket: str = "default",
        write: bool = False,
        idempotent: bool = False,
        empty_ok: bool = False,
        exact: bool = True,
        accept: frozenset[int] = frozenset(),
        deadline: float = DEADLINE_SECONDS,
    ) -> Reply:
        """Send one request and return its answer.

        Args:
            method: HTTP method.
            path: below the base URL; each `{}` in it is filled from `ids`, quoted. Logs show the path before that.
            ids: what fills the path.
            params: query.
            json: JSON body.
            form: form body, instead of `json`.
            headers: besides the partner's own, such as `Idempotency-Key`.
            bucket: quota bucket, one of the partner's.
            write: the request changes something; its lost answer is an unknown outcome.
            idempotent: a write that the partner recognises when repeated, so that it may be.
            empty_ok: an empty body is a proper answer; `data` is then None.
            exact: JSON numbers with decimals become `Decimal`; False is faster and makes them floats.
            accept: statuses from 300 on that the caller reads itself; they come back as a `Reply` (data None if it is no JSON).
            deadline: seconds for everything, waits between attempts included.

        Raises:
            AuthError, InvalidError, ConflictError: refused, nothing was changed.
            RateLimitedError: the wait asked for does not fit into the deadline; the bucket is parked.
            TransientError: no usable answer to a read, or a write that never left.
            UnknownOutcomeError: a write that may have been carried out.
        """
        content, kind = _body(json, form)
        request = _Request(
            method=method, path=_filled(path, ids), template=path_template(path), bucket=bucket, params=params, content=content,
            headers={**kind, **(headers or {})}, empty_ok=empty_ok, exact=exact,
            accept=accept,
        )  # fmt: skip
        ledger = Ledger(self.partner.label, self._clock.monotonic() + deadline, write=write, idempotent=idempotent)
        return self._until_settled(request, ledger)

    def same_origin(self, link: str) -> str:
        """A link of the partner's (e.g. to the next page) as a path with query for `request`.

        Raises:
            TransientError: it leads to another host or out of the base path; our token must not follow it.
        """
        base, there = urlsplit(self._base), urlsplit(link)
        relative = not there.scheme and not there.netloc
        inside = there.path == base.path or there.path.startswith(f"{base.path.rstrip('/')}/")
        if not inside or not (relative or (there.scheme, there.netloc) == (base.scheme, base.netloc)) or ".." in there.path:
            raise TransientError(
                f"{self.partner.label} answered with a link to another place, which is not followed.",
                remedy="If it happens again, report it to the partner's support.",
                partner=self.partner.name,
            )
        return there.path[len(base.path.rstrip("/")) :] + (f"?{there.query}" if there.query else "")

    def _until_settled(self, request: _Request, ledger: Ledger) -> Reply:
        while True:
            token = self._current_token(ledger)
            outcome = self._permitted(request, ledger) or self._attempt(request, ledger, token)
            if isinstance(outcome, Reply):
                return outcome
            if outcome.status == _UNAUTHORIZED and not ledger.renewed and self._token() != token:
                ledger.renewed = True  # somebody renewed the token meanwhile: once more with the new one
                continue
            wait = ledger.wait_after(outcome, self._clock.monotonic())
            if outcome.failure.kind is ErrorKind.RATE_LIMITED and outcome.status:
                self._quota.park(self._bucket(request), ledger.asked_wait(outcome))
            if wait is None:
                if outcome.unreachable:
                    self._quota.park(self._bucket(request), UNREACHABLE_SECONDS)
                raise ledger.error(outcome, self.partner.name)
            self._clock.sleep(wait)

    def _current_token(self, ledger: Ledger) -> str:
        try:
            return self._token()
        except IntegrationError as error:
            if not ledger.unsettled:
                raise
            failure = Failure(error.kind, "cannot be asked again, since there is no valid token")
            raise ledger.error(Trouble(failure, unsure=False), self.partner.name) from error

    def _permitted(self, request: _Request, ledger: Ledger) -> Trouble | None:
        """None once a permit is ours; our own quota's refusal is one of the troubles, since an earlier attempt may be unsettled."""
        limit = self.partner.buckets[request.bucket]
        left = max(0.0, ledger.ends_at - self._clock.monotonic())
        try:
            self._quota.acquire(self._bucket(request), limit.per_second, limit.burst, left)
        except RateLimitedError as error:
            text = "is left alone for now, since it asked for that, could not be reached or our own limit is used up"
            return Trouble(Failure(ErrorKind.RATE_LIMITED, text, wait=error.retry_after, retry=False), unsure=False)
        return None

    def _bucket(self, request: _Request) -> str:
        return f"{self._tenant}:{self.partner.name}:{request.bucket}"

    def _attempt(self, request: _Request, ledger: Ledger, token: str) -> "Reply | Trouble":
        ledger.tries += 1
        with self._count:
            self._calls += 1
        started = self._clock.monotonic()
        left = ledger.ends_at - started
        limit = min(left, max(left / 2, _LEAST_ATTEMPT_SECONDS))  # half, so that one silent attempt leaves time for another
        with self._deadline.until(started + limit):
            outcome = self._exchange(request, token, limit, started + limit)
        self._note(request, ledger, outcome, started)
        return outcome

    def _exchange(self, request: _Request, token: str, limit: float, ends_at: float) -> "Reply | Trouble":
        """One request and its whole answer; a fault of the line becomes a Trouble that says whether the request may have arrived."""
        shown = self.partner.authorization(token)
        try:
            with self._client.stream(
                request.method,
                f"{self._base}{request.path}",
                params=httpx.QueryParams(list(_pairs(request.params))) if request.params else None,
                content=request.content,
                headers=request.headers | ({"authorization": shown} if shown else {}),
                timeout=httpx.Timeout(max(limit, 0.001), pool=max(limit, 0.001)),
            ) as response:
                return self._understood(request, response, ends_at)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return _line("cannot be reached", unsure=False)
        except httpx.TimeoutException:
            return _line("did not answer in time", unsure=True)
        except httpx.TransportError:
            return _line("broke off the connection", unsure=True)

    def _understood(self, request: _Request, response: httpx.Response, ends_at: float) -> "Reply | Trouble":
        status, request_id = response.status_code, _request_id(response.headers)
        try:
            body = read_body(response, late=lambda: self._clock.monotonic() > ends_at)
            if status < _FIRST_ERROR and request.empty_ok and not body:
                return Reply(status, None, response.headers, request_id)
            data = self._data(response.headers.get("content-type", ""), body, exact=request.exact)
        except BadBodyError as error:
            if status < _FIRST_ERROR:
                return _line(f"answered with {error} (protocol error)", unsure=True, status=status, request_id=request_id)
            data = None
        if status < _FIRST_ERROR or status in request.accept:
            return Reply(status, data, response.headers, request_id)
        failure = self.partner.classify(status, response.headers, data) or by_status(status)
        asked = retry_after(response.headers, self._clock.now().astimezone(UTC))
        unsure = failure.kind is ErrorKind.TRANSIENT
        return Trouble(failure, unsure=unsure, status=status, request_id=request_id, asked=asked)

    def _data(self, content_type: str, body: bytes, *, exact: bool) -> object:
        if self.partner.plain_text and content_type.lower().startswith("text/plain"):
            return body.decode("utf-8", "replace")
        return parse_json(content_type, body, exact=exact)

    def _note(self, request: _Request, ledger: Ledger, outcome: "Reply | Trouble", started: float) -> None:
        facts = {
            "method": request.method, "path": request.template, "status": outcome.status, "request_id": outcome.request_id,
            "attempt": ledger.tries, "milliseconds": round((self._clock.monotonic() - started) * 1000),
        }  # fmt: skip
        if isinstance(outcome, Reply):
            self._log.debug("partner_answered", **facts)
        else:
            self._log.warning("partner_trouble", kind=outcome.failure.kind.value, unsure=outcome.unsure, **facts)


def answered_at(headers: Mapping[str, str]) -> datetime | None:
    """The partner's own time of an answer, from its `Date` header."""
    return http_date(headers.get("date"))


def _line(text: str, *, unsure: bool, status: int = 0, request_id: str = "") -> Trouble:
    failure = Failure(ErrorKind.TRANSIENT, text, "It is tried again by itself.")
    return Trouble(failure, unsure=unsure, status=status, request_id=request_id)


def _checked(base_url: str, label: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme == "https" and parts.hostname:
        return base_url.rstrip("/")
    if parts.scheme == "http" and parts.hostname and is_loopback(parts.hostname):
        return base_url.rstrip("/")
    raise ConfigError(
        f"The address of the {label} connection is not one we send credentials to.",
        remedy="Use an https:// address; plain http:// is allowed on this machine only.",
    )


def _filled(path: str, ids: Sequence[str]) -> str:
    if any(not part.strip(".") for part in ids):
        raise InvalidError(
            "A record's id is blank or consists of dots.", remedy="Read the record again; such an id cannot be asked for."
        )
    return path.format(*(quote(part, safe="") for part in ids)) if ids else path


def _body(json: object | None, form: Params | None) -> tuple[bytes | None, dict[str, str]]:
    if json is not None:
        return orjson.dumps(json), {"content-type": "application/json"}
    if form is not None:
        encoded = str(httpx.QueryParams(list(_pairs(form))))
        return encoded.encode(), {"content-type": "application/x-www-form-urlencoded"}
    return None, {}


def _pairs(params: Params | None) -> list[tuple[str, str]]:
    return list(params.items()) if isinstance(params, Mapping) else list(params or ())


def _request_id(headers: Mapping[str, str]) -> str:
    return next((safe_request_id(headers[name]) for name in _REQUEST_IDS if name in headers), "")
