"""Slack's limit for messages: about one a second and channel, with short bursts."""

import math
from dataclasses import dataclass, field

from integration_pipelines.partner_models.base import PartnerRefusalError

PER_SECOND = 1.0
BURST = 4


@dataclass(slots=True)
class RateLimiter:
    """A bucket for each channel that fills by one a second; refused messages do not count."""

    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def admit(self, channel: str, now: float) -> None:
        """Count a message, or refuse it with 429 and the seconds to wait."""
        level, at = self._buckets.get(channel, (float(BURST), now))
        level = min(float(BURST), level + (now - at) * PER_SECOND)
        if level < 1:
            raise PartnerRefusalError(
                429, "rate_limited", "rate_limited", retry_after=max(1, math.ceil((1 - level) / PER_SECOND))
            )
        self._buckets[channel] = (level - 1, now)
