"""The law of this house, enforced over the syntax tree of everything in it; `test_rules_bite` shows that each rule can say no."""

from collections.abc import Callable

import pytest

from integration_pipelines.store import schema
from integration_pipelines_tests.lint.rules_determinism import naive_time, outside_world
from integration_pipelines_tests.lint.rules_faults import reasonless_ignore, swallowed
from integration_pipelines_tests.lint.rules_money import float_money
from integration_pipelines_tests.lint.rules_size import long_file, long_function
from integration_pipelines_tests.lint.rules_tenancy import tenant_scope
from integration_pipelines_tests.lint.rules_words import kept_texts, traces
from integration_pipelines_tests.lint.source import PACKAGE, TESTS, Rule, Source, sources, under

TENANT_TABLES = frozenset(
    name
    for name, table in vars(schema).items()
    if any(table is t and "tenant_id" in t.c for t in schema.METADATA.tables.values())
)
INSIDE = tuple(f"{PACKAGE}/{room}" for room in ("core", "ports", "use_cases"))


def unless_migration() -> tuple[Source, ...]:
    """All but migrations, which list columns and must stay as they were when they ran."""
    return tuple(source for source in sources() if "/migrations/versions/" not in source.path)


@pytest.mark.parametrize(
    ("rule", "covered"),
    [
        pytest.param(naive_time, sources, id="no naive time"),
        pytest.param(outside_world, lambda: under(*INSIDE), id="no clock, chance or environment inside"),
        pytest.param(float_money, lambda: under(PACKAGE), id="no float money"),
        pytest.param(swallowed, sources, id="no silent except"),
        pytest.param(reasonless_ignore, sources, id="every ignore has a reason"),
        pytest.param(long_file, sources, id="files can be read"),
        pytest.param(long_function, unless_migration, id="functions can be read"),
        pytest.param(tenant_scope(TENANT_TABLES), lambda: under(f"{PACKAGE}/store"), id="every query says whose rows"),
    ],
)
def test_the_law_is_kept(rule: Rule, covered: Callable[[], tuple[Source, ...]]) -> None:
    """No file breaks the rule, and there are files to break it."""
    files = covered()
    breaches = [str(breach) for source in files for breach in rule(source)]
    assert files
    assert breaches == [], "\n" + "\n".join(breaches)


def test_no_trace_of_the_place_of_writing() -> None:
    """No file names a folder, host or download setting of the machine on which it was written."""
    texts = list(kept_texts())
    assert {"Makefile", "pyproject.toml", "requirements.lock", ".ci/run", f"{PACKAGE}/errors.py"} <= {path for path, _ in texts}
    breaches = [str(breach) for path, text in texts for breach in traces(path, text)]
    assert breaches == [], "\n" + "\n".join(breaches)


def test_tenants_tables_are_known() -> None:
    """The rule about tenants covers every table that has a tenant, and tests are covered by the law too."""
    assert {"WRITE_LEDGER", "LAKE_MANIFEST", "TENANTS"} <= TENANT_TABLES
    assert any(source.path.startswith(f"{TESTS}/unit/") for source in sources())
