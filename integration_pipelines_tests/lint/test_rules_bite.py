"""Each rule of the house catches a planted violation, names its line, and leaves the proper way of writing it alone."""

import pytest

from integration_pipelines_tests.lint.rules_determinism import naive_time, outside_world
from integration_pipelines_tests.lint.rules_faults import ignores, reasonless_ignore, swallowed
from integration_pipelines_tests.lint.rules_money import float_money
from integration_pipelines_tests.lint.rules_size import FILE_LINES, FUNCTION_LINES, long_file, long_function
from integration_pipelines_tests.lint.rules_tenancy import tenant_scope
from integration_pipelines_tests.lint.rules_words import traces
from integration_pipelines_tests.lint.source import Rule, Source

DATETIME = "from datetime import UTC, date, datetime\n"
TABLES = "import sqlalchemy as sa\nfrom integration_pipelines.store.schema import WRITE_LEDGER\n_W = WRITE_LEDGER.c\n"
ONE_BODY = "\n    x = 1"


def tried(*lines: str) -> str:
    """A `try` whose handler is given."""
    return "try:\n    x = 1\n" + "\n".join(lines) + "\n"


def ask(body: str) -> str:
    """A function of the store."""
    return f"{TABLES}def f(tenant_id, wanted):\n    {body}\n"


owned = tenant_scope(frozenset({"WRITE_LEDGER"}))


