"""What is not one active subscription: trials, endings, pauses, arrears, several, none, and what no partner should ever say."""

from random import Random

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.seeds.catalogue import Catalogue
from integration_pipelines.partner_models.seeds.subscribing import Recipe, fixed_period, period_of, plain
from integration_pipelines.partner_models.seeds.truth import DAY

IN_ARREARS = frozenset({"past_due", "unpaid"})
_HOUR = 3_600
_MONTH = 30 * DAY
_REQUESTED = {"comment": None, "feedback": None, "reason": "cancellation_requested"}


def _status(status: str) -> Recipe:
    return lambda shop, rng: [plain(shop, rng, status=status)]


def _trial(shop: Catalogue, rng: Random) -> list[Json]:
    start, end = shop.now - 3 * DAY, shop.now + rng.randint(1, 25) * DAY
    trial = {"status": "trialing", "created": start, "trial_start": start, "trial_end": end, "billing_cycle_anchor": end}
    return [fixed_period({**plain(shop, rng), **trial}, start, end)]


def _trial_canceling(shop: Catalogue, rng: Random) -> list[Json]:
    trial = _trial(shop, rng)[0]
    return [{**trial, **_ending(shop, trial["trial_end"]), "cancel_at_period_end": True}]


def _ending(shop: Catalogue, at: int) -> Json:
    return {"cancel_at": at, "canceled_at": shop.now - DAY, "cancellation_details": _REQUESTED}


def _cancel_period_end(shop: Catalogue, rng: Random) -> list[Json]:
    found = plain(shop, rng)
    return [{**found, **_ending(shop, period_of(shop, found)[1]), "cancel_at_period_end": True}]


def _cancel_at(shop: Catalogue, rng: Random) -> list[Json]:
    return [{**plain(shop, rng), **_ending(shop, shop.now + rng.randint(40, 200) * DAY)}]


def _pause_collection(shop: Catalogue, rng: Random) -> list[Json]:
    behavior = rng.choice(["void", "keep_as_draft", "mark_uncollectible"])
    resumes = rng.choice([None, shop.now + _MONTH])
    return [plain(shop, rng, pause_collection={"behavior": behavior, "resumes_at": resumes})]


def _paused(shop: Catalogue, rng: Random) -> list[Json]:
    """Its trial ended without a payment method."""
    ended = shop.now - rng.randint(1, 20) * DAY
    start = ended - 14 * DAY
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    trial = {"status": "paused", "created": start, "trial_start": start, "trial_end": ended, "trial_settings": settings}
    return [fixed_period({**plain(shop, rng), **trial}, start, ended)]


def _incomplete(shop: Catalogue, rng: Random) -> list[Json]:
    return [plain(shop, rng, status="incomplete", created=shop.now - rng.randint(1, 20) * _HOUR)]


def _incomplete_expired(shop: Catalogue, rng: Random) -> list[Json]:
    start = shop.now - rng.randint(2, 60) * DAY
    ended = start + 23 * _HOUR
    gone = plain(shop, rng, status="incomplete_expired", created=start, canceled_at=ended, ended_at=ended)
    return [fixed_period(gone, start, start + _MONTH)]


def _canceled(shop: Catalogue, rng: Random) -> list[Json]:
    ended = shop.now - rng.randint(1, 80) * DAY
    over = {"status": "canceled", "created": ended - 7 * _MONTH, "canceled_at": ended, "ended_at": ended}
    return [fixed_period({**plain(shop, rng), **over, "cancellation_details": _REQUESTED}, ended - 10 * DAY, ended + 20 * DAY)]


def _several(shop: Catalogue, rng: Random) -> list[Json]:
    return [plain(shop, rng), plain(shop, rng, interval="year"), *_canceled(shop, rng)]


def _broken_item(shop: Catalogue, rng: Random) -> list[Json]:
    found = plain(shop, rng)
    return [{**found, "items": [{**item, "quantity": "many"} for item in found["items"]]}]


LIFECYCLES: dict[str, Recipe] = {
    "trial": _trial,
    "trial_canceling": _trial_canceling,
    "cancel_period_end": _cancel_period_end,
    "cancel_at": _cancel_at,
    "pause_collection": _pause_collection,
    "paused": _paused,
    "past_due": _status("past_due"),
    "unpaid": _status("unpaid"),
    "incomplete": _incomplete,
    "incomplete_expired": _incomplete_expired,
    "canceled": _canceled,
    "several": _several,
    "two_currencies": lambda shop, rng: [plain(shop, rng), plain(shop, rng, "eur")],
    "none": lambda *_: [],
    "bad_status": _status("dormant"),
    "bad_currency": lambda shop, rng: [{**plain(shop, rng), "currency": "dollars"}],
    "bad_quantity": _broken_item,
}
