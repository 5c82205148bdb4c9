"""The account of one request's attempts: whether there is another, after how long, and which error it ends in.

The rules are here and nothing else; sending is `http`, the table of statuses is `retry`.
"""

from dataclasses import dataclass

from integration_pipelines.errors import (
    AuthError,
    BugError,
    ConfigError,
    ConflictError,
    ErrorKind,
    IntegrationError,
    InvalidError,
    RateLimitedError,
    TransientError,
    UnknownOutcomeError,
)
from integration_pipelines.partners.retry import Failure, backoff

MOST_TRIES = 4
_MOST_RATE_LIMITED = 20
_LEAST_RATE_LIMITED_WAIT = 1.0

_ERRORS: dict[ErrorKind, type[IntegrationError]] = {
    ErrorKind.CONFIG: ConfigError,
    ErrorKind.AUTH: AuthError,
    ErrorKind.INVALID: InvalidError,
    ErrorKind.CONFLICT: ConflictError,
    ErrorKind.TRANSIENT: TransientError,
    ErrorKind.BUG: BugError,
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """An attempt without success. `unsure`: the request may have been carried out all the same; `asked`: the `Retry-After`."""

    failure: Failure
    unsure: bool
    status: int = 0  # 0: no answer
    request_id: str = ""
    asked: float | None = None

    @property
    def unreachable(self) -> bool:
        """Whether not even a connection came about."""
        return self.failure.kind is ErrorKind.TRANSIENT and not self.unsure and not self.status


class Ledger:
    """What one request has been through so far.

    Args:
        label: the partner's name for people.
        ends_at: monotonic moment by which everything is over.
        write: the request changes something.
        idempotent: the partner recognises a repeat of it.
    """

    def __init__(self, label: str, ends_at: float, *, write: bool, idempotent: bool) -> None:
        self._label = label
        self.ends_at = ends_at
        self._write = write
        self._idempotent = idempotent
        self.unsettled = False
        self._slowed = 0
        self._waited = 0.0
        self.tries = 0
        self.renewed = False

    def wait_after(self, trouble: Trouble, now: float) -> float | None:
        """Seconds until the next attempt; None if there is none."""
        self.unsettled = self.unsettled or trouble.unsure
        if not self._again(trouble):
            return None
        self._waited = self._wait(trouble)
        return self._waited if now + self._waited < self.ends_at else None

    def asked_wait(self, trouble: Trouble) -> float:
        """How long the partner wants silence: what it said, or what we wait."""
        return self._named(trouble) or max(self._waited, _LEAST_RATE_LIMITED_WAIT)

    def error(self, trouble: Trouble, partner: str) -> IntegrationError:
        """The error that the request ends in."""
        failure = trouble.failure
        message = f"{self._label} {failure.text}."
        if self._write and self.unsettled and failure.kind is not ErrorKind.INVALID:
            remedy = "Whether the write was carried out is settled by reading the record again."
            return UnknownOutcomeError(message, remedy=remedy, partner=partner, request_id=trouble.request_id)
        if failure.kind is ErrorKind.RATE_LIMITED:
            wait = self.asked_wait(trouble)
            return RateLimitedError(message, retry_after=wait, partner=partner, request_id=trouble.request_id)
        kind = _ERRORS.get(failure.kind, InvalidError)
        return kind(message, remedy=failure.remedy, detail=failure.detail, partner=partner, request_id=trouble.request_id)

    def _again(self, trouble: Trouble) -> bool:
        kind, retry = trouble.failure.kind, trouble.failure.retry
        if self._write and trouble.unsure and not self._idempotent:
            return False
        if kind is ErrorKind.RATE_LIMITED:
            self._slowed += 1
            return retry is not False and self._slowed <= _MOST_RATE_LIMITED
        wanted = kind is ErrorKind.TRANSIENT if retry is None else retry
        return wanted and self.tries - self._slowed < MOST_TRIES

    def _wait(self, trouble: Trouble) -> float:
        named = self._named(trouble)
        if trouble.failure.kind is ErrorKind.RATE_LIMITED:
            return named if named is not None else max(_LEAST_RATE_LIMITED_WAIT, backoff(self._slowed + 1))
        return max(named or 0.0, backoff(self.tries))

    @staticmethod
    def _named(trouble: Trouble) -> float | None:
        return trouble.asked if trouble.asked is not None else trouble.failure.wait
