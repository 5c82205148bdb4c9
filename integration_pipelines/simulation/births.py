"""How a life begins: a handful of customers on both sides, drawn from one state and then disturbed.

Both sides come from one truth, since independent sides would hardly ever meet. Ids are the same in every life on purpose: a join that
forgets the tenant then joins strangers, and shows.
"""

from typing import Any

from integration_pipelines.core.contract import MatchRule, ObjectKind
from integration_pipelines.simulation.accounts import Account, Record, Side
from integration_pipelines.simulation.chance import Stream
from integration_pipelines.simulation.nursery import SIDES, Nursery
from integration_pipelines.simulation.reference import Pair, Reference, spelled
from integration_pipelines.simulation.vocabulary import fits

LATER = "2026-12-01T00:00:00Z"
"""After any rehearsed integration was installed."""
_STATUSES = ("active", "active", "active", "past_due", "trialing", "canceled", "unpaid", "paused", "incomplete")


def born(nursery: Nursery, seed: int) -> dict[Side, Account]:
    """Both accounts of a life as they are before the engine sees them."""
    birth = _Birth(nursery, Stream(seed, "data"))
    birth.people_and_pairs()
    return birth.accounts


class _Birth:
    """One life's first day."""

    def __init__(self, nursery: Nursery, chance: Stream) -> None:
        self.nursery, self.chance = nursery, chance
        names = {side: list(nursery.contract.objects_of(side)) for side in SIDES}
        self.accounts: dict[Side, Account] = {side: Account(side, {name: {} for name in names[side]}) for side in SIDES}
        self._reference = Reference(nursery.contract, self.accounts)

    def people_and_pairs(self) -> None:
        """Lookup records, then pairs and lonely records, then what they say."""
        contract, chance = self.nursery.contract, self.chance
        for name, spec in contract.objects.items():
            if spec.kind is ObjectKind.LOOKUP:
                for number in range(1, 3 + chance.below(2)):
                    self._make(name, number)
        several = contract.matching.several_right_per_left != "ambiguous"
        right_number = 0
        for number in range(1, 3 + chance.below(3)):
            left_id = self._make(self.nursery.main("left"), number)
            rights = chance.one((1, 1, 1, 1, 0, 2 if several else 1))
            ids = []
            for _ in range(rights):
                right_number += 1
                ids.append(self._make(self.nursery.main("right"), right_number))
                self._details(ids[-1], right_number)
            self._match(number, left_id, ids)
            self._reference = Reference(contract, self.accounts)
            for place in range(len(ids)):
                self._agree(Pair(left_id, ids[place], tuple(ids)), primary=place == 0)
        if chance.chance(0.3):
            lonely = self._make(self.nursery.main("right"), right_number + 1)
            self._details(lonely, right_number + 1)
            self._tell_apart(lonely)
        if contract.matching.create is not None and chance.chance(0.6):
            self._tell_apart(self._make(self.nursery.main("right"), right_number + 2))

    def _tell_apart(self, right_id: str) -> None:
        """A record of which another one may be made has a value of its own."""
        mine = self.accounts["right"].objects[self.nursery.main("right")]
        give_key(self.nursery, mine[right_id], 100 + len(mine))
        if self.nursery.hinges and self.chance.chance(0.7):
            ready(self.nursery, mine[right_id])

    def _account(self, name: str) -> Account:
        return self.accounts[self.nursery.sides[name]]

    def _make(self, name: str, number: int) -> str:
        """A record with values of its own in every column that the rest does not depend on."""
        record_id = self.nursery.named(name, number)
        record = self.nursery.blank(name, record_id)
        for entry in self.nursery.entries[name]:
            values = tuple(self._account(name).objects[entry.names]) if entry.names else entry.values
            record[entry.column] = self.chance.one((*values, "")) if values else ""
        self._account(name).objects[name][record_id] = record
        return record_id

    def _match(self, number: int, left_id: str, right_ids: list[str]) -> None:
        """Each right record is found by one of the contract's rules."""
        rules = self.nursery.contract.matching.rules
        left = self.accounts["left"].objects[self.nursery.main("left")][left_id]
        for place, right_id in enumerate(right_ids):
            right = self.accounts["right"].objects[self.nursery.main("right")][right_id]
            usable = [r for r in rules if place == 0 or r.right != self.nursery.id_column(self.nursery.main("right"))]
            _meet(self.chance.one(usable or rules), self.nursery, (number, place), left, right)

    def _agree(self, pair: Pair, *, primary: bool) -> None:
        """What each side shows of the other: mostly the truth, sometimes nothing or something else."""
        for one in self.nursery.shown:
            if one.side == "left" and not primary:
                continue
            name = self.nursery.main(one.side)
            record = self.accounts[one.side].objects[name][pair.left_id if one.side == "left" else pair.right_id]
            left, right = self._reference.both(pair, one.field)
            truth = right if one.side == "left" else left
            if self.chance.chance(0.6) and truth is not None:
                record[one.column] = spelled(one.spec.type, truth, one.where, self._reference.currency(pair, one.field))
            elif self.chance.chance(0.3):
                record[one.column] = self.chance.one(self.nursery.words.of(name, one.column).good or ("",))

    def _details(self, right_id: str, number: int) -> None:
        """Rows that belong to a right record: what a roll-up is made of, if there is one."""
        contract = self.nursery.contract
        for name, spec in contract.objects.items():
            if spec.kind is not ObjectKind.DETAIL or spec.parent is None:
                continue
            for place in range(self.chance.one((1, 1, 1, 2, 0))):
                row_id = self._make(name, number * 10 + place)
                row = self._account(name).objects[name][row_id]
                row[spec.parent] = right_id
                if contract.rollup is not None and contract.rollup.object == name:
                    row |= subscription(self.chance)


