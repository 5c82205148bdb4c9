"""A store with everything an analyst may find: drift, a held edit, a quarantined record, an ambiguous pair, a failed write, money at risk."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from integration_pipelines_tests.kit.bench import Product, product, small_accounts


@contextmanager
def filled_store(folder: Path, start: datetime | None = None) -> Iterator[Product]:
    """Two tenants: `t1` (named T1) after an eventful second run an hour after its first, `t2` (named T2) only planned."""
    with product(folder, {"t1": small_accounts(), "t2": small_accounts()}) as made:
        made.clock.moment = start or made.clock.moment
        made.first_sync("t1")
        made.one("t2")
        made.clock.sleep(3600)
        crm, billing = made.crm(), made.billing()
        billing.objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"  # drift: billing owns it
        billing.objects["billing_subscriptions"]["sub_bolt"]["status"] = "unpaid"
        crm.refuse.add("2")  # the CRM will not take bolt's status: a failed write
        billing.objects["billing_customers"]["cus_core"]["crm_segment"] = "startup"  # the CRM owns it: held for a person
        pair = {"name": "Twin", "email": "pay@lonely.com"}
        billing.objects["billing_customers"] |= {"cus_twin_1": dict(pair), "cus_twin_2": dict(pair)}  # nobody can tell which
        made.gate.refuse["cus_alone"] = "email"
        made.one("t1")
        yield made
