"""When people come: between runs, before something is read, and best of all between our read and our write."""

from collections.abc import Sequence

from integration_pipelines.simulation.accounts import Side
from integration_pipelines.simulation.acts import ACTS, Act, Hand
from integration_pipelines.simulation.births import SIDES, Nursery
from integration_pipelines.simulation.life import PEOPLE, Life

_OFTEN = {"read": 0.03, "fetch": 0.06, "write": 0.15, "look behind": 0.05, "set up": 0.0}
_ANY = [act for act, weight, _ in ACTS for _ in range(weight)]
_WHILE_RUNNING = [act for act, weight, running in ACTS if running for _ in range(weight)]


class People:
    """What people of any life may do under one contract."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery

    def come(self, life: Life, side: Side, what: str, records: Sequence[tuple[str, str]]) -> None:
        """Somebody may do something at this moment, mostly to what it is about."""
        chance = life.stream(PEOPLE)
        if life.calm or not chance.chance(_OFTEN[what]):
            return
        where = side if chance.chance(0.7) else chance.one(SIDES)
        near = [record for name, record in records if name == self._nursery.main(where) and record]
        self._do(life, chance.one(_WHILE_RUNNING), Hand(self._nursery, life, where, near, what))

    def pass_time(self, life: Life) -> None:
        """Between two runs."""
        chance = life.stream(PEOPLE)
        for _ in range(chance.one((0, 0, 1, 1, 2, 3))):
            self._do(life, chance.one(_ANY), Hand(self._nursery, life, chance.one(SIDES), [], "between runs"))

    def _do(self, life: Life, act: Act, hand: Hand) -> None:
        if life.happens(PEOPLE):
            act(hand)
