"""A world for `reconcile` and `nightly`, made set by set: tenants with linked accounts in sync, then a few that drifted on either side.

Only the data is made here; nothing of the engine is run, and `landing` says where it goes. Values are spelled the way partners spell
them, so that canonical forms have work to do: upper-case e-mails, `www.` before domains, blanks around names, amounts in major units on
one side and minor on the other.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from integration_pipelines.core.contract import Contract
from integration_pipelines.core.shapes import base_schema
from integration_pipelines.core.tables import IDENTITY_LINKS
from integration_pipelines.known import packaged_contracts
from integration_pipelines.use_cases.observations import observed_schema

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DRIFT = 0.005
OWNERS = 50
_SEGMENTS = {"Enterprise": "enterprise", "Mid-Market": "mid_market", "SMB": "small_business", "Startup": "startup"}
_BATCH = 65_536
FIRST_COMPANY = 20_000_000

_COMPANIES = {
    "id": "company", "name": "' Account ' || n || '  '", "domain": "'www.account-' || n || '.example'", "lifecycle_stage": "'customer'",
    "owner_id": "l_owner::VARCHAR", "customer_segment": f"({list(_SEGMENTS)})[l_segment]", "stripe_customer_id": "customer",
    "billing_subscription_status": "'active'", "billing_mrr_currency": "'USD'",
    "billing_mrr": "(l_minor // 100) || '.' || lpad((l_minor % 100)::VARCHAR, 2, '0')", "billing_renewal_date": "'2026-12-01'",
    "billing_synced_at": "'2026-11-01T00:00:00Z'",
}  # fmt: skip
_OWNERS = {
    "id": "n::VARCHAR", "email": "'Owner' || n || '@CRM.example'", "first_name": "'Ann' || n", "last_name": "'Lee'", "archived": "'false'"
}  # fmt: skip
_CUSTOMERS = {
    "id": "customer", "name": "'Account ' || n", "email": "'billing@account-' || n || '.example'", "crm_company_id": "company",
    "crm_owner_id": "r_owner::VARCHAR", "crm_owner_email": "'owner' || r_owner || '@crm.example'",
    "crm_owner_name": "'Ann' || r_owner || ' Lee'", "crm_segment": f"({list(_SEGMENTS.values())})[r_segment]",
}  # fmt: skip
_SUBSCRIPTIONS = {
    "id": "'sub_' || n", "customer_id": "customer", "status": "'active'", "currency": "'usd'", "cancel_at_period_end": "'false'"
}  # fmt: skip
_ITEM = {
    "id": "'si_' || n", "quantity": "'1'", "current_period_end": "'2026-12-01T00:00:00Z'", "price_id": "'price_1'",
    "product_id": "'prod_1'", "interval": "'month'", "interval_count": "'1'", "usage_type": "'licensed'", "billing_scheme": "'per_unit'",
    "unit_amount": "r_minor::VARCHAR",
}  # fmt: skip
_BASE = {
    "billing_customer_id": "customer", "subscription_status": "'active'", "mrr": "minor::VARCHAR", "mrr_currency": "'USD'",
    "renewal_date": "'2026-12-01'", "cancel_date": "''", "account_owner": "'owner' || owner || '@crm.example'",
    "account_owner_id": "owner::VARCHAR", "account_owner_name": "'Ann' || owner || ' Lee'",
    "customer_segment": f"({list(_SEGMENTS.values())})[segment]", "crm_company_id": "company",
}  # fmt: skip
_LINK = {
    "integration": "'crm_billing'", "link_id": "'link_' || tenant_id || '_' || n", "left_id": "company", "right_id": "customer", "state": "'live'",
    "match_rule": "'stripe_customer_id'", "match_evidence": "'The company''s property names the customer.'", "epoch": "1",
}  # fmt: skip
_OBJECTS = {
    "crm_accounts": _COMPANIES,
    "crm_owners": _OWNERS,
    "billing_customers": _CUSTOMERS,
    "billing_subscriptions": _SUBSCRIPTIONS,
}


def contract() -> Contract:
    """The packaged contract, whose fields are compared."""
    return packaged_contracts()["crm_billing"]


class World:
    """So many tenants with so many linked accounts each; tables come tenant by tenant, in batches, so that none is held whole."""

    def __init__(self, tenants: int, accounts: int, *, prefix: str = "t", seed: int = 1) -> None:
        self.tenant_ids = tuple(f"{prefix}{n:05d}" for n in range(tenants))
        self._con = duckdb.connect()
        self._con.execute("SET TimeZone = 'UTC'")
        self._con.register("drawn", _drawn(tenants, accounts, seed))
        self._con.execute(
            f"""CREATE TABLE accounts AS SELECT *, '{prefix}' || lpad(tenant::VARCHAR, 5, '0') AS tenant_id,
              ({FIRST_COMPANY} + n)::VARCHAR AS company,
              'cus_' || n AS customer FROM drawn"""
        )
        self._con.execute(
            f"CREATE TABLE owners AS SELECT tenant_id, n FROM (SELECT DISTINCT tenant_id FROM accounts), range(1, {OWNERS + 1}) r(n)"
        )

    def observed(self, name: str, tenant_id: str) -> pa.RecordBatchReader:
        """A tenant's observations of one object, in the shape that extracts have."""
        spec = contract().objects[name]
        columns = {"tenant_id": "tenant_id", "record_id": _OBJECTS[name]["id"], "observed_at": _time(), "deleted": "false"}
        if name == "billing_subscriptions":
            columns["items"] = _items(observed_schema(spec))
        source = "owners" if name == "crm_owners" else "accounts"
        return self._read(source, tenant_id, observed_schema(spec), columns | _OBJECTS[name])

    def links(self, tenant_id: str) -> pa.RecordBatchReader:
        """Every account's link, live."""
        times = {"created_at": _time(), "updated_at": _time()}
        return self._read(
            "accounts",
            tenant_id,
            IDENTITY_LINKS,
            {"tenant_id": "tenant_id", "survivor_link_id": "NULL", "decided_by": "NULL"} | _LINK | times,
        )

    def base(self, tenant_id: str) -> pa.RecordBatchReader:
        """What both sides agreed on before anything drifted."""
        return self._read(
            "accounts", tenant_id, base_schema(contract()), {"tenant_id": "tenant_id", "link_id": _LINK["link_id"]} | _BASE
        )

    def close(self) -> None:
        """Free what was made."""
        self._con.close()

    def _read(self, source: str, tenant_id: str, schema: pa.Schema, columns: Mapping[str, str]) -> pa.RecordBatchReader:
        shown = ", ".join(f'{columns.get(f.name, _blank(f.type))} AS "{f.name}"' for f in schema)
        query = f"SELECT {shown} FROM {source} WHERE tenant_id = '{tenant_id}' ORDER BY n"
        reader = self._con.cursor().sql(query).to_arrow_reader(_BATCH)
        return pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in reader))


