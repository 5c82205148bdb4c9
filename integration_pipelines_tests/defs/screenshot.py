"""Takes the README's picture of the lineage, from a real run: `python -m integration_pipelines_tests.defs.screenshot [FOLDER]`.

Without a folder it renews `integration_pipelines/docs/lineage.png`; with one it puts that picture, an asset's page and its checks there.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from integration_pipelines.cli.dagster_run import dagster_instance, run_chain
from integration_pipelines.settings import Settings
from integration_pipelines.use_cases.approve import approve_plan
from integration_pipelines.wiring import open_ports
from integration_pipelines_tests.defs.running import ROOT, connected_home, dagster_dev
from integration_pipelines_tests.kit.bench import CONTRACT

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Page

CHROMIUM = "/usr/bin/chromium"
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PICTURE = ROOT / "integration_pipelines" / "docs" / "lineage.png"
GROUPS = ("extract", "gate", "link", "reconcile", "push")
LINEAGE = "/asset-groups?expanded=" + ",".join(f"global@global:{group}" for group in GROUPS)
GRAPH: "FloatRect" = {
    "x": 420,
    "y": 115,
    "width": 2360,
    "height": 830,
}  # at that width Dagster shows details, and this is where they are
PAGES = {
    "lineage": LINEAGE,
    "asset": "/assets/reconciliation_diffs?view=overview",
    "partitions": "/assets/write_plan?view=partitions",
    "checks": "/assets/sync_certificate?view=checks",
}


@contextmanager
def browser_page(width: int = 1600, height: int = 900) -> Iterator["Page"]:
    """A page in Debian's chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only who looks at pages pays for it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        try:
            yield browser.new_page(viewport={"width": width, "height": height})
        finally:
            browser.close()


def lived_in(settings: Settings) -> None:
    """Plan for every tenant in one run, then approve and apply tenant by tenant."""
    with open_ports(settings) as ports, dagster_instance(settings) as instance:
        contract = ports.contracts[CONTRACT]
        tenants = [t.tenant_id for t in ports.tenants.all()]
        run_chain(instance, contract, tenants, mode="apply", full=True)
        for tenant_id in tenants:
            plan = ports.plans.open(tenant_id, CONTRACT)
            if plan is not None:
                approve_plan(tenant_id, plan.plan_id, actor="tester", ports=ports)
            run_chain(instance, contract, [tenant_id], mode="apply", full=False)


def take(folder: Path, pages: dict[str, str]) -> None:
    """Make a home, live in it, and take the pictures."""
    with tempfile.TemporaryDirectory() as home, connected_home(Path(home), tenants=3, customers=60) as settings:
        lived_in(settings)
        with dagster_dev(Path(home)) as dagster:
            for name, address in pages.items():
                graph = address == LINEAGE
                with browser_page(*((3000, 1100) if graph else (1600, 900))) as page:
                    page.goto(f"{dagster.url}{address}")
                    page.wait_for_load_state("networkidle")
                    if graph:
                        page.get_by_text("Hide navigation").click()
                    page.wait_for_timeout(4000)  # the graph is laid out in a worker and then moves into place
                    page.screenshot(path=folder / f"{name}.png", clip=GRAPH if graph else None)
        os.chdir(ROOT)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        take(Path(sys.argv[1]), PAGES)
    else:
        PICTURE.parent.mkdir(exist_ok=True)
        take(PICTURE.parent, {PICTURE.stem: LINEAGE})
