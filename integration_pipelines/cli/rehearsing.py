"""What `rehearse` does once the engine is loaded: check, rehearse, and say what was tried, what held, and the story of what did not."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from integration_pipelines.cli.contracts import load
from integration_pipelines.cli.show import print_json, say
from integration_pipelines.cli.tables import console, print_rows
from integration_pipelines.core.contract import Contract
from integration_pipelines.core.contract_lint import Severity, lint
from integration_pipelines.simulation.catalogue import chosen
from integration_pipelines.simulation.coverage import coverage
from integration_pipelines.simulation.promises import PROMISES
from integration_pipelines.simulation.reasons import doubt
from integration_pipelines.simulation.rehearsal import BATCH, Crew, Finding, Tell, Totals, rehearse, struck
from integration_pipelines.simulation.shrink import shrink
from integration_pipelines.simulation.stage import COURSES, Casting, Stage
from integration_pipelines.simulation.story import Story, tell
from integration_pipelines.wiring import catalogues

MOST_SHOWN = 5
"""Broken promises that are listed; one story is told."""
Json = dict[str, Any]
_COLUMNS = {"id": "fault", "words": "what went wrong", "times": "how often"}


def rehearse_all(file: str, seeds: Sequence[int], wanted: Sequence[str], *, processes: int | None, as_json: bool) -> None:
    """Live those seeds and say what came of it. Exits 1 if a promise is broken or the contract is refused."""
    contract, faults = _rehearsable(load(file)), _faults(wanted)
    refused = _refused(contract, quiet=as_json)
    together = processes or os.cpu_count() or 1
    with _progress(2 * len(seeds), quiet=as_json) as tick:
        totals = rehearse(contract, seeds, faults, Crew(together, _size(len(seeds), together)), tick)
    first = totals.first_broken
    told = None
    if first is not None:
        if not as_json:
            say(f"Looking for the shortest story in which {first.promise} is broken, beginning with life {first.seed} …")
        told = _story(contract, first, faults)
    if as_json:
        print_json(_as_data(contract, seeds, faults, totals, told, refused))
    else:
        _print(file, contract, seeds, faults, totals)
        if told is not None and first is not None:
            _print_story(told)
            say(f"Live it again: integration-pipelines rehearse {file} --seed {first.seed}{_again(wanted)}")
    if refused or not totals.kept:
        sys.exit(1)


def replay(file: str, seed: int, wanted: Sequence[str], *, as_json: bool) -> None:
    """Live one life and tell it: the shortest story where a promise is broken, else all of it."""
    contract, faults = _rehearsable(load(file)), _faults(wanted)
    refused = _refused(contract, quiet=as_json)
    stage = Stage(contract, [Casting(seed)], faults)
    stage.play()
    [life] = stage.lives.values()
    whole = tell(contract, life)
    broken = whole.broken
    story = whole if broken is None else _story(contract, Finding(seed, broken.promise, broken.text, broken.at), faults) or whole
    if as_json:
        print_json({"contract": contract.contract, "version": contract.version, "seed": seed, "held": broken is None,
                    "faults": dict(sorted(struck(life).items())), "story": _story_data(story), "refused": refused})  # fmt: skip
    else:
        say(f"{contract.contract} {contract.version}, life {seed}")
        _print_story(story)
    if refused or broken is not None:
        sys.exit(1)


def _faults(wanted: Sequence[str]) -> tuple[str, ...]:
    return () if list(wanted) == ["none"] else chosen(wanted)


def _again(wanted: Sequence[str]) -> str:
    return "" if list(wanted) == ["all"] else f" --faults {','.join(wanted)}"


def _size(seeds: int, processes: int) -> int:
    """Lives of a batch, so that every process has something to do."""
    return min(BATCH, max(1, -(-seeds // max(processes, len(COURSES)))))


def _rehearsable(contract: Contract) -> Contract:
    """The contract without what a rehearsal does not know, which is said on the side, so that a program's output stays its own."""
    if contract.matching.gone_right != "archive":
        return contract
    text = (
        "Not rehearsed is that a record we made is archived once the one it was made for is gone; here it stays, and is reported."
    )
    click.echo(text, err=True)
    return contract.model_copy(update={"matching": contract.matching.model_copy(update={"gone_right": "report"})})


def _refused(contract: Contract, *, quiet: bool) -> list[str]:
    """What the linter refuses; such a contract is rehearsed all the same, to show what it leads to."""
    errors = [f for f in lint(contract, catalogues()) if f.severity is Severity.ERROR]
    found = [f"{f.place}: {f.message} {f.remedy}" for f in errors]
    if found and not quiet:
        for line in found:
            say(f"error: {line}")
        say("The contract is refused. It is rehearsed all the same, to show what it leads to.")
    return found


