"""The merge, row by row of its truth table: which value wins, what is written, what is kept."""

import pytest

from integration_pipelines.core.passes import PassResult
from integration_pipelines_tests.kit.core import World, crm_billing, subscription, verdicts

LINKED = {"name": "Acme", "domain": "acme.com", "customer_segment": "Enterprise"}


def linked_world(*, crm_status: str | None, base: str | None, intent: str | None = None, segment: str = "enterprise") -> World:
    """One linked customer whose billing status is active; the CRM says `crm_status`."""
    world = World(
        companies=[{"record_id": "1", **LINKED, "billing_subscription_status": crm_status}],
        customers=[{"record_id": "cus_1", "email": "x@acme.com", "crm_segment": segment}],
        subscriptions=[subscription("sub_1", "cus_1")],
    )
    world.links = world.run_pass().links
    link_id = world.links["link_id"][0].as_py()
    if base is not None:
        world.base = [{"link_id": link_id, "subscription_status": base, "customer_segment": "enterprise"}]
    if intent is not None:
        world.intents = [{"target": "crm_accounts", "target_id": "1", "field": "subscription_status", "value": intent}]
    return world


def written(result: PassResult, field: str) -> list[str]:
    """The values that the plan would write for a field."""
    return [c["after"] for w in result.writes.to_pylist() for c in w["changes"] if c["field"] == field]


@pytest.mark.parametrize(
    ("crm", "base", "intent", "kind", "action"),
    [
        ("active", "trialing", None, None, None),
        ("trialing", "trialing", None, "drift", "write_left"),
        ("past_due", "trialing", "past_due", "drift", "write_left"),
        ("trialing", None, None, "drift", "write_left"),
        ("paused", "active", None, "foreign_edit", "write_left"),
        ("paused", "trialing", None, "conflict", "write_left"),
        (None, "trialing", None, None, None),
    ],
    ids=[
        "in sync",
        "drift",
        "our own write on its way",
        "no base yet",
        "foreign edit",
        "all three differ",
        "missing is not compared",
    ],
)
def test_an_owned_field_follows_the_truth_table(
    crm: str | None, base: str | None, intent: str | None, kind: str | None, action: str | None
) -> None:
    """Owner, other side, base and open intents decide the verdict, and nothing else does."""
    found = verdicts(linked_world(crm_status=crm, base=base, intent=intent).run_pass())
    verdict = found.get("subscription_status")
    assert (verdict and verdict["kind"], verdict and verdict["action"]) == (kind, action)


def test_the_loser_of_a_conflict_is_kept() -> None:
    """A conflict row holds both values and the base, so that the loser can be put back."""
    verdict = verdicts(linked_world(crm_status="paused", base="trialing").run_pass())["subscription_status"]
    assert [verdict[c] for c in ("left_value", "right_value", "base_value", "resolved_value")] == [
        "paused",
        "active",
        "trialing",
        "active",
    ]


def test_a_foreign_edit_is_held_where_the_contract_says_hold() -> None:
    """Somebody edited the segment in billing; the contract holds such edits, so nothing is written."""
    result = linked_world(crm_status="active", base="active", segment="startup").run_pass()
    verdict = verdicts(result)["customer_segment"]
    assert (verdict["kind"], verdict["action"], verdict["status"]) == ("foreign_edit", "hold", "held")
    assert written(result, "customer_segment") == []


def test_the_base_moves_only_when_both_sides_were_seen_to_agree() -> None:
    """Equal values become the base; a planned write does not."""
    world = linked_world(crm_status="trialing", base="trialing")
    moved = {c: v for c, v in world.run_pass().base_moves.to_pylist()[0].items() if v is not None}
    assert moved["subscription_status"] == "trialing"
    assert moved["customer_segment"] == "enterprise"


def test_a_field_ends_in_one_row_however_many_columns_differ() -> None:
    """Every differing field has exactly one diff row."""
    rows = [d["field"] for d in linked_world(crm_status="trialing", base=None).run_pass().diffs.to_pylist() if d["field"] != "*"]
    assert len(rows) == len(set(rows))


def test_two_way_fields_follow_their_rule() -> None:
    """With a base the side that moved wins; when both moved the field's rule decides."""
    plain = crm_billing()
    shared = plain.fields["customer_segment"].model_copy(update={"owner": "two_way", "two_way_rule": "right_wins"})
    contract = plain.model_copy(update={"fields": plain.fields | {"customer_segment": shared}})
    world = linked_world(crm_status="active", base="active", segment="startup")
    assert verdicts(world.run_pass(contract))["customer_segment"]["action"] == "write_left"
    world.base[0] = {**world.base[0], "customer_segment": "mid_market"}
    both = verdicts(world.run_pass(contract))["customer_segment"]
    assert (both["kind"], both["resolved_value"], both["action"]) == ("conflict", "startup", "write_left")


def test_two_way_without_a_base_is_held() -> None:
    """Nobody can know which side moved, so a person decides."""
    plain = crm_billing()
    shared = plain.fields["customer_segment"].model_copy(update={"owner": "two_way", "two_way_rule": "right_wins"})
    contract = plain.model_copy(update={"fields": plain.fields | {"customer_segment": shared}})
    verdict = verdicts(linked_world(crm_status="active", base=None, segment="startup").run_pass(contract))["customer_segment"]
    assert verdict["action"] == "hold"
