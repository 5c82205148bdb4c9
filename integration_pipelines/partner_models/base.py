"""What every modelled partner account has in common: its clock, what was done to it, and the faults switched on.

A model is the partner's behaviour as plain Python: state, quirks, limits. It knows no HTTP (that is `sandbox`) and nothing
of our engine.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from integration_pipelines.errors import InvalidError

Json = dict[str, Any]


class FaultKind(StrEnum):
    """Things a partner or the network does at the worst moment."""

    RATE_LIMITED = "rate_limited"  # 429; params: retry_after (absent: no header), policy
    SERVER_ERROR = "server_error"  # params: status 500, 502, 503 or 504; retry_after
    TIMEOUT_AFTER_APPLYING = "timeout_after_applying"  # the request is carried out, the answer never comes; params: seconds
    DROPPED_ANSWER = "dropped_answer"  # carried out, the connection is closed without an answer
    TIMEOUT = "timeout"  # not carried out, no answer; params: seconds
    TRUNCATED = "truncated"  # half a JSON body
    NOT_JSON = "not_json"  # 200 with an HTML page
    STALE_SEARCH = "stale_search"  # the search index stands still; params: seconds
    LATE_WRITE = "late_write"  # answered 5xx, applied params.seconds later
    SCOPE_REMOVED = "scope_removed"  # 403 until cleared; params: scope
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - 401 until cleared; the name of a fault, no secret
    WEBHOOK_DUPLICATE = "webhook_duplicate"  # of webhooks `path` is looked for in the event's type; params: copies
    WEBHOOK_DELAYED = "webhook_delayed"  # params: seconds
    WEBHOOK_REORDERED = "webhook_reordered"  # waits until a later event was delivered; params: seconds it waits at most
    WEBHOOK_LOST = "webhook_lost"  # never sent


@dataclass(slots=True)
class Fault:
    """A fault switched on. It fires for requests whose method and path match, `times` times (-1: until cleared)."""

    kind: FaultKind
    account: str = "*"
    method: str = ""
    path: str = ""
    times: int = 1
    skip: int = 0  # how many matching requests pass first
    params: Json = field(default_factory=dict)
    fired: int = 0


class Faults:
    """The faults of one sandbox; thread-safe, and every firing is counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switch one on."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._faults.clear()

    def active(self) -> list[Fault]:
        """What is on now."""
        with self._lock:
            return list(self._faults)

    def take(
        self,
        account: str,
        method: str,
        path: str,
        kinds: frozenset[FaultKind],
        strikes: Callable[[Fault], bool] = lambda _: True,
    ) -> Fault | None:
        """The first fault of those kinds that fires for this request and `strikes`; counts it."""
        with self._lock:
            for fault in self._faults:
                if fault.kind not in kinds or fault.times == 0 or fault.account not in {"*", account}:
                    continue
                if fault.method not in {"", method} or fault.path not in path or not strikes(fault):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1 if fault.times > 0 else 0
                fault.fired += 1
                return fault
        return None


@dataclass(frozen=True, slots=True)
class Effect:
    """One write an account received: what it said before and after, and whether anything changed."""

    at: float
    partner: str
    account: str
    object: str
    id: str
    fields: tuple[str, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    idempotency_key: str | None
    changed: bool
    actor: str = "api"  # api, or person for edits through the control door


class PartnerAccount(ABC):
    """One customer's account at a partner. Methods that change state hold `lock`, so that threads see whole changes only."""

    partner: str

    def __init__(self, *, tenant: str, account: str, token: str, now: Callable[[], float]) -> None:
        self.tenant = tenant
        self.account = account
        self.token = token
        self.now = now
        self.lock = threading.RLock()
        self.effects: list[Effect] = []

    def note(self, effect: Effect) -> None:
        """Remember a write."""
        self.effects.append(effect)

    @abstractmethod
    def state(self) -> dict[str, list[Json]]:
        """All records by object, as the partner holds them, in a stable order."""

    @abstractmethod
    def edit(self, object_name: str, record_id: str, fields: Json) -> Json:
        """A person edits a record; nested paths use dots. Raises PartnerRefusalError if unknown."""

    def pass_time(self) -> int:
        """Let happen what the clock has made due; returns how many records changed. None, unless the partner acts by itself."""
        return 0

    def merge(self, object_name: str, primary_id: str, other_id: str) -> Json:
        """A person merges two records. Raises PartnerRefusalError where the partner cannot."""
        raise PartnerRefusalError(400, "unsupported", f"{self.partner} does not merge {object_name} {primary_id} and {other_id}.")


class PartnerRefusalError(InvalidError):
    """The modelled partner refuses a request: HTTP status, the partner's own code, and extra facts for the error body."""

    def __init__(self, status: int, code: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.facts = facts
