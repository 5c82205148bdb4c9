"""The lake's manifest."""

import pytest

from integration_pipelines.errors import ConflictError
from integration_pipelines.ports.lake import ManifestEntry, Mode, NewEntry, Watermark
from integration_pipelines.store.open import Stores
from integration_pipelines_tests.unit.store.rows import CRM, LATER, NOW, file, plan

MARK = Watermark("cursor_1", NOW)


def _new(
    name: str, mode: Mode = Mode.DELTA, tenant: str = "t1", dataset: str = "crm_accounts", mark: Watermark | None = None
) -> NewEntry:
    return NewEntry(tenant, CRM, dataset, mode, file(name), "run_1", mark)


def _current(stores: Stores, *tenants: str) -> list[tuple[str, int, str]]:
    return [(e.tenant_id, e.sequence, e.file.path) for e in stores.manifest.current(tenants, CRM, "crm_accounts")]


def test_entries_come_back_whole(stores: Stores) -> None:
    """Sequences count up per tenant and dataset."""
    added = stores.manifest.append([_new("a"), _new("b", dataset="crm_owners"), _new("c")], NOW)
    assert [e.sequence for e in added] == [1, 1, 2]
    assert added[0] == ManifestEntry("t1", CRM, "crm_accounts", Mode.DELTA, 1, file("a"), "run_1", NOW)
    assert stores.manifest.current(["t1"], CRM, "crm_accounts") == [added[0], added[2]]
    assert stores.manifest.append([], NOW) == []


def test_the_newest_full_file_and_what_came_after(stores: Stores) -> None:
    """A full file replaces all before it; a tenant without one has its deltas."""
    stores.manifest.append([_new("a", Mode.FULL), _new("b"), _new("c", Mode.FULL), _new("d")], NOW)
    stores.manifest.append([_new("e", tenant="t2"), _new("f")], LATER)
    mine = [("t1", 3, "t1/c.parquet"), ("t1", 4, "t1/d.parquet"), ("t1", 5, "t1/f.parquet")]
    assert _current(stores, "t2", "t1") == [*mine, ("t2", 1, "t1/e.parquet")]
    assert _current(stores) == []


def test_the_watermark_moves_with_its_file(stores: Stores) -> None:
    """Only entries that bring one move it, and only that dataset's."""
    assert stores.manifest.watermark("t1", CRM, "crm_accounts") is None
    stores.manifest.append([_new("a", mark=MARK), _new("b")], NOW)
    assert stores.manifest.watermark("t1", CRM, "crm_accounts") == MARK
    newer = Watermark("cursor_2", LATER)
    stores.manifest.append([_new("c", mark=newer), _new("d", dataset="crm_owners")], LATER)
    assert stores.manifest.watermark("t1", CRM, "crm_accounts") == newer
    assert stores.manifest.watermark("t1", CRM, "crm_owners") is None


def test_file_and_watermark_count_together_or_not_at_all(stores: Stores) -> None:
    """A file that is visible already is refused, and with it everything of that call."""
    stores.manifest.append([_new("a")], NOW)
    with pytest.raises(ConflictError):
        stores.manifest.append([_new("b", mark=MARK), _new("a")], LATER)
    assert _current(stores, "t1") == [("t1", 1, "t1/a.parquet")]
    assert stores.manifest.watermark("t1", CRM, "crm_accounts") is None


def test_a_sweep_keeps_what_any_row_names(stores: Stores) -> None:
    """Superseded files and the files of plans among them."""
    stores.manifest.append([_new("a", Mode.FULL), _new("b", Mode.FULL)], NOW)
    stores.plans.save([plan("p")])
    assert stores.manifest.paths() == {"t1/a.parquet", "t1/b.parquet", "t1/p.parquet"}
