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
    share: float = 1.0
    """So much larger than others' is the share of lives in which it is switched on: few lives hear of webhooks at all."""


ACTS = 1.0
"""What people do strikes as often as they come: `acts` says how often they choose it among other things."""
OF_EVENTS = 2.0
"""Of what happens to webhooks: see `Fault.share`."""
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
        Fault("H14", "the partner answers to a write with nothing", 0.06),
        Fault("H20", "a list leaves out a record that is there", 0.06),
        Fault("H21", "the partner has a record locked", 0.04),
        Fault("H22", "the partner says that it knows our key from another write", 0.05),
        Fault("H23", "the partner refuses a write, since the record is not as it was", 0.04),
        Fault("H24", "a record is deleted between our read and our write", 0.08),
        Fault("H27", "a replica of the partner shows for a while what was before our write", 0.15),
        Fault("A02", "the partner does not accept our credentials any more", 0.01),
        Fault("A06", "the connection may not write any more", 0.08),
        Fault("D30", "a list comes empty although there are records", 0.02),
        Fault("D03", "somebody enters what does not read as its type", ACTS),
        Fault("D04", "somebody enters an option that the contract does not know", ACTS),
        Fault("D05", "somebody enters text that looks like something else", ACTS),
        Fault("D06", "a subscription gets another currency than those beside it", ACTS),
        Fault("D07", "a subscription gets prices below zero, discounts or other periods", ACTS),
        Fault("D08", "a subscription gets a currency without decimals", ACTS),
        Fault("D13", "two records come to say the same where records are told apart", ACTS),
        Fault("D14", "two records change places in what they are recognised by", ACTS),
        Fault("D15", "a record is merged into another", ACTS),
        Fault("D16", "a record that others were merged into is merged itself", ACTS),
        Fault("D17", "a record claims that one which still answers was merged into it", ACTS),
        Fault("D19", "a record that was merged away comes back", 0.5),
        Fault("D20", "a record is deleted, or comes back", ACTS),
        Fault("D21", "nearly everything is deleted, or a field is emptied everywhere", ACTS),
        Fault("D22", "a subscription ends, or begins again", ACTS),
        Fault("D23", "a record is deleted and another one gets its id", ACTS),
        Fault("D26", "somebody enters the same on both sides", ACTS),
        Fault("D27", "somebody changes a value and changes it back", ACTS),
        Fault("D28", "the partner's schema loses a field that the contract reads", ACTS),
        Fault("D31", "a record names another one that is not there", ACTS),
        Fault("P01", "our process is killed before or after something that it keeps", 0.15),
        Fault("P16", "our process is killed while a write is under way", 0.06),
        Fault("T10", "somebody pauses our writes in the middle of a run, and lets them go on later", 0.015),
        Fault("E01", "an event is delivered twice", 0.14, OF_EVENTS),
        Fault("E02", "two events tell of the same change", 0.12, OF_EVENTS),
        Fault("E03", "events come in another order", 0.6, OF_EVENTS),
        Fault("E04", "an event comes late", 0.14, OF_EVENTS),
        Fault("E07", "an old event is delivered again", 1.0, OF_EVENTS),
        Fault("E13", "an event is about something that nobody reads", 0.5, OF_EVENTS),
        Fault("E19", "the partner says that events were lost", 0.6, OF_EVENTS),
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
    return {
        f: FAULTS[f].rate * chance.one((0.5, 1.0, 1.0, 2.0))
        for f, chance in mine.items()
        if chance.chance(share * FAULTS[f].share)
    }