Numbers = npt.NDArray[np.int64]


def _drawn(tenants: int, accounts: int, seed: int) -> pa.Table:
    """Numbers by account: what both sides agreed on, and what each says now. On each side `DRIFT` of the accounts differ, at least one."""
    rng = np.random.default_rng(seed)
    rows = tenants * accounts
    owner, segment = rng.integers(1, OWNERS + 1, rows), rng.integers(1, 5, rows)
    minor = rng.integers(500, 500_000, rows)
    drifting = max(1, round(accounts * DRIFT))
    place = (
        rng.random((tenants, accounts)).argsort(axis=1).argsort(axis=1).reshape(rows)
    )  # each account's place in a shuffle of its tenant's
    left, right = np.flatnonzero(place < drifting), np.flatnonzero((place >= drifting) & (place < 2 * drifting))
    lefts, rights = ({"owner": owner.copy(), "segment": segment.copy(), "minor": minor.copy()} for _ in range(2))
    lefts["owner"][left[::3]] = owner[left[::3]] % OWNERS + 1  # the CRM's own field changed: drift of three fields
    lefts["segment"][left[1::3]] = segment[left[1::3]] % 4 + 1  # idem, one field
    lefts["minor"][left[2::3]] += 100  # somebody edited billing's field in the CRM: foreign edit
    rights["minor"][right[::2]] += 250  # billing changed: drift
    rights["segment"][right[1::2]] = (segment[right[1::2]] + 1) % 4 + 1  # somebody edited the CRM's field in billing
    number = np.arange(rows, dtype=np.int64)
    now = {f"{side}_{k}": v for side, values in (("l", lefts), ("r", rights)) for k, v in values.items()}
    agreed: dict[str, Numbers] = {"n": number, "tenant": number // accounts, "owner": owner, "segment": segment, "minor": minor}
    return pa.Table.from_pydict({name: pa.array(values) for name, values in (agreed | now).items()})


def _time() -> str:
    return f"TIMESTAMPTZ '{NOW.isoformat()}'"


def _items(schema: pa.Schema) -> str:
    """One plain monthly item a subscription."""
    fields = schema.field("items").type.value_type
    return "[{" + ", ".join(f"'{f.name}': {_ITEM.get(f.name, _blank(f.type))}" for f in fields) + "}]"


def _blank(kind: pa.DataType) -> str:
    if not pa.types.is_list(kind):
        return "''"
    fields = ", ".join(f'"{f.name}" VARCHAR' for f in kind.value_type)
    return f"[]::STRUCT({fields})[]"
