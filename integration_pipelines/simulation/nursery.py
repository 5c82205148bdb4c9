"""What every life of a contract has in common, worked out once: what may be said where, and how ids look."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from integration_pipelines.core.contract import Contract, FieldType, ObjectKind, SourceObject, SyncField
from integration_pipelines.core.contract import Side as Where
from integration_pipelines.simulation.accounts import Record, Side
from integration_pipelines.simulation.vocabulary import Vocabulary, fits, like, vocabulary

SIDES: tuple[Side, Side] = ("left", "right")
BORN = "2026-10-01T08:00:00Z"
_FORMS = ("10{}", "cus_{}", "rec-{}", "R{}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A column that a new record has a value of its own in: one of those, or the id of one of the object's records that it names."""

    column: str
    values: tuple[str, ...]
    names: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as one side shows it of the other."""

    field: str
    spec: SyncField
    side: Side
    where: Where
    column: str


@dataclass(frozen=True)
class Nursery:
    """What every life of a contract has in common."""

    contract: Contract

    @cached_property
    def words(self) -> Vocabulary:
        """What may be entered where."""
        return vocabulary(self.contract)

    @cached_property
    def forms(self) -> dict[str, str]:
        """How ids look, by object: so that every column that is to hold them may."""
        return {name: self._form(name, spec) for name, spec in self.contract.objects.items()}

    @cached_property
    def mains(self) -> dict[Side, str]:
        """Of each side the object whose records are linked."""
        return {side: self.contract.main_object(side) for side in SIDES}

    @cached_property
    def sides(self) -> dict[str, Side]:
        """Whose each object is."""
        return {name: self.contract.side_of(spec.role) for name, spec in self.contract.objects.items()}

    def main(self, side: Side) -> str:
        """The object whose records are linked."""
        return self.mains[side]

    def id_column(self, name: str) -> str | None:
        """The column that says a record's own id."""
        return next((c for c, how in self.contract.objects[name].columns.items() if how.source == "id"), None)

    def named(self, name: str, number: int) -> str:
        """The id of the record of that number."""
        return self.forms[name].format(number)

    def blank(self, name: str, record_id: str) -> Record:
        """A record that says nothing yet."""
        texts, lists, own = self._blanks[name]
        return texts | {column: [] for column in lists} | ({own: record_id} if own else {})

    @cached_property
    def _blanks(self) -> dict[str, tuple[Record, list[str], str | None]]:
        """By object what a record says that says nothing, its columns with rows, and the column with its own id."""
        found = {}
        for name, spec in self.contract.objects.items():
            texts: Record = {c: "" for c, how in spec.columns.items() if how.type is not FieldType.LIST}
            texts |= {spec.born: BORN} if spec.born else {}
            lists = [c for c, how in spec.columns.items() if how.type is FieldType.LIST]
            found[name] = texts, lists, self.id_column(name)
        return found

    @cached_property
    def entries(self) -> dict[str, list[Entry]]:
        """By object what a new record says that the rest does not depend on."""
        return {name: list(self._entries(name, spec)) for name, spec in self.contract.objects.items()}

    def _entries(self, name: str, spec: SourceObject) -> Iterator[Entry]:
        references, set_later = self.references(name), self._set_with_a_pair(name)
        for column, how in spec.columns.items():
            if how.type is FieldType.LIST or how.source == "id" or column in {spec.born, spec.aliases, spec.parent, *set_later}:
                continue
            if column == "archived":
                yield Entry(column, ("false", "false", "true"))
            elif column in references:
                yield Entry(column, (), references[column])
            else:
                yield Entry(
                    column, tuple(w for w in self.words.of(name, column).good if w not in spec.exclude_when.get(column, ()))
                )

    def _set_with_a_pair(self, name: str) -> set[str]:
        """Columns that show the other side's values, stamps, and columns that rules compare."""
        contract = self.contract
        spec = contract.objects[name]
        if spec.kind is not ObjectKind.MAIN:
            return set()
        left = contract.side_of(spec.role) == "left"
        fields = {(f.left if left else f.right).column for f in contract.fields.values() if f.owner != spec.role}
        return {c for c in fields | {r.left if left else r.right for r in contract.matching.rules} if c}

    @cached_property
    def shown(self) -> list[Shown]:
        """What each side shows of the other; what both share is drawn on the left and shown on the right."""
        return [one for field, spec in self.contract.fields.items() if spec.owner != "sync" for one in self._shown(field, spec)]

    def _shown(self, field: str, spec: SyncField) -> Iterator[Shown]:
        owner = "left" if spec.owner == "two_way" else self.contract.side_of(spec.owner)
        for side in SIDES:
            where = spec.left if side == "left" else spec.right
            if owner != side and where.column is not None and where.column != self.id_column(self.main(side)):
                yield Shown(field, spec, side, where, where.column)

    def references(self, name: str) -> dict[str, str]:
        """Column → the object that its values are ids of."""
        spec = self.contract.objects[name]
        found = {spec.parent: spec.parent_object} if spec.parent and spec.parent_object else {}
        if spec.kind is ObjectKind.MAIN:
            side = self.contract.side_of(spec.role)
            for one in self.contract.fields.values():
                place = one.left if side == "left" else one.right
                if place.lookup is not None and place.column is not None:
                    found[place.column] = place.lookup.object
        return found

    def _form(self, name: str, spec: SourceObject) -> str:
        readers = [(n, c) for n in self.contract.objects for c, of in self.references(n).items() if of == name]
        if spec.kind is ObjectKind.MAIN:
            side = self.contract.side_of(spec.role)
            readers += self._shown_ids(side)
            readers += [(name, spec.aliases)] if spec.aliases else []
        readers += [(name, own)] if (own := self.id_column(name)) else []
        wanted = [self.contract.objects[n].columns[c] for n, c in readers]
        forms = (*_FORMS, *(like(how, "{0}") for how in wanted))
        return next((form for form in forms if all(fits(how, form.format(1)) for how in wanted)), _FORMS[0])

    def key(self, name: str, column: str, number: int) -> str:
        """A value that tells the record of that number from all others."""
        how = self.contract.objects[name].columns[column]
        words = (f"key{number}.example", like(how, str(number)))
        return next((word for word in words if word and fits(how, word)), words[0])

    @cached_property
    def hinges(self) -> dict[str, str]:
        """Where records are made for others: by main object the column with the value that both are known by; people leave it alone."""
        rule = self.contract.matching.create
        return {} if rule is None else {self.main("left"): rule.unique, self.main("right"): rule.value}

    def _shown_ids(self, side: Side) -> list[tuple[str, str]]:
        """Columns of the other side that hold this side's ids: by a field, or because a rule compares them."""
        here, there = self.main(side), self.main("right" if side == "left" else "left")
        own = self.id_column(here)
        pairs = [(f.left.column, f.right.column) for f in self.contract.fields.values()]
        pairs += [(r.left, r.right) for r in self.contract.matching.rules if r.compare == "equal"]
        ordered = pairs if side == "left" else [(right, left) for left, right in pairs]
        return [(there, other) for mine, other in ordered if mine == own and other is not None]
