"""What a contract may say about making records for events and telling people, and what the linter refuses of it."""

from collections.abc import Callable
from typing import Any

import pytest

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_lint import Severity, lint
from integration_pipelines.core.contract_show import scopes, show
from integration_pipelines.wiring import catalogues
from integration_pipelines_tests.kit.escalated import support_incidents

Json = dict[str, Any]
Change = Callable[[Json], object]


def findings(change: Change) -> list[str]:
    """What the linter says of the packaged contract with a change."""
    data = support_incidents().model_dump()
    change(data)
    return [f"{f.place}: {f.message}" for f in lint(Contract.model_validate(data), catalogues()) if f.severity is Severity.ERROR]


def create(**values: object) -> Change:
    """Change how records are made."""
    return lambda data: data["matching"]["create"].update(values)


def told(**values: object) -> Change:
    """Change the first message."""
    return lambda data: data["notifications"][0].update(values)


def columns(side: str, column: str, **values: object) -> Change:
    """Change a column."""
    return lambda data: data["objects"][side]["columns"][column].update(values)


def test_the_packaged_contract_is_sound() -> None:
    """With the real partners' catalogues, without so much as a warning."""
    assert lint(support_incidents(), catalogues()) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (create(since="priority"), "priority is no moment"),
        (create(since="nothing"), "no column nothing"),
        (create(when={"nothing": ("x",)}), "no column nothing"),
        (create(texts={"title": "{nothing}"}, columns={}), "no column nothing"),
        (create(texts={"title": "{headline"}, columns={}), "A brace is open"),
        (create(texts={"title": "x"}), "with a column and with a text"),
        (create(texts={"severity": "x"}), "A field keeps it"),
        (create(texts={"id": "x"}), "A text is no id"),
        (create(texts={"url": "{headline}"}), "A field keeps it"),
        (columns("incidents", "title", data_class="business"), "columns.title: It starts with personal data"),
        (create(unique="title"), "no unique property"),
        (create(value="headline"), "may change"),
        (lambda d: d["matching"].update(rules=()), "just before a crash"),
        (lambda d: d["objects"]["support_escalations"]["options"].update(escalated_priorities=("fatal",)), "cannot say fatal"),
        (lambda d: d["objects"]["support_escalations"]["options"].update(mood=("x",)), "has no option mood"),
        (told(partner="zendesk"), "Nothing can be said to people at zendesk"),
        (told(field="severity"), "changes no field"),
        (told(when="changed"), "There is no field None"),
        (told(when="changed", field="incident_status", to=("gone",)), "It never says gone"),
        (told(text="{support.nothing}"), "There is no support.nothing"),
        (told(text="{desk.headline}"), "There is no desk.headline"),
        (told(text="{priority}"), "There is no priority"),
        (told(text="{"), "A brace is open"),
        (told(name="incident_resolved"), "stands 2 times"),
        (lambda d: d.update(scopes=[s for s in d["scopes"] if s["role"] != "slack"]), "No permission is listed for slack"),
    ],
)
def test_a_dangerous_word_is_refused(change: Change, says: str) -> None:
    """Each rule bites on a contract that breaks it."""
    found = findings(change)
    assert any(says in line for line in found), found


def test_a_message_about_records_needs_a_contract_that_makes_some() -> None:
    """Otherwise its occasion never comes."""

    def never(data: Json) -> None:
        data["matching"] |= {"create": None, "unmatched_right": "report"}

    assert any("No record is ever made" in line for line in findings(never))


def test_the_contract_says_it_in_plain_words() -> None:
    """For which records none is made, what a partner is to mean, who is told what, and whose permission it takes."""
    words = show(support_incidents())
    for said in (
        "Only while is_escalated is true. None is made for what was there before the integration was installed",
        "escalated_priorities: urgent",
        "service: each tenant says",
        "## Who is told",
        "> New incident, severity {severity}: {support.headline}",
        "when Incident status changed to resolved",
        "At most 50 records a day are created without approval",
    ):
        assert said in words
    assert ("slack", "slack", "chat:write") in [row[:3] for row in scopes(support_incidents())]
