"""All of an account's companies: live, archived and merged away; ids, cursors, and who holds which unique value."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import islice

from integration_pipelines.partner_models.hubspot.records import Company

ARCHIVE_SECONDS = 90 * 86_400
FIRST_ID = 9_000_000_001


class Shelf:
    """Companies by id, walked in the order of their ids."""

    def __init__(self) -> None:
        self.by_id: dict[str, Company] = {}
        self._order: list[int] = []

    def __len__(self) -> int:
        """How many."""
        return len(self.by_id)

    def put(self, company: Company) -> None:
        """Add a company; its id must be free."""
        self.by_id[company.id] = company
        if self._order and company.number < self._order[-1]:
            insort(self._order, company.number)
        else:
            self._order.append(company.number)

    def take(self, company: Company) -> None:
        """Remove a company."""
        del self.by_id[company.id]
        del self._order[bisect_left(self._order, company.number)]

    def walk(self, after: int = 0) -> Iterator[Company]:
        """Companies with greater ids than `after`."""
        start = bisect_right(self._order, after) if after else 0
        return (self.by_id[str(number)] for number in islice(self._order, start, None))


class Companies:
    """Where each company is, and under which ids it answers."""

    def __init__(self) -> None:
        self.live = Shelf()
        self.archived = Shelf()
        self.departed: list[Company] = []
        """Gone for good or archived, in order of time: an index that lags still shows them."""
        self.survivors: dict[str, str] = {}
        self.holders: dict[tuple[str, str], str] = {}
        """(unique property, value) → id of the company that holds it."""
        self._next_id = FIRST_ID

    def mint(self) -> str:
        """The next free id."""
        found, self._next_id = self._next_id, self._next_id + 1
        return str(found)

    def find(self, record_id: str, *, archived: bool = False) -> Company | None:
        """The company that answers under an id; one that was merged away answers as its survivor."""
        shelf = self.archived if archived else self.live
        return shelf.by_id.get(self.survivors.get(record_id, record_id))

    def holder(self, name: str, value: str) -> Company | None:
        """The live company that holds a unique value."""
        return self.live.by_id.get(self.holders.get((name, value), ""))

    def add(self, company: Company, unique: frozenset[str]) -> None:
        """Bring in a new company."""
        self.live.put(company)
        self._next_id = max(self._next_id, company.number + 1)
        for name in unique & company.values.keys():
            self.hold(company, name, company.values[name])

    def hold(self, company: Company, name: str, value: object) -> None:
        """Note that a company holds a unique value; blanks are free for all."""
        if isinstance(value, str) and value:
            self.holders[name, value] = company.id

    def release(self, company: Company, name: str) -> None:
        """Free the unique value that a company holds."""
        value = company.values.get(name)
        if isinstance(value, str) and self.holders.get((name, value)) == company.id:
            del self.holders[name, value]

    def remove(self, company: Company, at: float, unique: frozenset[str], *, archive: bool) -> None:
        """Take a company off the live ones; archived ones can be read and restored for a while."""
        for name in unique:
            self.release(company, name)
        self.live.take(company)
        company.gone_at = at
        self.departed.append(company)
        if archive:
            company.archived = True
            self.archived.put(company)

    def restore(self, company: Company, unique: frozenset[str]) -> None:
        """Bring an archived company back under its id."""
        self.archived.take(company)
        self.departed = [one for one in self.departed if one is not company]  # an index that caught up has let go of it already
        company.archived, company.gone_at = False, None
        self.add(company, unique)

    def forget(self, record_id: str, unique: frozenset[str]) -> None:
        """Make an id free, so that a planted record can take it."""
        if record_id in self.live.by_id:
            company = self.live.by_id[record_id]
            for name in unique:
                self.release(company, name)
            self.live.take(company)
        if record_id in self.archived.by_id:
            self.archived.take(self.archived.by_id[record_id])
            self.departed = [one for one in self.departed if one.id != record_id]
        self.survivors.pop(record_id, None)
