"""What a verdict promises: whose it is, what it is bound to, when it fails, and what it never says."""

import re
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from structlog.testing import capture_logs

from integration_pipelines.core.contract import Expectation
from integration_pipelines.errors import BugError
from integration_pipelines.gate.evaluate import EvaluationError, Finding, evaluate
from integration_pipelines.gate.judge import ExpectationGate
from integration_pipelines.gate.suites import Check, Question
from integration_pipelines.ports.gate import CheckCount
from integration_pipelines_tests.unit.gate.objects import AT, an_object, column, expect, judge, observed, row

SPEC = an_object({"id": column("id", expect("not_blank")), "age": column("integer", expect("type"))})
CANARY = "canary-7f3a"


def _poisoned(table: pa.Table, checks: Sequence[Check]) -> list[Finding]:
    """An evaluation that cannot bear one value and quotes it, as engines do."""
    if "poison" in table.column("id").to_pylist():
        raise ValueError(f"cannot handle {CANARY}")
    return evaluate(table, checks)


def test_tenants_are_judged_apart() -> None:
    """In a batch each tenant has its own counts and refusals, the same as if it had been alone."""
    mine = [row("r1", id="1", age="x"), row("r2", id="", age="2")]
    others = [row("r1", "t2", id="1", age="3"), row("r9", "t2", id="9", age="")]
    together = judge(SPEC, mine[0], *others, mine[1], tenants=("t2", "t1"))
    alone = judge(SPEC, *mine)
    assert together.refused == alone.refused
    assert [v.tenant_id for v in together.verdicts] == ["t2", "t1"]
    assert together.verdicts[1] == alone.verdicts[0]
    assert together.verdicts[0].quarantined == 0
    assert alone.verdicts[0].checks == (
        CheckCount(expectation="not_blank", field="id", evaluated=2, unexpected=1),
        CheckCount(expectation="type", field="age", evaluated=2, unexpected=1),
    )
    assert together.verdicts[0].checks[1] == CheckCount(expectation="type", field="age", evaluated=1, unexpected=0)


@pytest.mark.parametrize(("allow_empty", "passed"), [(False, False), (True, True)])
def test_no_records_fail_unless_the_contract_allows_that(allow_empty: bool, passed: bool) -> None:
    """A tenant without a row has a verdict too, and it is not a pass by default."""
    spec = an_object(SPEC.columns, allow_empty=allow_empty)
    verdicts = judge(spec, row("r1", id="1", age=""), tenants=("t1", "t2")).verdicts
    assert [v.passed for v in verdicts] == [True, passed]
    assert bool(verdicts[1].reason) is not passed
    assert judge(spec).verdicts[0].passed is passed


def test_bad_records_do_not_fail_a_tenant() -> None:
    """Records are refused, the tenant passes, however many they are."""
    verdict = judge(SPEC, row("r1", id="", age="x"), row("r2", id="", age="")).verdicts[0]
    assert (verdict.passed, verdict.quarantined, verdict.evaluated, verdict.expected) == (True, 2, 2, 2)


def test_the_hash_is_of_the_content() -> None:
    """Order, company, chunks and the time of reading do not change the hash; any value, deletion or missing mark does."""
    rows = [row("r1", id="1", age="1"), row("r2", id="2", age="")]
    gate = ExpectationGate()
    hashes = {
        gate.judge("things", SPEC, table, ("t1", "t2")).verdicts[0].table_hash
        for table in (
            observed(SPEC, *rows),
            observed(SPEC, rows[1], row("r0", "t2", id="1", age=""), rows[0]),
            pa.concat_tables([observed(SPEC, rows[0]), observed(SPEC, {**rows[1], "observed_at": AT.replace(year=2020)})]),
        )
    }
    others: list[dict[str, object]] = [{"age": "2"}, {"age": None}, {"deleted": True}, {"record_id": "r3"}]
    changed = [judge(SPEC, rows[0], rows[1] | other).verdicts[0].table_hash for other in others]
    assert len(hashes) == 1
    assert len({*hashes, *changed, judge(SPEC, rows[0]).verdicts[0].table_hash}) == 6


