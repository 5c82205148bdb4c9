"""History: which days are filled with what, what a second backfill does, and how findings reach the reconciliation. On both databases."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from integration_pipelines.core.history import Coverage, days_between
from integration_pipelines.errors import ConfigError, TransientError
from integration_pipelines.ports.history import History, HistoryDay
from integration_pipelines.use_cases.history import Backfilled, backfill, clip, history_objects
from integration_pipelines.use_cases.history_expire import expire_history
from integration_pipelines.use_cases.history_kept import kept_day, kept_files, load_history
from integration_pipelines.use_cases.records import sync_touched
from integration_pipelines_tests.kit.bench import CONTRACT, Product, product
from integration_pipelines_tests.kit.history_bench import Past, change, moment, remembering

CUSTOMERS = "billing_customers"
DAY, NEXT, TODAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 23)


class Dying(History):
    """Reads from another one, and dies when days are to be noted."""

    def __init__(self, inner: History) -> None:
        self._inner = inner

    def record(self, days: Sequence[HistoryDay]) -> None:
        """Too late."""
        raise TransientError(f"The store is gone before {len(days)} days are noted.", remedy="Try again.")

    def forget(self, tenant_ids: Sequence[str], integration: str, before: date) -> None:
        """As it is."""
        self._inner.forget(tenant_ids, integration, before)

    def load(
        self,
        tenant_ids: Sequence[str],
        integration: str,
        *,
        objects: Sequence[str] = (),
        first: date | None = None,
        last: date | None = None,
    ) -> list[HistoryDay]:
        """As it is."""
        return self._inner.load(tenant_ids, integration, objects=objects, first=first, last=last)


@pytest.fixture
def past() -> Past:
    """A customer that changed on two days."""
    return Past(
        {
            CUSTOMERS: [
                change("cus_acme", "name", "Old", "acme", moment("2026-11-20")),
                change("cus_acme", "email", "a@acme.com", "A@ACME.COM ", moment("2026-11-20", 10)),
                change("cus_bolt", "crm_segment", "SMB", None, moment("2026-11-21")),
                change("cus_bolt", "secret_note", "x", "y", moment("2026-11-21")),
            ]
        }
    )


@pytest.fixture
def bench(tmp_path: Path, past: Past, each_database: str) -> Iterator[Product]:
    """One tenant whose partners remember that past."""
    with product(tmp_path, database_url=each_database) as opened:
        yield remembering(opened, past)


@pytest.fixture
def synced(bench: Product) -> Product:
    """The same after its first sync."""
    bench.first_sync()
    return bench


def fill(bench: Product, first: date = DAY, last: date = NEXT, *objects: str) -> Backfilled:
    """One backfill."""
    days = days_between(first, last)
    return backfill("t1", bench.contract, days, ports=bench.ports, run_id=bench.ports.ids.new("run"), objects=objects)


def days_of(bench: Product, name: str = CUSTOMERS) -> list[tuple[str, int, str]]:
    """What is known of an object's days: day, rows, coverage."""
    found: list[HistoryDay] = bench.ports.history.load(["t1"], CONTRACT, objects=[name])
    return [(d.day.isoformat(), d.rows, str(d.coverage)) for d in found]


def test_each_day_holds_its_changes(bench: Product) -> None:
    """A day's file has that day's changes of declared fields in canonical form; what is the same but for its spelling is no change."""
    fill(bench)
    rows = kept_day(bench.ports, "t1", CONTRACT, CUSTOMERS, DAY).to_pylist()
    assert rows == [
        {
            "tenant_id": "t1", "integration": CONTRACT, "object": CUSTOMERS, "record_id": "cus_acme", "field": "name",
            "changed_at": moment("2026-11-20"), "old_value": "Old", "new_value": "acme", "actor": "somebody", "source": "events",
            "coverage": "whole",
        }
    ]  # fmt: skip
    assert [r["field"] for r in kept_day(bench.ports, "t1", CONTRACT, CUSTOMERS, NEXT).to_pylist()] == ["crm_segment"]
    assert days_of(bench) == [("2026-11-20", 1, "whole"), ("2026-11-21", 1, "whole")]


