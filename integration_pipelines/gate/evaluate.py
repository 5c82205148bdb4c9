"""The one door to Great Expectations: a frame and its checks go in, positions of unexpected rows and counts come out.

It is imported at the first evaluation, since that takes seconds and hundreds of megabytes. One ephemeral context serves the
process: no folder, no data docs, no network, no progress bars, no usage statistics. Which record a row belongs to and what
follows from a broken expectation is not known here.
"""

import logging
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from integration_pipelines.gate.late import loading_late
from integration_pipelines.gate.suites import SCOPE, Check, Question

_FORMAT: Mapping[str, object] = {
    "result_format": "COMPLETE",
    "include_unexpected_rows": False,
    "return_unexpected_index_query": False,
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
}
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
    with _LOCK:
        engine = _engine()
        wanted = [engine.expectation(check) for check in checks]
        with warnings.catch_warnings():
            # A contract's pattern may group; pandas would remind everybody that groups can also be extracted.
            warnings.filterwarnings("ignore", message="This pattern is interpreted as a regular expression", category=UserWarning)
            answers = engine.ask(table, wanted)
    by_number = {answer.expectation_config.meta["number"]: answer for answer in answers}
    return [_finding(check, by_number.get(check.number)) for check in checks]


def _finding(check: Check, answer: Any) -> Finding:  # noqa: ANN401 - Great Expectations' own type, imported late
    result = answer.result if answer is not None else {}
    if "element_count" not in result or "unexpected_index_list" not in result:
        raise EvaluationError(f"The expectation {check.expectation.expect} of {check.field} could not be evaluated.")
    rows = int(result["element_count"])
    positions = np.array(result["unexpected_index_list"] or [], dtype=np.int64)
    return Finding(check, rows, rows - int(result.get("missing_count") or 0), positions)


class _Engine:
    """Great Expectations, loaded and kept quiet."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        with warnings.catch_warnings(), loading_late():
            warnings.simplefilter("ignore", DeprecationWarning)  # its own imports of retired standard modules
            import great_expectations as gx  # noqa: PLC0415 - seconds and hundreds of megabytes
            from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415 - idem
            from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine  # noqa: PLC0415 - idem
            from great_expectations.expectations.expectation_configuration import ExpectationConfiguration  # noqa: PLC0415 - idem
            from great_expectations.validator.validator import Validator  # noqa: PLC0415 - idem
        logging.getLogger("great_expectations").setLevel(logging.CRITICAL)  # its error lines quote values
        self._context = gx.get_context(mode="ephemeral")
        self._context.enable_analytics(enable=False)
        self._context.variables.progress_bars = ProgressBarsConfig(globally=False)
        self._engine, self._validator, self._configuration = PandasExecutionEngine, Validator, ExpectationConfiguration

    def expectation(self, check: Check) -> Any:  # noqa: ANN401 - its own type is known only once it is loaded
        """A check in Great Expectations' words."""
        arguments = dict(check.arguments)
        if check.question is Question.UNIQUE:
            arguments |= {"column_list": [SCOPE, check.column], "ignore_row_if": "any_value_is_missing"}
        else:
            arguments["column"] = check.column
        return self._configuration(type=str(check.question), kwargs=arguments, meta={"number": check.number})

    def ask(self, table: pa.Table, wanted: list[Any]) -> list[Any]:
        """Evaluate on a pandas frame whose index is the position."""
        import pandas as pd  # noqa: PLC0415 - loaded with Great Expectations anyway

        # Text held by Arrow is matched by another engine, to which a space is only what ASCII calls so.
        with pd.option_context("mode.string_storage", "python"):
            engine = self._engine(batch_data_dict={"frame": table.to_pandas()})
            validator = self._validator(execution_engine=engine, data_context=self._context)
            return validator.graph_validate(configurations=wanted, runtime_configuration={"result_format": dict(_FORMAT)})


@cache
def _engine() -> _Engine:
    return _Engine()
