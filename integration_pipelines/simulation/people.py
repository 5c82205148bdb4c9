"""When people come: between runs, before something is read, and best of all between our read and our write."""

from collections.abc import Mapping, Sequence

from integration_pipelines.simulation.accounts import Side
from integration_pipelines.simulation.acts import ACTS, Act, Hand, delete, restore
from integration_pipelines.simulation.acts_creates import choices
from integration_pipelines.simulation.life import PEOPLE, Life
from integration_pipelines.simulation.nursery import SIDES, Nursery

_OFTEN = {"read": 0.03, "fetch": 0.06, "write": 0.15, "look behind": 0.05, "set up": 0.0}


class People:
    """What people of any life may do under one contract."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        self._all = (*ACTS, *choices(nursery))
        self._known: dict[tuple[frozenset[str], bool], list[Act]] = {}

    def come(self, life: Life, side: Side, what: str, records: Sequence[tuple[str, str]]) -> None:
        """Somebody may do something at this moment, mostly to what it is about."""
        chance = life.stream(PEOPLE)
        if life.calm:
            return
        if what == "write" and life.strikes("H24"):
            delete(Hand(self._nursery, life, side, self._near(side, records), what))
        if not chance.chance(_OFTEN[what]):
            return
        where = side if chance.chance(0.7) else chance.one(SIDES)
        hand = Hand(self._nursery, life, where, self._near(where, records), what)
        self._do(life, chance.one(self._choices(life.rates, running=True)), hand)

    def pass_time(self, life: Life) -> None:
        """Between two runs."""
        chance = life.stream(PEOPLE)
        for _ in range(chance.one((0, 0, 1, 1, 2, 3))):
            hand = Hand(self._nursery, life, chance.one(SIDES), [], "between runs")
            self._do(life, chance.one(self._choices(life.rates, running=False)), hand)
        for side in SIDES:
            if life.accounts[side].merged_into and life.strikes("D19"):
                restore(Hand(self._nursery, life, side, [], "between runs"))

    def _near(self, side: Side, records: Sequence[tuple[str, str]]) -> list[str]:
        return [record for name, record in records if name == self._nursery.main(side) and record]

    def _choices(self, rates: Mapping[str, float], *, running: bool) -> list[Act]:
        """Each act as often as it is to be chosen among the others of a life with those faults."""
        key = frozenset(rates), running
        found = self._known.get(key)
        if found is None:
            mine = [c for c in self._all if (c.running or not running) and (not c.faults or c.faults & rates.keys())]
            found = self._known[key] = [c.act for c in mine for _ in range(c.weight)]
        return found

    def _do(self, life: Life, act: Act, hand: Hand) -> None:
        before = len(life.events)
        if life.happens(PEOPLE):
            act(hand)
            life.fired.update({str(e.facts["fault"]) for e in life.events[before:] if e.facts.get("fault")})
