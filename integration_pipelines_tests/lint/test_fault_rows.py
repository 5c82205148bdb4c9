"""The fault catalogue is tested row by row: a test carries the ids of the rows whose expectation it asserts, and no row is without one."""

import ast

from integration_pipelines_tests.lint.source import TESTS, Source, under


def _row(letter: str, *numbers: int) -> frozenset[str]:
    return frozenset(f"{letter}{n:02}" for n in numbers)


ROWS = (
    _row("D", *range(1, 32)) | _row("H", *range(1, 25), 27) | _row("P", 1, *range(3, 12), *range(13, 17))
    | _row("E", *range(1, 21)) | _row("T", 4, 6)
)  # data, HTTP, process: what concerns the engine; events and tenants: what concerns the receiver  # fmt: skip
OPEN: frozenset[str] = frozenset()
"""Rows without a test so far; it may only shrink."""


def claimed(source: Source) -> dict[str, int]:
    """The rows that a file's tests claim, with the line of the first claim."""
    found: dict[str, int] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and source.full_name(node.func) == "pytest.mark.fault":
            for argument in node.args:
                if isinstance(argument, ast.Constant):
                    found.setdefault(str(argument.value), node.lineno)
    return found


def _all() -> dict[str, str]:
    return {row: f"{s.path}:{line}" for s in under(TESTS) for row, line in claimed(s).items()}


def test_every_row_of_the_catalogue_has_a_test() -> None:
    """A row without a test is named, unless it is known to be open."""
    assert sorted(ROWS - OPEN - set(_all())) == []


def test_what_is_tested_is_no_longer_open() -> None:
    """The list of open rows holds no row that has a test, and none that does not exist."""
    assert sorted(OPEN & set(_all())) == []
    assert sorted(OPEN - ROWS) == []


def test_a_claim_is_found_wherever_it_stands() -> None:
    """On a function and on a single parameter alike; a test without the marker claims nothing."""
    text = (
        "import pytest\n@pytest.mark.fault('D01', 'D02')\ndef test_a(): ...\n"
        "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.fault('H01'))])\ndef test_b(x): ...\ndef test_c(): ...\n"
    )
    assert claimed(Source("x.py", text)) == {"D01": 2, "D02": 2, "H01": 4}
