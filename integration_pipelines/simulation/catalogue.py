"""The faults that a rehearsal knows, by the ids of the catalogue: what each one is in plain words, and how often it strikes where it could.

Each life has some of them switched on, and not always the same: what hides behind one fault comes to light where that one is off.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from integration_pipelines.errors import ConfigError
from integration_pipelines.simulation.chance import Stream


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which things go wrong."""

    id: str
    words: str
    rate: float


FAULTS: Mapping[str, Fault] = {
    fault.id: fault
    for fault in (
        Fault("H01", "the partner says that we ask too often", 0.03),
        Fault("H03", "the partner's daily quota is used up", 0.01),
        Fault("H05", "the partner answers with an error to a write that it did not carry out", 0.06),
        Fault("H06", "a gateway gives up, and nobody says whether the write was carried out", 0.08),
        Fault("H07", "the partner refuses the connection", 0.03),
        Fault("H08", "the answer to a write that was carried out is lost", 0.08),
        Fault("H09", "a write is given up and arrives later", 0.06),
        Fault("H10", "the connection is cut in the middle of several writes", 0.15),
        Fault("H11", "an answer breaks off in the middle", 0.02),
        Fault("H12", "the partner answers with a page of HTML", 0.02),
        Fault("H13", "the partner refuses single records", 0.06),
        Fault("H14", "the partner answers to a write with nothing", 0.04),
        Fault("H20", "a list leaves out a record that is there", 0.06),
        Fault("H21", "the partner has a record locked", 0.04),
        Fault("H27", "a replica of the partner shows for a while what was before our write", 0.15),
        Fault("A02", "the partner does not accept our credentials any more", 0.01),
        Fault("A06", "the connection may not write any more", 0.03),
        Fault("D30", "a list comes empty although there are records", 0.02),
        Fault("E05", "no message and no list says that a record changed", 0.1),
    )
}
SHARE = 0.35
"""So many of the faults are switched on in one life."""


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """The faults that were asked for, in the catalogue's order.

    Raises:
        ConfigError: one that a rehearsal does not know.
    """
    wanted = set(names)
    if "all" in wanted:
        return tuple(FAULTS)
    unknown = sorted(wanted - FAULTS.keys())
    if unknown:
        raise ConfigError(f"A rehearsal knows no fault {', '.join(unknown)}.", remedy=f"It knows {', '.join(FAULTS)}.")
    return tuple(f for f in FAULTS if f in wanted)


def switched_on(seed: int, faults: Iterable[str]) -> dict[str, float]:
    """The faults of one life and their rates: a share of those allowed, by the life's own chance."""
    share = Stream(seed, "swarm").one((SHARE, SHARE, 0.15, 0.7))
    mine = {f: Stream(seed, f"swarm {f}") for f in faults}
    return {f: FAULTS[f].rate * chance.one((0.5, 1.0, 1.0, 2.0)) for f, chance in mine.items() if chance.chance(share)}
