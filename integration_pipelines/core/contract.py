"""The frozen model of an integration contract: what a YAML file may say, and nothing else.

Reading a file and turning its faults into lines a person can act on is `contract_load`; refusing contracts that are well
formed but dangerous is `contract_lint`; saying a contract in plain words is `contract_show`.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A name that may become a table, a column or an asset; nothing else may stand in generated SQL without quotes."""
NameOrBlank = Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,62})?$")]
"""The same, or ''."""


class Frozen(BaseModel):
    """Immutable; an unknown key is an error, since a misspelt rule must never be silently ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=True)


class FieldType(StrEnum):
    """Decides the canonical form (see `canonical`)."""

    ID = "id"
    TEXT = "text"
    EMAIL = "email"
    DOMAIN = "domain"
    ENUM = "enum"
    MONEY = "money"
    CURRENCY = "currency"
    DECIMAL = "decimal"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    IDS = "ids"  # several ids in one value, joined by ';'
    LIST = "list"  # nested rows, only in objects


class DataClass(StrEnum):
    """How sensitive a value is; decides who sees it and what an erasure removes."""

    INTERNAL = "internal"
    BUSINESS = "business"
    PERSONAL = "personal"
    FINANCIAL = "financial"


class Expectation(Frozen):
    """One rule of the gate. `remedy` is what the person who owns the record should do."""

    expect: Literal["not_blank", "in_set", "matches", "between", "max_length", "unique", "type"]
    values: tuple[str, ...] = ()
    pattern: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    reason: str
    remedy: str


class NestedColumn(Frozen):
    """One column of a nested list, e.g. of a subscription's items. Values arrive as text, '' when the partner says null."""

    source: str
    type: FieldType
    expectations: tuple[Expectation, ...] = ()
    fields: dict[Name, "NestedColumn"] = Field(default_factory=dict)


class Column(Frozen):
    """What is read of a partner's object. `source` is a path such as `properties.domain` or `metadata.crm_segment`."""

    source: str
    type: FieldType
    purpose: str
    data_class: DataClass = DataClass.INTERNAL
    expectations: tuple[Expectation, ...] = ()
    fields: dict[Name, NestedColumn] = Field(default_factory=dict)


class ObjectKind(StrEnum):
    """`main` records are linked, `detail` rows belong to a main record, `lookup` rows translate a value."""

    MAIN = "main"
    DETAIL = "detail"
    LOOKUP = "lookup"


class SourceObject(Frozen):
    """A partner's object as this contract reads it; its name in the contract is the asset's name."""

    role: str
    partner_object: str
    kind: ObjectKind
    description: str
    columns: dict[Name, Column]
    label: tuple[str, ...] = ()  # columns that name a record to a person, first non-blank wins
    aliases: str | None = None  # column with ids that were merged into this record
    born: Name | None = None  # column that says when the record was made: another record under the same id is told by it
    parent: str | None = None  # detail: column with the main record's id
    parent_object: str | None = None
    exclude_when: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # column → values that take it out of scope
    options: dict[Name, tuple[str, ...]] = Field(default_factory=dict)  # what the partner's connector is to mean by this object
    allow_empty: bool = False


class Role(Frozen):
    """One side of the integration and the partner that plays it."""

    name: Name
    label: str
    partner: str


class Roles(Frozen):
    """Both sides; stored tables call them left and right, views use their names."""

    left: Role
    right: Role


class PropertySpec(Frozen):
    """A field that must exist at the partner; created at set-up if it does not."""

    label: str
    description: str
    field_type: str
    wire_type: str
    unique: bool = False
    group: str = "billing_sync"
    number_hint: str | None = None
    options: tuple[str, ...] = ()


class Lookup(Frozen):
    """Translate a column's value through another object, e.g. an owner id to the owner's e-mail."""

    object: str
    column: str
    when_archived: Literal["clear", "keep"] = "clear"


class Side(Frozen):
    """Where a field lives on one side: a column (optionally through a lookup) or a roll-up of detail rows."""

    column: str | None = None  # column of the side's main object
    lookup: Lookup | None = None
    rollup: Literal["status", "mrr", "currency", "renewal_date", "cancel_date", "line_items"] | None = None
    map: dict[str, str] = Field(default_factory=dict)  # the side's value → canonical value
    create: PropertySpec | None = None


class SyncField(Frozen):
    """One field kept the same on both sides."""

    label: str
    type: FieldType
    owner: str  # a role's name, or "sync" for stamps, or "two_way"
    purpose: str
    data_class: DataClass
    left: Side
    right: Side
    values: tuple[str, ...] = ()
    default: str | None = None
    blank: Literal["clear", "default", "keep"] = "clear"  # what a blank at the owner means for the other side
    on_foreign_edit: Literal["restore", "hold"] = "restore"
    two_way_rule: Literal["left_wins", "right_wins", "hold"] | None = None
    currency_field: str | None = None  # money: the field that holds its currency
    max_length: int | None = None


class MatchRule(Frozen):
    """One way to recognise the same customer on both sides; rules are tried in order, stored links come before all."""

    name: str
    left: str  # column of the left main object
    right: str  # column of the right main object
    compare: Literal["equal", "email_domain"] = "equal"
    exclude_free_mail: bool = False
    unique_right: str | None = None  # right records that share this column's value are ambiguous
    explanation: str


