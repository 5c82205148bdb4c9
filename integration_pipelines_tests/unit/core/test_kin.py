"""Which records decide about each other: never fewer than the engine would compare, whatever the spelling."""

import unicodedata
from itertools import combinations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration_pipelines.core.canonical import canonical
from integration_pipelines.core.contract import Contract, FieldType
from integration_pipelines.core.kin import Key, Kinship, keys, lookups, loose, loose_text, loose_value
from integration_pipelines.core.sayings import Said, said
from integration_pipelines.core.sql import Sql
from integration_pipelines.core.tables import TEXT
from integration_pipelines_tests.kit.core import connect, crm_billing

LEFT, RIGHT, PARTS = "crm_accounts", "billing_customers", "billing_subscriptions"
COMPARED = [kind for kind in FieldType if kind not in {FieldType.LIST, FieldType.MONEY}]
LETTERS = " \t\u00a0\u0301.;:@-+0159eEwW\u0130\u0131\u00dfJj\u212a\u1e9e\u00e9"
KNOWN = [
    "5",
    "5.0",
    "+05",
    "5e0",
    "2026-11-23",
    "2026-11-23T10:00:00Z",
    "2026-11-23T12:00:00+02:00",
    "a;b",
    " b; a",
    "www.acme.com",
    "Acme.com",
]
quick = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def key_for(kind: FieldType) -> Key:
    """The key under which a matching rule compares a column of that type."""
    made = crm_billing()
    account = made.objects[LEFT]
    column = account.columns["stripe_customer_id"].model_copy(update={"type": kind})
    changed = account.model_copy(update={"columns": {**account.columns, "stripe_customer_id": column}})
    return named(made.model_copy(update={"objects": {**made.objects, LEFT: changed}}), LEFT, "stripe_customer_id")


def named(contract: Contract, name: str, key: str) -> Key:
    """An object's key of that name."""
    return next(one for one in keys(contract)[name] if one.name == key)


def spelled(texts: list[str]) -> list[str]:
    """Each text as it is, and as people and products write it otherwise."""
    ways = (str, str.upper, str.lower, lambda t: f" {t}\t", lambda t: unicodedata.normalize("NFD", t), lambda t: f"www.{t}")
    return list(dict.fromkeys(way(text) for text in [*texts, *KNOWN] for way in ways))


def said_by_row(key: Key, values: list[str]) -> list[set[str]]:
    """What each row says under a key."""
    found: list[set[str]] = [set() for _ in values]
    places, said = loose(key, pa.array(values, TEXT))
    for place, one in zip(places.to_pylist(), said.to_pylist(), strict=True):
        found[int(place or 0)].add(str(one))
    return found


@pytest.mark.parametrize("kind", COMPARED)
@quick
@given(st.lists(st.text(LETTERS, max_size=6), max_size=4))
def test_what_the_engine_holds_for_the_same_is_the_same_here(kind: FieldType, texts: list[str]) -> None:
    """Two values with one canonical form share what they say under the key, so that neither can decide without the other being looked at."""
    values = spelled(texts)
    sql = Sql(connect())
    sql.put("given", pa.table({"n": range(len(values)), "raw": pa.array(values, TEXT)}))
    forms = sql.arrow(f"SELECT {canonical(kind, 'raw')} AS form FROM given ORDER BY n")["form"].to_pylist()
    said = said_by_row(key_for(kind), values)
    same = [(a, b) for a, b in combinations(range(len(values)), 2) if forms[a] == forms[b] != ""]
    assert same
    assert [(values[a], values[b]) for a, b in same if not said[a] & said[b]] == []


@pytest.mark.parametrize("kind", COMPARED)
@quick
@given(st.lists(st.text(LETTERS, max_size=6), max_size=4))
def test_a_text_alone_says_what_it_says_among_many(kind: FieldType, texts: list[str]) -> None:
    """Few rows are compared text by text and many by column, and nobody can tell from what is found."""
    values = spelled([*texts, "a@b@c", "@", "Pay@WWW.acme.com", "www.", "www.www.a", ";a;;B ", "1e400", "-0.0"])
    for key in (key_for(kind), *(key for mine in Kinship.of(crm_billing()).keys.values() for key in mine)):
        assert [loose_text(key, value) for value in values] == said_by_row(key, values)


def test_an_e_mail_is_kin_to_its_domain_and_free_mail_to_nobody() -> None:
    """However both are written; what thousands of strangers share says nothing."""
    contract = crm_billing()
    domain = said_by_row(named(contract, LEFT, "email_domain"), ["WWW.Acme.com ", "gmail.com", ""])
    email = said_by_row(named(contract, RIGHT, "email_domain"), ["Pay@acme.com", "pay@GMAIL.com", "nobody"])
    assert (domain, email) == ([{"acme.com"}, set(), set()], [{"acme.com"}, set(), set()])


def table(name: str, *told: dict[str, str]) -> pa.Table:
    """Stored rows of an object with those columns, others blank."""
    columns = Kinship.of(crm_billing()).columns[name]
    return pa.table({column: pa.array([row.get(column, "") for row in told], TEXT) for column in columns})


def rows(few: int, name: str, *told: dict[str, str]) -> Said:
    """What they say, found as for few rows if there are no more than that."""
    return said(Kinship.of(crm_billing()), name, table(name, *told), few=few)


@pytest.mark.parametrize("few", [0, 500])
def test_older_rows_of_a_record_still_say_what_they_said(few: int) -> None:
    """A record that stood in another one's way until now is found by what it said before; what was stored meanwhile counts, too."""
    known = rows(few, RIGHT, {"record_id": "cus_1", "email": "a@old.com"}, {"record_id": "cus_1", "email": "a@new.com"})
    assert known.says(["cus_1"])["email_domain"] == {"old.com", "new.com"}
    assert known.saying({"email_domain": {"old.com"}}) == {"cus_1"}
    more = known.joined_by(table(RIGHT, {"record_id": "cus_2", "email": "b@old.com"}))
    assert (more.saying({"email_domain": {"old.com"}}), more.present(["cus_2", "cus_3"])) == ({"cus_1", "cus_2"}, {"cus_2"})
    assert known.says(["cus_3"]) == {}


@pytest.mark.parametrize("few", [0, 500])
def test_parts_belong_to_their_record_and_owners_decide_about_nobody(few: int) -> None:
    """A subscription and its customer find each other; an account's owner is only looked up."""
    contract = crm_billing()
    parts = rows(few, PARTS, {"record_id": "sub_1", "customer_id": "cus_1"}, {"record_id": "sub_2", "customer_id": "cus_2"})
    customers = rows(few, RIGHT, {"record_id": "cus_1"}, {"record_id": "cus_2"})
    assert parts.saying(customers.says(["cus_1"])) == {"sub_1"}
    assert customers.saying(parts.says(["sub_2"])) == {"cus_2"}
    assert parts.column("customer_id", ["sub_1"]) == {("sub_1", "cus_1")}
    assert parts.naming("customer_id", ["cus_2"]) == {("sub_2", "cus_2")}
    assert lookups(contract) == {LEFT: (("owner_id", "crm_owners"),)}
    assert keys(contract)["crm_owners"] == ()
    assert loose_value(Kinship.of(contract), LEFT, "email_domain", " www.ACME.com") == {"acme.com"}
