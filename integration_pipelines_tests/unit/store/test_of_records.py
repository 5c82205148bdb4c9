"""What is stored about single records is found by them, however much is stored about others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from integration_pipelines.ports.retries import Overwrite
from integration_pipelines.store import retries
from integration_pipelines.store.engine import EVERYONE, reading
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW, diff, diffs, refused

FEW = 700
"""More than are read as rows, so that the other way of reading is met, too."""


def overwrite(write_id: str, record: str = "1", field: str = "mrr") -> Overwrite:
    """An edit of an account that a write replaced."""
    return Overwrite("t1", CRM, "run_1", write_id, "crm_accounts", record, field, "1", "2", "3", "", NOW, "kept")


def test_differences_of_a_record_are_found_by_either_side_newest_first(stores: Stores) -> None:
    """Each once, also where both sides are asked for; resolved ones, too; none of others, of another tenant or integration."""
    mine = [
        diff("d1", left_id="1", right_id="cus_1"),
        diff("d2", left_id="1", right_id=None, last_seen_at=LATER),
        diff("d3", left_id=None, right_id="cus_1", last_seen_at=LATER, resolved_at=LATER),
        diff("d4", left_id="7", right_id="cus_1", first_seen_at=LATER, last_seen_at=LATER),
    ]
    others = [diff(f"x{i}", left_id=f"l{i}", right_id=f"r{i}") for i in range(FEW)]
    swapped = [
        diff("y1", left_id="cus_1", right_id="1"),
        diff("y2", integration="support_incidents", left_id="1", right_id="cus_1"),
    ]
    stores.diffs.record(diffs(*mine, *others, *swapped), {"t1": "run_1"})
    stores.diffs.record(diffs(diff("z1", tenant_id="t2", left_id="1", right_id="cus_1")), {"t2": "run_1"})

    found = stores.diffs.of_records("t1", CRM, ["1"], ["cus_1"])["diff_id"].to_pylist()
    assert found == ["d4", "d2", "d3", "d1"]
    assert stores.diffs.of_records("t1", CRM, [], ["r3", "none"])["diff_id"].to_pylist() == ["x3"]
    assert stores.diffs.of_records("t1", CRM, [], []).num_rows == 0


def test_open_differences_of_many_records_are_in_order_and_each_once(stores: Stores) -> None:
    """However many are asked for, by ids of either side."""
    stores.diffs.record(diffs(*(diff(f"d{i:04}", left_id=f"l{i}", right_id=f"r{i}") for i in range(FEW))), {"t1": "run_1"})
    stores.diffs.record(diffs(diff("d0001", left_id="l1", right_id="r1", resolved_at=LATER)), {"t1": "run_2"})
    ids = [f"{side}{i}" for i in range(FEW) for side in "rl"]
    found = stores.diffs.unresolved(["t1"], CRM, ids)["diff_id"].to_pylist()
    assert found == [f"d{i:04}" for i in range(FEW) if i != 1]


def test_refused_records_are_found_by_their_id(stores: Stores) -> None:
    """Whatever was wrong with them, but not what is right again."""
    stores.quarantine.replace(refused(("a", "mrr"), ("a", "segment"), ("b", "mrr")), ["t1"], CRM, ["crm_accounts"], NOW)
    stores.quarantine.replace(refused(("a", "segment"), ("b", "mrr")), ["t1"], CRM, ["crm_accounts"], LATER)
    stores.quarantine.replace(refused(("a", "mrr"), tenant="t2"), ["t2"], CRM, ["crm_accounts"], NOW)
    found = stores.quarantine.of_records("t1", CRM, ["a", "c"])
    assert [(r["record_id"], r["field"]) for r in found.to_pylist()] == [("a", "segment")]


def test_replaced_edits_are_found_by_their_record_newest_first(stores: Stores) -> None:
    """Of any time; by write and field where they were found together."""
    mine = [overwrite("w1"), overwrite("w1", "1", "arr"), replace(overwrite("w9"), detected_at=LATER)]
    strangers = [replace(overwrite("w1"), tenant_id="t2"), replace(overwrite("w8"), integration="support_incidents")]
    stores.overwrites.record([*mine, overwrite("w2", "2"), *strangers])
    found = stores.overwrites.of_records("t1", CRM, ["1"])
    assert [(o.write_id, o.field) for o in found] == [("w9", "mrr"), ("w1", "arr"), ("w1", "mrr")]


def test_replaced_edits_of_however_many_records_are_found(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one question may name: newest first over all of them."""
    monkeypatch.setattr(retries, "AT_ONCE", 2)
    stores.overwrites.record([replace(overwrite(f"w{i}", str(i)), detected_at=NOW + i * timedelta(seconds=1)) for i in range(6)])
    found = stores.overwrites.of_records("t1", CRM, [*map(str, range(5)), "none"])
    assert [o.write_id for o in found] == ["w4", "w3", "w2", "w1", "w0"]
    assert stores.overwrites.of_records("t1", CRM, []) == []


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_all_records_that_we_made_are_found_among_many_writes(stores: Stores) -> None:
    """By the index of those alone."""
    with _plans(stores) as steps:
        stores.ledger.created(["t1"], CRM)
    assert [step.split(" (")[0] for step in steps] == ["SEARCH write_ledger USING INDEX ix_write_ledger_creates"]


@contextmanager
def _plans(stores: Stores) -> Iterator[list[str]]:
    """How SQLite carries out what is asked meanwhile, step by step."""
    asked: list[tuple[str, tuple[str, ...]]] = []

    def note(_connection: object, _cursor: object, question: str, values: tuple[str, ...], *_: object) -> None:
        asked.append((question, values))

    sa.event.listen(stores.engine, "before_cursor_execute", note)
    steps: list[str] = []
    yield steps
    sa.event.remove(stores.engine, "before_cursor_execute", note)
    with reading(stores.engine, EVERYONE) as connection:
        for question, values in asked:
            if question.lstrip().startswith("SELECT"):
                steps += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", values)]


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("ask", "columns"),
    [
        (lambda s: s.diffs.of_records("t1", CRM, ["1"], ["cus_1"]), {"left_id", "right_id"}),
        (lambda s: s.diffs.unresolved(["t1"], CRM, ["1", "cus_1"]), {"left_id", "right_id"}),
        (lambda s: s.ledger.of_records("t1", CRM, ["1"]), {"target_id"}),
        (lambda s: s.ledger.created(["t1"], CRM, ["1"]), {"target_id"}),
        (lambda s: s.overwrites.of_records("t1", CRM, ["1"]), {"target_id"}),
        (lambda s: s.quarantine.of_records("t1", CRM, ["1"]), {"record_id"}),
        (lambda s: s.links.find(["t1"], CRM, records=["1"]), {"left_id", "right_id", "link_id"}),
    ],
    ids=["differences", "open differences", "writes", "created records", "replaced edits", "refused records", "links"],
)
def test_a_question_about_one_record_walks_nothing(stores: Stores, ask: Callable[[Stores], object], columns: set[str]) -> None:
    """It is answered by indexes that lead to the record, never by going through all that is stored of a tenant."""
    with _plans(stores) as steps:
        ask(stores)
    read = [step for step in steps if step.startswith(("SEARCH", "SCAN"))]
    searched = [step for step in read if any(f"{column}=?" in step for column in columns)]
    assert {column for column in columns for step in searched if f"{column}=?" in step} == columns
    assert [step for step in read if step not in searched and "anon" not in step] == []
