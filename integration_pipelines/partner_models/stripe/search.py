"""The search index: it answers from the past, since it learns of writes with a lag and may stand still."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integration_pipelines.partner_models.base import Json
from integration_pipelines.partner_models.stripe import query, views
from integration_pipelines.partner_models.stripe.listing import page_size
from integration_pipelines.partner_models.stripe.params import Params
from integration_pipelines.partner_models.stripe.refusals import invalid, unrecognised
from integration_pipelines.partner_models.stripe.store import Store
from integration_pipelines.partner_models.stripe.table import Slice


@dataclass(slots=True)
class SearchIndex:
    """How far behind the index is: `lag` seconds always, and while frozen since `frozen_at` until `frozen_until`."""

    lag: float
    frozen_at: float = 0.0
    frozen_until: float = 0.0

    def freeze(self, now: float, seconds: float) -> None:
        """Stand still from now on; freezing again only lengthens it."""
        if now >= self.frozen_until:
            self.frozen_at = now
        self.frozen_until = max(self.frozen_until, now + seconds)

    def horizon(self, now: float) -> float:
        """The moment the index shows."""
        return (self.frozen_at if now < self.frozen_until else now) - self.lag


def search(store: Store, index: SearchIndex, object_name: str, values: Mapping[str, Any]) -> Json:
    """One page of results, newest first, unexpanded."""
    if object_name not in query.FIELDS:
        raise unrecognised("GET", f"/v1/{object_name}/search")
    params = Params(values, ("limit", "page", "query"))
    params.require("query")
    wanted = query.parse(object_name, str(params.text("query")))
    horizon = index.horizon(store.now())
    table = store.tables[object_name]
    seen: dict[str, Json] = {}

    def keep(record: Json) -> bool:
        past = table.as_of(record, horizon)
        if past is None or "deleted" in past or not wanted.holds(past):
            return False
        seen[record["id"]] = past
        return True

    after = _cursor(params, store, object_name)
    records, more = table.page(Slice(limit=page_size(params), after=after), keep)
    data = [views.render(store, object_name, seen[record["id"]]) for record in records]
    next_page = base64.urlsafe_b64encode(records[-1]["id"].encode()).decode() if more else None
    return {
        "object": "search_result",
        "data": data,
        "has_more": more,
        "next_page": next_page,
        "url": f"/v1/{object_name}/search",
    }


def _cursor(params: Params, store: Store, object_name: str) -> str | None:
    page = params.text("page")
    if page is None:
        return None
    try:
        record_id = base64.urlsafe_b64decode(page.encode("ascii")).decode()
    except ValueError:
        record_id = ""
    if not store.tables[object_name].knows(record_id):
        raise invalid("Invalid page.", param="page")
    return record_id
