"""The Stripe connector's reads against the modelled account over real HTTP: nothing is lost, nothing is doubled, nothing is guessed."""

from collections.abc import Iterator
from typing import Any

import pytest

from integration_pipelines.core.contract import Column, FieldType, ObjectKind, SourceObject
from integration_pipelines.errors import AuthError, BugError, ConfigError, RateLimitedError, TransientError
from integration_pipelines.partner_models.base import FaultKind
from integration_pipelines.ports.lake import Mode, Watermark
from integration_pipelines.ports.partner import Applied
from integration_pipelines_tests.kit.stripe_bench import CUSTOMERS, SUBSCRIPTIONS, Bench, Door, open_door
from integration_pipelines_tests.kit.stripe_sandbox import Kit

PRICES = SourceObject(
    role="billing", partner_object="prices", kind=ObjectKind.LOOKUP, description="Prices.",
    columns={"id": Column(source="id", type=FieldType.ID, purpose="names it")},
)  # fmt: skip


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    """One server for all tests of this module."""
    with open_door() as opened:
        yield opened


@pytest.fixture
def bench(door: Door) -> Iterator[Bench]:
    """A fresh account, served."""
    with door.bench() as made:
        yield made


def subscribe(kit: Kit, customer: str = "cus_1", *prices: str, **values: object) -> str:
    """A new subscription; returns its id."""
    items = [{"price": price} for price in prices or ("price_month",)]
    return str(kit.create("subscriptions", customer=customer, items=items, **values)["id"])


def test_a_full_read_brings_every_record_once(bench: Bench) -> None:
    """Across pages and batches; deleted customers are not listed."""
    for number in range(2345):
        bench.kit.account.insert("customers", {"id": f"cus_n{number}", "created": 1_600_000_000 + number})
    extraction, rows = bench.read(CUSTOMERS)
    assert (extraction.mode, "no watermark" in extraction.reason) == (Mode.FULL, True)
    assert len(rows) == len({row["record_id"] for row in rows}) == 2347
    assert extraction.summary.calls == 24
    assert {row["tenant_id"] for row in rows} == {"t1"}


def test_the_summary_comes_last(bench: Bench) -> None:
    """Asked before the end it is a bug."""
    with pytest.raises(BugError):
        _ = bench.connector.extract("x", CUSTOMERS, None).summary


def test_a_subscription_comes_whole(bench: Bench) -> None:
    """Items beyond the first page, tiers and the terms of discounts are there, whatever the list left out."""
    discounts = [{"coupon": "TEN"}]
    prices = ("price_tiers", "price_year", "price_packs", "price_metered")
    items = [{"price": price, "discounts": discounts} for price in prices]
    made = bench.kit.create("subscriptions", customer="cus_1", items=items, discounts=[{"coupon": "HALF_YEAR"}])
    _, rows = bench.read(SUBSCRIPTIONS)
    row = rows[0]
    assert (row["record_id"], row["customer_id"], row["status"]) == (made["id"], "cus_1", "active")
    found = {item["price_id"]: item for item in row["items"]}
    assert set(found) == set(prices)
    assert [tier["up_to"] for tier in found["price_tiers"]["tiers"]] == ["10", ""]
    assert found["price_year"]["unit_amount"] == "120000.5"
    assert [(d["percent_off"], d["products"]) for d in found["price_packs"]["discounts"]] == [("10", "prod_gold")]
    assert [(d["amount_off"], d["currency"], d["duration"]) for d in row["discounts"]] == [("500", "usd", "repeating")]
    assert row["discounts"][0]["ends_at"] == "2027-05-23T00:00:00Z"


def test_reading_by_id_says_the_same_as_reading_all(bench: Bench) -> None:
    """The gate must judge a record alike however it came."""
    made = subscribe(bench.kit, "cus_1", "price_tiers", "price_month", "price_packs", discounts=[{"coupon": "TEN"}])
    other = subscribe(bench.kit, "cus_2")
    _, rows = bench.read(SUBSCRIPTIONS)
    fetched = bench.connector.fetch("x", SUBSCRIPTIONS, [made, other]).to_pylist()
    plain = [{name: value for name, value in row.items() if name != "observed_at"} for row in fetched]
    assert plain == [
        {k: v for k, v in row.items() if k != "observed_at"} for row in sorted(rows, key=lambda r: r["record_id"] != made)
    ]