def test_a_fault_in_one_tenants_data_fails_that_tenant_alone() -> None:
    """When an evaluation raises, the tenants whose data it bears are still judged."""
    rows = [row("r1", f"t{i}", id="poison" if i == 3 else "", age="") for i in range(5)]
    tenants = tuple(f"t{i}" for i in range(5))
    with capture_logs() as logs:
        result = ExpectationGate(_poisoned).judge("things", SPEC, observed(SPEC, *rows), tenants)
    assert [v.passed for v in result.verdicts] == [True, True, True, False, True]
    assert result.refused.column("tenant_id").to_pylist() == ["t0", "t1", "t2", "t4"]
    assert (result.verdicts[3].evaluated, result.verdicts[3].expected) == (0, 1)
    assert "ValueError" in result.verdicts[3].reason
    assert CANARY not in repr(result) + repr(logs)


@pytest.mark.parametrize(
    ("kind", "expectation", "said"),
    [
        ("text", expect("matches", pattern="(["), "not a regular expression"),
        ("text", expect("matches"), "nothing that could be checked"),
        ("enum", expect("in_set"), "nothing that could be checked"),
        ("decimal", expect("between"), "Neither a minimum nor a maximum"),
        ("decimal", expect("between", minimum="low"), "bound is not of type decimal"),
        ("text", expect("between", minimum="a"), "no order"),
        ("text", expect("max_length", maximum="many"), "nothing that could be checked"),
        ("list", expect("type"), "list can only"),
    ],
)
def test_an_expectation_that_cannot_be_asked_fails_everybody(kind: str, expectation: Expectation, said: str) -> None:
    """A wrong expectation never passes silently: every tenant fails, and the reason names the field."""
    spec = an_object({"field": column(kind, expectation)})
    verdicts = judge(spec, row("r1"), row("r1", "t2"), tenants=("t1", "t2")).verdicts
    assert not any(v.passed or v.evaluated for v in verdicts)
    assert re.search(f"^field, {expectation.expect}: .*{said}", verdicts[0].reason)


def test_rows_that_went_unseen_fail_the_tenant() -> None:
    """If fewer rows were evaluated than handed over, nothing passes."""

    def lazy(table: pa.Table, checks: Sequence[Check]) -> list[Finding]:
        return evaluate(table.slice(1), checks)

    result = ExpectationGate(lazy).judge("things", SPEC, observed(SPEC, row("r1", id="1", age="1")), ("t1",))
    assert (result.verdicts[0].passed, result.verdicts[0].evaluated) == (False, 0)


def test_no_value_is_ever_told(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """Neither verdicts nor refusals nor anything printed or logged carries a value, not even of a refused record."""
    spec = an_object(
        {
            "id": column("id", expect("unique"), expect("matches", pattern="^x$"), expect("max_length", maximum="1")),
            "age": column("integer", expect("between", minimum="0"), expect("in_set", values=["1"])),
        }
    )
    with capture_logs() as logs:
        results = [judge(an_object({"id": spec.columns["id"]}), row("r1", id=CANARY), row("r2", id=CANARY))]
        results.append(judge(spec, row("r1", id=CANARY, age=CANARY)))
    assert [r.refused.num_rows for r in results] == [6, 4]
    said = repr(results) + "".join(str(r.refused.to_pylist()) for r in results) + repr(logs) + caplog.text
    assert CANARY not in said + "".join(capfd.readouterr())


def test_an_engine_that_cannot_evaluate_says_so_without_a_value(caplog: pytest.LogCaptureFixture) -> None:
    """What Great Expectations catches of an expectation becomes our own fault, in our own words."""
    broken = Check(0, "items.id", expect("matches"), "id", Question.MATCHES, {"regex": "(["})
    with pytest.raises(EvaluationError, match=r"matches of items\.id") as fault:
        evaluate(pa.table({"id": [CANARY]}), [broken])
    assert CANARY not in "".join(traceback.format_exception(fault.value)) + caplog.text


def test_judging_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No folder, no file, no progress bar."""
    monkeypatch.chdir(tmp_path)
    judge(SPEC, *[row(f"r{i}", id="1", age="1") for i in range(50)])
    assert not list(tmp_path.iterdir())
    assert "".join(capfd.readouterr()) == ""


def test_rows_of_a_foreign_tenant_are_our_mistake() -> None:
    """A gate that was handed another tenant's rows stops instead of leaving them out."""
    with pytest.raises(BugError, match="tenant"):
        judge(SPEC, row("r1", "t2", id="1", age="1"), tenants=("t1",))


def test_threads_may_judge_at_once() -> None:
    """Several runs of one process share the gate without mixing their findings."""

    def one(number: int) -> int:
        rows = [row(f"r{i}", id="" if i < number else "1", age="1") for i in range(6)]
        return judge(SPEC, *rows).verdicts[0].quarantined

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(6))) == list(range(6))
