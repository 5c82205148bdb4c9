"""Tenants, connections and switches."""

from dataclasses import replace

import pytest
from sqlalchemy.engine import Engine

from integration_pipelines.errors import AuthError, BugError, ConfigError, ConflictError
from integration_pipelines.ports.tenants import Connection, Installation, Tenant
from integration_pipelines.store.open import Stores, stores_of
from integration_pipelines_tests.unit.store.conftest import StillClock
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW

ACME = Tenant("t1", "Acme Ltd", NOW)
HOOLI = Tenant("t2", "Hooli", NOW)
HUBSPOT = Connection("t1", "hubspot", "portal_1", "https://api.example", b"\x00sealed\xff", NOW)


@pytest.fixture
def two(stores: Stores) -> Stores:
    """A store with Acme and Hooli."""
    stores.tenants.add(ACME)
    stores.tenants.add(HOOLI)
    return stores


@pytest.mark.fault("T05")
@pytest.mark.parametrize("name", ["Acme Ltd", "ACME LTD", " acme ltd ", "\uff21cme Ltd"])
def test_names_that_look_alike_are_one(two: Stores, name: str) -> None:
    """A name is taken whatever its case, width or outer blanks, and finds its tenant just so."""
    with pytest.raises(ConflictError):
        two.tenants.add(Tenant("t3", name, NOW))
    assert two.tenants.find(name) == ACME
    assert two.tenants.all() == [ACME, HOOLI]


def test_an_unknown_name_is_answered_with_near_ones(two: Stores) -> None:
    """A typing mistake costs one look."""
    with pytest.raises(ConfigError) as caught:
        two.tenants.find("Acme Lt")
    assert "Acme Ltd" in caught.value.remedy
    with pytest.raises(ConfigError, match="tenant list"):
        two.tenants.find("zzz")


@pytest.mark.parametrize("tenant_id", ["", "../x", "a/b", "a,b", "x" * 65, "t\n1"])
def test_an_id_of_other_characters_is_a_bug(stores: Stores, tenant_id: str) -> None:
    """Ids become parts of paths and partition keys."""
    with pytest.raises(BugError):
        stores.tenants.add(Tenant(tenant_id, "X", NOW))


def test_a_removed_tenant_leaves_its_id_behind(two: Stores) -> None:
    """Connections and switches are gone, the name is free again, the id never."""
    two.tenants.connect(HUBSPOT)
    two.tenants.install("t1", CRM, 1, NOW)
    two.tenants.remove("t1")
    assert two.tenants.all() == [HOOLI]
    assert two.tenants.connections("t1") == []
    assert two.tenants.installations(None, None) == []
    two.tenants.add(Tenant("t3", ACME.name, NOW))
    with pytest.raises(ConflictError):
        two.tenants.add(Tenant("t1", "Other", NOW))
    with pytest.raises(ConfigError):
        two.tenants.remove("t1")


def test_a_connection_is_stored_and_renewed(two: Stores) -> None:
    """Connecting the same account again replaces the secret."""
    two.tenants.connect(HUBSPOT)
    renewed = replace(HUBSPOT, sealed_token=b"new", connected_at=LATER)
    two.tenants.connect(renewed)
    assert two.tenants.connection("t1", "hubspot") == renewed
    assert two.tenants.connections("t1") == [renewed]


@pytest.mark.fault("A10", "T03")
@pytest.mark.parametrize("change", [{"tenant_id": "t2"}, {"account": "portal_2"}])
def test_an_account_belongs_to_one_tenant_and_stays(two: Stores, change: dict[str, str]) -> None:
    """Neither another tenant's account nor a different one may slip in: writes would go to the wrong customer."""
    two.tenants.connect(HUBSPOT)
    with pytest.raises(ConflictError) as caught:
        two.tenants.connect(replace(HUBSPOT, **change))  # type: ignore[arg-type] # names of fields
    assert caught.value.remedy
    assert two.tenants.connection("t1", "hubspot") == HUBSPOT


def test_what_is_missing_is_said_with_its_remedy(two: Stores) -> None:
    """A tenant that never connected or installed is told how to."""
    with pytest.raises(AuthError, match="tenant connect"):
        two.tenants.connection("t1", "stripe")
    with pytest.raises(ConfigError, match="not installed"):
        two.tenants.installation("t1", CRM)
    with pytest.raises(ConfigError, match="not installed"):
        two.tenants.switch("t1", CRM, enabled=True)
    with pytest.raises(ConfigError, match="no tenant"):
        two.tenants.install("t9", CRM, 1, NOW)


def test_an_installation_starts_off_and_is_switched_by_hand(two: Stores) -> None:
    """Nothing is written until somebody turns it on; installing again only raises the contract's version."""
    assert two.tenants.install("t1", CRM, 1, NOW) == Installation("t1", CRM, False, False, False, 1, 1, NOW)
    assert two.tenants.switch("t1", CRM, enabled=True).enabled
    two.tenants.first_plan_approved("t1", CRM)
    assert two.tenants.install("t1", CRM, 2, LATER) == Installation("t1", CRM, True, False, True, 1, 2, NOW)
    assert two.tenants.switch("t1", CRM) == two.tenants.installation("t1", CRM)


def test_a_switch_is_seen_by_every_process_at_once(two: Stores, engine: Engine) -> None:
    """A pause takes effect in the next look of anybody."""
    two.tenants.install("t1", CRM, 1, NOW)
    elsewhere = stores_of(engine, StillClock())
    two.tenants.switch("t1", CRM, paused=True)
    assert elsewhere.tenants.installation("t1", CRM).paused


def test_installations_match_what_was_asked_for(two: Stores) -> None:
    """None matches everything, an empty list of tenants nothing."""
    for tenant in ("t2", "t1"):
        two.tenants.install(tenant, CRM, 1, NOW)
    two.tenants.install("t1", "alerts", 1, NOW)

    def found(tenants: list[str] | None, integration: str | None) -> list[tuple[str, str]]:
        return [(i.tenant_id, i.integration) for i in two.tenants.installations(tenants, integration)]

    assert found(None, None) == [("t1", "alerts"), ("t1", CRM), ("t2", CRM)]
    assert found(["t1"], CRM) == [("t1", CRM)]
    assert found([], None) == []
