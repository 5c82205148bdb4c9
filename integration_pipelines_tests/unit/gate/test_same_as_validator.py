"""What the gate computes, of whole loads and of few records, is what Great Expectations itself would answer if it were asked for everything."""

import random
import warnings
from collections.abc import Sequence
from importlib import import_module

import pyarrow as pa
import pytest

from integration_pipelines.core.contract import Expectation
from integration_pipelines.gate.evaluate import Finding, evaluate, load
from integration_pipelines.gate.few import evaluate_few
from integration_pipelines.gate.suites import SCOPE, Check, Question

WORDS = (None, "", " ", "a", "A", "abc", "abc ", "ä", "Ä\n", "1", "0001", "2026-01-01", "x@y.example", "\u2003", "a" * 40)
FORMAT = {"result_format": "COMPLETE", "partial_unexpected_count": 0, "exclude_unexpected_values": True}


def checks() -> list[Check]:
    """Every question, to two columns, with arguments that some words meet and others do not."""
    asked: list[tuple[Question, dict[str, object]]] = [
        (Question.NOT_NULL, {}),
        (Question.IN_SET, {"value_set": ["a", "abc", "1", ""]}),
        (Question.MATCHES, {"regex": r"^\s*[a-z]+$"}),
        (Question.MATCHES, {"regex": "(a|b)"}),
        (Question.LENGTH, {"max_value": 3}),
        (Question.UNIQUE, {}),
    ]
    wanted = Expectation(expect="not_blank", reason="It is compared.", remedy="Fill it in.")
    pairs = [(column, question, arguments) for column in ("one", "two") for question, arguments in asked]
    return [Check(n, column, wanted, column, question, arguments) for n, (column, question, arguments) in enumerate(pairs)]


def asked_for_everything(table: pa.Table, wanted: Sequence[Check]) -> list[tuple[int, list[int]]]:
    """Rows judged and unexpected positions, as whole validation results say them."""
    load()
    gx, pd = import_module("great_expectations"), import_module("pandas")
    engines = import_module("great_expectations.execution_engine.pandas_execution_engine")
    configurations = import_module("great_expectations.expectations.expectation_configuration")
    validators = import_module("great_expectations.validator.validator")

    def configuration(check: Check) -> object:
        unique = {"column_list": [SCOPE, check.column], "ignore_row_if": "any_value_is_missing"}
        place = unique if check.question is Question.UNIQUE else {"column": check.column}
        return configurations.ExpectationConfiguration(
            type=str(check.question), kwargs={**place, **check.arguments}, meta={"n": check.number}
        )

    with pd.option_context("mode.string_storage", "python"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This pattern is interpreted as a regular expression", category=UserWarning)
        engine = engines.PandasExecutionEngine(batch_data_dict={"frame": table.to_pandas()})
        validator = validators.Validator(execution_engine=engine, data_context=gx.get_context(mode="ephemeral"))
        answers = validator.graph_validate([configuration(c) for c in wanted], runtime_configuration={"result_format": FORMAT})
    results = {a.expectation_config.meta["n"]: a.result for a in answers}
    return [
        (r["element_count"] - (r.get("missing_count") or 0), sorted(r["unexpected_index_list"] or []))
        for r in (results[c.number] for c in wanted)
    ]


def said(finding: Finding) -> tuple[int, list[int]]:
    """The same of one of our findings."""
    return finding.judged, sorted(finding.unexpected.tolist())


@pytest.mark.parametrize("seed", range(6))
def test_conditions_are_those_of_whole_validations(seed: int) -> None:
    """On random texts, nulls and blanks among them: the same rows judged, the same rows unexpected, for every question."""
    draw = random.Random(seed)
    rows = draw.choice([1, 7, 60])
    table = pa.table({name: pa.array(draw.choices(WORDS, k=rows), pa.string()) for name in ("one", "two")})
    table = table.append_column(SCOPE, pa.array(draw.choices(["t1", "t2"], k=rows)))
    wanted = checks()
    answers = asked_for_everything(table, wanted)
    assert [said(finding) for finding in evaluate(table, wanted)] == answers
    assert [said(finding) for finding in evaluate_few(table, wanted)] == answers
