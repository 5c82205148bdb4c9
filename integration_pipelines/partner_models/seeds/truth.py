"""What is really so at a tenant, before any partner holds a part of it: its firms, who looks after them, what they pay.

Which mess the partners make of it is said by the kinds; the shapes that they keep belong to `companies` and `customers`.
"""

from dataclasses import dataclass
from random import Random

from integration_pipelines.partner_models.seeds.draw import EVERY_KIND_FROM, draw_kinds, draw_plans
from integration_pipelines.partner_models.seeds.words import words

DAY = 86_400
CUSTOMERS = {"two_customers": 2, "three_customers": 3, "same_email": 2}
"""How many billing customers a firm of that kind has; all others have one."""
ODD_STRANGERS = 0.3
"""This part of the firms that are no customers has an odd name, once every odd name has been used."""
_OLDEST, _YOUNGEST = 900, 30


@dataclass(frozen=True, slots=True)
class Payer:
    """One billing customer of a firm and the kind of what it pays."""

    number: int
    plan: str


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm as it is. `kind` says what the partners make of it; `since` is in seconds since the epoch."""

    number: int
    kind: str
    trade_name: str
    suffix: str
    domain: str
    desk: str
    town: str
    country: str
    owner: int
    segment: str
    since: int
    payers: tuple[Payer, ...]


@dataclass(slots=True)
class Dice:
    """What drawing a firm needs: the tenant's own chance, how many people look after firms, and the time."""

    rng: Random
    owners: int
    now: int
    odd_names: int = 0

    def odd_name(self) -> str:
        """The next odd name."""
        found = words()["odd_names"][self.odd_names % len(words()["odd_names"])]
        self.odd_names += 1
        return found

    def is_odd(self) -> bool:
        """Whether a firm that is no customer has an odd name: until all have been used, then some."""
        return self.odd_names < len(words()["odd_names"]) or self.rng.random() < ODD_STRANGERS


def draw_firms(dice: Dice, customers: int) -> list[Firm]:
    """So many firms that there are exactly `customers` billing customers; the first firm is always plain."""
    every = customers >= EVERY_KIND_FROM
    kinds = draw_kinds("identity", customers, dice.rng, every=every, sizes=CUSTOMERS)
    sizes = [CUSTOMERS.get(kind, 1) for kind in kinds]
    per_payer = [kind for kind, size in zip(kinds, sizes, strict=True) for _ in range(size)]
    plans = draw_plans(per_payer, dice.rng, every=every)
    firms, done = [], 0
    for number, (kind, size) in enumerate(zip(kinds, sizes, strict=True), 1):
        payers = tuple(Payer(place + 1, plans[place]) for place in range(done, done + size))
        done += size
        firms.append(draw_firm(dice, number, kind, payers))
    return firms


def draw_firm(dice: Dice, number: int, kind: str, payers: tuple[Payer, ...] = ()) -> Firm:
    """One firm of a kind."""
    rng, word = dice.rng, words()
    place, trade = rng.choice(word["place"]), rng.choice(word["trade"])
    town, _, country = rng.choice(word["town"]).rpartition(" ")
    odd = kind == "odd_name" or (not payers and dice.is_odd())
    return Firm(
        number=number,
        kind=kind,
        trade_name=dice.odd_name() if odd else f"{place.title()} {trade} {number}",
        suffix=rng.choice(word["suffix"]),
        domain=f"{place}-{trade.lower()}-{number}.example",
        desk=rng.choice(word["desk"]),
        town=town,
        country=country,
        owner=rng.randrange(dice.owners),
        segment=rng.choice(word["segments"]),
        since=dice.now - rng.randint(_YOUNGEST, _OLDEST) * DAY - rng.randrange(DAY),
        payers=payers,
    )
