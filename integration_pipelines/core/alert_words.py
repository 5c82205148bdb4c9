"""What is wrong with an installation, judged from its stored facts, and the words in which people are told.

Texts name tenants by id, runs, counts and commands; values and names of customers' records are not among the facts.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integration_pipelines.core.alerts import EVERYBODY, RANK, AlertKind, Finding, Severity
from integration_pipelines.core.contract import Contract
from integration_pipelines.errors import ErrorKind

NAMED = 5
"""How many tenants a message about many names."""
UNTOLD_FOR = timedelta(days=3)
"""For so long people are told that a message was given up; then it is no news any more."""
_SEVERITY: dict[str, Severity] = {
    ErrorKind.TRANSIENT: Severity.WARNING,
    ErrorKind.RATE_LIMITED: Severity.WARNING,
    ErrorKind.BUG: Severity.CRITICAL,
}
_TITLES = {
    AlertKind.RUN_FAILED: "The last sync failed",
    AlertKind.NEEDS_RECONNECT: "A partner does not accept the connection",
    AlertKind.CHECK_FAILED: "A check of the last sync failed",
    AlertKind.STALE: "No certified full reconciliation within the contract's hours",
    AlertKind.PLAN_HELD: "A plan waits for a person",
    AlertKind.WRITES_GIVEN_UP: "Records could not be written",
    AlertKind.MESSAGES_GIVEN_UP: "People could not be told",
    AlertKind.OUR_MISTAKE: "Writes were refused through a mistake of this program",
    AlertKind.JOB_FAILED: "A job failed",
    AlertKind.TEST: "Test",
}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run of one tenant, as far as alerts go."""

    run_id: str
    outcome: str
    balanced: bool | None
    certified: bool | None
    error_kind: str
    error_text: str
    gate_stopped: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """One installation as the store knows it."""

    tenant_id: str
    integration: str
    enabled: bool
    paused: bool
    installed_at: datetime
    last_full: datetime | None = None  # when the newest certified reconciliation that read everything ended
    newest: RunFacts | None = None  # the newest run that ended and was not skipped
    balance: RunFacts | None = None  # the newest run that has a balance
    certificate: RunFacts | None = None  # the newest run that was certified or refused to be
    held_plan: str = ""
    held_run: str = ""
    held_reason: str = ""
    given_up: int = 0  # records whose writes are not tried again by themselves
    given_up_error: str = ""  # what the last of them got for an answer: kind, words without values, request id
    our_mistakes: int = 0  # records whose writes were refused for what only a mistake of ours can explain
    untold: int = 0  # messages to people that were given up
    untold_at: datetime | None = None  # when the newest of them was asked for
    untold_error: str = ""


def stale_by(standing: Standing, contract: Contract, now: datetime) -> timedelta | None:
    """By how much the contract's hours for a full reconciliation are over; None while they are not. They count from the installation."""
    since = max(standing.last_full or standing.installed_at, standing.installed_at)
    over = now - since - timedelta(hours=contract.latency.full_reconcile_hours)
    return over if over > timedelta(0) else None


def findings(standing: Standing, contract: Contract, now: datetime, dagster_url: str) -> Iterator[Finding]:
    """All that is wrong with one installation, most basic first."""
    teller = _Teller(standing, dagster_url, "/".join(("assets", *contract.asset_path)))
    yield from _failure(teller, standing.newest)
    yield from _checks(teller, standing)
    yield from _held(teller, standing)
    yield from _given_up(teller, standing, contract)
    yield from _untold(teller, standing, contract, now)
    yield from _mistakes(teller, standing)
    if standing.enabled and not standing.paused and stale_by(standing, contract, now) is not None:
        yield _stale(teller, standing, contract)


