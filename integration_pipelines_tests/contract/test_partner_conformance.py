"""What every connector must do, whichever partner it speaks to: one suite over all of them, against modelled accounts over HTTP."""

from collections.abc import Iterator

import pytest
import structlog

from integration_pipelines.core.tables import OBSERVED_PREFIX
from integration_pipelines.errors import AuthError, BugError, RateLimitedError, TransientError
from integration_pipelines.partner_models.base import FaultKind
from integration_pipelines.ports.lake import Mode
from integration_pipelines.ports.partner import Applied, Connector, FieldWrite, RecordWrite, Refused, Unknown
from integration_pipelines_tests.contract.bench import CANARY, TOKEN, Bench
from integration_pipelines_tests.contract.benches import BENCHES, Door, full, plain_columns, rows, said, send, served


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str]]:
    """One server for all tests."""
    with served() as opened:
        yield opened


@pytest.fixture(params=sorted(BENCHES))
def bench(request: pytest.FixtureRequest, door: tuple[Door, str]) -> Bench:
    """A fresh account of each partner."""
    opened, address = door
    return opened.open(request.param, address)


@pytest.fixture
def connector(bench: Bench) -> Iterator[Connector]:
    """Its connector."""
    made = bench.connect()
    yield made
    made.close()


def test_every_declared_column_arrives(bench: Bench, connector: Connector) -> None:
    """Each object of the contract comes in the observation shape, and no column is without a value everywhere."""
    for name, spec in bench.objects.items():
        extraction = connector.extract(name, spec, None)
        found = rows(extraction)
        assert extraction.schema.names == [*OBSERVED_PREFIX.names, *spec.columns]
        assert found
        assert {column for column in spec.columns if not any(row[column] for row in found)} == set()
        assert extraction.summary.missing_columns == ()


def test_a_full_read_is_what_the_partner_holds(bench: Bench, connector: Connector) -> None:
    """Every record once, every plain column as the partner says it, nothing deleted."""
    found, _ = full(connector, bench)
    columns = plain_columns(bench.spec)
    expected = {record_id: {c: said(r, source) for c, source in columns.items()} for record_id, r in bench.held().items()}
    assert {row["record_id"]: {column: row[column] for column in columns} for row in found} == expected
    assert len(found) == len(expected)
    assert {(row["tenant_id"], row["deleted"]) for row in found} == {("t1", False)}


def test_a_first_read_is_full_and_says_why(bench: Bench, connector: Connector) -> None:
    """Mode and reason are known at once, cost and watermark at the end."""
    extraction = connector.extract(bench.words.main, bench.spec, None)
    assert (extraction.mode, bool(extraction.reason)) == (Mode.FULL, True)
    with pytest.raises(BugError):
        _ = extraction.summary
    rows(extraction)
    assert 0 < extraction.summary.calls == connector.calls


def test_an_edit_comes_with_the_next_incremental_read(bench: Bench, connector: Connector) -> None:
    """What a person changed after the watermark is in the next read, with its new value."""
    _, mark = full(connector, bench)
    chosen = min(bench.held())
    bench.later(600)
    bench.edit(chosen, "Edited")
    bench.later(600)
    extraction = connector.extract(bench.words.main, bench.spec, mark)
    found = {row["record_id"]: row for row in rows(extraction)}
    assert extraction.mode is Mode.DELTA
    assert set(found) == {chosen}
    assert found[chosen][bench.words.edited_column] == "Edited"


def test_an_edit_while_a_read_is_under_way_is_not_lost(bench: Bench, connector: Connector) -> None:
    """The watermark belongs to the beginning of the read, not to its end."""
    extraction = connector.extract(bench.words.main, bench.spec, None)
    batches = iter(extraction)
    next(batches)
    chosen = min(bench.held())
    bench.edit(chosen, "Meanwhile")
    list(batches)
    bench.later(600)
    again = rows(connector.extract(bench.words.main, bench.spec, extraction.summary.watermark))
    assert [row[bench.words.edited_column] for row in again if row["record_id"] == chosen] == ["Meanwhile"]


def test_a_deleted_record_comes_as_deleted(bench: Bench, connector: Connector) -> None:
    """In the next incremental read and when fetched; its values do not come along."""
    if not bench.deletes:
        pytest.skip("records of this partner are never deleted")
    _, mark = full(connector, bench)
    gone = min(bench.held())
    bench.later(600)
    bench.remove(gone)
    bench.later(600)
    incremental = rows(connector.extract(bench.words.main, bench.spec, mark))
    fetched = connector.fetch(bench.words.main, bench.spec, [gone]).to_pylist()
    for found in (incremental, fetched):
        assert [(row["record_id"], row["deleted"], row[bench.words.edited_column]) for row in found] == [(gone, True, None)]