@pytest.mark.parametrize(
    ("rule", "text", "line"),
    [
        (naive_time, DATETIME + "datetime.now()", 2),
        (naive_time, DATETIME + "datetime.utcnow()", 2),
        (naive_time, DATETIME + "datetime.fromtimestamp(0)", 2),
        (naive_time, DATETIME + "date.today()", 2),
        (naive_time, "import datetime as dt\nwhen = dt.datetime.now()", 2),
        (outside_world, DATETIME + "datetime.now(UTC)", 2),
        (outside_world, "import time", 1),
        (outside_world, "from time import monotonic", 1),
        (outside_world, "import random", 1),
        (outside_world, "from uuid import uuid4", 1),
        (outside_world, "import os\nos.environ['A']", 2),
        (outside_world, "from os import environ as e\ne['A']", 2),
        (outside_world, "import logging", 1),
        (outside_world, "print('x')", 1),
        (outside_world, "open('x')", 1),
        (float_money, "mrr: float = 0", 1),
        (float_money, "def f(unit_amount: float | None) -> None: ...", 1),
        (float_money, "def price() -> float: ...", 1),
        (float_money, "class A:\n    fee: list[float]", 2),
        (float_money, "x = float(row['amount'])", 1),
        (float_money, "x = float(plan.mrr_minor / 100)", 1),
        (swallowed, tried("except Exception:", "    pass"), 3),
        (swallowed, tried("except:  # because we can and want to", "    pass"), 3),
        (swallowed, tried("except (ValueError, Exception):", "    ..."), 3),
        (swallowed, tried("except BaseException:", "    x = 2"), 3),
        (swallowed, tried("except Exception:  # noqa: BLE001", "    x = 2"), 3),
        (swallowed, tried("except Exception as e:", "    raise ValueError from e"), 3),
        (swallowed, "import contextlib\nwith contextlib.suppress(Exception):\n    x = 1", 2),
        (reasonless_ignore, "x = 1  # noqa", 1),
        (reasonless_ignore, "x = 1  # noqa: E501", 1),
        (reasonless_ignore, "x = 1  # noqa: E501 because", 1),
        (reasonless_ignore, "x = 1  # type: ignore", 1),
        (reasonless_ignore, "x = 1  # type: ignore[assignment]", 1),
        (reasonless_ignore, "# ruff: noqa", 1),
        (reasonless_ignore, "# mypy: ignore-errors", 1),
        (reasonless_ignore, "x = 1  # pragma: no cover", 1),
        (long_file, "x = 1\n" * (FILE_LINES + 1), FILE_LINES + 1),
        (long_function, "def f():" + ONE_BODY * FUNCTION_LINES, 1),
        (long_function, "class A:\n  async def f(self):" + ONE_BODY * FUNCTION_LINES, 2),
        (owned, ask("return sa.select(_W.state)"), 4),
        (owned, ask("return sa.select(WRITE_LEDGER).where(_W.run_id == wanted)"), 4),
        (owned, ask("return sa.update(WRITE_LEDGER).values(state='sent')"), 4),
        (owned, ask("return WRITE_LEDGER.delete()  # any tenant:"), 4),
        (owned, f"{TABLES}def f(tenant_id):\n    _W.tenant_id == tenant_id\n    def g():\n        return sa.select(_W.state)\n", 6),
    ],
)  # fmt: skip
def test_a_planted_violation_is_caught(rule: Rule, text: str, line: int) -> None:
    """It is found once, on its own line."""
    assert [breach.line for breach in rule(Source("planted.py", text))] == [line]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (naive_time, DATETIME + "datetime.now(UTC)\ndatetime.now(tz=UTC)\ndatetime.fromtimestamp(0, UTC)"),
        (naive_time, "clock.now()\nports.clock.now()"),
        (outside_world, "from datetime import datetime\ndef f(now: datetime) -> str:\n    return now.isoformat()"),
        (outside_world, "ports.connectors.open('x')\nrun.time.random()"),
        (float_money, "from decimal import Decimal\nmrr: Decimal = Decimal(0)\namount_minor: int = 0"),
        (float_money, "max_update_percent: float = 5\nx = float(seconds)\ndef repaid_after(seconds: float) -> int: ..."),
        (swallowed, tried("except ValueError:", "    pass")),
        (swallowed, tried("except BaseException:", "    x = 2", "    raise")),
        (swallowed, tried("except Exception:  # noqa: BLE001 - whatever it is, the gate stays shut", "    x = 2")),
        (reasonless_ignore, "x = 1  # noqa: E501, F401 - the SDK writes it so\ny = '# noqa'"),
        (reasonless_ignore, "x = 1  # type: ignore[assignment, misc]  # the stub is wrong"),
        (long_file, "x = 1\n" * FILE_LINES),
        (long_function, "def f():" + ONE_BODY * (FUNCTION_LINES - 1)),
        (owned, ask("return sa.select(_W.state).where(_W.tenant_id == tenant_id)")),
        (owned, ask("return sa.insert(WRITE_LEDGER)")),
        (owned, ask("return sa.select(other.c.state)")),
        (owned, ask("return sa.select(_W.path)  # any tenant: a sweep keeps everybody's files")),
    ],
)
def test_the_proper_way_is_left_alone(rule: Rule, text: str) -> None:
    """A rule that cries wolf is switched off sooner or later."""
    assert list(rule(Source("planted.py", text))) == []


@pytest.mark.parametrize(
    "line",
    [
        "see /" + "home/somebody/notes",
        "cd /" + "work/main",
        "PYTHON=/" + "root/.pyenv/bin/python",
        "pip install --index" + "-url x",
        "https://pypi." + "org/simple",
        "https://files.python" + "hosted.org/x",
    ],
)
def test_a_trace_of_the_place_of_writing_is_caught(line: str) -> None:
    """Folders, hosts and client settings are found wherever they stand."""
    assert [breach.line for breach in traces("page.md", f"fine\n{line}\n")] == [2]


@pytest.mark.parametrize(
    "line", ["GET /v1/customers", "crm/objects/home/x", "${HOME}/data", "a/work/b", "https://docs.stripe.com/api"]
)
def test_ordinary_paths_are_no_traces(line: str) -> None:
    """Addresses of partners and relative paths are part of the product."""
    assert list(traces("page.md", line)) == []


def test_ignores_are_counted_by_code() -> None:
    """Each code counts once a line, type errors as `type`, and text that only looks like one does not."""
    text = "a = 1  # noqa: E501, F401 - both\nb = 1  # type: ignore[misc]  # why\nc = '# noqa: E501'\n"
    assert list(ignores(Source("planted.py", text))) == ["E501", "F401", "type"]
