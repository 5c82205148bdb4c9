"""The one door to Great Expectations: a frame and its checks go in, positions of unexpected rows and counts come out.

It is imported at the first evaluation, since that takes seconds and hundreds of megabytes, and asked for what its expectations rest
on: no context, no folder, no data docs, no network, no progress bars, no usage statistics. Which record a row belongs to and what
follows from a broken expectation is not known here.
"""

import logging
import os
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from integration_pipelines.gate.late import loading_late
from integration_pipelines.gate.suites import SCOPE, Check, Question

_LOCK = threading.RLock()  # its registries, its logging and the warning filters below belong to the whole process


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check: rows seen, of those not null, and the unexpected ones by position."""

    check: Check
    rows: int
    judged: int
    unexpected: npt.NDArray[np.int64]


class EvaluationError(Exception):
    """An expectation could not be evaluated. Says which one; never why in the engine's words, which may quote values."""


def load() -> None:
    """Load Great Expectations now, so that a later evaluation need not; if it cannot be loaded, the evaluation will say so."""
    with _LOCK, suppress(ImportError):
        _engine()


def evaluate(table: pa.Table, checks: Sequence[Check]) -> list[Finding]:
    """Put every check to every row of the table.

    Raises:
        EvaluationError: a check raised, or Great Expectations gave no answer to it.
    """
    with _LOCK, warnings.catch_warnings():
        # A contract's pattern may group; pandas would remind everybody that groups can also be extracted.
        warnings.filterwarnings("ignore", message="This pattern is interpreted as a regular expression", category=UserWarning)
        return _engine().ask(table, checks)


class _Engine:
    """Great Expectations, loaded and kept quiet."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        with warnings.catch_warnings(), loading_late():
            warnings.simplefilter("ignore", DeprecationWarning)  # its own imports of retired standard modules
            from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine  # noqa: PLC0415 - idem
            from great_expectations.expectations.registry import get_expectation_impl  # noqa: PLC0415 - idem
            from great_expectations.validator.metric_configuration import MetricConfiguration  # noqa: PLC0415 - idem
            from great_expectations.validator.metrics_calculator import MetricsCalculator  # noqa: PLC0415 - idem
        logging.getLogger("great_expectations").setLevel(logging.CRITICAL)  # its error lines quote values
        self._engine, self._calculator, self._metric = PandasExecutionEngine, MetricsCalculator, MetricConfiguration
        known: Any = get_expectation_impl
        self._conditions = {question: f"{known(str(question)).map_metric}.condition" for question in Question}

    def ask(self, table: pa.Table, checks: Sequence[Check]) -> list[Finding]:
        """Compute what each expectation rests on: for every row that it judges, whether it is unexpected.

        From here Great Expectations would go on to derive a dozen further figures for each expectation, which nobody reads.
        """
        import pandas as pd  # noqa: PLC0415 - loaded with Great Expectations anyway

        # Text held by Arrow is matched by another engine, to which a space is only what ASCII calls so.
        with pd.option_context("mode.string_storage", "python"):
            engine = self._engine(batch_data_dict={"frame": table.to_pandas()})
            metrics = [self._condition(check) for check in checks]
            calculator = self._calculator(execution_engine=engine, show_progress_bars=False)
            answers, _ = calculator.compute_metrics(metric_configurations=metrics)
        return [_finding(check, table.num_rows, answers.get(metric.id)) for check, metric in zip(checks, metrics, strict=True)]

    def _condition(self, check: Check) -> Any:  # noqa: ANN401 - its own type is known only once it is loaded
        """The figure behind a check, in Great Expectations' words."""
        unique = check.question is Question.UNIQUE
        domain = (
            {"column_list": [SCOPE, check.column], "ignore_row_if": "any_value_is_missing"}
            if unique
            else {"column": check.column}
        )
        return self._metric(
            self._conditions[check.question], metric_domain_kwargs=domain, metric_value_kwargs=dict(check.arguments)
        )


def _finding(check: Check, rows: int, answer: Any) -> Finding:  # noqa: ANN401 - a mask over the rows judged, and where it came from
    if answer is None:
        raise EvaluationError(f"The expectation {check.expectation.expect} of {check.field} could not be evaluated.")
    unexpected = answer[0]
    positions = unexpected.index.to_numpy()[unexpected.to_numpy(dtype=bool)].astype(np.int64)
    return Finding(check, rows, len(unexpected), positions)


@cache
def _engine() -> _Engine:
    return _Engine()