def test_a_watermark_that_is_too_old_leads_to_a_full_read(bench: Bench, connector: Connector) -> None:
    """Beyond the partner's memory everything is read, and the reason is said."""
    _, mark = full(connector, bench)
    bench.later(100 * 86_400)
    extraction = connector.extract(bench.words.main, bench.spec, mark)
    assert (extraction.mode, len(rows(extraction))) == (Mode.FULL, len(bench.held()))
    assert "days" in extraction.reason


def test_fetching_gives_one_row_for_each_id(bench: Bench, connector: Connector) -> None:
    """In the order asked; a record that is not there is marked, and a present one says what a full read says."""
    present = sorted(bench.held(), reverse=True)
    found = connector.fetch(bench.words.main, bench.spec, [*present, bench.words.unknown_id]).to_pylist()
    assert [(row["record_id"], row["deleted"]) for row in found] == [
        *((p, False) for p in present),
        (bench.words.unknown_id, True),
    ]
    read = {row["record_id"]: row for row in full(connector, bench)[0]}
    for row in found[:-1]:
        assert row | {"observed_at": None} == read[row["record_id"]] | {"observed_at": None}


def test_what_was_written_can_be_read(bench: Bench, connector: Connector) -> None:
    """Set, then cleared where that is possible; nothing else of the record moves."""
    chosen = min(bench.held())
    before = connector.fetch(bench.words.main, bench.spec, [chosen]).to_pylist()[0]
    for run, value in enumerate(bench.words.values, 1):
        assert isinstance(send(connector, bench, [(chosen, value)], run=str(run))[chosen], Applied)
        after = connector.fetch(bench.words.main, bench.spec, [chosen]).to_pylist()[0]
        assert after == before | {bench.words.written_column: value, "observed_at": after["observed_at"]}


def test_the_same_write_twice_changes_nothing_twice(bench: Bench, connector: Connector) -> None:
    """A repeat is applied without an effect."""
    chosen = min(bench.held())
    for _ in range(2):
        assert isinstance(send(connector, bench, [(chosen, "again")])[chosen], Applied)
    assert len(bench.effects()) == 1


@pytest.mark.fault("H09")
def test_what_a_write_really_replaced_is_told(bench: Bench, connector: Connector) -> None:
    """Somebody saves a value just before our write arrives: asked behind the write, the partner tells that value, not the older one."""
    if not bench.remembers:
        pytest.skip("this partner refuses such a write, or tells nothing of it")
    chosen = min(bench.held())
    send(connector, bench, [(chosen, "USD")], run="1")
    bench.later(3600)
    start = bench.clock.now()
    person = {"crm_segment": "GBP"} if bench.account.partner == "stripe" else {"billing_mrr_currency": "GBP"}
    bench.account.edit(bench.words.held_as, chosen, {"metadata": person} if bench.account.partner == "stripe" else person)
    bench.later(1)
    send(connector, bench, [(chosen, "EUR")], run="2")
    write = RecordWrite(f"w2_{chosen}", f"key:2:{chosen}", chosen, (FieldWrite(bench.words.written, "EUR"),))
    (told,) = connector.pre_images(bench.words.main, bench.spec, [write], start)
    assert (told.write_id, told.path, told.value) == (write.write_id, bench.words.written, "GBP")


def test_a_bad_record_is_refused_alone(bench: Bench, connector: Connector) -> None:
    """The others of its batch are applied; the refusal has a text and no value in it."""
    good = bench.open_ids()
    outcomes = send(connector, bench, [(good[0], CANARY), (bench.words.unknown_id, CANARY), *((g, CANARY) for g in good[1:])])
    assert isinstance(refused := outcomes.pop(bench.words.unknown_id), Refused)
    assert refused.text
    assert CANARY not in refused.text
    assert {type(outcome) for outcome in outcomes.values()} == {Applied}
    assert {effect.id for effect in bench.effects()} == {bench.held_id(record_id) for record_id in good}


def test_fields_that_are_not_ours_to_write_are_refused(bench: Bench, connector: Connector) -> None:
    """The record's id, of all things."""
    chosen = min(bench.held())
    bench.words = type(bench.words)(**{f: getattr(bench.words, f) for f in bench.words.__slots__} | {"written": "id"})
    assert isinstance(send(connector, bench, [(chosen, "x")])[chosen], Refused)
    assert not bench.effects()


