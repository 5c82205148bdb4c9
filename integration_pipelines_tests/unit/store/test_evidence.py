"""Links, diffs, quarantine and unknown fields."""

from datetime import timedelta

import pyarrow as pa
import pytest

from integration_pipelines.core.tables import UNKNOWN_FIELDS
from integration_pipelines.errors import BugError, ConflictError
from integration_pipelines.store import bulk
from integration_pipelines.store.bulk import SMALL
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW, diff, diffs, link, links, query, refused


def test_links_are_inserted_and_updated(stores: Stores) -> None:
    """A link saved again takes its new state; other tenants are not loaded."""
    stores.links.save(links(link("l1", "1", "cus_1"), link("l2", "2", None, state="one_sided")))
    stores.links.save(links(link("l1", "1", "cus_1", state="tombstone", updated_at=LATER), link("l9", "9", "c", tenant_id="t2")))
    expected = links(link("l1", "1", "cus_1", state="tombstone", updated_at=LATER), link("l2", "2", None, state="one_sided"))
    assert stores.links.load(["t1"], CRM).equals(expected)
    assert stores.links.load([], CRM).num_rows == 0


@pytest.mark.parametrize("count", [0, 1, SMALL, SMALL + 1, 2 * SMALL + 3])
def test_links_come_in_parts_as_they_come_whole(stores: Stores, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """However many there are, and into however many parts they fall, every link comes once; live ones without the words about them."""
    monkeypatch.setattr(bulk, "_AT_ONCE", SMALL)
    states = ("live", "proposed")
    stores.links.save(
        links(
            *[link(f"l{i:05d}", str(i), f"cus_{i}", state=states[i % 2]) for i in range(count)],
            link("l9", "9", "c", tenant_id="t2"),
        )
    )
    whole = stores.links.load(["t1"], CRM).to_pylist()
    silent = {"match_evidence": None, "decided_by": None}
    expected = [row | silent if row["state"] == "live" else row for row in whole]
    assert stores.links.batches(["t1"], CRM).read_all().sort_by("link_id").to_pylist() == expected
    assert len(whole) == count


def test_words_that_are_not_given_stay_as_they_were(stores: Stores) -> None:
    """A link that came without its evidence is saved without losing it; every other column is replaced."""
    stores.links.save(links(link("l1", "1", "cus_1", decided_by="ann")))
    (before,) = stores.links.load(["t1"], CRM).to_pylist()
    stores.links.save(links(before | {"state": "one_sided", "match_evidence": None, "decided_by": None}))
    (after,) = stores.links.load(["t1"], CRM).to_pylist()
    assert after == before | {"state": "one_sided"}
    assert None not in {before["match_evidence"], before["decided_by"]}


def test_a_run_that_looked_before_does_not_undo_a_decision(stores: Stores) -> None:
    """A person took the pair apart while a run was under way: what the run made of it does not count; what a later run sees does."""
    apart = link("l1", "1", "cus_1", state="tombstone", decided_by="ann", updated_at=LATER)
    stores.links.save(links(link("l1", "1", "cus_1", state="proposed")))
    stores.links.save(links(apart), decided=True)
    stores.links.save(links(link("l1", "1", "cus_1"), link("l2", "2", "cus_2")))
    kept = {r["link_id"]: (r["state"], r["decided_by"]) for r in stores.links.load(["t1"], CRM).to_pylist()}
    assert kept == {"l1": ("tombstone", "ann"), "l2": ("live", None)}
    stores.links.save(links({**apart, "state": "live", "updated_at": NOW}), decided=True)
    assert [r["state"] for r in stores.links.load(["t1"], CRM).to_pylist()] == ["live", "live"]


@pytest.mark.parametrize("filler", [0, SMALL])
def test_a_record_on_the_right_has_one_live_link(stores: Stores, filler: int) -> None:
    """Two live links to one right-hand record are refused, and nothing of that call is kept."""
    more = [link(f"m{i}", "1", f"cus_m{i}") for i in range(filler)]
    with pytest.raises(ConflictError):
        stores.links.save(links(link("l1", "1", "cus_1"), link("l2", "2", "cus_1"), *more))
    assert stores.links.load(["t1"], CRM).num_rows == 0


def test_a_link_moves_in_one_save(stores: Stores) -> None:
    """Whatever their order, the old link ends before the new one to the same record begins."""
    stores.links.save(links(link("l2", "1", "cus_1")))
    stores.links.save(links(link("l1", "2", "cus_1"), link("l2", "1", "cus_1", state="merged", survivor_link_id="l1")))
    assert stores.links.load(["t1"], CRM)["state"].to_pylist() == ["live", "merged"]


def test_a_diff_is_one_row_until_resolved(stores: Stores) -> None:
    """Seen again it is updated, resolved it leaves the unresolved ones but stays loadable."""
    stores.diffs.record(diffs(diff("d1"), diff("d2")), {"t1": "run_1"})
    again = diff("d1", occurrences=2, last_run_id="run_2", last_seen_at=LATER)
    gone = diff("d2", status="resolved", resolved_at=LATER, last_run_id="run_2")
    stores.diffs.record(diffs(again, gone), {"t1": "run_2"})
    assert stores.diffs.unresolved(["t1"], CRM).equals(diffs(again))
    assert stores.diffs.load(["t1"], CRM).equals(diffs(again, gone))


def test_diffs_are_chosen_by_time_and_field(stores: Stores) -> None:
    """`since` includes the moment itself; the newest comes first."""
    rows = [diff("d1"), diff("d2", field="segment", last_seen_at=LATER), diff("d3", last_seen_at=LATER)]
    stores.diffs.record(diffs(*rows), {"t1": "run_1"})
    assert stores.diffs.load(["t1"], CRM, since=LATER)["diff_id"].to_pylist() == ["d2", "d3"]
    assert stores.diffs.load(["t1"], CRM, since=LATER + timedelta(microseconds=1)).num_rows == 0
    assert stores.diffs.load(["t1"], CRM, fields=["mrr"])["diff_id"].to_pylist() == ["d3", "d1"]


def test_every_run_leaves_its_view_of_a_diff(stores: Stores) -> None:
    """The history has a row per run and diff; the last word of a run about a diff counts."""
    for run, status in (("run_1", "open"), ("run_1", "planned"), ("run_2", "written")):
        stores.diffs.record(diffs(diff("d1", status=status)), {"t1": run})
    rows = query(stores.engine, "SELECT run_id, status FROM diff_observations ORDER BY run_id")
    assert [(r["run_id"], r["status"]) for r in rows] == [("run_1", "planned"), ("run_2", "written")]


def test_a_diff_of_a_tenant_without_a_run_is_a_bug(stores: Stores) -> None:
    """Nothing is stored under nobody's run."""
    with pytest.raises(BugError):
        stores.diffs.record(diffs(diff("d1", tenant_id="t2")), {"t1": "run_1"})


@pytest.mark.parametrize("filler", [0, SMALL])
def test_quarantine_is_the_present_truth(stores: Stores, filler: int) -> None:
    """New rows are added, seen again updated, the rest resolved, and a relapse is open again since its first day."""
    more = [(f"m{i}", "segment") for i in range(filler)]
    steps = [(NOW, ["a", "b"]), (LATER, ["b", "c"]), (LATER + timedelta(hours=1), ["a", "c"])]
    for at, records in steps:
        stores.quarantine.replace(refused(*((r, "segment") for r in records), *more), ["t1"], CRM, ["crm_accounts"], at)
    rows = {r["record_id"]: r for r in stores.quarantine.load(["t1"], CRM, include_resolved=True).to_pylist()}
    seen = {r: (rows[r]["first_seen"], rows[r]["last_seen"], rows[r]["resolved_at"]) for r in ("a", "b", "c")}
    last = steps[2][0]
    assert seen == {"a": (NOW, last, None), "b": (NOW, LATER, last), "c": (LATER, last, None)}
    assert stores.quarantine.load(["t1"], CRM).num_rows == 2 + filler


def test_quarantine_of_others_is_left_alone(stores: Stores) -> None:
    """Only the tenants and objects of a call are replaced; a row outside of them is a bug."""
    stores.quarantine.replace(refused(("a", None), tenant="t2"), ["t2"], CRM, ["crm_accounts"], NOW)
    stores.quarantine.replace(refused(), ["t1"], CRM, ["crm_accounts"], LATER)
    stores.quarantine.replace(refused(), ["t2"], CRM, ["crm_owners"], LATER)
    assert stores.quarantine.load(["t2"], CRM)["field"].to_pylist() == [""]
    with pytest.raises(BugError):
        stores.quarantine.replace(refused(("a", None)), ["t2"], CRM, ["crm_accounts"], LATER)
    with pytest.raises(BugError):
        stores.quarantine.replace(refused(("a", None)), ["t1"], CRM, ["crm_owners"], LATER)


def test_counts_of_unknown_fields_are_replaced(stores: Stores) -> None:
    """The newest count of a name and type counts; another type is another row."""

    def seen(*rows: tuple[str, str, int]) -> pa.Table:
        fixed = {"tenant_id": "t1", "integration": CRM, "object": "crm_accounts"}
        return pa.Table.from_pylist([fixed | {"name": n, "type": t, "count": c} for n, t, c in rows], UNKNOWN_FIELDS)

    stores.unknown_fields.record(seen(("phone", "string", 7), ("fax", "string", 1)), NOW)
    stores.unknown_fields.record(seen(("phone", "string", 9), ("phone", "number", 2)), LATER)
    expected = seen(("fax", "string", 1), ("phone", "number", 2), ("phone", "string", 9))
    assert stores.unknown_fields.load(["t1"], CRM).equals(expected)
