"""Stripe's wire as data: API version, addresses, what may be expanded, and which fields exist.

Only facts about the wire belong here; asking is `client`'s, meaning is `translate`'s. Fields are those of the pinned API version.
"""

from dataclasses import dataclass

API_VERSION = "2026-10-28.endive"
PAGE_SIZE = 100
EVENT_DAYS = 30
"""Stripe keeps events for 30 days (docs.stripe.com/api/events)."""
METADATA_KEY_LIMIT = 40
DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Resource:
    """One listable kind of record.

    Args:
        path: where it is listed; a record is one segment deeper.
        params: what every list request says, besides paging.
        expand: source path → what a list has to expand for it (at most four levels, `data` counts).
        expand_one: the same for a single record, where one level more fits.
        decimals: fields that are JSON numbers with decimals.
        parent: the parameter that lists only what belongs to one record.
    """

    path: str
    params: tuple[tuple[str, str], ...] = ()
    expand: tuple[tuple[str, str], ...] = ()
    expand_one: tuple[tuple[str, str], ...] = ()
    decimals: frozenset[str] = frozenset()
    parent: str | None = None


RESOURCES: dict[str, Resource] = {
    "customers": Resource("/v1/customers", expand_one=(("discount", "discount.source.coupon.applies_to"),)),
    "subscriptions": Resource(
        "/v1/subscriptions",
        params=(("status", "all"),),  # canceled ones are hidden without it
        expand=(("discounts", "data.discounts"), ("items.discounts", "data.items.data.discounts")),
        expand_one=(
            ("discounts", "discounts.source.coupon.applies_to"),
            ("items.discounts", "items.data.discounts"),
            ("items.price.tiers", "items.data.price.tiers"),
        ),
        decimals=frozenset({"application_fee_percent"}),
        parent="customer",
    ),
    "prices": Resource("/v1/prices", expand=(("tiers", "data.tiers"),), expand_one=(("tiers", "tiers"),)),
    "products": Resource("/v1/products"),
    "coupons": Resource(
        "/v1/coupons",
        expand=(("applies_to", "data.applies_to"),),
        expand_one=(("applies_to", "applies_to"),),
        decimals=frozenset({"percent_off"}),
    ),
}

_ADDRESS = "city country line1 line2 postal_code state"
_METADATA = frozenset({"metadata.*"})


def _under(prefix: str, *groups: str | frozenset[str]) -> frozenset[str]:
    """Names below a prefix; each group is names separated by blanks, or paths."""
    names = [name for group in groups for name in (group.split() if isinstance(group, str) else group)]
    return frozenset(f"{prefix}.{name}" if prefix else name for name in names)


