"""What Stripe's lists leave out of a record: coupons' terms, prices' tiers, items beyond the first page.

A list may be expanded four levels deep, and a discount's terms lie deeper, so coupons and tiered prices are fetched by id, once an
extraction. Without them an amount would be computed wrongly and look right; what cannot be found stays an id, which the gate refuses.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

from integration_pipelines.errors import InvalidError
from integration_pipelines.partners.http import PartnerHttp
from integration_pipelines.partners.observe import Json
from integration_pipelines.partners.stripe.paging import Lists, bucket
from integration_pipelines.partners.stripe.wire import RESOURCES, Resource

_SINGLE_PRICES = 5
"""Up to so many tiered prices are fetched one by one; for more the whole list is read once."""


def expansions(pairs: Iterable[tuple[str, str]], wanted: frozenset[str]) -> list[tuple[str, str]]:
    """`expand[]` parameters for those (source path, expansion) pairs whose source, or something below it, is wanted."""
    return [("expand[]", path) for source, path in pairs if any(w == source or w.startswith(f"{source}.") for w in wanted)]


class Completion:
    """Completes records of one extraction; caches coupons and tiers for its length. One thread uses it, its fetches are concurrent.

    Args:
        http: the connection.
        pool: for concurrent fetches.
        partner_object: whose records.
        wanted: every path the contract reads, see `translate.sources`.
    """

    def __init__(self, http: PartnerHttp, pool: Executor, partner_object: str, wanted: frozenset[str]) -> None:
        self._http = http
        self._pool = pool
        self._resource: Resource = RESOURCES[partner_object]
        self._wanted = wanted
        self._items = partner_object == "subscriptions" and _any(wanted, "items")
        self._discounts = _any(wanted, "discount", "discounts", "items.discounts")
        self._tiered = _any(wanted, "items.price.tiers")
        self._coupons: dict[str, Json | None] = {}
        self._tiers: dict[str, Any] = {}
        self._swept = False

    def one(self, record_id: str) -> Json | None:
        """A record by id with everything a single request can expand; None if Stripe does not know it."""
        path = f"{self._resource.path}/{{}}"
        params = expansions(self._resource.expand_one, self._wanted)
        reply = self._http.request(
            "GET", path, ids=(record_id,), params=params, bucket=bucket(path), accept=frozenset({404})
        )  # fmt: skip
        return None if reply.status == 404 else reply.as_object()  # noqa: PLR2004 - an HTTP status says more than a name

    def complete(self, records: Sequence[Json]) -> list[Json]:
        """The records with what the list left out; a deleted coupon's terms are read with the record they still apply to."""
        if self._items:
            self._page_items(records)
        if self._tiered:
            self._fill_tiers(records)
        if not self._discounts:
            return list(records)
        discounted = {position: record for position, record in enumerate(records) if _is_discounted(record)}
        self._fetch_coupons(list(discounted.values()))
        done = list(records)
        for position, record in discounted.items():
            done[position] = record if self._settle(record, single=False) else self._alone(record)
        return done

    def _alone(self, record: Json) -> Json:
        fresh = self.one(str(record.get("id", "")))
        if fresh is None:
            return record
        if self._items:
            self._page_items([fresh])
        if self._tiered:
            self._fill_tiers([fresh])
        self._fetch_coupons([fresh])
        self._settle(fresh, single=True)
        self._item_terms(fresh)
        return fresh

    def _item_terms(self, record: Json) -> None:
        """Items' discounts lie too deep even in a single subscription; those of deleted coupons are read with the item itself."""
        path = "/v1/subscription_items/{}"
        for item in _items_of(record):
            sources = [discount.get("source") for discount in _rows(item.get("discounts")) if isinstance(discount, dict)]
            if any(isinstance(source, dict) and isinstance(source.get("coupon"), str) for source in sources):
                params = [("expand[]", "discounts.source.coupon.applies_to")]
                ids = (str(item.get("id", "")),)
                reply = self._http.request("GET", path, ids=ids, params=params, bucket=bucket(path), accept=frozenset({404}))
                item["discounts"] = reply.as_object().get("discounts", item["discounts"])

    def _page_items(self, records: Sequence[Json]) -> None:
        """Subscriptions with more items than fit get all of them."""
        for record in records:
            items = record.get("items")
            if isinstance(items, dict) and items.get("has_more") is True:
                params = [("subscription", str(record.get("id", "")))]
                params += [("expand[]", "data.discounts")] if self._discounts else []
                pages = Lists(self._http).pages("/v1/subscription_items", params)
                items |= {"data": [item for page in pages for item in page], "has_more": False}

    def _fill_tiers(self, records: Sequence[Json]) -> None:
        prices = [price for record in records for price in _tiered_prices(record)]
        unknown = {str(price["id"]) for price in prices} - self._tiers.keys()
        if len(unknown) > _SINGLE_PRICES and not self._swept:
            self._swept = True
            for page in Lists(self._http).pages("/v1/prices", [("expand[]", "data.tiers")]):
                self._tiers |= {str(price["id"]): price["tiers"] for price in page if "id" in price and "tiers" in price}
            unknown -= self._tiers.keys()
        self._tiers |= dict(self._pool.map(self._tiers_of, sorted(unknown)))
        for price in prices:
            price["tiers"] = self._tiers[str(price["id"])]

    def _tiers_of(self, price_id: str) -> tuple[str, Any]:
        path = "/v1/prices/{}"
        try:
            reply = self._http.request("GET", path, ids=(price_id,), params=[("expand[]", "tiers")], bucket=bucket(path))
        except InvalidError:
            return price_id, price_id  # stays an id where tiers are expected, so that the gate refuses the record
        return price_id, reply.as_object().get("tiers", price_id)

    def _fetch_coupons(self, records: Sequence[Json]) -> None:
        wanted = {coupon for record in records for source in _discount_sources(record) if (coupon := _coupon_id(source))}
        self._coupons |= dict(self._pool.map(self._coupon, sorted(wanted - self._coupons.keys())))

    def _coupon(self, coupon_id: str) -> tuple[str, Json | None]:
        path = "/v1/coupons/{}"
        params = [("expand[]", "applies_to")]
        reply = self._http.request(
            "GET", path, ids=(coupon_id,), params=params, bucket=bucket(path), accept=frozenset({404})
        )  # fmt: skip
        gone = reply.status == 404  # noqa: PLR2004 - an HTTP status says more than a name
        return coupon_id, None if gone or reply.as_object().get("deleted") is True else reply.as_object()

    def _settle(self, record: Json, *, single: bool) -> bool:
        """Put coupons into the record's discounts; False if a deleted one's terms have to be read with the record itself."""
        for source in _discount_sources(record):
            coupon_id = _coupon_id(source)
            coupon = self._coupons.get(coupon_id) if coupon_id else None
            if coupon is not None:
                source["coupon"] = coupon
            elif coupon_id and not single:
                return False
        return True