def _story(contract: Contract, found: Finding, faults: Sequence[str]) -> Story | None:
    short = shrink(contract, found.seed, faults, found.promise)
    return None if short is None else tell(contract, short.life, found.promise)


@contextmanager
def _progress(lives: int, *, quiet: bool) -> Iterator[Tell]:
    """A bar on a terminal, nothing in a pipe."""
    out = console()
    if quiet or not out.is_terminal:
        yield lambda _: None
        return
    columns = (SpinnerColumn(), TextColumn("living"), BarColumn(), MofNCompleteColumn(), TextColumn("lives"), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("", total=lives)
        yield lambda done: bar.advance(task, done)


def _print(file: str, contract: Contract, seeds: Sequence[int], faults: Sequence[str], totals: Totals) -> None:
    """What was tried, what went wrong on the way, how the records ended, and what held."""
    switched = f"{len(faults)} faults could strike" if faults else "no fault could strike"
    say(
        f"{contract.contract} {contract.version}: {len(seeds):,} lives ({seeds[0]} to {seeds[-1]}), each lived twice in differing company."
    )
    say(f"In them {switched}, and people did {totals.acts:,} things at whatever moment. It took {totals.seconds:.0f} seconds.")
    rows = [{"id": one.id, "words": one.words, "times": one.times} for one in coverage(totals.fired, faults)]
    if rows:
        print_rows(rows, _COLUMNS, title="What went wrong, both times together")
    of = totals.ends.total()
    shares = [f"{outcome.replace('_', ' ')} {count / of:.0%}" for outcome, count in totals.ends.most_common()]
    if shares:
        say(f"Then nothing went wrong any more, and nobody edited anything. The records ended: {', '.join(shares)}.")
    vague = doubt(contract, totals.ends)
    if vague:
        say(vague)
    if totals.kept:
        _print_kept(file, seeds, totals)
    else:
        _print_broken(seeds, totals)


def _print_kept(file: str, seeds: Sequence[int], totals: Totals) -> None:
    say(f"Every promise was kept in every life, and {totals.reproduced:,} of {len(seeds):,} lives went the same way twice:")
    for promise, words in PROMISES.items():
        if promise.startswith("I"):
            say(f"  {promise.ljust(3)}  {words}")
    say(f"What the contract says is another matter: integration-pipelines contract show {file}")


def _print_broken(seeds: Sequence[int], totals: Totals) -> None:
    for batch, text in totals.fell_over:
        say(f"The engine fell over with lives {batch[0]} to {batch[-1]}: {text}")
    for seed in totals.differing[:MOST_SHOWN]:
        say(
            f"Life {seed} went another way the second time, in other company. That is our mistake, not the contract's; please report it."
        )
    for finding in totals.findings[:MOST_SHOWN]:
        say(f"Broken in life {finding.seed}: {finding.promise}, {finding.text}")
    if len(totals.findings) > MOST_SHOWN:
        lives = len({finding.seed for finding in totals.findings})
        say(f"… and {len(totals.findings) - MOST_SHOWN:,} more. A promise was broken in {lives:,} of {len(seeds):,} lives.")


def _print_story(story: Story) -> None:
    say("")
    say(story.beginning)
    width = len(str(story.lines[-1].at)) if story.lines else 0
    for line in story.lines:
        say(f"  step {str(line.at).rjust(width)}: {line.text}")
    say(story.moral)
    for reason in story.reasons:
        say(reason)


def _story_data(story: Story | None) -> Json | None:
    if story is None:
        return None
    steps = [{"step": line.at, "text": line.text} for line in story.lines]
    return {"beginning": story.beginning, "steps": steps, "moral": story.moral, "reasons": list(story.reasons)}


def _as_data(
    contract: Contract, seeds: Sequence[int], faults: Sequence[str], totals: Totals, story: Story | None, refused: Sequence[str]
) -> Mapping[str, object]:
    """The whole for programs."""
    return {
        "contract": contract.contract, "version": contract.version, "seeds": {"first": seeds[0], "last": seeds[-1], "count": len(seeds)},
        "lives": totals.lived, "reproduced": totals.reproduced, "held": totals.kept, "refused": list(refused),
        "acts_of_people": totals.acts, "faults": {f.id: {"words": f.words, "times": f.times} for f in coverage(totals.fired, faults)},
        "broken": [{"seed": f.seed, "promise": f.promise, "means": PROMISES.get(f.promise, ""), "text": f.text, "step": f.at}
                   for f in totals.findings],
        "differing": totals.differing, "fell_over": [{"first": b[0], "last": b[-1], "text": text} for b, text in totals.fell_over],
        "ends": dict(totals.ends), "doubt": doubt(contract, totals.ends), "story": _story_data(story), "seconds": round(totals.seconds, 1),
    }  # fmt: skip
