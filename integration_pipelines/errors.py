"""The exception tree of the product: every expected fault is one of these.

    IntegrationError            kind        retried by us       HTTP status
    ├── ConfigError             config      no                  400
    │   └── ContractError       config      no                  400
    ├── AuthError               auth        no                  401
    ├── TransientError          transient   yes, with backoff   503
    │   ├── UnknownOutcomeError    transient   no: settle by read  503
    │   └── NotDurableError        transient   no: start anew      503
    ├── RateLimitedError        rate_limited after the wait     429
    ├── InvalidError            invalid     no                  422
    ├── ConflictError           conflict    after a fresh read  409
    └── BugError                bug         no                  500

`message` and `remedy` are written for the person who sees them and never carry a secret or a customer's data;
`detail` is for our logs and obeys the same rule. What a caller branches on is an outcome type in a signature, not one of these.
"""

from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    """What sort of fault it is; decides retry, HTTP status and who has to act."""

    CONFIG = "config"
    AUTH = "auth"
    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    INVALID = "invalid"
    CONFLICT = "conflict"
    BUG = "bug"


HTTP_STATUS: dict[ErrorKind, int] = {
    ErrorKind.CONFIG: 400,
    ErrorKind.AUTH: 401,
    ErrorKind.TRANSIENT: 503,
    ErrorKind.RATE_LIMITED: 429,
    ErrorKind.INVALID: 422,
    ErrorKind.CONFLICT: 409,
    ErrorKind.BUG: 500,
}


class IntegrationError(Exception):
    """Base of all expected faults.

    Args:
        message: one sentence for a person: what happened, to which record and field.
        remedy: one sentence: what to do next.
        detail: for the log only.
        partner: the partner that refused, if any.
        request_id: the partner's own id of the failed request.
    """

    kind: ClassVar[ErrorKind] = ErrorKind.BUG

    def __init__(self, message: str, *, remedy: str = "", detail: str = "", partner: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.detail = detail
        self.partner = partner
        self.request_id = request_id

    def __str__(self) -> str:
        """Message and remedy in one line."""
        return f"{self.message} {self.remedy}".strip()


class ConfigError(IntegrationError):
    """A setting, a file or a command is wrong; a person has to change it."""

    kind = ErrorKind.CONFIG


class ContractError(ConfigError):
    """An integration contract is refused; `problems` has one line per finding, with its place in the file."""

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.problems = problems


class AuthError(IntegrationError):
    """The partner does not accept our credentials or a scope is missing."""

    kind = ErrorKind.AUTH


class TransientError(IntegrationError):
    """Worth trying again: network, 5xx, locked, busy."""

    kind = ErrorKind.TRANSIENT


class UnknownOutcomeError(TransientError):
    """A write was sent and no trustworthy answer came back; only a read can settle it."""


class NotDurableError(TransientError):
    """The disk did not confirm what it was given; what it holds is not known, so the process that wrote ends."""


class RateLimitedError(IntegrationError):
    """The partner or our own quota asks us to wait `retry_after` seconds."""

    kind = ErrorKind.RATE_LIMITED

    def __init__(self, message: str, *, retry_after: float, partner: str = "", request_id: str = "") -> None:
        super().__init__(message, remedy=f"Try again in {retry_after:.0f} s.", partner=partner, request_id=request_id)
        self.retry_after = retry_after


class InvalidError(IntegrationError):
    """A record or a request is refused for what it says."""

    kind = ErrorKind.INVALID


class ConflictError(IntegrationError):
    """Somebody else changed it, holds it, or it must be approved first."""

    kind = ErrorKind.CONFLICT


class BugError(IntegrationError):
    """Our own mistake; nobody else can repair it."""

    kind = ErrorKind.BUG