def _any(wanted: frozenset[str], *starts: str) -> bool:
    return any(path == start or path.startswith(f"{start}.") for path in wanted for start in starts)


def _rows(value: object) -> list[Any]:
    if isinstance(value, dict):
        data = value.get("data")
        return data if isinstance(data, list) else [value]
    return value if isinstance(value, list) else []


def _items_of(record: Json) -> list[Json]:
    return [item for item in _rows(record["items"]) if isinstance(item, dict)] if "items" in record else []


def _is_discounted(record: Json) -> bool:
    """A quick look, since most records have no discount."""
    return bool(record.get("discount") or record.get("discounts")) or any(item.get("discounts") for item in _items_of(record))


def _tiered_prices(record: Json) -> Iterator[Json]:
    for item in _items_of(record):
        price = item.get("price")
        if isinstance(price, dict) and price.get("billing_scheme") == "tiered" and "tiers" not in price and "id" in price:
            yield price


def _discount_sources(record: Json) -> Iterator[Json]:
    """The `source` of every discount of a record and of its items; those are what hold a coupon."""
    holders = [record.get("discount"), record.get("discounts"), *(item.get("discounts") for item in _items_of(record))]
    for holder in holders:
        for discount in _rows(holder):
            source = discount.get("source") if isinstance(discount, dict) else None
            if isinstance(source, dict):
                yield source


def _coupon_id(source: Json) -> str:
    coupon = source.get("coupon")
    found = coupon.get("id") if isinstance(coupon, dict) else coupon
    return found if isinstance(found, str) else ""
