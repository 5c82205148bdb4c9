"""A world for `reconcile`, made column by column: N linked accounts in sync, then a few that drifted on either side.

Only the data is made here; nothing of the engine is run. Values are spelled the way partners spell them, so that canonical forms have
work to do: upper-case e-mails, `www.` before domains, blanks around names, amounts in major units on one side and minor on the other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import feather

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.passes import base_schema
from integration_pipelines.core.tables import IDENTITY_LINKS
from integration_pipelines.partners.observe import observed_schema
from integration_pipelines.wiring import packaged_contracts

TENANT = "t1"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DRIFT = 0.005
OWNERS = 50
_SEGMENTS = {"Enterprise": "enterprise", "Mid-Market": "mid_market", "SMB": "small_business", "Startup": "startup"}
_OBJECTS = ("crm_accounts", "crm_owners", "billing_customers", "billing_subscriptions")
Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tables:
    """What both sides are given."""

    observed: dict[str, pa.Table]  # by object, with `_sequence`
    links: pa.Table
    base: pa.Table


def contract() -> Contract:
    """The packaged contract, whose fields are compared."""
    return packaged_contracts()["crm_billing"]


def make(accounts: int, seed: int = 1) -> Tables:
    """So many linked accounts; on each side `DRIFT` of them differ from the last agreed state in one way or another."""
    rng = np.random.default_rng(seed)
    number = np.arange(accounts)
    owner, segment = rng.integers(1, OWNERS + 1, accounts), rng.integers(0, 4, accounts)
    minor = rng.integers(500, 500_000, accounts)
    drifted = rng.permutation(accounts)[: 2 * max(2, round(accounts * DRIFT))]
    left, right = np.array_split(drifted, 2)
    agreed = {"owner": owner, "segment": segment, "minor": minor}
    lefts, rights = {k: v.copy() for k, v in agreed.items()}, {k: v.copy() for k, v in agreed.items()}
    lefts["owner"][left[::3]] = owner[left[::3]] % OWNERS + 1  # the CRM's own field changed: drift of three fields
    lefts["segment"][left[1::3]] = (segment[left[1::3]] + 1) % 4  # idem, one field
    lefts["minor"][left[2::3]] += 100  # somebody edited billing's field in the CRM: foreign edit
    rights["minor"][right[::2]] += 250  # billing changed: drift
    rights["segment"][right[1::2]] = (segment[right[1::2]] + 2) % 4  # somebody edited the CRM's field in billing
    observed = {
        "crm_accounts": _companies(number, lefts), "crm_owners": _owners(), "billing_customers": _customers(number, rights),
        "billing_subscriptions": _subscriptions(number, rights["minor"]),
    }  # fmt: skip
    return Tables({name: _observed(name, columns) for name, columns in observed.items()}, _links(number), _base(number, agreed))


def store(tables: Tables, folder: Path) -> None:
    """Write the tables where a side's process can map them."""
    for name, table in {**tables.observed, "links": tables.links, "base": tables.base}.items():
        feather.write_feather(table, str(folder / f"{name}.arrow"), compression="uncompressed")


def load(folder: Path) -> Tables:
    """The tables, mapped into memory."""
    found = {name: feather.read_table(str(folder / f"{name}.arrow")) for name in (*_OBJECTS, "links", "base")}
    return Tables({name: found[name] for name in _OBJECTS}, found["links"], found["base"])


def _text(start: str, number: "np.ndarray[Any, Any]", end: str = "") -> list[str]:
    return [f"{start}{n}{end}" for n in number.tolist()]


