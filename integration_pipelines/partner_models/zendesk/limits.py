"""Zendesk's request limits: so many a minute for everything, fewer for exports, and so many updates of one ticket in ten minutes."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from integration_pipelines.partner_models.zendesk.refusals import too_many

MINUTE = 60.0
TEN_MINUTES = 600.0


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The defaults are those of a Professional plan."""

    per_minute: int = 400
    exports_per_minute: int = 10
    updates_of_a_ticket: int = 30


PROFESSIONAL = RateLimits()


@dataclass(slots=True)
class RateLimiter:
    """Counts requests on the account's clock; refused ones do not count."""

    limits: RateLimits
    _recent: deque[float] = field(default_factory=deque)
    _exports: deque[float] = field(default_factory=deque)
    _updates: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def admit(self, now: float, *, export: bool, ticket: str = "") -> dict[str, str]:
        """Count a request and return the headers its reply carries, or refuse it with 429.

        Args:
            now: seconds since the epoch.
            export: it asks for an incremental export.
            ticket: the ticket that it updates.
        """
        _fits(self._recent, now, MINUTE, self.limits.per_minute)
        if export:
            _fits(self._exports, now, MINUTE, self.limits.exports_per_minute)
            self._exports.append(now)
        if ticket:
            _fits(self._updates[ticket], now, TEN_MINUTES, self.limits.updates_of_a_ticket)
            self._updates[ticket].append(now)
        self._recent.append(now)
        left = self.limits.per_minute - len(self._recent)
        return {
            "X-Rate-Limit": str(self.limits.per_minute),
            "X-Rate-Limit-Remaining": str(left),
            "ratelimit-limit": str(self.limits.per_minute),
            "ratelimit-remaining": str(left),
            "ratelimit-reset": str(math.ceil(self._recent[0] + MINUTE - now)),
        }


def _fits(recent: deque[float], now: float, window: float, most: int) -> None:
    while recent and recent[0] <= now - window:
        recent.popleft()
    if len(recent) >= most:
        raise too_many(max(1, math.ceil(recent[0] + window - now)))