@pytest.mark.parametrize("kind", [FaultKind.DROPPED_ANSWER, FaultKind.TRUNCATED])
def test_a_lost_answer_never_becomes_a_refusal_or_a_second_effect(kind: FaultKind, bench: Bench, connector: Connector) -> None:
    """The write was carried out: it is applied or unknown, once."""
    chosen = min(bench.held())
    bench.fault(kind, method=bench.words.method)
    outcome = send(connector, bench, [(chosen, "once")])[chosen]
    assert isinstance(outcome, Applied | Unknown)
    assert [effect.id for effect in bench.effects()] == [bench.held_id(chosen)]


def test_a_token_that_ended_is_an_authorisation_fault(bench: Bench) -> None:
    """Reading, fetching and writing say so, a probe reports it, and no summary moves a watermark."""
    connector = bench.connect("another-token")
    with pytest.raises(AuthError):
        full(connector, bench)
    with pytest.raises(AuthError):
        connector.fetch(bench.words.main, bench.spec, sorted(bench.held()))
    assert not connector.probe().ok
    connector.close()


def test_a_probe_names_the_account(bench: Bench, connector: Connector) -> None:
    """So that people see where a connection leads."""
    probe = connector.probe()
    assert (probe.ok, probe.account) == (True, bench.account.account)


def test_a_request_for_silence_is_honoured(bench: Bench, connector: Connector) -> None:
    """429 with Retry-After: the wait is kept, every process is told, and nothing is lost."""
    bench.fault(FaultKind.RATE_LIMITED, retry_after=7)
    found, _ = full(connector, bench)
    assert len(found) == len(bench.held())
    assert sum(bench.clock.waits) >= 7
    assert [seconds for _, seconds in bench.quota.parked] == [7]


def test_a_long_silence_is_not_slept_through(bench: Bench, connector: Connector) -> None:
    """The worker is given back at once, with the wait in the fault."""
    bench.fault(FaultKind.RATE_LIMITED, retry_after=120, times=-1)
    with pytest.raises(RateLimitedError) as slowed:
        full(connector, bench)
    assert slowed.value.retry_after == 120
    assert sum(bench.clock.waits) < 120


@pytest.mark.fault("H11", "H12")
@pytest.mark.parametrize("kind", [FaultKind.TRUNCATED, FaultKind.NOT_JSON, FaultKind.SERVER_ERROR, FaultKind.DROPPED_ANSWER])
def test_a_damaged_answer_is_never_an_empty_list(kind: FaultKind, bench: Bench, connector: Connector) -> None:
    """Once, the read goes on as if nothing had been; for good, it fails and does not end."""
    bench.fault(kind)
    assert len(full(connector, bench)[0]) == len(bench.held())
    bench.fault(kind, times=-1)
    with pytest.raises(TransientError):
        full(connector, bench)


@pytest.mark.fault("D01")
def test_unknown_fields_are_counted_and_not_kept(bench: Bench) -> None:
    """A field the partner added: its name, type and count, never its value."""
    bench.surprise(min(bench.held()))
    connector = bench.connect()
    extraction = connector.extract(bench.words.main, bench.spec, None)
    found = rows(extraction)
    ((name, kind),) = extraction.summary.unknown_fields
    assert (name.endswith("brand_new"), kind, extraction.summary.unknown_fields[name, kind]) == (True, "string", 1)
    assert CANARY not in repr(found) + repr(extraction.summary)
    connector.close()


def test_logs_and_messages_hold_no_secret_and_no_value(
    bench: Bench, connector: Connector, capfd: pytest.CaptureFixture[str]
) -> None:
    """Reading, writing and failing leave neither the token nor a customer's data behind."""
    chosen = min(bench.held())
    bench.edit(chosen, CANARY)
    with structlog.testing.capture_logs() as logs:
        full(connector, bench)
        outcomes = send(connector, bench, [(chosen, CANARY), (bench.words.unknown_id, CANARY)])
        bench.fault(FaultKind.SERVER_ERROR, times=-1)
        with pytest.raises(TransientError) as failed:
            full(connector, bench)
    output = capfd.readouterr()
    left_behind = repr(logs) + repr(outcomes) + str(failed.value) + failed.value.detail + output.out + output.err
    assert logs
    assert TOKEN not in left_behind
    assert CANARY not in left_behind