def test_before_the_first_sync_nothing_is_known(bench: Product, past: Past) -> None:
    """A partner that tells of known records only tells nothing yet, and what to do is said."""
    past.changes, past.of_known_records = {}, True
    assert {(d.coverage, d.reason) for d in fill(bench).days} == {
        (Coverage.NONE, "no records are known yet: sync this tenant first")
    }


def test_every_object_but_lookups_has_a_history(bench: Product) -> None:
    """Accounts, customers and subscriptions; owners only translate a value."""
    assert history_objects(bench.contract) == ["crm_accounts", "billing_customers", "billing_subscriptions"]
    filled = fill(bench)
    assert {d.object for d in filled.days} == {"crm_accounts", "billing_customers", "billing_subscriptions"}
    assert filled.touched == {"crm_accounts": (), CUSTOMERS: ("cus_acme", "cus_bolt"), "billing_subscriptions": ()}


def test_filling_a_day_again_changes_nothing(bench: Product) -> None:
    """The same answers leave the same rows, each once."""
    fill(bench)
    before = kept_day(bench.ports, "t1", CONTRACT, CUSTOMERS, DAY)
    fill(bench)
    assert kept_day(bench.ports, "t1", CONTRACT, CUSTOMERS, DAY).equals(before)
    assert days_of(bench) == [("2026-11-20", 1, "whole"), ("2026-11-21", 1, "whole")]


def test_a_day_told_whole_replaces_what_was_kept(bench: Product, past: Past) -> None:
    """What the partner no longer says of a day it tells whole is gone, the last row too."""
    fill(bench)
    past.changes[CUSTOMERS] = []
    fill(bench)
    assert kept_day(bench.ports, "t1", CONTRACT, CUSTOMERS, DAY).num_rows == 0
    assert days_of(bench) == [("2026-11-20", 0, "whole"), ("2026-11-21", 0, "whole")]


@pytest.mark.parametrize("limit", [Coverage.PART, Coverage.NONE])
def test_what_was_known_once_is_not_forgotten(bench: Product, past: Past, limit: Coverage) -> None:
    """A later look that can tell less of a day leaves it as it was, and says so."""
    fill(bench)
    past.changes[CUSTOMERS], past.coverage[DAY] = [], limit
    again = fill(bench, DAY, DAY, CUSTOMERS)
    assert ([d.day for d in again.kept], again.days) == ([DAY], ())
    assert days_of(bench)[0] == ("2026-11-20", 1, "whole")


def test_a_day_told_in_part_grows(bench: Product, past: Past) -> None:
    """Today is not over: what a second look finds is added to what the first one found, and nothing is doubled."""
    past.changes[CUSTOMERS] = [change("cus_acme", "name", "A", "B", moment("2026-11-23", 1))]
    fill(bench, TODAY, TODAY)
    past.changes[CUSTOMERS] = [
        change("cus_acme", "name", "A", "B", moment("2026-11-23", 1)),
        change("cus_acme", "name", "B", "C", moment("2026-11-23", 2)),
    ]
    fill(bench, TODAY, TODAY)
    past.changes[CUSTOMERS] = past.changes[CUSTOMERS][1:]
    fill(bench, TODAY, TODAY)
    assert [r["new_value"] for r in kept_day(bench.ports, "t1", CONTRACT, CUSTOMERS, TODAY).to_pylist()] == ["B", "C"]
    assert days_of(bench) == [("2026-11-23", 2, "part")]