def together(tenants: Collection[str], found: Sequence[Finding]) -> Finding:
    """The same sort of trouble at many tenants, as one finding."""
    first = found[0]
    shown = ", ".join(sorted(tenants)[:NAMED])
    more = f" and {len(tenants) - NAMED} more" if len(tenants) > NAMED else ""
    return Finding(
        EVERYBODY,
        first.integration,
        first.kind,
        "",
        max((f.severity for f in found), key=RANK.__getitem__),
        f"{_TITLES[first.kind]}: {len(tenants)} tenants ({first.integration})",
        f"It concerns {shown}{more}. When many tenants have the same trouble, look for one cause: a partner, the network, a new version.",
        f"See them all: integration-pipelines alerts list --kind {first.kind}",
        first.link,
        first.run_id,
    )


def job_finding(job: str, run_id: str, dagster_url: str) -> Finding:
    """A job that is no tenant's: its newest run failed."""
    text = f"The newest run of {job} failed. It belongs to no tenant; what it looks after is not looked after."
    link = f"{dagster_url.rstrip('/')}/runs/{run_id}"
    remedy = "Open the run, correct what it names, and launch the job again. Is all well otherwise: integration-pipelines doctor"
    return Finding(
        EVERYBODY,
        "-",
        AlertKind.JOB_FAILED,
        job,
        Severity.ERROR,
        f"{_TITLES[AlertKind.JOB_FAILED]}: {job}",
        text,
        remedy,
        link,
        run_id,
    )


def test_finding(dagster_url: str) -> Finding:
    """What `alerts test` sends."""
    text = "Nothing is wrong. Somebody tried whether alerts arrive here, and they do."
    remedy = "Nothing to do."
    return Finding(EVERYBODY, "-", AlertKind.TEST, "test", Severity.INFO, "Test of the alerts", text, remedy, dagster_url)


@dataclass(frozen=True, slots=True)
class _Teller:
    """Makes findings about one installation."""

    standing: Standing
    dagster_url: str
    assets: str  # where Dagster shows the contract's assets

    def say(self, topic: "_Topic", text: str, remedy: str, run_id: str = "") -> Finding:
        tenant, integration = self.standing.tenant_id, self.standing.integration
        place = f"runs/{run_id}" if run_id else f"{self.assets}/sync_certificate?partition={tenant}"
        title = f"{topic.title or _TITLES[topic.kind]}: {tenant} ({integration})"
        link = f"{self.dagster_url.rstrip('/')}/{place}"
        return Finding(tenant, integration, topic.kind, topic.subject, topic.severity, title, text, remedy, link, run_id or None)


@dataclass(frozen=True, slots=True)
class _Topic:
    """What sort of finding it is."""

    kind: AlertKind
    severity: Severity = Severity.ERROR
    subject: str = ""
    title: str = ""


_GATE = _Topic(AlertKind.CHECK_FAILED, Severity.ERROR, "gate", "The gate stopped a sync")
_BALANCE = _Topic(AlertKind.CHECK_FAILED, Severity.CRITICAL, "balance", "The balance does not hold")
_CERTIFICATE = _Topic(AlertKind.CHECK_FAILED, Severity.WARNING, "certificate", "A sync is not certified")


def _failure(teller: _Teller, run: RunFacts | None) -> Iterator[Finding]:
    if run is None or run.outcome != "failed":
        return
    tenant, text = teller.standing.tenant_id, run.error_text or "It does not say why."
    if run.gate_stopped:
        remedy = f"Look at the check's counts, correct the source, then: {_sync(tenant)}"
        yield teller.say(_GATE, text, remedy, run.run_id)
    elif run.error_kind == ErrorKind.AUTH:
        remedy = f"Connect it again: integration-pipelines tenant connect {tenant} PARTNER. Then: {_sync(tenant)}"
        yield teller.say(_Topic(AlertKind.NEEDS_RECONNECT), text, remedy, run.run_id)
    else:
        severity = _SEVERITY.get(run.error_kind, Severity.ERROR)
        mend = "Wait for the next run, which tries again, or" if severity is Severity.WARNING else "Correct what it names, then"
        remedy = f"{mend}: {_sync(tenant)}"
        yield teller.say(_Topic(AlertKind.RUN_FAILED, severity), text, remedy, run.run_id)