def test_many_tiered_prices_are_swept_once(bench: Bench) -> None:
    """One walk through the price list instead of a request for each."""
    for number in range(9):
        tiers = [{"up_to": None, "unit_amount": number, "unit_amount_decimal": str(number)}]
        price = {"id": f"price_t{number}", "product": "prod_gold", "recurring": {"interval": "month"}, "tiers": tiers}
        bench.kit.account.insert("prices", price)
        subscribe(bench.kit, "cus_1", f"price_t{number}")
    extraction, rows = bench.read(SUBSCRIPTIONS)
    assert sorted(row["items"][0]["tiers"][0]["unit_amount"] for row in rows) == [str(n) for n in range(9)]
    assert extraction.summary.calls == 2


def test_an_incremental_read_brings_what_was_touched(bench: Bench) -> None:
    """Events name records, their present state is fetched; deletions arrive as deletions."""
    watermark = bench.read(CUSTOMERS)[0].summary.watermark
    bench.later(hours=1)
    bench.kit.update("customers", "cus_1", name="First")
    bench.kit.update("customers", "cus_1", name="Second")
    bench.kit.write("customers", "delete", "cus_2")
    bench.later(hours=1)
    extraction, rows = bench.read(CUSTOMERS, watermark)
    assert extraction.mode is Mode.DELTA
    assert [(row["record_id"], row["deleted"], row["name"]) for row in rows] == [
        ("cus_1", False, "Second"),
        ("cus_2", True, None),
    ]
    bench.later(hours=1)
    assert bench.read(CUSTOMERS, extraction.summary.watermark)[1] == []


@pytest.mark.parametrize(("ours", "read"), [("t1:x", []), ("t2:x", ["cus_1"]), ("t1:another_object", ["cus_1"])])
def test_only_the_readers_own_writes_are_passed_over(bench: Bench, ours: str, read: list[str]) -> None:
    """They are read again when they are written; another tenant's, or another integration's, are changes like any other."""
    watermark = bench.read(CUSTOMERS)[0].summary.watermark
    bench.later(hours=1)
    assert isinstance(bench.write(key=f"integration_pipelines:{ours}:write_1", crm_segment="enterprise"), Applied)
    bench.later(hours=1)
    assert [row["record_id"] for row in bench.read(CUSTOMERS, watermark)[1]] == read


def test_discounts_and_prices_touch_what_they_belong_to(bench: Bench) -> None:
    """A changed price touches its subscriptions only if the contract reads what changed."""
    one, two = subscribe(bench.kit, "cus_1", "price_month"), subscribe(bench.kit, "cus_2", "price_year")
    bench.later(hours=1)
    watermark = bench.read(SUBSCRIPTIONS)[0].summary.watermark
    bench.later(hours=1)
    bench.kit.update("prices", "price_month", nickname="Monthly")
    assert bench.read(SUBSCRIPTIONS, watermark)[1] == []
    bench.kit.update("subscriptions", two, discounts={"0": {"coupon": "TEN"}})
    assert [row["record_id"] for row in bench.read(SUBSCRIPTIONS, watermark)[1]] == [two]
    nicknames = SUBSCRIPTIONS.columns["items"].model_copy(
        update={
            "fields": {"nickname": SUBSCRIPTIONS.columns["items"].fields["id"].model_copy(update={"source": "price.nickname"})}
        }
    )
    curious = SUBSCRIPTIONS.model_copy(update={"columns": {**SUBSCRIPTIONS.columns, "items": nicknames}})
    assert {row["record_id"] for row in bench.read(curious, watermark)[1]} == {one, two}


