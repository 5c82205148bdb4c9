"""When a write that failed is tried again: later and later, until the contract's hours are over."""

from datetime import datetime, timedelta

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=4)


def next_try(attempts: int, first_failed_at: datetime, now: datetime, retry_hours: int) -> datetime | None:
    """When the next try is due; None once the hours since the first failure are over.

    Args:
        attempts: failures so far, at least 1.
        first_failed_at: when the first of them was.
        now: the moment of the last one.
        retry_hours: how long to go on, from the contract. The last try is made when they end.
    """
    end = first_failed_at + timedelta(hours=retry_hours)
    if now >= end:
        return None
    wait: timedelta = min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
    return min(now + wait, end)
