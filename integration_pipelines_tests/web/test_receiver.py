"""What is taken: genuine deliveries become files and rows before anybody is told so, once each, and each tenant gets its own."""

from datetime import timedelta

import pytest

from integration_pipelines.ports.webhooks import APP, Scheme
from integration_pipelines_tests.kit.receiving import (
    Reception,
    account_of,
    hubspot_event,
    secret_of,
    signed_hubspot,
    signed_standard,
    signed_stripe,
    stripe_event,
)

GATEWAY = "whsec_c2VjcmV0LW9mLXRoZS1nYXRld2F5LTAx"


def test_a_delivery_is_a_file_and_a_row(each_desk: Reception) -> None:
    """The file holds the event as it was said; the row says what it names, when it came, and that it waits."""
    desk = each_desk
    event = stripe_event(kind="customer.subscription.updated", object="subscription", id="sub_acme", customer="cus_acme")
    event["request"] = {"id": "req_1", "idempotency_key": "ip:w1"}
    sent = signed_stripe(event, desk.now)
    answer = desk.send(sent)
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    columns = ("tenant_id", "integration", "partner", "event_id", "type", "kind", "outcome", "echo_key", "records")
    records = '[["customers","cus_acme"],["subscriptions","sub_acme"]]'
    expected = ("t1", "crm_billing", "stripe", "evt_1", "customer.subscription.updated", "records", "waiting", "ip:w1", records)
    assert desk.rows(*columns) == [expected]
    ((received, landed, path),) = desk.rows("received_at", "landed_at", "landed_path")
    assert received <= landed
    (line,) = desk.landed("t1")
    assert line["event"].encode() == sent.body
    assert (line["partner"], line["event_id"]) == ("stripe", "evt_1")
    assert [file.relative_to(desk.folder / "data" / "landing").as_posix() for file in desk.files()] == [path]


@pytest.mark.fault("E01")
def test_an_event_that_comes_a_hundred_times_at_once_is_taken_once(each_desk: Reception) -> None:
    """Every sender is told that it arrived, there is one row and one line, and later ones change nothing."""
    desk = each_desk
    same = [signed_stripe(stripe_event(), desk.now) for _ in range(100)]
    assert {a.status_code for a in desk.send_all(same)} == {200}
    assert {desk.send(one).status_code for one in same[:2]} == {200}
    assert desk.rows("event_id") == [("evt_1",)]
    assert len(desk.landed("t1")) == len(desk.files()) == 1


@pytest.mark.fault("E04")
def test_the_same_change_under_other_ids_or_late_is_another_event(desk: Reception) -> None:
    """What an event says of its time decides nothing: a run looks at the record, and finds it as it is."""
    late = [stripe_event(n) | {"created": 1_795_430_000 - days * 86_400} for n, days in ((1, 0), (2, 3), (3, 30))]
    assert {desk.send(signed_stripe(event, desk.now)).status_code for event in late} == {200}
    assert desk.rows("event_id", "outcome") == [(f"evt_{n}", "waiting") for n in (1, 2, 3)]


@pytest.mark.fault("E14")
def test_a_batch_is_split_by_the_accounts_it_names(each_desk: Reception) -> None:
    """Each tenant's file and rows hold its own events only; those of nobody's account are not kept, and that is recorded."""
    desk = each_desk
    events = [hubspot_event(n, tenant, objectId=n) for n, tenant in ((1, "t1"), (2, "t2"), (3, "t1"), (4, "t9"))]
    assert desk.send(signed_hubspot(events, desk.now)).status_code == 200
    assert [(t, r) for t, r in desk.rows("tenant_id", "records")] == [
        ("t1", '[["companies","1"]]'),
        ("t1", '[["companies","3"]]'),
        ("t2", '[["companies","2"]]'),
    ]
    for tenant, mine in (("t1", 2), ("t2", 1)):
        assert [account_of(tenant) in line["event"] for line in desk.landed(tenant)] == [True] * mine
    assert {p.relative_to(desk.folder / "data" / "landing").parts[0] for p in desk.files()} == {"t1", "t2"}


@pytest.mark.fault("E15", "E14")
def test_events_of_nobodys_account_leave_a_record_and_nothing_else(each_desk: Reception) -> None:
    """The app's partner is told that all is well, since it would otherwise deliver everybody's events again."""
    desk = each_desk
    assert desk.send(signed_hubspot([hubspot_event(tenant="t9")] * 3, desk.now)).status_code == 200
    assert (desk.rows("tenant_id"), desk.files()) == ([], [])
    before, _ = desk.product.ports.audit.verify(APP)
    desk.receiver.routes.refresh()
    desk.receiver.routes.met("hubspot", [account_of("t9")])
    desk.receiver.routes.refresh()
    after, broken = desk.product.ports.audit.verify(APP)
    assert (after - before, broken) == (1, [])


@pytest.mark.fault("E15")
def test_the_address_of_a_removed_tenant_is_gone(desk: Reception) -> None:
    """Also for what is signed with the secret it had: 410, and no file, no row."""
    event = signed_stripe(stripe_event(), desk.now)
    desk.product.ports.tenants.remove("t1")
    desk.receiver.routes.refresh()
    answers = [desk.send(event), desk.send(signed_stripe(stripe_event(), desk.now, path="/webhooks/stripe/t_unknown"))]
    assert [a.status_code for a in answers] == [410, 410]
    assert (desk.rows("tenant_id"), desk.files()) == ([], [])


