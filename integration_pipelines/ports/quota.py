"""A partner's rate limit, shared by every process that speaks for a tenant."""

from abc import ABC, abstractmethod


class Quota(ABC):
    """Permits by bucket; a bucket is `(tenant, partner, endpoint class)`."""

    @abstractmethod
    def acquire(self, bucket: str, per_second: float, burst: int, timeout: float) -> None:
        """Wait for one permit.

        Raises:
            RateLimitedError: none was free within `timeout` seconds.
        """

    @abstractmethod
    def park(self, bucket: str, seconds: float) -> None:
        """The partner asked for silence: no permit of this bucket is given for so long, in any process."""
