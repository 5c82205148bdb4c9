"""HubSpot's request limits: a rolling window of ten seconds, one of a second for searches, and a day's allowance."""

from collections import deque
from dataclasses import dataclass, field

from integration_pipelines.partner_models.hubspot.refusals import rate_limited

WINDOW_SECONDS = 10.0
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How many requests an account takes; the defaults are those of a Professional account. No `daily`: no daily limit."""

    ten_seconds: int = 190
    searches_per_second: int = 5
    daily: int | None = None


PROFESSIONAL = RateLimits()


@dataclass(slots=True)
class RateLimiter:
    """Counts requests on the account's clock; refused ones do not count."""

    limits: RateLimits
    _recent: deque[float] = field(default_factory=deque)
    _searches: deque[float] = field(default_factory=deque)
    _day: int = -1
    _today: int = 0

    def admit(self, now: float, *, search: bool) -> dict[str, str]:
        """Count a request and return the headers its reply carries (searches carry none), or refuse it with 429."""
        if int(now // _DAY_SECONDS) != self._day:
            self._day, self._today = int(now // _DAY_SECONDS), 0
        if self.limits.daily is not None and self._today >= self.limits.daily:
            raise rate_limited("DAILY")
        if search:
            _count(self._searches, now, 1.0, self.limits.searches_per_second, "SECONDLY")
        else:
            _count(self._recent, now, WINDOW_SECONDS, self.limits.ten_seconds, "TEN_SECONDLY_ROLLING")
        self._today += 1
        return {} if search else self._headers()

    def _headers(self) -> dict[str, str]:
        limits = self.limits
        headers = {
            "X-HubSpot-RateLimit-Max": str(limits.ten_seconds),
            "X-HubSpot-RateLimit-Remaining": str(limits.ten_seconds - len(self._recent)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(WINDOW_SECONDS * 1000)),
        }
        if limits.daily is not None:
            headers["X-HubSpot-RateLimit-Daily"] = str(limits.daily)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(limits.daily - self._today)
        return headers


def _count(recent: deque[float], now: float, window: float, most: int, policy: str) -> None:
    while recent and recent[0] <= now - window:
        recent.popleft()
    if len(recent) >= most:
        raise rate_limited(policy)
    recent.append(now)
