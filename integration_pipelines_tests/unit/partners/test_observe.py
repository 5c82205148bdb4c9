"""Partner JSON becomes text columns: missing, blank and wrong values keep their three different meanings."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from integration_pipelines.core.contract import Column, FieldType, NestedColumn, ObjectKind, SourceObject
from integration_pipelines.partners.observe import Flattener, UnknownCounter, observed_schema
from integration_pipelines_tests.kit.partner_fakes import NOON


def spec(**columns: Column) -> SourceObject:
    """An object with those columns."""
    return SourceObject(role="billing", partner_object="things", kind=ObjectKind.MAIN, description="Things.", columns=columns)


def column(source: str, kind: FieldType = FieldType.TEXT, **fields: NestedColumn) -> Column:
    """One column."""
    return Column(source=source, type=kind, purpose="tests", fields=fields)


def read(made: SourceObject, *records: dict[str, Any], **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any of its options
    """The declared columns of those records."""
    batch = Flattener(made, **options).batch(list(records), tenant_id="t1", observed_at=NOON)
    return batch.select([*made.columns]).to_pylist()


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({}, None), ({"a": None}, None), ({"a": {}}, None), ({"a": {"b": None}}, ""), ({"a": {"b": ""}}, ""),
        ({"a": {"b": "x"}}, "x"), ({"a": {"b": True}}, "true"), ({"a": {"b": False}}, "false"), ({"a": {"b": 7}}, "7"),
        ({"a": {"b": 10**30}}, "1" + "0" * 30), ({"a": {"b": 33.3}}, "33.3"), ({"a": {"b": 1e-07}}, "0.0000001"),
        ({"a": {"b": Decimal("33.30")}}, "33.30"), ({"a": {"b": Decimal("1E+3")}}, "1000"), ({"a": {"b": ["x"]}}, '["x"]'),
        ({"a": {"b": {"z": 1, "c": Decimal("1.5")}}}, '{"c":"1.5","z":1}'), ({"a": "id_1"}, '"id_1"'), ({"a": [1]}, "[1]"),
        ({"a": {"b": "x\ud800y"}}, "x\\ud800y"), ({"a": {"b": "a\x00b"}}, "a\x00b"),
    ],
)  # fmt: skip
def test_a_value_is_text_blank_or_missing(record: dict[str, Any], expected: str | None) -> None:
    """A wrong shape shows its JSON text, so that the gate can refuse it; nothing raises."""
    wanted = expected if record != {"a": None} else ""
    assert read(spec(x=column("a.b")), record) == [{"x": wanted}]


def test_an_open_map_has_no_missing_keys() -> None:
    """Where a partner removes a key instead of setting null, an absent key is blank; keys may hold dots."""
    made = spec(x=column("metadata.k"), y=column("metadata.a.b"))
    options: dict[str, Any] = {"open_maps": frozenset({"metadata"})}
    rows = read(made, {"metadata": {"a.b": "1"}}, {"metadata": None}, {}, **options)
    assert rows == [{"x": "", "y": "1"}, {"x": "", "y": ""}, {"x": None, "y": None}]


def test_lists_nest_and_keep_their_three_meanings() -> None:
    """Null is empty, missing is null, an object is a list of one, and wrong rows stay visible."""
    tiers = NestedColumn(
        source="price.tiers", type=FieldType.LIST, fields={"up": NestedColumn(source="up_to", type=FieldType.INTEGER)}
    )
    made = spec(items=column("items", FieldType.LIST, n=NestedColumn(source="n", type=FieldType.INTEGER), tiers=tiers))
    values: list[Any] = [
        [{"n": 1, "price": {"tiers": [{"up_to": 5}, {"up_to": None}]}}, {"n": 2}],
        None,
        {"n": 3},
        ["di_1"],
        "x",
        [],
    ]
    rows = [row["items"] for row in read(made, *({"items": value} for value in values), {})]
    assert rows == [
        [{"n": "1", "tiers": [{"up": "5"}, {"up": ""}]}, {"n": "2", "tiers": None}],
        [],
        [{"n": "3", "tiers": None}],
        [{"n": '"di_1"', "tiers": [{"up": '"di_1"'}]}],
        [{"n": '"x"', "tiers": [{"up": '"x"'}]}],
        [],
        None,
    ]


def test_ids_are_joined_and_partners_spell_their_own_types() -> None:
    """Lists of ids become one text; `respell` sees every present value, `otherwise` only what is no text."""
    made = spec(a=column("a", FieldType.IDS), b=column("b", FieldType.DATE), c=column("c", FieldType.DATETIME))
    options: dict[str, Any] = {
        "respell": {FieldType.DATE: lambda v: f"<{v}>"},
        "otherwise": {FieldType.DATETIME: lambda v: f"#{v}"},
    }
    rows = read(made, {"a": ["p", "q"], "b": "x", "c": "x"}, {"a": [1], "b": 1, "c": 1}, {}, **options)
    assert rows == [{"a": "p;q", "b": "<x>", "c": "x"}, {"a": "[1]", "b": "<1>", "c": "#1"}, {"a": None, "b": None, "c": None}]


def test_the_prefix_says_whose_record_it_is() -> None:
    """Tenant, id, time and deletion come before the declared columns, in the schema that is announced."""
    made = spec(id=column("id", FieldType.ID))
    batch = Flattener(made).batch([{"id": "x"}, {"id": "y", "deleted": True}], tenant_id="t1", observed_at=NOON)
    assert batch.schema == observed_schema(made)
    assert batch.to_pylist()[1] == {"tenant_id": "t1", "record_id": "y", "observed_at": NOON, "deleted": True, "id": "y"}
    given = Flattener(made).batch([{"id": "z"}], tenant_id="t1", observed_at=NOON, ids=["asked"], deleted=[True])
    assert given.select(["record_id", "deleted", "id"]).to_pylist() == [{"record_id": "asked", "deleted": True, "id": "z"}]
    assert Flattener(made).batch([], tenant_id="t1", observed_at=NOON).num_rows == 0


def test_every_file_of_the_lake_reads_back(tmp_path: Any) -> None:  # noqa: ANN401 - a path
    """Nested batches survive Parquet."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - only here

    made = spec(items=column("items", FieldType.LIST, n=NestedColumn(source="n", type=FieldType.INTEGER)))
    batch = Flattener(made).batch([{"items": [{"n": 1}]}, {}], tenant_id="t1", observed_at=NOON)
    pq.write_table(pa.Table.from_batches([batch]), tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == batch.to_pylist()


def test_unknown_fields_are_counted_without_their_values() -> None:
    """Names and JSON types only; a name that could be a person's is hashed."""
    counter = UnknownCounter(frozenset({"id"}))
    counter.see([{"id": 1, "new": 1}, {"new": 2.5}, {"new": None, "ann@x.example": "Ann"}, {"x" * 101: []}])
    named = {
        name if not name.startswith("hashed:") else "hashed": count for (name, kind), count in counter.counts().items() if kind
    }
    assert counter.counts()["new", "number"] == 2
    assert counter.counts()["new", "null"] == 1
    assert set(named) == {"new", "hashed"}
    assert "ann" not in repr(counter.counts())
