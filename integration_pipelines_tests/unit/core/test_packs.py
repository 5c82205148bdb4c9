"""Packs: questions whose answers become options, defaults that may be chosen, and nothing kept of a wrong answer."""

import pytest

from integration_pipelines.core.packs import Pack, answers, lint_pack, load_pack
from integration_pipelines.errors import ConfigError, ContractError
from integration_pipelines.known import packaged_contracts
from integration_pipelines.wiring import catalogues, packaged_packs

ESCALATION = "support_escalation"


def pack() -> Pack:
    """The packaged one."""
    return packaged_packs()[ESCALATION]


def given(**values: list[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """What answers lead to."""
    return answers(pack(), values, packaged_contracts()[pack().contract], catalogues())


def test_every_packaged_pack_is_sound() -> None:
    """Its contract, options and defaults are there."""
    for one in packaged_packs().values():
        assert list(lint_pack(one, packaged_contracts(), catalogues())) == []


def test_what_is_not_said_gets_its_default() -> None:
    """An answer of nothing is an answer, too."""
    found = given(service=["Support"], escalated_tags=[])
    assert found["pagerduty", "service"] == ("Support",)
    assert found["zendesk", "escalated_priorities"] == ("urgent",)
    assert (found["zendesk", "escalated_tags"], found["slack", "channel"]) == ((), ())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "Nothing was said"),
        ({"service": ["a", "b"]}, "Only one value"),
        ({"service": ["a"], "escalated_priorities": ["fatal"]}, "cannot say fatal"),
        ({"service": ["a"], "mood": ["good"]}, "does not ask for mood"),
    ],
)
def test_a_wrong_answer_is_refused(values: dict[str, list[str]], says: str) -> None:
    """With what to do."""
    with pytest.raises(ConfigError, match=says) as refused:
        given(**values)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"contract": "nothing"}, "There is no contract nothing"),
        ({"questions": (*pack().questions, pack().questions[0])}, "the same name"),
        ({"questions": (pack().questions[0].model_copy(update={"option": "mood"}),)}, "asks zendesk nothing by mood"),
        ({"questions": (pack().questions[0].model_copy(update={"choices": (), "default": ("fatal",)}),)}, "cannot say fatal"),
        ({"questions": (pack().questions[0].model_copy(update={"required": True}),)}, "nobody has to answer it"),
    ],
)
def test_a_pack_that_cannot_work_is_refused(change: dict[str, object], says: str) -> None:
    """Before anybody installs it."""
    found = [f.message for f in lint_pack(pack().model_copy(update=change), packaged_contracts(), catalogues())]
    assert any(says in line for line in found), found


@pytest.mark.parametrize(
    "text", ["pack: [", "pack: x\nquestions: []", "pack: Bad Name\ntitle: t\nstory: s\ncontract: c\nsteps: []\nquestions: []"]
)
def test_what_is_no_pack_names_the_fault(text: str) -> None:
    """By place."""
    with pytest.raises(ContractError) as refused:
        load_pack(text, "my.yaml")
    assert refused.value.problems
