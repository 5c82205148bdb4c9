"""Column types of the store and how Arrow shapes become columns. Tables are in `schema`; nothing here touches a database."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from integration_pipelines.errors import BugError


class Utc(TypeDecorator[datetime]):
    """An aware moment in UTC, exact to the microsecond, aware again on read.

    A database with a type for that uses it; SQLite stores `2026-11-23 12:00:00.000000Z`, which sorts like the time, is readable in
    every tool, and is exactly what Arrow writes and reads.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """Text on SQLite, the database's own type elsewhere."""
        kind: TypeEngine[datetime] = sa.Text() if dialect.name == "sqlite" else sa.DateTime(timezone=True)  # type: ignore[assignment] # text holds it there
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        """Refuse naive times; they are somebody's local time by accident."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise BugError("A time without a time zone was about to be stored.")
        return time_text(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        """Aware, in UTC."""
        del dialect
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else datetime.fromisoformat(str(value)).astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text as every database can hold it: a NUL and half a letter of UTF-16 become the mark for what cannot be shown, on all alike.

    Values that are sent to partners do not pass through here as text: they are JSON, which has escapes for both.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Nearly every text passes as it is."""
        del dialect
        return value if value is None or (value.isascii() and "\x00" not in value) else holdable(value)


REPLACED = "\ufffd"
_HALVES = re.compile("[\ud800-\udfff\x00]")


def holdable(value: str) -> str:
    """The text with a mark in place of what a database cannot hold."""
    return _HALVES.sub(REPLACED, value)


def time_text(moment: datetime) -> str:
    """The stored text of a moment, of fixed width so that text order is time order."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'microseconds')}Z"


def column_type(kind: pa.DataType) -> TypeEngine[Any]:
    """The column type that holds an Arrow type exactly."""
    chosen: TypeEngine[Any]
    if pa.types.is_timestamp(kind):
        chosen = Utc()
    elif pa.types.is_integer(kind):
        chosen = sa.BigInteger()
    elif pa.types.is_boolean(kind):
        chosen = sa.Boolean()
    elif pa.types.is_string(kind):
        chosen = Words()
    else:
        raise BugError(f"The store has no column type for {kind}.")
    return chosen


def columns_of(shape: pa.Schema, *, key: Collection[str], optional: Collection[str] = ()) -> list[sa.Column[object]]:
    """One column per Arrow field: those of `key` form the primary key in that order, all but `optional` must be filled."""
    names = [*key, *(n for n in shape.names if n not in key)]
    return [
        sa.Column(name, column_type(shape.field(name).type), primary_key=name in key, nullable=name in optional) for name in names
    ]
