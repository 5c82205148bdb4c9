"""`extract`: a full read of customers, subscriptions and companies by the connectors, beside dlt's REST source on the same sandbox.

Which objects, and what is made of the measurements, is here; the two sides are `extract_ours` and `extract_dlt`. Each runs in a
process of its own, warmed up on a small account; processor time counts without imports and without the sandbox.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from integration_pipelines.known import packaged_contracts
from integration_pipelines.partners.hubspot.wire import Paths
from integration_pipelines_tests.benchmarks.alone import Contender, Rounds, compete
from integration_pipelines_tests.benchmarks.meter import Run
from integration_pipelines_tests.benchmarks.report import Figure, Report
from integration_pipelines_tests.benchmarks.serve import sandbox_process
from integration_pipelines_tests.benchmarks.task import PAGE, Task

OURS = "ours"
LEAN = "dlt, given the contract's fields"
STAGE = "dlt's extract stage alone"
PLAIN = "dlt, as it comes"
SENTENCE = (
    "A full read of billing customers and subscriptions (Stripe) and of companies (HubSpot) into Parquet: our connectors and lake "
    "beside dlt's REST source and its filesystem destination, on the same sandbox."
)
WARM_UP_CUSTOMERS = 20
OBJECTS = {
    "billing_customers": ("stripe", "/v1/customers"),
    "billing_subscriptions": ("stripe", "/v1/subscriptions"),
    "crm_accounts": ("hubspot", Paths().companies()),
}
"""What is read: partner and path."""

_HERE = __package__
_PER = 100_000
_LEAST_CPU = 1e-9
Accounts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured for one object, or for all together; by side."""

    records: int
    seconds: dict[str, float]
    cpu: dict[str, float]
    peak_mib: dict[str, float]


def extract(customers: int, rounds: int) -> Report:
    """Read every object by every side in turn and compare what it took.

    Raises:
        AssertionError: two sides did not read the same records.
    """
    lines: dict[str, Line] = {}
    with sandbox_process(WARM_UP_CUSTOMERS) as small, sandbox_process(customers) as large:
        for name in OBJECTS:
            task = _task(name, small, large)
            contenders = (
                Contender(OURS, f"{_HERE}.extract_ours:ours", task),
                Contender(LEAN, f"{_HERE}.extract_dlt:given_the_fields", task),
                Contender(PLAIN, f"{_HERE}.extract_dlt:as_it_comes", task),
            )
            lines[name] = _line(name, compete(contenders, rounds))
    lines["all three"] = _together(list(lines.values()))
    return Report(SENTENCE, tuple(f for name, line in lines.items() for f in _figures(name, line)), _notes(lines, rounds))


def _task(name: str, small: Accounts, large: Accounts) -> Task:
    partner, path = OBJECTS[name]
    sources = [column.source for column in packaged_contracts()["crm_billing"].objects[name].columns.values()]
    fields = sorted({"id", *(source.partition(".")[0] for source in sources)})
    properties = sorted(s.removeprefix("properties.") for s in sources if s.startswith("properties."))
    return Task(
        object=name, partner=partner, path=path, fields=fields, properties=properties,
        small=dict(small[partner]), large=dict(large[partner]),
    )  # fmt: skip


def _line(object_name: str, found: dict[str, Rounds]) -> Line:
    answers = {name: rounds.answer for name, rounds in found.items()}
    if any(answer != answers[OURS] for answer in answers.values()):
        counts = {name: answer["records"] for name, answer in answers.items()}
        raise AssertionError(f"The sides did not read the same {object_name}: {counts}.")

    def medians(of_whole: Callable[[Run], float], of_stage: Callable[[Run], float]) -> dict[str, float]:
        return {name: rounds.median(of_whole) for name, rounds in found.items()} | {STAGE: found[LEAN].median(of_stage)}

    return Line(
        records=answers[OURS]["records"],
        seconds=medians(lambda run: run.whole.seconds, lambda run: run.laps["extract"].seconds),
        cpu=medians(lambda run: run.whole.cpu, lambda run: run.laps["extract"].cpu),
        peak_mib={name: rounds.median(lambda run: run.peak_mib) for name, rounds in found.items()},
    )


def _together(lines: list[Line]) -> Line:
    sides, sizes = lines[0].seconds, lines[0].peak_mib
    return Line(
        records=sum(line.records for line in lines),
        seconds={name: sum(line.seconds[name] for line in lines) for name in sides},
        cpu={name: sum(line.cpu[name] for line in lines) for name in sides},
        peak_mib={name: max(line.peak_mib[name] for line in lines) for name in sizes},
    )


def _figures(name: str, line: Line) -> list[Figure]:
    """Every measure beside every other side."""
    start, found = f"extract, {name}", []
    for other in (LEAN, STAGE, PLAIN):
        speed, cpu = ({side: line.records / line.seconds[side] for side in (OURS, other)}, line.cpu)
        found.append(Figure(f"{start}: records a second", speed[OURS], "records/s", other, speed[other]))
        per = _PER / line.records
        found.append(Figure(f"{start}: CPU per {_PER:,} records", cpu[OURS] * per, "CPU s", other, cpu[other] * per))
        if other in line.peak_mib:
            found.append(Figure(f"{start}: peak memory", line.peak_mib[OURS], "MiB", other, line.peak_mib[other]))
    return found


def _notes(lines: dict[str, Line], rounds: int) -> tuple[str, ...]:
    whole = lines["all three"]
    least = min(line.cpu[STAGE] / max(line.cpu[OURS], _LEAST_CPU) for line in lines.values())
    less = {name: whole.cpu[name] / max(whole.cpu[OURS], _LEAST_CPU) for name in (LEAN, PLAIN)}
    counts = ", ".join(f"{line.records:,} {name}" for name, line in lines.items())
    return (
        (
            f"Ours takes {less[LEAN]:.1f} times less CPU than dlt given the contract's fields, {less[PLAIN]:.1f} times less than dlt as it "
            f"comes, and {least:.1f} times less than dlt's extract stage alone where it is closest."
        ),
        f"Read: {counts}; all sides ended with the same record ids. Pages of {PAGE}, no rate limits on either end.",
        (
            f"Each side in a fresh, warmed-up process, in turn, median of {rounds}. Ours includes fetching what lists leave out (coupons, "
            "price tiers), hashing and fsync."
        ),
    )
