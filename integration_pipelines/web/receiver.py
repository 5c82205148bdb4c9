"""Takes webhooks: reads a request within limits, lets it be judged, and answers once what it told is durable.

What a delivery means is `use_cases.receive`, what makes it durable `use_cases.land_events`; here are requests, answers and counters.
"""

import re
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from integration_pipelines.errors import TransientError
from integration_pipelines.logs import logger
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.inbox import EventOutcome
from integration_pipelines.ports.webhooks import APP, Nudge, RawDelivery, WebhookRules
from integration_pipelines.use_cases.land_events import Landed, land_events
from integration_pipelines.use_cases.receive import Judged, Refusal, judge
from integration_pipelines.web.body import plain_headers, read_body, require_type
from integration_pipelines.web.counters import Counters, Refusals
from integration_pipelines.web.group_commit import GroupCommit
from integration_pipelines.web.nudging import Nudger
from integration_pipelines.web.problems import ProblemError, problem, unavailable
from integration_pipelines.web.routes_watch import RoutesWatch

PATH = "/webhooks/{partner}"
_STALE_SECONDS = 60.0
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STATUS = {
    Refusal.UNKNOWN_ADDRESS: HTTPStatus.GONE,
    Refusal.NOT_GENUINE: HTTPStatus.UNAUTHORIZED,
    Refusal.NOT_READY: HTTPStatus.SERVICE_UNAVAILABLE,
}
_CHALLENGE = {"www-authenticate": "Signature"}


class Receiver:
    """All webhooks of one process.

    Args:
        ports: the product.
        rules: how partners sign and speak, and how they reach this receiver.
        nudge: is told what waits, for those who want to hurry.
        broken: is called when the disk cannot be believed any more; the process should end.
    """

    def __init__(
        self, ports: Ports, rules: WebhookRules, *, nudge: Nudge | None = None, broken: Callable[[], None] = lambda: None
    ) -> None:
        self.counters = Counters()
        self.routes = RoutesWatch(ports)
        self._ports = ports
        self._rules = rules
        self._refusals = Refusals()
        self._nudger = Nudger(nudge)
        land = partial(land_events, inbox=ports.inbox, landing=ports.landing, clock=ports.clock)
        self._group = GroupCommit(land, self._landed, self._is_broken)
        self._broken = broken
        self._trouble = "not started"

    def start(self) -> None:
        """Begin; call it in the running loop."""
        self._group.start()
        self.routes.start()
        self._trouble = ""

    async def stop(self) -> None:
        """Make durable what was taken, then end."""
        self._trouble = "stopping"
        await self._group.stop()
        self._nudger.stop()
        self.routes.stop()

    @property
    def trouble(self) -> str:
        """Why no delivery would be taken now, '' if one would."""
        if self._trouble:
            return self._trouble
        age = time.monotonic() - self.routes.read_at
        return "the store does not answer" if age > _STALE_SECONDS else ""

    async def receive(self, request: Request) -> Response:
        """Answer one delivery."""
        partner, owner = request.path_params["partner"], request.path_params.get("tenant_id", APP)
        known = partner if partner in self._rules.sources else ""
        began = time.perf_counter()
        try:
            await self._take(request, partner, owner)
        except ProblemError as error:
            return self._refuse(error, known, owner)
        except TransientError as error:
            logger(__name__).warning("webhooks_not_taken", reason=error.message, detail=error.detail)
            return self._refuse(unavailable("not_taken"), known, owner)
        except ClientDisconnect:
            return self._refuse(ProblemError(HTTPStatus.BAD_REQUEST, "went_away", close=True), known, owner)
        self.counters.accepted.labels(partner).inc()
        self.counters.answer_seconds.observe(time.perf_counter() - began)
        return Response(b'{"status":"accepted"}', media_type="application/json")

    async def _take(self, request: Request, partner: str, owner: str) -> None:
        source = self._rules.sources.get(partner)
        if source is None or not _ID.fullmatch(owner):
            raise ProblemError(HTTPStatus.NOT_FOUND, "no_such_address", close=True)
        headers = plain_headers(request)
        require_type(headers, source.content_types)
        body = await read_body(request, headers)
        now = self._ports.clock.now()
        delivery = RawDelivery(request.method, self._address(request), headers, body, now)
        verdict = judge(delivery, owner, source, routes=self.routes.current, standard=self._rules.standard, now=now)
        if isinstance(verdict, Refusal):
            challenge = _CHALLENGE if verdict is Refusal.NOT_GENUINE else None
            raise (
                unavailable(verdict)
                if verdict is Refusal.NOT_READY
                else ProblemError(_STATUS[verdict], verdict, headers=challenge)
            )
        self._strangers(partner, verdict)
        await self._group.submit(verdict.arrivals, len(body))

    def _address(self, request: Request) -> str:
        """As the partner called it: what is public before the path, then path and query to the letter."""
        query = request.scope["query_string"]
        called = request.scope["raw_path"] + (b"?" + query if query else b"")
        return self._rules.public_url + str(called.decode("latin-1"))

    def _strangers(self, partner: str, verdict: Judged) -> None:
        if verdict.strangers:
            self.counters.events.labels(partner, "nobodys").inc(len(verdict.strangers))
            self.routes.met(partner, verdict.strangers)

    def _refuse(self, error: ProblemError, partner: str, owner: str) -> Response:
        self.counters.refused.labels(partner, error.reason).inc()
        self._refusals.note({"reason": error.reason, "partner": partner, "tenant": owner if _ID.fullmatch(owner) else ""})
        return problem(error.status, error.headers)

    def _landed(self, landed: Landed, deliveries: int) -> None:
        self.counters.group.observe(deliveries)
        for arrival in landed.new:
            event = arrival.event
            outcome = (
                EventOutcome.QUARANTINED if event.quarantined else EventOutcome.IGNORED if event.ignored else EventOutcome.WAITING
            )
            self.counters.events.labels(arrival.partner, outcome).inc()
            if event.quarantined:
                facts = {"tenant": arrival.tenant_id, "partner": arrival.partner, "event_id": event.event_id}
                logger(__name__).warning("webhook_quarantined", reason=event.quarantined, **facts)
        if landed.known:
            self.counters.events.labels("", "known").inc(landed.known)
        self._nudger.tell(landed.waiting)

    def _is_broken(self) -> None:
        self._trouble = "the disk did not confirm what it was given"
        logger(__name__).error("landing_zone_not_durable", remedy="look at the disk, then start the receiver again")
        self._broken()
