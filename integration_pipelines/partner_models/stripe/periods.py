"""Calendar arithmetic of billing periods, in UTC: when a period that starts now ends."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from integration_pipelines.partner_models.base import Json

DAY = 86_400
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def period_end(start: int, interval: str, count: int, anchor: int | None = None) -> int:
    """The end of a period; the anchor's day of the month holds, or the month's last day where it is shorter."""
    if interval in _DAYS:
        return start + _DAYS[interval] * count * DAY
    return add_months(start, _MONTHS[interval] * count, anchor)


def add_months(start: int, months: int, anchor: int | None = None) -> int:
    """The same day and time some months later."""
    moment = datetime.fromtimestamp(start, UTC)
    wanted_day = datetime.fromtimestamp(anchor, UTC).day if anchor is not None else moment.day
    month = moment.month - 1 + months
    first = moment.replace(year=moment.year + month // 12, month=month % 12 + 1, day=1)
    day = min(wanted_day, monthrange(first.year, first.month)[1])
    return int((first + timedelta(days=day - 1)).timestamp())


def renews(price: Json | None) -> bool:
    """Whether a price has periods that can be computed; a malformed seed has none."""
    recurring = None if price is None else price.get("recurring")
    if not isinstance(recurring, dict) or not isinstance(recurring.get("interval_count"), int):
        return False
    return recurring.get("interval") in {*_DAYS, *_MONTHS} and recurring["interval_count"] > 0


def period_holding(price: Json, start: int, moment: float) -> tuple[int, int]:
    """The period of a price that holds a moment, when the first one starts at `start`."""
    interval, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
    if interval in _DAYS:
        length = _DAYS[interval] * count * DAY
        passed = max(0, int((moment - start) // length))
        return start + passed * length, start + (passed + 1) * length
    length = _MONTHS[interval] * count
    first, now = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(moment, UTC)
    passed = max(0, ((now.year - first.year) * 12 + now.month - first.month) // length)
    if add_months(start, passed * length) > moment:
        passed = max(0, passed - 1)
    return add_months(start, passed * length), add_months(start, (passed + 1) * length)
