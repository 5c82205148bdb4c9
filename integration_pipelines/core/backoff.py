"""When what failed is tried again: later and later; a write until the contract's hours are over, a run for events without an end."""

from datetime import datetime, timedelta

from integration_pipelines.errors import ErrorKind

FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=4)


RUN_FIRST_WAIT = timedelta(seconds=15)
RUN_LONGEST_WAIT = timedelta(minutes=15)
RUN_WAIT_FOR_A_PERSON = timedelta(hours=1)
"""Nothing but a person can mend it; a run now and then sees whether somebody did."""


def next_run(failures: int, last: datetime, kind: str) -> datetime:
    """When a tenant's events are tried again after so many runs for them failed in a row, the last one then and for that reason."""
    if kind == ErrorKind.AUTH:
        return last + RUN_WAIT_FOR_A_PERSON
    wait: timedelta = min(RUN_FIRST_WAIT * 2 ** min(failures - 1, 10), RUN_LONGEST_WAIT)
    return last + wait


def next_try(
    attempts: int, first_failed_at: datetime, now: datetime, retry_hours: int, first_wait: timedelta = FIRST_WAIT
) -> datetime | None:
    """When the next try is due; None once the hours since the first failure are over.

    Args:
        attempts: failures so far, at least 1.
        first_failed_at: when the first of them was.
        now: the moment of the last one.
        retry_hours: how long to go on, from the contract. The last try is made when they end.
        first_wait: after the first failure; doubled with each.
    """
    end = first_failed_at + timedelta(hours=retry_hours)
    if now >= end:
        return None
    wait: timedelta = min(first_wait * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
    return min(now + wait, end)
