"""Complete new records: every field a reply must carry, with the value Stripe gives when nobody said anything.

Reading parameters belongs to the modules of the objects; these are only the blanks they fill in.
"""

from typing import TYPE_CHECKING

from integration_pipelines.partner_models.base import Json

API_VERSION = "2026-10-28.endive"

if TYPE_CHECKING:
    from integration_pipelines.partner_models.stripe.store import Store


def customer(store: "Store") -> Json:
    """A customer nobody described."""
    number = store.minted + 1
    return {
        "id": store.mint("cus"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "business_name": None,
        "created": store.seconds(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "individual_name": None,
        "invoice_prefix": f"{number:08X}",
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": store.livemode,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def subscription(store: "Store") -> Json:
    """An active subscription without customer or items."""
    now = store.seconds()
    return {
        "id": store.mint("sub", 24),
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": now},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": "usd",
        "customer": None,
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "latest_invoice": None,
        "livemode": store.livemode,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "active",
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def subscription_item(store: "Store") -> Json:
    """An item without price and subscription."""
    now = store.seconds()
    return {
        "id": store.mint("si"),
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": now,
        "current_period_end": now,
        "current_period_start": now,
        "discounts": [],
        "metadata": {},
        "price": None,
        "quantity": 1,
        "subscription": None,
        "tax_rates": [],
    }


def price(store: "Store") -> Json:
    """A one-time price of nothing."""
    return {
        "id": store.mint("price", 24),
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": store.seconds(),
        "currency": "usd",
        "custom_unit_amount": None,
        "livemode": store.livemode,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": None,
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": 0,
        "unit_amount_decimal": "0",
    }


def product(store: "Store") -> Json:
    """A service without a name."""
    now = store.seconds()
    return {
        "id": store.mint("prod"),
        "object": "product",
        "active": True,
        "created": now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": store.livemode,
        "marketing_features": [],
        "metadata": {},
        "name": "",
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": now,
        "url": None,
    }


def coupon(store: "Store") -> Json:
    """A coupon that takes nothing off, once."""
    return {
        "id": store.mint("c", 8)[2:],
        "object": "coupon",
        "amount_off": None,
        "created": store.seconds(),
        "currency": None,
        "duration": "once",
        "duration_in_months": None,
        "livemode": store.livemode,
        "max_redemptions": None,
        "metadata": {},
        "name": None,
        "percent_off": None,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }


def discount(store: "Store") -> Json:
    """A discount of no coupon on nothing."""
    return {
        "id": store.mint("di", 24),
        "object": "discount",
        "checkout_session": None,
        "customer": None,
        "customer_account": None,
        "end": None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": None, "type": "coupon"},
        "start": store.seconds(),
        "subscription": None,
        "subscription_item": None,
    }


def webhook_endpoint(store: "Store") -> Json:
    """An enabled endpoint without address."""
    return {
        "id": store.mint("we", 24),
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": store.seconds(),
        "description": None,
        "enabled_events": [],
        "livemode": store.livemode,
        "metadata": {},
        "secret": store.mint("whsec", 32),
        "status": "enabled",
        "url": "",
    }


def account(account_id: str, created: int) -> Json:
    """The account itself, as far as a connection check reads it."""
    return {
        "id": account_id,
        "object": "account",
        "business_profile": {"mcc": None, "name": None, "support_email": None, "support_phone": None, "url": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": created,
        "default_currency": "usd",
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": None, "timezone": "Etc/UTC"}},
        "type": "standard",
    }


def event(store: "Store") -> Json:
    """An event that says nothing."""
    return {
        "id": store.mint("evt", 24),
        "object": "event",
        "api_version": API_VERSION,
        "created": store.seconds(),
        "data": {"object": {}},
        "livemode": store.livemode,
        "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None},
        "type": "",
    }