@pytest.mark.fault("T06")
def test_another_tenants_secret_opens_nothing(desk: Reception) -> None:
    """Nor does the app's secret open a tenant's address, or the other way round."""
    forged = [
        signed_stripe(stripe_event(), desk.now, tenant="t1", secret=secret_of("t2")),
        signed_hubspot([hubspot_event()], desk.now, secret=secret_of("t1")),
        signed_hubspot([hubspot_event()], desk.now, path="/webhooks/hubspot/t1"),
        signed_stripe(stripe_event(), desk.now, path="/webhooks/stripe"),
    ]
    assert {desk.send(one).status_code for one in forged} == {401}
    assert desk.files() == []


@pytest.mark.fault("T06", "E14")
def test_a_tenants_own_secret_cannot_speak_for_another_account(desk: Reception) -> None:
    """At a tenant's own address events of another tenant's account go nowhere, those of its own account are taken."""
    desk.add_secret("t1", "hubspot", "the-private-app-of-t1")
    both = [hubspot_event(1, "t1"), hubspot_event(2, "t2")]
    sent = signed_hubspot(both, desk.now, secret="the-private-app-of-t1", path="/webhooks/hubspot/t1")
    assert desk.send(sent).status_code == 200
    assert desk.rows("tenant_id", "partner") == [("t1", "hubspot")]


@pytest.mark.fault("E07")
def test_a_captured_delivery_is_taken_once_and_refused_when_it_is_old(desk: Reception) -> None:
    """Within five minutes it is known, afterwards it is not genuine any more."""
    captured = signed_stripe(stripe_event(), desk.now)
    assert [desk.send(captured).status_code, desk.send(captured).status_code] == [200, 200]
    desk.product.clock.sleep(301)
    assert desk.send(captured).status_code == 401
    assert len(desk.landed("t1")) == 1


@pytest.mark.parametrize("seconds", [301, 3_600, 86_400 * 365])
@pytest.mark.fault("E08")
def test_a_delivery_from_the_future_is_refused(desk: Reception, seconds: int) -> None:
    """A signature that will be fresh one day is none now."""
    later = desk.now + timedelta(seconds=seconds)
    assert desk.send(signed_stripe(stripe_event(), later)).status_code == 401
    assert desk.send(signed_hubspot([hubspot_event()], later)).status_code == 401
    assert desk.files() == []


@pytest.mark.fault("E09")
def test_while_a_secret_is_replaced_both_count_and_then_only_the_new_one(each_desk: Reception) -> None:
    """A header with two signatures is accepted by either; after its end the old secret opens nothing."""
    desk = each_desk
    new = "whsec_the_new_one_0123456789"
    desk.add_secret("t1", "stripe", new, ends=desk.now + timedelta(hours=24))
    sent = [signed_stripe(stripe_event(n), desk.now, secret=secret) for n, secret in ((1, secret_of("t1")), (2, new))]
    assert {a.status_code for a in desk.send_all(sent)} == {200}
    desk.product.clock.sleep(24 * 3600 + 1)
    answers = [desk.send(signed_stripe(stripe_event(n), desk.now, secret=s)) for n, s in ((3, secret_of("t1")), (4, new))]
    assert [a.status_code for a in answers] == [401, 200]
    assert desk.rows("event_id") == [("evt_1",), ("evt_2",), ("evt_4",)]


def test_what_a_gateway_passes_on_is_taken_under_the_gateways_secret(desk: Reception) -> None:
    """Standard Webhooks is accepted where such a secret was set, and nowhere else; partner's and gateway's secrets do not mix."""
    assert desk.send(signed_standard(stripe_event(), desk.now, secret=GATEWAY)).status_code == 401
    desk.add_secret("t1", "stripe", GATEWAY, Scheme.STANDARD)
    assert desk.send(signed_standard(stripe_event(), desk.now, secret=GATEWAY)).status_code == 200
    assert desk.send(signed_stripe(stripe_event(2), desk.now, secret=GATEWAY)).status_code == 401
    assert desk.send(signed_stripe(stripe_event(3), desk.now)).status_code == 200
    assert desk.rows("event_id") == [("evt_1",), ("evt_3",)]


@pytest.mark.fault("E13")
@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (stripe_event(kind="charge.refunded", object="charge", id="ch_1"), "unknown_type"),
        (stripe_event(kind="a.type.of.the.future"), "unknown_type"),
        (stripe_event() | {"object": "v2.core.event"}, "unknown_version"),
        (stripe_event(kind="product.updated", object="product", id="prod_1"), "not_read"),
    ],
)
def test_what_nobody_reads_is_kept_with_the_rule(desk: Reception, event: dict[str, object], rule: str) -> None:
    """The sender is told that it arrived, and it is counted."""
    assert desk.send(signed_stripe(event, desk.now)).status_code == 200
    assert desk.rows("integration", "outcome", "reason") == [("", "ignored", rule)]
    assert len(desk.landed("t1")) == 1
    assert 'webhook_events_total{outcome="ignored",partner="stripe"} 1.0' in desk.request("GET", "/metrics").text


@pytest.mark.parametrize(
    ("event", "kind", "records"),
    [
        (stripe_event(kind="price.updated", object="price", id="price_1"), "wide", '[["prices","price_1"]]'),
        (stripe_event(kind="coupon.updated", object="coupon", id="c"), "wide", '[["coupons","c"]]'),
        (stripe_event(kind="account.application.deauthorized", object="application", id="ca_1"), "uninstall", "[]"),
        (stripe_event(kind="customer.deleted"), "records", '[["customers","cus_acme"]]'),
    ],
)
def test_what_an_event_asks_for_is_told(desk: Reception, event: dict[str, object], kind: str, records: str) -> None:
    """A price changes records it does not name; lost access names none."""
    assert desk.send(signed_stripe(event, desk.now)).status_code == 200
    assert desk.rows("kind", "records", "outcome") == [(kind, records, "waiting")]