def test_a_day_that_cannot_be_told_is_never_guessed(bench: Product, past: Past) -> None:
    """Coverage none has the reason and no file."""
    past.changes, past.coverage = {}, {DAY: Coverage.NONE}
    (day,) = fill(bench, DAY, DAY, CUSTOMERS).days
    assert (day.coverage, day.reason, day.rows) == (Coverage.NONE, "it forgot", 0)
    assert kept_files(bench.ports.history, bench.ports.manifest, ["t1"], CONTRACT) == []


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_records_made_since_the_last_read_limit_what_is_told(synced: Product, past: Past) -> None:
    """A partner that tells of known records only cannot tell all of a day that ended after the last read."""
    past.of_known_records = True
    synced.clock.sleep(2 * 86_400)
    told = {d.day: (d.coverage, d.reason) for d in fill(synced, DAY, date(2026, 11, 24), CUSTOMERS).days}
    assert told[DAY] == (Coverage.WHOLE, "")
    assert told[date(2026, 11, 24)][0] is Coverage.PART
    assert "sync this tenant first" in told[date(2026, 11, 24)][1]


@pytest.mark.parametrize(
    ("first", "last", "expected", "note"),
    [
        ("2026-11-20", "2026-11-21", ("2026-11-20", "2026-11-21"), ""),
        ("2026-08-26", "2026-11-23", ("2026-08-26", "2026-11-23"), ""),
        ("2026-08-01", "2026-09-01", ("2026-08-26", "2026-09-01"), "Left out: 2026-08-01 to 2026-08-25 (older than 90 days)."),
        ("2026-11-23", "2026-12-01", ("2026-11-23", "2026-11-23"), "Left out: 2026-11-24 to 2026-12-01 (not come yet)."),
    ],
)
def test_a_range_is_clipped_to_the_window(bench: Product, first: str, last: str, expected: tuple[str, str], note: str) -> None:
    """The rolling 90 days, today included; what was left out is said."""
    found = clip(bench.contract, date.fromisoformat(first), date.fromisoformat(last), ports=bench.ports)
    assert (found.first.isoformat(), found.last.isoformat(), found.note) == (*expected, note)


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        ("2026-07-01", "2026-08-25", "older than the 90 days"),
        ("2026-12-01", "2026-12-02", "have not come yet"),
        ("2026-11-21", "2026-11-20", "is before"),
    ],
)
def test_a_range_outside_the_window_is_refused(bench: Product, first: str, last: str, reason: str) -> None:
    """With the reason and, in the remedy, the days that can be had."""
    with pytest.raises(ConfigError, match=reason) as caught:
        clip(bench.contract, date.fromisoformat(first), date.fromisoformat(last), ports=bench.ports)
    assert caught.value.remedy


def test_a_backfill_outside_the_window_fills_nothing(bench: Product) -> None:
    """The window holds below the command line, too."""
    with pytest.raises(ConfigError, match="outside the window"):
        fill(bench, date(2026, 8, 1), DAY)
    assert days_of(bench) == []


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_all_known_records_are_asked_about(synced: Product, past: Past) -> None:
    """Those of the last read, and linked ones that are gone since; a link that ended before the days has nothing to tell."""
    fill(synced)
    assert past.asked[CUSTOMERS] == {"cus_acme", "cus_bolt", "cus_core", "cus_alone"}
    links = synced.ports.links.load(["t1"], CONTRACT)
    gone = synced.ports.links.find(["t1"], CONTRACT, records=["cus_core"])
    for name, at in (("cus_old", moment("2026-11-01")), ("cus_lately", moment("2026-11-21"))):
        row = gone.to_pylist()[0] | {"link_id": f"lnk_{name}", "right_id": name, "left_id": f"of_{name}", "state": "tombstone"}
        synced.ports.links.save(pa.Table.from_pylist([row | {"updated_at": at}], links.schema))
    fill(synced)
    assert past.asked[CUSTOMERS] == {"cus_acme", "cus_bolt", "cus_core", "cus_alone", "cus_lately"}
    assert past.asked["crm_accounts"] == {"1", "2", "3", "9", "of_cus_lately"}


