"""The same answers as Great Expectations gives, for few rows and without loading it: that takes longer than all else an event asks for.

Each question has one meaning, which is Great Expectations' own: the tests put the same rows to both. Whole loads are judged by
Great Expectations itself (`evaluate`).
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from integration_pipelines.gate.evaluate import Finding
from integration_pipelines.gate.suites import SCOPE, Check, Question

MOST_ROWS = 5_000
"""Beyond it Great Expectations is quicker."""

_Expected = Callable[[str], bool]


def evaluate_few(table: pa.Table, checks: Sequence[Check]) -> list[Finding]:
    """Put every check to every row of the table."""
    columns = {name: table[name].to_pylist() for name in table.column_names}
    return [_finding(check, columns, table.num_rows) for check in checks]


def _finding(check: Check, columns: Mapping[str, Sequence[str | None]], rows: int) -> Finding:
    values = columns[check.column]
    if check.question is Question.NOT_NULL:
        judged, unexpected = rows, [place for place, value in enumerate(values) if value is None]
    elif check.question is Question.UNIQUE:
        named = [(place, value) for place, value in enumerate(zip(columns[SCOPE], values, strict=True)) if value[1] is not None]
        times = Counter(value for _, value in named)
        judged, unexpected = len(named), [place for place, value in named if times[value] > 1]
    else:
        expected = _EXPECTED[check.question](check.arguments)
        present = [(place, value) for place, value in enumerate(values) if value is not None]
        judged, unexpected = len(present), [place for place, value in present if not expected(value)]
    return Finding(check, rows, judged, np.array(unexpected, dtype=np.int64))


def _in_set(arguments: Mapping[str, object]) -> _Expected:
    return frozenset(_listed(arguments["value_set"])).__contains__


def _matches(arguments: Mapping[str, object]) -> _Expected:
    search = re.compile(str(arguments["regex"])).search
    return lambda text: search(text) is not None


def _short(arguments: Mapping[str, object]) -> _Expected:
    most = int(str(arguments["max_value"]))
    return lambda text: len(text) <= most


def _listed(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list) else []


_EXPECTED: Mapping[Question, Callable[[Mapping[str, object]], _Expected]] = {
    Question.IN_SET: _in_set,
    Question.MATCHES: _matches,
    Question.LENGTH: _short,
}