def _observed(object_name: str, columns: Columns) -> pa.Table:
    """The columns in the observation shape; those not named are blank."""
    spec = contract().objects[object_name]
    rows = len(columns["id"])
    schema = observed_schema(spec).append(pa.field("_sequence", pa.int64()))
    fixed = {"tenant_id": [TENANT] * rows, "record_id": columns["id"], "observed_at": [NOW] * rows, "deleted": [False] * rows}
    given = {**fixed, **columns, "_sequence": [1] * rows}
    arrays = [pa.array(given.get(f.name, [[] if pa.types.is_list(f.type) else ""] * rows), f.type) for f in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _companies(number: "np.ndarray[Any, Any]", values: Columns) -> Columns:
    names = list(_SEGMENTS)
    return {
        "id": _text("", number + 20_000_000), "name": _text(" Account ", number, "  "), "domain": _text("www.account-", number, ".example"),
        "lifecycle_stage": ["customer"] * len(number), "owner_id": _text("", values["owner"]),
        "customer_segment": [names[s] for s in values["segment"].tolist()], "stripe_customer_id": _text("cus_", number),
        "billing_subscription_status": ["active"] * len(number), "billing_mrr_currency": ["USD"] * len(number),
        "billing_mrr": [f"{m // 100}.{m % 100:02d}" for m in values["minor"].tolist()],
        "billing_renewal_date": ["2026-12-01"] * len(number), "billing_synced_at": ["2026-11-01T00:00:00Z"] * len(number),
    }  # fmt: skip


def _owners() -> Columns:
    number = np.arange(1, OWNERS + 1)
    return {
        "id": _text("", number), "email": _text("Owner", number, "@CRM.example"), "first_name": _text("Ann", number),
        "last_name": ["Lee"] * OWNERS, "archived": ["false"] * OWNERS,
    }  # fmt: skip


def _customers(number: "np.ndarray[Any, Any]", values: Columns) -> Columns:
    names = list(_SEGMENTS.values())
    return {
        "id": _text("cus_", number), "name": _text("Account ", number), "email": _text("billing@account-", number, ".example"),
        "crm_company_id": _text("", number + 20_000_000), "crm_owner_id": _text("", values["owner"]),
        "crm_owner_email": _text("owner", values["owner"], "@crm.example"), "crm_owner_name": _text("Ann", values["owner"], " Lee"),
        "crm_segment": [names[s] for s in values["segment"].tolist()],
    }  # fmt: skip


def _subscriptions(number: "np.ndarray[Any, Any]", minor: "np.ndarray[Any, Any]") -> Columns:
    plain: Columns = {
        "quantity": "1", "current_period_end": "2026-12-01T00:00:00Z", "price_id": "price_1", "product_id": "prod_1",
        "interval": "month", "interval_count": "1", "usage_type": "licensed", "billing_scheme": "per_unit", "tiers_mode": "",
        "divide_by": "", "divide_round": "", "tiers": [], "discounts": [],
    }  # fmt: skip
    items = [[{**plain, "id": f"si_{n}", "unit_amount": str(m)}] for n, m in zip(number.tolist(), minor.tolist(), strict=True)]
    return {
        "id": _text("sub_", number), "customer_id": _text("cus_", number), "status": ["active"] * len(number),
        "currency": ["usd"] * len(number), "cancel_at_period_end": ["false"] * len(number), "items": items,
    }  # fmt: skip


def _links(number: "np.ndarray[Any, Any]") -> pa.Table:
    rows = len(number)
    given: Columns = {
        "tenant_id": [TENANT] * rows, "integration": [contract().contract] * rows, "link_id": _text("link_", number),
        "left_id": _text("", number + 20_000_000), "right_id": _text("cus_", number), "state": ["live"] * rows,
        "match_rule": ["stripe_customer_id"] * rows, "match_evidence": ["The company's property names the customer."] * rows,
        "created_at": [NOW] * rows, "updated_at": [NOW] * rows, "survivor_link_id": [None] * rows,
        "epoch": [1] * rows, "decided_by": [None] * rows,
    }  # fmt: skip
    return pa.Table.from_pydict(given, IDENTITY_LINKS)


def _base(number: "np.ndarray[Any, Any]", agreed: Columns) -> pa.Table:
    names = list(_SEGMENTS.values())
    given: Columns = {
        "tenant_id": [TENANT] * len(number), "link_id": _text("link_", number), "billing_customer_id": _text("cus_", number),
        "subscription_status": ["active"] * len(number), "mrr": _text("", agreed["minor"]), "mrr_currency": ["USD"] * len(number),
        "renewal_date": ["2026-12-01"] * len(number), "cancel_date": [""] * len(number),
        "account_owner": _text("owner", agreed["owner"], "@crm.example"), "account_owner_id": _text("", agreed["owner"]),
        "account_owner_name": _text("Ann", agreed["owner"], " Lee"),
        "customer_segment": [names[s] for s in agreed["segment"].tolist()], "crm_company_id": _text("", number + 20_000_000),
    }  # fmt: skip
    return pa.Table.from_pydict(given, base_schema(contract()))