@pytest.mark.parametrize(
    ("token", "days", "reason"),
    [
        ('{"created": 1}', 0, "older than"),
        ("gibberish", 0, "cannot be read"),
        ("[]", 0, "cannot be read"),
        (None, 31, "older than"),
    ],
)
def test_a_watermark_beyond_the_horizon_means_everything(bench: Bench, token: str | None, days: int, reason: str) -> None:
    """Stripe forgets events after thirty days; the reason is stated."""
    watermark = bench.read(CUSTOMERS)[0].summary.watermark
    bench.later(days=days)
    extraction, rows = bench.read(CUSTOMERS, Watermark(token, watermark.taken_at) if token else watermark)
    assert (extraction.mode, len(rows)) == (Mode.FULL, 2)
    assert reason in extraction.reason


def test_a_coupon_that_cannot_be_found_stays_visibly_unreadable(bench: Bench) -> None:
    """Its id stands where its terms should be, so that the gate refuses the record instead of counting it without discount."""
    subscribe(bench.kit, "cus_1", discounts=[{"coupon": "TEN"}])
    bench.kit.account.store.tables["coupons"].drop("TEN")
    _, rows = bench.read(SUBSCRIPTIONS)
    assert rows[0]["discounts"][0]["percent_off"] == '"TEN"'


def test_a_coupons_new_terms_mean_a_full_read(bench: Bench) -> None:
    """Only when the contract reads what changed, and with that reason; other objects follow their own events."""
    watermark = bench.read(CUSTOMERS)[0].summary.watermark
    bench.later(hours=1)
    bench.kit.update("coupons", "TEN", name="Ten off")
    assert bench.read(CUSTOMERS, watermark)[0].mode is Mode.DELTA
    name = CUSTOMERS.columns["discounts"].fields["currency"].model_copy(update={"source": "source.coupon.name"})
    discounts = CUSTOMERS.columns["discounts"].model_copy(update={"fields": {"name": name}})
    curious = CUSTOMERS.model_copy(update={"columns": {**CUSTOMERS.columns, "discounts": discounts}})
    extraction, rows = bench.read(curious, watermark)
    assert (extraction.mode, len(rows)) == (Mode.FULL, 2)
    assert "coupon" in extraction.reason


def test_very_many_changes_are_read_as_everything(bench: Bench) -> None:
    """Beyond a thousand records pages cost less than single reads."""
    watermark = bench.read(CUSTOMERS)[0].summary.watermark
    bench.later(hours=1)
    for number in range(1001):
        data = {"object": {"id": f"cus_m{number}", "object": "customer"}}
        event = {"id": f"evt_m{number}", "type": "customer.updated", "created": int(bench.kit.clock.at), "data": data}
        bench.kit.account.insert("events", event)
    extraction, _ = bench.read(CUSTOMERS, watermark)
    assert (extraction.mode, "more than 1000" in extraction.reason) == (Mode.FULL, True)


def test_fetch_gives_one_row_per_id(bench: Bench) -> None:
    """In the order asked; deleted and unknown ones are marked."""
    bench.kit.write("customers", "delete", "cus_2")
    table = bench.connector.fetch("x", CUSTOMERS, ["cus_nope", "cus_1", "cus_2"])
    assert table.select(["record_id", "deleted"]).to_pylist() == [
        {"record_id": "cus_nope", "deleted": True}, {"record_id": "cus_1", "deleted": False}, {"record_id": "cus_2", "deleted": True},
    ]  # fmt: skip
    assert bench.connector.fetch("x", CUSTOMERS, []).num_rows == 0


@pytest.mark.parametrize(
    ("kind", "params"),
    [(FaultKind.TRUNCATED, {}), (FaultKind.TRUNCATED, {"short": True}), (FaultKind.NOT_JSON, {}), (FaultKind.DROPPED_ANSWER, {}),
     (FaultKind.SERVER_ERROR, {"status": 502}), (FaultKind.RATE_LIMITED, {}), (FaultKind.TIMEOUT, {"seconds": 0.05})],
)  # fmt: skip
def test_a_read_survives_passing_faults_and_never_shrinks(bench: Bench, kind: FaultKind, params: Any) -> None:  # noqa: ANN401 - each fault has its own
    """Every record is there, or the read fails; there is no empty answer."""
    for number in range(150):
        bench.kit.account.insert("customers", {"id": f"cus_n{number}", "created": 1_600_000_000 + number})
    bench.fault(kind, path="/v1/customers", **params)
    assert len(bench.read(CUSTOMERS)[1]) == 152
    bench.fault(kind, times=-1, path="/v1/customers", **params)
    with pytest.raises((TransientError, RateLimitedError)):
        bench.read(CUSTOMERS)


