"""Random lives of many small tenants, run as one batch: every pass balances, and what was written never needs writing again."""

import random
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.merge import compared_fields
from integration_pipelines.core.passes import Pass, PassResult
from integration_pipelines.core.tables import TALLY, TEXT
from integration_pipelines_tests.kit.core import World, connect, crm_billing, joined
from integration_pipelines_tests.kit.lives import arrive, live_on, random_world, tally

Json = dict[str, Any]
TENANTS = 40
WRITES = pa.schema([(c, TEXT) for c in ("tenant_id", "target", "target_id", "state")])


def checked(rng: random.Random, worlds: list[World], contract: Contract) -> PassResult:
    """One pass over all tenants, with everything that must hold after any pass."""
    engine = Pass(connect(), joined(worlds, contract))
    result = engine.run()
    states = [
        w | {"state": rng.choice(["applied", "failed", "unknown", "planned", "superseded"])} for w in result.writes.to_pylist()
    ]
    outcomes = engine.outcomes(pa.Table.from_pylist(states, WRITES))
    assert engine.imbalances(pa.Table.from_pylist(tally(worlds), TALLY), outcomes) == []
    assert_one_link_each(worlds, result)
    assert_only_the_other_side_is_written(result, contract)
    return result


def assert_one_link_each(worlds: list[World], result: PassResult) -> None:
    """A customer has at most one link that counts."""
    known = {link["link_id"]: link for world in worlds for link in world.links.to_pylist()}
    known |= {link["link_id"]: link for link in result.links.to_pylist()}
    counted = Counter((k["tenant_id"], k["right_id"]) for k in known.values() if k["state"] in {"live", "one_sided"})
    assert [key for key, count in counted.items() if count > 1] == []


def assert_only_the_other_side_is_written(result: PassResult, contract: Contract) -> None:
    """No field is ever written at its owner."""
    own = {
        f: contract.main_object("left" if s.owner == "crm" else "right")
        for f, s in compared_fields(contract).items()
        if s.owner != "two_way"
    }
    assert [c for w in result.writes.to_pylist() for c in w["changes"] if own.get(c["field"]) == w["target"]] == []


def two_way_contract() -> Contract:
    """The packaged contract, but both sides may change the segment."""
    plain = crm_billing()
    shared = plain.fields["customer_segment"].model_copy(update={"owner": "two_way", "two_way_rule": "right_wins"})
    return plain.model_copy(update={"fields": plain.fields | {"customer_segment": shared}})


def quiet(rng: random.Random, worlds: list[World], contract: Contract) -> PassResult:
    """Nobody edits and every write arrives: two passes, then one that must find nothing to do."""
    first = checked(rng, worlds, contract)
    for world in worlds:
        arrive(rng, world, first)
    second = checked(rng, worlds, contract)
    found_more = {link["tenant_id"] for link in second.links.to_pylist()}  # our writes may end an ambiguity, never more than once
    assert [w for w in second.writes.to_pylist() if w["tenant_id"] not in found_more] == []
    for world in worlds:
        arrive(rng, world, second)
    third = checked(rng, worlds, contract)
    assert third.writes.to_pylist() == []
    assert third.links.to_pylist() == []
    assert {d["action"] for d in third.diffs.to_pylist() if d["resolved_at"] is None} <= {"hold", "none"}
    return first


@pytest.mark.parametrize(("seed", "contract"), [(1, crm_billing()), (2, crm_billing()), (3, two_way_contract())])
def test_whatever_happened_two_quiet_passes_end_all_writing(seed: int, contract: Contract) -> None:
    """First comparison, edits on both sides, merges, deletions, lost and late writes: afterwards both sides hold one truth."""
    rng = random.Random(seed)
    worlds = [random_world(rng, f"t{n}") for n in range(TENANTS)]
    assert quiet(rng, worlds, contract).writes.num_rows > TENANTS / 2
    for world in worlds:
        world.setting_up = False
        live_on(rng, world)
    unquiet = checked(rng, worlds, contract)
    for world in worlds:
        arrive(rng, world, unquiet, share=0.5)
        live_on(rng, world)
    assert quiet(rng, worlds, contract).writes.num_rows > TENANTS / 4
