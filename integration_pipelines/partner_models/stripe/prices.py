"""How a new price is read: per unit or tiered, one-time or recurring, licensed or metered, whole or in packages."""

from collections.abc import Callable

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import templates
from integration_pipelines.partner_models.stripe.calls import Call
from integration_pipelines.partner_models.stripe.params import Params, decimal_text, merge_metadata
from integration_pipelines.partner_models.stripe.refusals import invalid
from integration_pipelines.partner_models.stripe.store import Store

MakeProduct = Callable[[Store, Call], Json]

_ALLOWED = (
    "active",
    "billing_scheme",
    "currency",
    "lookup_key",
    "metadata",
    "nickname",
    "product",
    "product_data",
    "recurring",
    "tax_behavior",
    "tiers",
    "tiers_mode",
    "transform_quantity",
    "unit_amount",
    "unit_amount_decimal",
)
_RECURRING = ("interval", "interval_count", "meter", "trial_period_days", "usage_type")
_TIER = ("flat_amount", "flat_amount_decimal", "unit_amount", "unit_amount_decimal", "up_to")
_LONGEST_DAYS = {"day": 1095, "week": 156, "month": 36, "year": 3}


def new_price(store: Store, call: Call, make_product: MakeProduct) -> Json:
    """The record of a new price; refuses what Stripe refuses."""
    params = Params(call.values, _ALLOWED)
    params.require("currency")
    currency = str(params.text("currency")).lower()
    if not (currency.isascii() and currency.isalpha() and len(currency) == 3):  # noqa: PLR2004 - ISO 4217
        raise invalid("Invalid currency.", param="currency")
    record = templates.price(store)
    record |= _amounts(params)
    record |= {
        "active": params.boolean("active") is not False,
        "currency": currency,
        "lookup_key": params.text("lookup_key"),
        "metadata": merge_metadata({}, params),
        "nickname": params.text("nickname"),
        "recurring": _recurring(params),
        "tax_behavior": params.choice("tax_behavior", ("exclusive", "inclusive", "unspecified")) or "unspecified",
        "transform_quantity": _transform(params),
    }
    record["type"] = "one_time" if record["recurring"] is None else "recurring"
    record["product"] = _product(store, params, call, make_product)
    return record


def amount(params: Params, name: str) -> tuple[int | None, str | None]:
    """An amount in minor units, given whole or as a decimal: Stripe shows both, the whole one null when there is none."""
    whole, exact = params.integer(name, minimum=0), params.decimal(f"{name}_decimal")
    if whole is not None and exact is not None:
        raise invalid(f"You may only specify one of these parameters: {name}, {name}_decimal.", param=params.path(name))
    if whole is not None:
        return whole, str(whole)
    if exact is None:
        return None, None
    if exact < 0:
        raise invalid("Amounts must not be negative.", param=params.path(f"{name}_decimal"))
    return (int(exact) if exact == exact.to_integral_value() else None), decimal_text(exact)


def _amounts(params: Params) -> Json:
    scheme = params.choice("billing_scheme", ("per_unit", "tiered")) or "per_unit"
    if scheme == "tiered":
        mode = params.choice("tiers_mode", ("graduated", "volume"))
        params.require("tiers", "tiers_mode")
        return {
            "billing_scheme": scheme,
            "tiers": _tiers(params),
            "tiers_mode": mode,
            "unit_amount": None,
            "unit_amount_decimal": None,
        }
    if "tiers" in params or "tiers_mode" in params:
        raise invalid("Tiers need billing_scheme=tiered.", param="tiers")
    whole, exact = amount(params, "unit_amount")
    if exact is None:
        raise invalid("Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.", param="unit_amount")
    return {"billing_scheme": scheme, "unit_amount": whole, "unit_amount_decimal": exact}


def _tiers(params: Params) -> list[Json]:
    tiers: list[Json] = []
    given = params.array("tiers")
    for position, values in enumerate(given):
        name = f"tiers[{position}]"
        if not isinstance(values, dict):
            raise invalid("Invalid object", param=name)
        tier = Params(values, _TIER, name)
        tier.require("up_to")
        last = position == len(given) - 1
        if last != (values["up_to"] == "inf"):
            raise invalid("The last tier, and only the last, must have up_to=inf.", param=f"{name}[up_to]")
        up_to = None if last else tier.integer("up_to", minimum=1)
        if tiers and up_to is not None and up_to <= tiers[-1]["up_to"]:
            raise invalid("Tiers must be ordered by up_to.", param=f"{name}[up_to]")
        unit, flat = amount(tier, "unit_amount"), amount(tier, "flat_amount")
        if unit[1] is None and flat[1] is None:
            raise invalid("A tier needs a unit_amount or a flat_amount.", param=name)
        tiers.append(
            {
                "flat_amount": flat[0],
                "flat_amount_decimal": flat[1],
                "unit_amount": unit[0],
                "unit_amount_decimal": unit[1],
                "up_to": up_to,
            }
        )
    return tiers


def _recurring(params: Params) -> Json | None:
    if not params.hash("recurring"):
        return None
    recurring = params.nested("recurring", _RECURRING)
    recurring.require("interval")
    interval = str(recurring.choice("interval", _LONGEST_DAYS))
    return {
        "interval": interval,
        "interval_count": recurring.integer("interval_count", minimum=1, maximum=_LONGEST_DAYS[interval]) or 1,
        "meter": recurring.text("meter"),
        "trial_period_days": recurring.integer("trial_period_days", minimum=1),
        "usage_type": recurring.choice("usage_type", ("licensed", "metered")) or "licensed",
    }


def _transform(params: Params) -> Json | None:
    if not params.hash("transform_quantity"):
        return None
    transform = params.nested("transform_quantity", ("divide_by", "round"))
    transform.require("divide_by", "round")
    return {
        "divide_by": transform.integer("divide_by", minimum=1),
        "round": transform.choice("round", ("down", "up")),
    }


def _product(store: Store, params: Params, call: Call, make_product: MakeProduct) -> str:
    if ("product" in params) == ("product_data" in params):
        raise invalid("You must specify exactly one of `product` or `product_data`.", param="product")
    if "product_data" in params:
        return str(make_product(store, call.giving(params.hash("product_data")))["id"])
    product = str(params.text("product"))
    store.require("products", product, param="product", status=400)
    return product
