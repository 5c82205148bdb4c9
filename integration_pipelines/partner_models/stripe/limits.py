"""Stripe's request rates: so many a second for the account, for one endpoint, and for searches."""

from dataclasses import dataclass, field

from integration_pipelines.partner_models.stripe.refusals import rate_limited


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests a second; the defaults are those of a live account."""

    account: int = 100
    endpoint: int = 25
    search: int = 20


LIVE_RATES = RateLimits()


@dataclass(slots=True)
class RateLimiter:
    """Counts requests within each second of the account's clock; refused requests do not count."""

    limits: RateLimits
    _second: int = -1
    _total: int = 0
    _by_endpoint: dict[str, int] = field(default_factory=dict)

    def admit(self, endpoint: str, now: float) -> None:
        """Count a request, or refuse it with 429 and the limit it met."""
        if int(now) != self._second:
            self._second, self._total, self._by_endpoint = int(now), 0, {}
        if self._total >= self.limits.account:
            raise rate_limited("global-rate")
        most = self.limits.search if endpoint.endswith("/search") else self.limits.endpoint
        if self._by_endpoint.get(endpoint, 0) >= most:
            raise rate_limited("endpoint-rate")
        self._total += 1
        self._by_endpoint[endpoint] = self._by_endpoint.get(endpoint, 0) + 1