def test_a_missing_permission_is_named(bench: Bench) -> None:
    """The person who connects the account learns which one."""
    bench.fault(FaultKind.SCOPE_REMOVED, times=-1, scope="event_read")
    watermark = bench.read(CUSTOMERS)[0].summary.watermark
    with pytest.raises(AuthError, match="event_read"):
        bench.read(CUSTOMERS, watermark)


@pytest.mark.fault("H20")
def test_a_vanished_cursor_is_replaced_by_its_neighbour(bench: Bench) -> None:
    """A record that disappears between two pages loses nothing else and doubles nothing."""
    for number in range(250):
        bench.kit.account.insert("customers", {"id": f"cus_n{number}", "created": 1_500_000_000 + number})
    pages = bench.connector._lists.pages("/v1/customers", [])
    first = next(pages)
    bench.kit.account.store.tables["customers"].drop(first[-1]["id"])
    rest = [record["id"] for page in pages for record in page]
    assert len(rest) == len(set(rest)) == 152
    assert not set(rest) & {record["id"] for record in first}


def test_unknown_fields_are_reported_without_values(bench: Bench) -> None:
    """Stripe adds attributes without a new version; their names and types are kept."""
    bench.kit.account.insert("customers", {"id": "cus_9", "created": 1_700_000_009, "loyalty": "gold", "ann@x.example": 1})
    counts = bench.read(CUSTOMERS)[0].summary.unknown_fields
    assert counts["loyalty", "string"] == 1
    assert not [name for name, _ in counts if "@" in name]


def test_malformed_values_reach_the_gate(bench: Bench) -> None:
    """A record of the wrong shape is a row like any other."""
    bench.kit.account.insert(
        "customers", {"id": "cus_8", "created": 1_700_000_008, "name": {"first": "A"}, "email": 7, "metadata": "x"}
    )
    row = next(row for row in bench.read(CUSTOMERS)[1] if row["record_id"] == "cus_8")
    assert (row["name"], row["email"], row["crm_segment"]) == ('{"first":"A"}', "7", '"x"')


def test_lookups_are_read_in_full_and_by_events(bench: Bench) -> None:
    """Prices, products and coupons follow the same rules."""
    extraction, rows = bench.read(PRICES)
    assert {row["record_id"] for row in rows} >= {"price_month", "price_tiers"}
    bench.later(hours=1)
    bench.kit.update("prices", "price_month", nickname="Monthly")
    assert [row["record_id"] for row in bench.read(PRICES, extraction.summary.watermark)[1]] == ["price_month"]


def test_an_object_stripe_does_not_have_is_a_configuration_error(bench: Bench) -> None:
    """The message says which exist."""
    with pytest.raises(ConfigError, match="customers, prices"):
        bench.connector.extract("x", CUSTOMERS.model_copy(update={"partner_object": "invoices"}), None)


def test_the_probe_says_which_account_it_is(bench: Bench) -> None:
    """Or what to do; it never raises for an expected fault."""
    assert (bench.connector.probe().ok, bench.connector.probe().account) == (True, "acct_kit")
    stranger = Bench(bench.kit, token="sk_wrong").connector
    assert not stranger.probe().ok
    assert "Connect" in stranger.probe().remedy
    stranger.close()
    bench.fault(FaultKind.SCOPE_REMOVED, scope="account_read")
    assert bench.connector.probe().missing_scopes == ("account_read",)
    assert bench.connector.ensure_properties("customers", {}) == ()


def test_every_endpoint_has_its_own_bucket(bench: Bench) -> None:
    """Stripe counts requests per endpoint; the tenant's and partner's names keep others apart."""
    subscribe(bench.kit, "cus_1", "price_tiers", discounts=[{"coupon": "TEN"}])
    bench.read(SUBSCRIPTIONS)
    assert {bucket for bucket, _, _ in bench.quota.asked} == {"t1:stripe:subscriptions", "t1:stripe:prices", "t1:stripe:coupons"}