def _meet(rule: MatchRule, nursery: Nursery, which: tuple[int, int], left: Record, right: Record) -> None:
    """Let a rule find the pair: the left record of that number, and the one of its right records at that place."""
    number, place = which
    if rule.compare == "email_domain":
        domain = left[rule.left] or f"firm{number}.example"
        if any(domain == word for word in nursery.words.of(nursery.main("left"), rule.left).good):
            domain = f"firm{number}.example"
        left[rule.left], right[rule.right] = domain, f"pay{place}@{domain}"
    elif rule.left == nursery.id_column(nursery.main("left")):
        right[rule.right] = left[rule.left]
    elif rule.right == nursery.id_column(nursery.main("right")):
        left[rule.left] = right[rule.right]
    else:
        left[rule.left] = right[rule.right] = _shared(rule, nursery, number)


def _shared(rule: MatchRule, nursery: Nursery, number: int) -> str:
    """What both say: a key of their own where the columns allow one; else, of a short list of options say, what others may say, too."""
    names = nursery.main("left"), nursery.main("right")
    both = [nursery.contract.objects[name].columns[c] for name, c in zip(names, (rule.left, rule.right), strict=True)]
    options = [word for word in nursery.words.of(names[0], rule.left).good if all(fits(how, word) for how in both)]
    keys = (nursery.key(names[0], rule.left, number), nursery.key(names[1], rule.right, number))
    fitting = next((key for key in keys if all(fits(how, key) for how in both)), None)
    return fitting or (options[number % 2 % len(options)] if options else keys[0])


def give_key(nursery: Nursery, record: Record, number: int) -> None:
    """Let a right record say what the left one is made under, unless that is its id."""
    name = nursery.main("right")
    column = nursery.hinges.get(name)
    if column is not None and column != nursery.id_column(name) and not record[column]:
        record[column] = nursery.key(name, column, number)


def ready(nursery: Nursery, record: Record) -> None:
    """Let a right record be one that a left one is made for at once."""
    rule = nursery.contract.matching.create
    if rule is not None:
        record |= {column: values[0] for column, values in rule.when.items()}
        record |= {rule.since: LATER} if rule.since else {}


def subscription(chance: Stream) -> dict[str, Any]:
    """What a roll-up reads of one: simple prices, any status."""
    status = chance.one(_STATUSES)
    return {
        "status": status,
        "currency": chance.one(("usd", "usd", "usd", "eur", "jpy")),
        "cancel_at": "",
        "cancel_at_period_end": chance.one(("", "false", "false", "true")),
        "ended_at": "2026-09-05T10:00:00Z" if status == "canceled" else "",
        "trial_end": "2026-12-24T00:00:00Z" if status == "trialing" else "",
        "paused_collection": "",
        "items": [item(chance, n) for n in range(chance.one((1, 1, 1, 2)))],
        "discounts": [discount()] if chance.chance(0.15) else [],
    }


def item(chance: Stream, number: int = 0) -> dict[str, Any]:
    """One price of a subscription."""
    return {
        "id": f"item_{number}", "quantity": chance.one(("1", "1", "3", "")),
        "current_period_end": chance.one(("2026-12-01T00:00:00Z", "2027-03-15T00:00:00Z")),
        "price_id": f"price_{number}", "product_id": "prod_1", "interval": chance.one(("month", "month", "year", "week", "day")),
        "interval_count": chance.one(("1", "1", "3")), "usage_type": chance.one(("licensed", "licensed", "licensed", "metered")),
        "billing_scheme": "per_unit", "unit_amount": chance.one(("1000", "4999", "333.5", "0", "-500")), "tiers_mode": "", "divide_by": "",
        "divide_round": "", "tiers": [], "discounts": [],
    }  # fmt: skip


def discount() -> dict[str, str]:
    """A part off, for ever."""
    return {"percent_off": "12.5", "amount_off": "", "currency": "", "duration": "forever", "ends_at": "", "products": ""}