class CreateRule(Frozen):
    """How a left record is made for a right record that nothing matches: by upsert on a unique property, and in no other way."""

    unique: Name  # column of the left main object that holds the unique value
    value: Name  # column of the right main object that is that value
    columns: dict[Name, Name] = Field(default_factory=dict)  # left column → right column that a new record starts with
    texts: dict[Name, str] = Field(default_factory=dict)  # left column → text with {right columns} that a new record starts with
    when: dict[Name, tuple[str, ...]] = Field(default_factory=dict)  # right column → values without which none is made
    since: Name | None = None  # right column with a moment: for what was there before the installation none is made


class Matching(Frozen):
    """How records find each other, and what several records on one side mean."""

    rules: tuple[MatchRule, ...]
    several_right_per_left: Literal["aggregate", "line_items", "ambiguous"] = "aggregate"
    free_mail_domains: tuple[str, ...] = ()
    unmatched_left: Literal["ignore", "report"] = "ignore"
    unmatched_right: Literal["ignore", "report", "create"] = "report"
    create: CreateRule | None = None  # with `unmatched_right: create`, and only then
    gone_right: Literal["report", "archive"] = (
        "report"  # what becomes of a left record that we made when its right record is gone
    )


class Notification(Frozen):
    """What people are told at another product when a run finds something new; beside what is written, and never in its way."""

    name: Name
    partner: str
    when: Literal["created", "changed"]  # a left record was made for a right one; a field changed at its owner
    field: Name | None = None  # with `changed`: which one
    to: tuple[str, ...] = ()  # with `changed`: only these values; empty: all
    channel: str = ""  # blank: the one that the tenant's connection says
    text: str  # with {fields} and {role.columns}
    repeats_when_unclear: int = Field(ge=0, le=5, default=1)  # how often it is said again when nobody knows whether it was said


class Rollup(Frozen):
    """How detail rows become one view of a customer (worst useful status first)."""

    object: str
    status_order: tuple[str, ...]
    counted_statuses: tuple[str, ...] = ("active", "past_due")
    ended_statuses: tuple[str, ...] = ("canceled", "incomplete_expired")
    metered: Literal["exclude"] = "exclude"
    paused_collection: Literal["count", "zero"] = "count"
    repeating_discounts: Literal["apply", "ignore"] = "apply"


class Boundaries(Frozen):
    """What the integration will not do."""

    history_days: int = Field(ge=1)
    excluded: tuple[str, ...]


class Latency(Frozen):
    """How soon a change must arrive."""

    target_seconds: int = Field(ge=1)
    settle_seconds: int = Field(default=0, ge=0)  # how old an event must be before its records are looked at
    settle: dict[Name, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)  # object → the same for events about it
    full_reconcile_hours: int = Field(ge=1)


class Failure(Frozen):
    """What happens to a write that does not go through."""

    retry_hours: int = Field(ge=0)
    then: Literal["alert"]


class Guards(Frozen):
    """Limits of one plan; `floor` keeps small tenants workable."""

    max_update_percent: float = Field(gt=0, le=100)
    update_floor: int = Field(ge=0)
    max_blanking_percent: float = Field(ge=0, le=100)
    blanking_floor: int = Field(ge=0, default=5)
    max_creates: int = Field(ge=0)
    max_missing_percent: float = Field(gt=0, le=100, default=20)  # of the records of the last full read
    missing_floor: int = Field(ge=0, default=10)
    deletes_need_approval: bool = True


class Scope(Frozen):
    """A permission asked of a tenant, and why."""

    role: str
    scope: str
    reason: str


class Contract(Frozen):
    """One integration, whole."""

    contract: str = Field(pattern=r"^[a-z][a-z0-9_]{2,40}$")
    asset_prefix: NameOrBlank | None = None  # what stands before its assets' names; left away: the contract's own name
    version: int = Field(ge=1)
    title: str
    story: str
    roles: Roles
    objects: dict[Name, SourceObject]
    fields: dict[Name, SyncField]
    matching: Matching
    rollup: Rollup | None = None
    notifications: tuple[Notification, ...] = ()
    boundaries: Boundaries
    latency: Latency
    failure: Failure
    guards: Guards
    scopes: tuple[Scope, ...]

    @property
    def asset_path(self) -> tuple[str, ...]:
        """What stands before the names of its assets."""
        prefix = self.contract if self.asset_prefix is None else self.asset_prefix
        return (prefix,) if prefix else ()

    def side_of(self, role: str) -> Literal["left", "right"]:
        """Which stored side a role's name is."""
        return "left" if role == self.roles.left.name else "right"

    def role(self, side: Literal["left", "right"]) -> Role:
        """The role on a stored side."""
        return self.roles.left if side == "left" else self.roles.right

    def main_object(self, side: Literal["left", "right"]) -> str:
        """Name of the object whose records are linked on that side."""
        role = self.role(side).name
        return next(n for n, o in self.objects.items() if o.role == role and o.kind is ObjectKind.MAIN)

    def objects_of(self, side: Literal["left", "right"]) -> dict[str, SourceObject]:
        """All objects read from that side's partner."""
        role = self.role(side).name
        return {n: o for n, o in self.objects.items() if o.role == role}
