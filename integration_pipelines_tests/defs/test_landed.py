"""The sensor that starts runs for what waits remembers nothing: what still waits is asked for, until a run has taken care of it."""

from datetime import timedelta

import dagster as dg
import pytest

from integration_pipelines.defs.integrations import integrations
from integration_pipelines.ports.inbox import EventOutcome
from integration_pipelines_tests.defs.conftest import QUIET, Shop, given
from integration_pipelines_tests.kit.events import SUBSCRIPTION, Mailbox

pytestmark = QUIET


def look(shop: Shop) -> list[dg.RunRequest]:
    """What a fresh look of the sensor asks for; no cursor is ever handed on."""
    sensor = next(s for s in integrations().sensors or () if s.name == "landed_webhooks")
    context = dg.build_sensor_context(instance=shop.instance, resources={"product": given(shop.product.ports)})
    return [request for request in sensor(context) or () if isinstance(request, dg.RunRequest)]


@pytest.mark.fault("P12", "P13", "P14")
def test_what_waited_a_day_is_done_once_however_often_the_sensor_looks(shop: Shop) -> None:
    """A day without a daemon, a look whose request is lost, a request that is run twice: one write, and then nothing is asked for."""
    shop.product.first_sync()
    box, before = Mailbox(shop.product), shop.writes
    shop.product.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    box.accept(SUBSCRIPTION, "sub_acme", received_at=shop.product.clock.now() - timedelta(days=1))
    shop.product.clock.sleep(3600)
    lost, asked = look(shop), look(shop)
    assert [(r.partition_key, r.run_key, r.tags["trigger"]) for r in lost] == [("t1", None, "event")]
    assert [r.tags for r in asked] == [r.tags for r in lost]
    for request in (*asked, *asked):
        assert shop.run(job="sync_records", tags=request.tags, mode="apply", inbox=True).success
    assert (shop.writes - before, box.ends(), look(shop)) == (1, [EventOutcome.APPLIED], [])
    assert shop.materialized("sync_certificate") == {"t1"}