def test_a_crash_before_the_days_are_noted_is_healed_by_the_next_backfill(bench: Product) -> None:
    """Files of days count before their days are noted: filling again leaves each change once."""
    dying = bench.with_ports(history=Dying(bench.ports.history))
    with pytest.raises(TransientError):
        fill(dying)
    assert days_of(bench) == []
    fill(bench)
    assert kept_day(bench.ports, "t1", CONTRACT, CUSTOMERS, DAY).num_rows == 1
    assert days_of(bench) == [("2026-11-20", 1, "whole"), ("2026-11-21", 1, "whole")]


def test_days_that_left_the_window_are_forgotten(tmp_path: Path, bench: Product) -> None:
    """Their rows, their place in the manifest and their files go, refilled ones too; the window's days stay; doing it again does nothing."""
    fill(bench)
    fill(bench)
    bench.clock.sleep(87 * 86_400)
    assert expire_history(bench.contract, ports=bench.ports) == 1
    assert days_of(bench) == [("2026-11-21", 1, "whole")]
    assert kept_day(bench.ports, "t1", CONTRACT, CUSTOMERS, DAY).num_rows == 0
    assert kept_day(bench.ports, "t1", CONTRACT, CUSTOMERS, NEXT).num_rows == 1
    files = {str(p.relative_to(tmp_path / "data" / "lake")) for p in (tmp_path / "data" / "lake").rglob("*-history/*.parquet")}
    assert files == {p for p in bench.ports.manifest.paths() if "-history/" in p}
    assert expire_history(bench.contract, ports=bench.ports) == 0


def test_findings_become_ordinary_diffs(synced: Product, past: Past) -> None:
    """A touched record is read again by id: what differs now is planned, and only for what was touched."""
    synced.billing().objects["billing_subscriptions"]["sub_acme"]["status"] = "past_due"
    synced.billing().objects["billing_subscriptions"]["sub_bolt"]["status"] = "past_due"
    past.changes = {"billing_subscriptions": [change("sub_acme", "status", "active", "past_due", moment("2026-11-20"))]}
    report = sync_touched(fill(synced), synced.contract, ports=synced.ports, run_id="run_found")
    assert report is not None
    assert (str(report.tenant("t1").outcome), report.scope) == ("planned", "records")
    assert report.writes is not None
    assert report.writes["target_id"].to_pylist() == ["1"]
    (run,) = [r for r in synced.ports.runs.last(["t1"], CONTRACT, limit=9) if r.run_id == "run_found"]
    assert (run.trigger, run.scope) == ("backfill", "records")
    assert synced.crm().effects[-1][1] != "past_due"


def test_a_plan_that_waits_is_not_replaced_by_a_part_of_it(bench: Product) -> None:
    """The first plan waits for approval; what a backfill finds leaves it as it is."""
    bench.one()
    waiting = bench.ports.plans.open("t1", CONTRACT)
    report = sync_touched(fill(bench), bench.contract, ports=bench.ports, run_id="run_found")
    assert report is not None
    assert (str(report.tenant("t1").outcome), report.scope) == ("held", "full")
    assert waiting is not None
    assert bench.ports.plans.open("t1", CONTRACT) == waiting


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_nothing_found_reconciles_nothing(synced: Product, past: Past) -> None:
    """No run is noted when no record was touched."""
    past.changes = {}
    before = len(synced.ports.runs.last(["t1"], CONTRACT, limit=9))
    assert sync_touched(fill(synced), synced.contract, ports=synced.ports, run_id="run_none") is None
    assert len(synced.ports.runs.last(["t1"], CONTRACT, limit=9)) == before


def test_a_records_past_is_found_newest_first(bench: Product, past: Past) -> None:
    """Over all its days."""
    past.changes[CUSTOMERS].append(change("cus_acme", "name", "acme", "Acme Ltd", moment("2026-11-21")))
    fill(bench)
    found = load_history("t1", bench.contract, CUSTOMERS, "cus_acme", ports=bench.ports)
    assert found["new_value"].to_pylist() == ["Acme Ltd", "acme"]
