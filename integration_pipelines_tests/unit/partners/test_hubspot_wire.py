"""The catalogue of HubSpot's fields: what a contract may name, and what it may write."""

import pytest

from integration_pipelines.partners.hubspot.wire import (
    STANDARD_PROPERTIES,
    Paths,
    creatable,
    identifying,
    knows,
    option,
    settable,
    writable,
)


@pytest.mark.parametrize(
    ("partner_object", "path", "nested"),
    [
        ("companies", "id", ()),
        ("companies", "updatedAt", ()),
        ("companies", "properties.domain", ()),
        ("companies", "properties.hs_merged_object_ids", ()),
        ("companies", "properties.customer_segment", ()),
        ("owners", "email", ()),
        ("owners", "archived", ()),
        ("owners", "name", ("teams",)),
    ],
)
def test_fields_that_can_exist_are_known(partner_object: str, path: str, nested: tuple[str, ...]) -> None:
    """Top-level fields, standard properties and a tenant's own ones."""
    assert knows(partner_object, path, nested)


@pytest.mark.parametrize(
    ("partner_object", "path", "nested"),
    [
        ("companies", "properties.hs_no_such_thing", ()),
        ("companies", "properties.hubspot_whatever", ()),
        ("companies", "properties.Segment", ()),
        ("companies", "properties.", ()),
        ("companies", "properties", ()),
        ("companies", "domain", ()),
        ("companies", "name", ("properties.domain",)),
        ("owners", "properties.email", ()),
        ("owners", "teams", ("name",)),
        ("owners", "name", ("teams", "name")),
        ("invoices", "id", ()),
    ],
)
def test_fields_that_cannot_exist_are_not_known(partner_object: str, path: str, nested: tuple[str, ...]) -> None:
    """A misspelt standard name, a name HubSpot does not allow, and objects this connector does not read."""
    assert not knows(partner_object, path, nested)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("properties.billing_mrr", True),
        ("properties.name", True),
        ("properties.hs_lead_status", True),
        ("properties.hs_merged_object_ids", False),
        ("properties.createdate", False),
        ("properties.hs_no_such_thing", False),
        ("id", False),
        ("updatedAt", False),
    ],
)
def test_only_what_hubspot_lets_apps_change_is_writable(path: str, expected: bool) -> None:
    """Computed properties and top-level fields are read-only; owners cannot be written at all."""
    assert writable("companies", path) is expected
    assert not writable("owners", path)


def test_no_path_speaks_a_version_that_ends() -> None:
    """Every address carries a dated version, and the version is one segment to change."""
    paths, later = Paths(), Paths("2026-09")
    made = [paths.companies(), paths.owners(), paths.properties("companies"), paths.account()]
    assert all("2026-03" in path and "/v3" not in path for path in made)
    assert later.owners() == "/crm/owners/2026-09"


def test_standard_names_are_names() -> None:
    """The catalogue holds property names and nothing else."""
    assert all(name.isascii() and name == name.lower() and " " not in name for name in STANDARD_PROPERTIES)


def test_an_id_names_a_record_for_good_and_companies_take_properties_of_ours() -> None:
    """Whoever makes records goes by these; there is nothing to choose about what an object means."""
    assert [identifying("companies", path) for path in ("id", "properties.domain", "properties.stripe_customer_id")] == [
        True,
        False,
        False,
    ]
    assert [creatable("companies", path) for path in ("properties.billing_mrr", "properties.hs_lead_status", "id")] == [
        True,
        False,
        False,
    ]
    assert not creatable("owners", "properties.billing_mrr")
    assert (settable("companies", "properties.name"), settable("companies", "id")) == (True, False)
    assert option("companies", "anything") is None
