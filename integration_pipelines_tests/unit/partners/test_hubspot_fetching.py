"""Single records by id: present, merged away, archived, never there."""

from typing import Any

import httpx

from integration_pipelines_tests.unit.partners.hubspot_script import COMPANIES, OWNERS, Script, company, page

READ = "/crm/objects/2026-03/companies/batch/read"


def fetched(script: Script, *ids: str) -> list[tuple[Any, ...]]:
    """Id asked for, id that answered, deleted."""
    table = script.connector().fetch("crm_accounts", COMPANIES, ids)
    return [(row["record_id"], row["id"], row["deleted"]) for row in table.to_pylist()]


def test_rows_come_in_the_order_asked_whatever_order_hubspot_has() -> None:
    """One row per id, an id is asked for once, and the request names the declared properties and the merged ids."""
    script = Script().on("POST", READ, page(company(2), company(1)))
    assert fetched(script, "1", "2", "1") == [("1", "1", False), ("2", "2", False), ("1", "1", False)]
    asked = script.bodies(READ)[0]
    assert asked["inputs"] == [{"id": "1"}, {"id": "2"}]
    assert asked["properties"] == ["billing_renewal_date", "billing_synced_at", "hs_merged_object_ids", "name"]


def test_a_merged_id_answers_with_its_survivor() -> None:
    """The row keeps the id asked for and shows the id that answered, also when both were asked for."""
    survivor = company(9, hs_merged_object_ids="1;2")
    script = Script().on("POST", READ, page(survivor, company(3)))
    assert fetched(script, "1", "3", "9", "2") == [
        ("1", "9", False),
        ("3", "3", False),
        ("9", "9", False),
        ("2", "9", False),
    ]


def test_an_unknown_id_is_deleted() -> None:
    """207 names the ids that were not found."""
    body = {**page(company(1)), "numErrors": 1, "errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": ["2"]}}]}
    assert fetched(Script().on("POST", READ, body, status=207), "1", "2") == [("1", "1", False), ("2", "2", True)]


def test_an_id_passed_over_in_silence_is_asked_alone() -> None:
    """Neither found nor refused: a single read decides, be it a survivor or a 404."""
    script = Script().on("POST", READ, page(company(1)))
    script.on("GET", "/crm/objects/2026-03/companies/2", company(7))
    script.on("GET", "/crm/objects/2026-03/companies/3", {"category": "OBJECT_NOT_FOUND"}, status=404)
    assert fetched(script, "1", "2", "3") == [("1", "1", False), ("2", "7", False), ("3", "3", True)]


def test_an_archived_company_is_deleted() -> None:
    """What lies in the recycling bin takes no part."""
    assert fetched(Script().on("POST", READ, page({**company(1), "archived": True})), "1") == [("1", "1", True)]


def test_what_cannot_be_a_company_is_not_asked_for() -> None:
    """An id from somebody's typing must not make HubSpot refuse the whole batch."""
    script = Script().on("POST", READ, page(company(1)))
    assert fetched(script, "acme", "1", "../1", "", "9" * 20) == [
        ("acme", "acme", True),
        ("1", "1", False),
        ("../1", "../1", True),
        ("", "", True),
        ("9" * 20, "9" * 20, True),
    ]
    assert script.bodies(READ)[0]["inputs"] == [{"id": "1"}]


def test_more_than_a_batch_is_split() -> None:
    """HubSpot takes 100 ids at once."""
    script = Script().on("POST", READ, page(*(company(n) for n in range(100))), page(*(company(n) for n in range(100, 130))))
    assert len(fetched(script, *(str(n) for n in range(130)))) == 130
    assert [len(body["inputs"]) for body in script.bodies(READ)] == [100, 30]


def test_nothing_asked_is_nothing_sent() -> None:
    """An empty list of ids costs no read."""
    script = Script()
    assert fetched(script) == []
    assert READ not in {request.url.path for request in script.requests}


def test_owners_are_found_also_when_they_left() -> None:
    """An owner who left is a record with a mark; one who never was is deleted."""

    def answer(request: httpx.Request) -> httpx.Response:
        left = request.url.params["archived"] == "true"
        return httpx.Response(200, json=page({"id": "2" if left else "1", "email": "a@b.example", "archived": left}))

    table = Script().on("GET", "/crm/owners/2026-03", answer).connector().fetch("crm_owners", OWNERS, ["1", "2", "3"])
    assert [(row["archived"], row["deleted"]) for row in table.to_pylist()] == [("false", False), ("true", False), (None, True)]
