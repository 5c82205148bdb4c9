"""Dagster's own pages over our definitions, in a browser."""

import os
from pathlib import Path

import pytest

from integration_pipelines_tests.defs.running import connected_home, dagster_dev
from integration_pipelines_tests.defs.screenshot import CHROMIUM, LINEAGE, browser_page
from integration_pipelines_tests.defs.test_specs import CHAIN

MISSING = not Path(CHROMIUM).exists()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(MISSING and os.environ.get("CI") != "true", reason=f"no browser: there is no {CHROMIUM}")
def test_the_lineage_page_shows_every_asset(tmp_path: Path) -> None:
    """An analyst who opens the lineage sees the whole chain, group by group, and no error."""
    with connected_home(tmp_path), dagster_dev(tmp_path) as dagster, browser_page(3000, 1100) as page:
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{dagster.url}{LINEAGE}")
        for name in CHAIN:
            page.get_by_text(name, exact=True).first.wait_for(timeout=30_000)
        assert faults == []
