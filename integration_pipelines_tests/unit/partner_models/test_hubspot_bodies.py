"""Whatever a body says, the account answers or refuses; it never breaks."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from integration_pipelines.partner_models.base import PartnerRefusalError
from integration_pipelines.partner_models.hubspot.account import HubSpotAccount
from integration_pipelines_tests.kit.hubspot_sandbox import hubspot_kit

WORDS = [
    "1",
    "2",
    "9",
    "name",
    "billing_mrr",
    "stripe_customer_id",
    "plan",
    "string",
    "number",
    "text",
    "companyinformation",
    "EQ",
]
KEYS = [
    "id", "idProperty", "inputs", "properties", "propertiesWithHistory", "filterGroups", "filters", "propertyName", "operator",
    "value", "values", "sorts", "query", "limit", "after", "name", "label", "type", "fieldType", "groupName", "options",
    "hasUniqueValue", "numberDisplayHint", "primaryObjectId", "objectIdToMerge", "billing_mrr", "stripe_customer_id",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(WORDS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6)
DOORS: list[Callable[[HubSpotAccount, dict[str, Any]], object]] = [
    lambda account, body: account.search_companies(body),
    lambda account, body: account.read_companies(body),
    lambda account, body: account.create_company(body),
    lambda account, body: account.update_company("1", body),
    lambda account, body: account.create_property(body),
    lambda account, body: account.update_property("billing_mrr", body),
    lambda account, body: account.create_group(body),
    lambda account, body: account.batch_properties("create", body),
    lambda account, body: account.batch_companies("update", body),
    lambda account, body: account.batch_companies("upsert", body),
    lambda account, body: account.batch_companies("create", body),
    lambda account, body: account.batch_companies("archive", body),
    lambda account, body: account.merge_companies(body),
]


@settings(max_examples=150, deadline=None)
@given(BODIES)
def test_no_body_breaks_the_account(body: dict[str, Any]) -> None:
    """Every door either answers or raises the partner's refusal; afterwards the account can be read."""
    account = hubspot_kit().account
    for door in DOORS:
        with suppress(PartnerRefusalError):
            door(account, body)
    assert account.state()["companies"]
