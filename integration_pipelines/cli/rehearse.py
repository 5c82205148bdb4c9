"""`rehearse`: live a contract through everything that goes wrong, before it touches anybody's records."""

from importlib import import_module
from typing import Any

import click


@click.command("rehearse")
@click.argument("contract")
@click.option(
    "--seeds", type=click.IntRange(1, 1_000_000), default=200, show_default=True, help="So many lives, each lived twice."
)
@click.option("--from", "first", type=click.IntRange(min=0), default=0, show_default=True, help="The first life's number.")
@click.option("--faults", default="all", show_default=True, help="What may go wrong: all, none, or ids such as H08,D30.")
@click.option("--seed", type=click.IntRange(min=0), help="Live this one life again and tell it.")
@click.option("--processes", type=click.IntRange(1, 256), help="Batches at a time.  [default: as many as processors]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def rehearse_command(
    contract: str, *, seeds: int, first: int, faults: str, seed: int | None, processes: int | None, as_json: bool
) -> None:
    """Live a contract through everything that goes wrong, and see whether it keeps what is promised. Nothing outside is touched.

    CONTRACT is a file or the name of a packaged contract. The real engine runs against partners that lose answers, carry out writes
    late, cut connections and show stale values, while people edit, merge and delete records at the worst moments. The number of a life
    decides all of it, so each can be lived again. Then nothing goes wrong any more: both sides must come to agree, with nothing lost and
    nothing done twice. Where a promise is broken, the shortest story that shows it is told, and the command exits 1.

    Example: integration-pipelines rehearse crm_billing --seeds 500
    """
    heavy: Any = import_module("integration_pipelines.cli.rehearsing")  # the engine; `--help` does without it
    numbers = range(first, first + seeds)
    wanted = [part.strip() for part in faults.split(",") if part.strip()]
    if seed is not None:
        heavy.replay(contract, seed, wanted, as_json=as_json)
    else:
        heavy.rehearse_all(contract, numbers, wanted, processes=processes, as_json=as_json)


COMMANDS = {"rehearse": rehearse_command}
