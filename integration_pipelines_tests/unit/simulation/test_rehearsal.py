"""Many lives: shared out in batches, lived twice in differing company, and cut down to what it takes where a promise is broken."""

from collections import Counter

from integration_pipelines.core import passes
from integration_pipelines.core.contract import MatchRule
from integration_pipelines.simulation.reasons import doubt
from integration_pipelines.simulation.rehearsal import Crew, batches, live, rehearse
from integration_pipelines.simulation.shrink import shrink
from integration_pipelines.simulation.stage import course_of
from integration_pipelines.simulation.story import tell
from integration_pipelines_tests.proof.bugs import BUGS
from integration_pipelines_tests.proof.planting import Bug, Code
from integration_pipelines_tests.proof.worlds import world


def test_a_batch_has_lives_of_one_course_and_every_life_is_in_one() -> None:
    """However many there are, and however they are numbered."""
    found = list(batches(range(3, 40), 5))
    assert Counter(seed for batch in found for seed in batch) == Counter(range(3, 40))
    assert all(len(batch) <= 5 and len({course_of(seed) for seed in batch}) == 1 for batch in found)


def test_an_engine_that_falls_over_takes_nobody_else_with_it() -> None:
    """The batch is named, with what the engine said; the command goes on."""
    falls = Bug("falls", "it falls over", (Code(passes.__name__, "Pass.run", "self._load()", "raise KeyError('out of order')"),))
    with falls.planted():
        totals = rehearse(world("small"), (2, 5), (), Crew(size=2))
    assert [text for _, text in totals.fell_over] == ["KeyError: 'out of order'"] * len(totals.fell_over)
    assert len(totals.fell_over) > 1
    assert not totals.kept


def test_what_is_left_of_a_life_is_what_it_takes() -> None:
    """A deletion that is forgotten: of all that happened hardly more than it is left, the same promise breaks, and without the bug none."""
    contract, seeds, deletions = world("small"), tuple(range(0, 200, 5)), ("D20",)
    with BUGS["gone_stays_live"].planted():
        found = min(live(contract, seeds, deletions).findings, key=lambda f: f.seed)
        short = shrink(contract, found.seed, deletions, found.promise)
    assert short is not None
    assert found.promise in {broken.promise for broken in short.life.broken}
    assert len(short.kept) <= 5
    assert short.life.fired["people"] <= len(short.kept)
    assert any(line.text.startswith("a person deleted") for line in tell(contract, short.life).lines)
    assert shrink(contract, found.seed, deletions, found.promise) is None


def test_a_contract_whose_rules_do_not_tell_records_apart_is_named() -> None:
    """Customers of one segment are many: whoever matches by it leaves much of it to people."""
    contract = world("small")
    right, same = contract.objects["billing_customers"], contract.objects["crm_accounts"].columns["customer_segment"]
    columns = {
        **right.columns,
        "crm_segment": right.columns["crm_segment"].model_copy(update={"expectations": same.expectations}),
    }
    rule = MatchRule(name="by_segment", left="customer_segment", right="crm_segment", explanation="The segment is the same.")
    vague = contract.model_copy(
        update={
            "fields": {"crm_company_id": contract.fields["crm_company_id"]},
            "objects": {**contract.objects, "billing_customers": right.model_copy(update={"columns": columns})},
            "matching": contract.matching.model_copy(update={"rules": (rule,)}),
        }
    )
    assert "let the first of its matching rules (by_segment)" in doubt(vague, live(vague, tuple(range(0, 60, 5)), ()).ends)
    assert doubt(contract, live(contract, tuple(range(0, 60, 5)), ()).ends) == ""
