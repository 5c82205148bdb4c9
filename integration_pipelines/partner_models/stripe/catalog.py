"""Products, prices and coupons: what is sold, for how much, and what is taken off.

How prices and coupons add up to an amount belongs to whoever reads them; Stripe only keeps them.
"""

from decimal import Decimal

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import templates
from integration_pipelines.partner_models.stripe.calls import Call
from integration_pipelines.partner_models.stripe.params import Params, decimal_text, merge_metadata
from integration_pipelines.partner_models.stripe.prices import new_price
from integration_pipelines.partner_models.stripe.refusals import invalid
from integration_pipelines.partner_models.stripe.store import Store

_PRODUCT_TEXTS = ("description", "statement_descriptor", "tax_code", "unit_label", "url")
_PRODUCT = (*_PRODUCT_TEXTS, "active", "images", "metadata", "name", "shippable")
_PRICE_UPDATE = ("active", "lookup_key", "metadata", "nickname", "tax_behavior")
_COUPON = (
    "amount_off",
    "applies_to",
    "currency",
    "duration",
    "duration_in_months",
    "id",
    "max_redemptions",
    "metadata",
    "name",
    "percent_off",
    "redeem_by",
)
_HUNDRED = Decimal(100)


def create_product(store: Store, call: Call) -> Json:
    """A new product; only its name is required."""
    params = Params(call.values, (*_PRODUCT, "id", "type"))
    params.require("name")
    record = templates.product(store)
    record["id"] = _own_id(store, "products", params) or record["id"]
    record["type"] = params.choice("type", ("good", "service")) or "service"
    return store.created("products", _product(record, params), call, "product.created")


def update_product(store: Store, record_id: str, call: Call) -> Json:
    """Change the given fields of a product."""
    params = Params(call.values, (*_PRODUCT, "default_price"))
    record = store.require("products", record_id)

    def change() -> Json:
        new = _product(record, params)
        if (price := params.text("default_price")) is not None:
            store.require("prices", price, param="default_price", status=400)
            new["default_price"] = price
        return new if new == record else {**new, "updated": store.seconds()}

    return store.changed("products", record_id, change, call, "product.updated")


def create_price(store: Store, call: Call) -> Json:
    """A new price of a product that exists, or of one made with it."""
    return store.created("prices", new_price(store, call, create_product), call, "price.created")


def update_price(store: Store, record_id: str, call: Call) -> Json:
    """Change what may change of a price: never its amount."""
    params = Params(call.values, _PRICE_UPDATE)
    record = store.require("prices", record_id)

    def change() -> Json:
        new = {**record, "metadata": merge_metadata(record.get("metadata"), params)}
        new |= {name: params.text(name) for name in ("lookup_key", "nickname", "tax_behavior") if name in params}
        return new | ({"active": params.boolean("active")} if "active" in params else {})

    return store.changed("prices", record_id, change, call, "price.updated")


def create_coupon(store: Store, call: Call) -> Json:
    """A new coupon: a percentage or an amount in one currency."""
    params = Params(call.values, _COUPON)
    percent, amount = params.decimal("percent_off"), params.integer("amount_off", minimum=1)
    if (percent is None) == (amount is None):
        raise invalid("Must provide exactly one of percent_off or amount_off.", param="percent_off")
    if percent is not None and not 0 < percent <= _HUNDRED:
        raise invalid("Invalid percent_off: must be greater than 0 and at most 100.", param="percent_off")
    if amount is not None:
        params.require("currency")
    duration = params.choice("duration", ("forever", "once", "repeating")) or "once"
    if duration == "repeating":
        params.require("duration_in_months")
    record = templates.coupon(store)
    record |= {
        "id": _own_id(store, "coupons", params) or record["id"],
        "amount_off": amount,
        "currency": (params.text("currency") or "").lower() or None,
        "duration": duration,
        "duration_in_months": params.integer("duration_in_months", minimum=1),
        "max_redemptions": params.integer("max_redemptions", minimum=1),
        "metadata": merge_metadata({}, params),
        "name": params.text("name"),
        "percent_off": None if percent is None else _number(percent),
        "redeem_by": params.integer("redeem_by"),
    }
    if "applies_to" in params:
        record["applies_to"] = {"products": _products(store, params.nested("applies_to", ("products",)))}
    return store.created("coupons", record, call, "coupon.created")


def update_coupon(store: Store, record_id: str, call: Call) -> Json:
    """Change a coupon's name or metadata; what it takes off never changes."""
    params = Params(call.values, ("metadata", "name"))
    record = store.require("coupons", record_id)

    def change() -> Json:
        new = {**record, "metadata": merge_metadata(record.get("metadata"), params)}
        return new | ({"name": params.text("name")} if "name" in params else {})

    return store.changed("coupons", record_id, change, call, "coupon.updated")


def _product(record: Json, params: Params) -> Json:
    new = {**record, "metadata": merge_metadata(record.get("metadata"), params)}
    new |= {name: params.text(name) for name in _PRODUCT_TEXTS if name in params}
    if "name" in params:
        params.require("name")
        new["name"] = params.text("name")
    new |= {name: params.boolean(name) for name in ("active", "shippable") if name in params}
    if "images" in params:
        new["images"] = [str(image) for image in params.array("images")]
    return new


def _own_id(store: Store, object_name: str, params: Params) -> str | None:
    chosen = params.text("id")
    if chosen is not None and store.tables[object_name].get(chosen) is not None:
        raise invalid(f"{object_name[:-1].capitalize()} already exists.", param="id", code="resource_already_exists")
    return chosen


def _products(store: Store, applies_to: Params) -> list[str]:
    products = [str(product) for product in applies_to.array("products")]
    for product in products:
        store.require("products", product, param="applies_to[products]", status=400)
    return products


def _number(percent: Decimal) -> int | float:
    """A percentage is a JSON number on Stripe's wire; it is no money."""
    return int(percent) if percent == percent.to_integral_value() else float(decimal_text(percent))