def _checks(teller: _Teller, standing: Standing) -> Iterator[Finding]:
    tenant = standing.tenant_id
    if standing.balance is not None and standing.balance.balanced is False:
        text = "A record that was read has no outcome, or more than one."
        remedy = (
            f"The run's balance check names it. Sync again: {_sync(tenant)} --full. If it stays, report it with the run's id."
        )
        yield teller.say(_BALANCE, text, remedy, standing.balance.run_id)
    if standing.certificate is not None and standing.certificate.certified is False:
        text = "A write failed, is unknown, or does not show when the record is read again."
        remedy = (
            f"Sync again, open writes are settled by reading: {_sync(tenant)}. What failed: integration-pipelines diffs {tenant}"
        )
        yield teller.say(_CERTIFICATE, text, remedy, standing.certificate.run_id)


def _held(teller: _Teller, standing: Standing) -> Iterator[Finding]:
    if standing.held_plan:
        text = f"Plan {standing.held_plan} waits: {standing.held_reason}."
        tenant, plan = standing.tenant_id, standing.held_plan
        remedy = f"Look: integration-pipelines plans show {tenant} {plan}. Then plans approve or plans reject it."
        yield teller.say(_Topic(AlertKind.PLAN_HELD, Severity.WARNING), text, remedy, standing.held_run)


def _given_up(teller: _Teller, standing: Standing, contract: Contract) -> Iterator[Finding]:
    if standing.given_up:
        records = "1 record" if standing.given_up == 1 else f"{standing.given_up:,} records"
        text = f"Writes to {records} failed for {contract.failure.retry_hours} h and are not tried again by themselves."
        tenant = standing.tenant_id
        remedy = f"integration-pipelines diffs {tenant} names them and why; correct the records, then: {_sync(tenant)}"
        yield teller.say(_Topic(AlertKind.WRITES_GIVEN_UP), text + _answer(standing.given_up_error), remedy)


def _untold(teller: _Teller, standing: Standing, contract: Contract, now: datetime) -> Iterator[Finding]:
    if standing.untold and standing.untold_at is not None and now - standing.untold_at < UNTOLD_FOR:
        messages = "1 message" if standing.untold == 1 else f"{standing.untold:,} messages"
        text = f"{messages} to people could not be sent for {contract.failure.retry_hours} h, or never can be."
        tenant = standing.tenant_id
        remedy = f"integration-pipelines messages list {tenant} shows them; mend it, then: integration-pipelines messages retry {tenant}"
        yield teller.say(_Topic(AlertKind.MESSAGES_GIVEN_UP), text + _answer(standing.untold_error), remedy)


def _answer(error: str) -> str:
    return f" The last answer: {error.rstrip('.')}." if error else ""


def _mistakes(teller: _Teller, standing: Standing) -> Iterator[Finding]:
    if standing.our_mistakes:
        text = f"Records concerned: {standing.our_mistakes:,}. The partner saw an idempotency key with two contents, or the like."
        remedy = f"Pause the tenant: integration-pipelines pause {standing.tenant_id}. Report it with the write ledger's rows."
        yield teller.say(_Topic(AlertKind.OUR_MISTAKE, Severity.CRITICAL), text, remedy)


def _stale(teller: _Teller, standing: Standing, contract: Contract) -> Finding:
    hours = contract.latency.full_reconcile_hours
    last = f"the last one ended {standing.last_full:%Y-%m-%d %H:%M} UTC" if standing.last_full else "there was none yet"
    text = f"No reconciliation that read everything was certified in {hours} h: {last}."
    tenant = standing.tenant_id
    remedy = f"See what is in the way: integration-pipelines health {tenant}. Then: {_sync(tenant)} --full"
    return teller.say(_Topic(AlertKind.STALE), text, remedy)


def _sync(tenant: str) -> str:
    return f"integration-pipelines sync {tenant}"
