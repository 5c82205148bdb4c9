"""A life told in words: what the author of a contract reads when a promise is broken."""

import pytest

from integration_pipelines.simulation.births import born
from integration_pipelines.simulation.catalogue import FAULTS
from integration_pipelines.simulation.coverage import coverage
from integration_pipelines.simulation.life import Life
from integration_pipelines.simulation.nursery import Nursery
from integration_pipelines.simulation.reasons import circles, doubt, ends
from integration_pipelines.simulation.story import tell
from integration_pipelines_tests.proof.worlds import SHARED, world

CONTRACT = world("small")


@pytest.fixture
def life() -> Life:
    """A life that has not begun."""
    return Life("s7", 7, born(Nursery(CONTRACT), 7), {})


def edited(life: Life, value: str, when: str = "write") -> None:
    """Somebody chooses a segment."""
    at = life.tell(
        "edited", side="left", object="crm_accounts", record="101", column="customer_segment", value=value, when=when, fault=""
    )
    life.accounts["left"].put(at, ("crm_accounts", "101"), {"customer_segment": value}, "person")


def test_an_edit_is_told_with_its_label_its_values_and_its_moment(life: Life) -> None:
    """Step, person, field, record, from what to what, and when that was."""
    life.accounts["left"].objects["crm_accounts"]["101"]["customer_segment"] = "SMB"
    life.tell("run begins", run="run_0001")
    edited(life, "Startup")
    life.breaks("I2", "'Startup' was replaced and kept nowhere")
    story = tell(CONTRACT, life)
    assert [f"step {line.at}: {line.text}" for line in story.lines] == [
        "step 1: a run begins",
        "step 2: a person set Customer segment of crm_accounts 101 from 'SMB' to 'Startup', between our read and our write",
    ]
    assert story.moral.startswith("Broken is I2: nothing that a person entered is lost")
    assert story.moral.endswith("'Startup' was replaced and kept nowhere.")


def test_a_story_ends_where_the_promise_is_broken(life: Life) -> None:
    """What came later does not matter; another promise has another end."""
    edited(life, "Startup")
    life.breaks("I2", "first")
    edited(life, "SMB", "between runs")
    life.breaks("I1", "second")
    assert [len(tell(CONTRACT, life, promise).lines) for promise in ("", "I2", "I1")] == [1, 1, 2]


def test_a_run_in_which_nothing_happened_is_one_line(life: Life) -> None:
    """Its beginning says no more than its end."""
    life.tell("run begins", run="run_0001")
    life.tell("run ended", run="run_0001", outcome="in_sync", certified=True, balanced=True, reason="", writes={}, plan="")
    assert [line.text for line in tell(CONTRACT, life).lines] == ["a run ends: in sync, certified"]
    assert tell(CONTRACT, life).moral == "Every promise was kept."


def test_faults_are_told_in_the_words_of_the_catalogue(life: Life) -> None:
    """With the side where they struck; long values are cut, blank ones are called so."""
    life.tell("write refused", side="right", fault="H07")
    edited(life, "x" * 100)
    edited(life, "")
    refused, long, blank = tell(CONTRACT, life).lines
    assert refused.text == f"billing: {FAULTS['H07'].words}"
    assert len(long.text) < 200
    assert blank.text.endswith("to blank, between our read and our write")


def test_a_field_that_is_written_in_circles_is_named(life: Life) -> None:
    """Only what was written after people had stopped counts, and only often."""
    for value in ("startup", "enterprise"):
        life.tell("wrote", side="right", object="billing_customers", record="cus_1", values={"crm_segment": value})
    life.tell("calm")
    assert circles(CONTRACT, life) == []
    for value in ("startup", "enterprise", "startup"):
        life.tell("wrote", side="right", object="billing_customers", record="cus_1", values={"crm_segment": value})
    [said] = circles(CONTRACT, life)
    assert said.startswith(
        f"The field {SHARED} wrote crm_segment of billing_customers cus_1 3 times while nobody edited anything: 'startup', then"
    )


def test_rules_that_do_not_tell_records_apart_are_named(life: Life) -> None:
    """From a fifth of all records in doubt on."""
    life.tell("run ended", run="run_0001", records={"ambiguous": 1, "in_sync": 9})
    assert doubt(CONTRACT, ends([life])) == ""
    life.tell("run ended", run="run_0002", records={"ambiguous": 3, "in_sync": 3})
    assert doubt(CONTRACT, ends([life])).startswith("50% of the records that something matches ended in doubt")
    assert all(rule.name in doubt(CONTRACT, ends([life])) for rule in CONTRACT.matching.rules)


def test_every_fault_that_was_switched_on_is_listed_even_if_it_never_struck() -> None:
    """In the catalogue's order; what people did comes last, if they did."""
    listed = coverage({"H08": 2, "D15": 1}, ("H01", "H08"))
    assert [(one.id, one.times) for one in listed] == [("H01", 0), ("H08", 2), ("D15", 1)]
    assert all(one.words for one in listed)
