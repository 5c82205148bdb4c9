"""PagerDuty's request limit: so many a minute for each key."""

import math
from collections import deque
from dataclasses import dataclass, field

from integration_pipelines.partner_models.pagerduty.refusals import too_many

MINUTE = 60.0
PER_MINUTE = 960


@dataclass(slots=True)
class RateLimiter:
    """Counts requests on the account's clock; refused ones do not count."""

    per_minute: int = PER_MINUTE
    _recent: deque[float] = field(default_factory=deque)

    def admit(self, now: float) -> dict[str, str]:
        """Count a request and return the headers its reply carries, or refuse it with 429."""
        while self._recent and self._recent[0] <= now - MINUTE:
            self._recent.popleft()
        if len(self._recent) >= self.per_minute:
            raise too_many(max(1, math.ceil(self._recent[0] + MINUTE - now)))
        self._recent.append(now)
        return {
            "ratelimit-limit": str(self.per_minute),
            "ratelimit-remaining": str(self.per_minute - len(self._recent)),
            "ratelimit-reset": str(math.ceil(self._recent[0] + MINUTE - now)),
        }