_COUPON = _METADATA | _under(
    "",
    """id object amount_off applies_to.products created currency currency_options.* duration duration_in_months livemode
    max_redemptions name percent_off redeem_by times_redeemed valid deleted""",
)
_DISCOUNT = (
    _under("", "id object checkout_session customer customer_account end invoice invoice_item promotion_code start")
    | _under("", "subscription subscription_item source.type")
    | _under("source.coupon", _COUPON)
)
_PRICE = _METADATA | _under(
    "",
    """id object active billing_scheme created currency currency_options.* livemode lookup_key nickname product tax_behavior
    tiers_mode type unit_amount unit_amount_decimal deleted custom_unit_amount.maximum custom_unit_amount.minimum
    custom_unit_amount.preset recurring.interval recurring.interval_count recurring.meter recurring.trial_period_days
    recurring.usage_type tiers.flat_amount tiers.flat_amount_decimal tiers.unit_amount tiers.unit_amount_decimal tiers.up_to
    transform_quantity.divide_by transform_quantity.round""",
)
_ITEM = (
    _METADATA
    | _under("", "id object billed_until billing_thresholds.usage_gte created current_period_end current_period_start quantity")
    | _under("", "subscription plan.* tax_rates.* current_trial.end_date current_trial.start_date current_trial.trial_offer")
    | _under("price", _PRICE)
    | _under("discounts", _DISCOUNT)
)
_CUSTOMER = (
    _METADATA
    | _under(
        "",
        """id object balance business_name created currency customer_account default_source deleted delinquent description
        email individual_name invoice_credit_balance.* invoice_prefix livemode name next_invoice_sequence phone
        preferred_locales tax_exempt test_clock invoice_settings.default_payment_method invoice_settings.footer
        invoice_settings.custom_fields.name invoice_settings.custom_fields.value
        invoice_settings.rendering_options.amount_tax_display invoice_settings.rendering_options.template
        shipping.carrier shipping.name shipping.phone shipping.tracking_number""",
    )
    | _under("address", _ADDRESS)
    | _under("shipping.address", _ADDRESS)
    | _under("discount", _DISCOUNT)
)
_SUBSCRIPTION = (
    _METADATA
    | _under(
        "",
        """id object application application_fee_percent billing_cycle_anchor billing_schedules.* cancel_at
        cancel_at_period_end canceled_at collection_method created currency customer customer_account days_until_due
        default_payment_method default_source default_tax_rates.* description ended_at latest_invoice livemode
        next_pending_invoice_item_invoice on_behalf_of payment_settings.* pending_setup_intent pending_update.* schedule
        start_date status test_clock transfer_data.* trial_end trial_start automatic_tax.disabled_reason automatic_tax.enabled
        automatic_tax.liability.account automatic_tax.liability.type billing_cycle_anchor_config.*
        billing_mode.flexible.proration_discounts billing_mode.type billing_mode.updated_at billing_thresholds.amount_gte
        billing_thresholds.reset_billing_cycle_anchor cancellation_details.comment cancellation_details.feedback
        cancellation_details.feedback_option cancellation_details.reason invoice_settings.* managed_payments.enabled
        pause_collection.behavior pause_collection.resumes_at pending_invoice_item_interval.interval
        pending_invoice_item_interval.interval_count presentment_details.presentment_currency status_details.*
        trial_settings.end_behavior.billing_cycle_anchor trial_settings.end_behavior.missing_payment_method""",
    )
    | _under("items", _ITEM)
    | _under("discounts", _DISCOUNT)
)
_PRODUCT = _METADATA | _under(
    "",
    """id object active created default_price deleted description images livemode marketing_features.name name
    package_dimensions.height package_dimensions.length package_dimensions.weight package_dimensions.width shippable
    statement_descriptor tax_code tax_details.performance_location tax_details.tax_code type unit_label updated url""",
)

FIELDS: dict[str, frozenset[str]] = {
    "customers": _CUSTOMER,
    "subscriptions": _SUBSCRIPTION,
    "prices": _PRICE,
    "products": _PRODUCT,
    "coupons": _COUPON,
}
"""Every readable path by partner object; nested lists are written like objects, `.*` stands for any key."""

_ONLY_EXPANDED = {"customers": frozenset({"cash_balance", "sources", "subscriptions", "tax", "tax_ids"})}
_PREFIXES = {
    name: frozenset(".".join(path.split(".")[:length]) for path in paths for length in range(1, path.count(".") + 2))
    for name, paths in FIELDS.items()
}
TOP_LEVEL: dict[str, frozenset[str]] = {
    name: frozenset(path.partition(".")[0] for path in paths) | _ONLY_EXPANDED.get(name, frozenset())
    for name, paths in FIELDS.items()
}
"""Names that a record may carry without being reported as unknown."""


def knows(partner_object: str, path: str, nested: tuple[str, ...] = ()) -> bool:
    """Whether a contract may read that path.

    Args:
        partner_object: e.g. `subscriptions`.
        path: e.g. `metadata.crm_segment`; inside a nested list the path of its column, e.g. `price.id`.
        nested: the sources of the lists around it, outermost first, e.g. `("items", "price.tiers")`.
    """
    whole = ".".join((*nested, path))
    known = _PREFIXES.get(partner_object, frozenset())
    steps = whole.split(".")
    if not all(steps):
        return False
    return whole in known or any(".".join((*steps[:length], "*")) in known for length in range(1, len(steps)))


def writable(partner_object: str, path: str) -> bool:
    """Whether we may write that path: only metadata keys of customers, which merge per key and belong to nobody else."""
    start, _, key = path.partition(".")
    proper = 0 < len(key) <= METADATA_KEY_LIMIT and not set("[]") & set(key)
    return partner_object == "customers" and start == "metadata" and proper


def settable(partner_object: str, path: str) -> bool:
    """Whether a new record may start with a value there; what we may write later, we may start with."""
    return writable(partner_object, path)


def identifying(partner_object: str, path: str) -> bool:
    """Whether a value there belongs to one record for good: Stripe makes ids and never uses one again."""
    return partner_object in RESOURCES and path == "id"


def creatable(partner_object: str, path: str) -> bool:
    """Whether a field there can be made at set-up: metadata needs no schema."""
    del partner_object, path
    return False


def option(partner_object: str, name: str) -> frozenset[str] | None:
    """What an option of an object may say: there are none."""
    del partner_object, name
    return None
