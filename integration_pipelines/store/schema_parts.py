"""What all tables of the store are made of: the naming of constraints, and columns by kind. Tables are in `schema`."""

import sqlalchemy as sa

from integration_pipelines.store.columns import Utc, Words

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def text(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[str]:
    """Text; never null unless it says so."""
    return sa.Column(name, Words, primary_key=key, nullable=optional)


def count(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[int]:
    """A whole number."""
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=optional, autoincrement=False)


def time(name: str, *, optional: bool = False) -> sa.Column[object]:
    """A moment, UTC."""
    return sa.Column(name, Utc, nullable=optional)


def flag(name: str, *, optional: bool = False) -> sa.Column[bool]:
    """Yes or no."""
    return sa.Column(name, sa.Boolean, nullable=optional)


def partial_index(name: str, *columns: str, where: sa.TextClause, unique: bool = False) -> sa.Index:
    """An index of the rows that meet a condition, which is `info["where"]` here; migrations say it in each database's words.

    SQLAlchemy would load a database's whole dialect, also the one that is not used, to take the condition itself.
    """
    return sa.Index(name, *columns, unique=unique, info={"where": where})


def of_tenant() -> sa.Column[str]:
    """The key of a tenant that is known."""
    return sa.Column("tenant_id", Words, sa.ForeignKey("tenants.tenant_id"), primary_key=True)
