"""The set-based merge says of random tables what the truth table says record by record. `make proof-models` tries many more than the sample here."""

import os
from random import Random
from typing import Any

import pytest

from integration_pipelines.core import merge, reconcile
from integration_pipelines.core.passes import Pass, PassResult
from integration_pipelines_tests.kit.core import connect
from integration_pipelines_tests.models.merge_model import LEFT, Merge, Tables, Verdict, tables

PAIRS = 120
SEEDS = range(max(4, int(os.environ.get("INTEGRATION_PIPELINES_EXAMPLES", "0"))))


def judged(given: Tables) -> PassResult:
    """One pass of the engine over those tables."""
    return Pass(connect(), given.inputs()).run()


def verdicts(found: PassResult) -> dict[tuple[str, str], Verdict]:
    """What the engine says of every field that differs."""
    return {
        (d["link_id"], d["field"]): Verdict(
            d["left_value"], d["right_value"], d["base_value"], d["kind"], d["action"], d["resolved_value"]
        )
        for d in found.diffs.to_pylist()
        if d["field"] != "*"
    }


def bases(given: Tables, found: PassResult) -> dict[str, dict[str, Any]]:
    """Every link's base afterwards: where none is moved it stays, but for what counts under the oldest link alone."""
    moved = {row.pop("link_id"): row for row in found.base_moves.drop_columns(["tenant_id"]).to_pylist()}
    return {k["link_id"]: moved.get(k["link_id"], given.base[k["link_id"]]) for k in given.links}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_merge_is_its_truth_table(seed: int) -> None:
    """Verdicts, counts, and the base afterwards are those of the reference, whatever the types, owners, rules, blanks and letters."""
    given = tables(Random(seed), PAIRS)
    found, model = judged(given), Merge(given)
    assert verdicts(found) == model.verdicts()
    assert bases(given, found) == model.bases()
    counted = {c["field"]: (c["compared"], c["matched"]) for c in found.field_counts.to_pylist()}
    assert counted == model.counts()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_written_ends_the_difference(seed: int) -> None:
    """The plan writes every difference that is not held, in the target's spelling; once it is written, a second pass writes nothing."""
    given = tables(Random(seed), PAIRS)
    found = judged(given)
    wanted = {(k, f): v for (k, f), v in Merge(given).verdicts().items() if v.action != "hold"}
    changes = 0
    for write in found.writes.to_pylist():
        row = (given.lefts if write["target"] == LEFT else given.rights)[write["target_id"]]
        row |= {change["path"]: change["after"] for change in write["changes"]}
        changes += len(write["changes"])
    assert changes == len(wanted) > 0
    given.base, given.intents = bases(given, found), []
    assert judged(given).writes.num_rows == 0


PLANTED = {
    "what we sent is taken for an edit": (reconcile, "_JUDGED", reconcile._JUDGED.replace(" OR ours", "")),
    "an edit of nobody's is put back": (reconcile, "_JUDGED", reconcile._JUDGED.replace("x = z OR", "")),
    "both moved, and one wins although a person is to decide": (
        reconcile, "_JUDGED", reconcile._JUDGED.replace("WHEN z IS NULL THEN NULL", ""),
    ),
    "a base of another link counts": (merge, "_bases", lambda _, fields: [f'z."{f}" AS "z_{f}"' for f in fields]),
    "whoever says the same to the letter on one field is passed over": (merge, "verbatim", lambda *_: '"l.f0" = "r.f0"'),
    "an amount that is none is written": (reconcile, "_CELLS", reconcile._CELLS.replace("is_amount AND", "false AND")),
}  # fmt: skip
"""Fault → what is planted where."""


@pytest.mark.parametrize("fault", list(PLANTED))
def test_a_planted_fault_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables of the sample are enough to find each of them."""
    module, name, planted = PLANTED[fault]
    monkeypatch.setattr(module, name, planted)
    assert any(not _as_the_model(tables(Random(seed), PAIRS)) for seed in SEEDS)


def _as_the_model(given: Tables) -> bool:
    found, model = judged(given), Merge(given)
    return verdicts(found) == model.verdicts() and bases(given, found) == model.bases()
