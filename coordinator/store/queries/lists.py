"""Conditions on many values, bound as one: a parameter for each would cost more than the query."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

BATCH = 500
"""Most bound values in one IN list, below the limits of every database."""


def one_of(
    connection: sa.Connection, column: sa.Column[Any], values: Sequence[int] | Sequence[str]
) -> sa.ColumnElement[bool]:
    """Whether a column holds one of the values.

    The statement is the same for each number of values, so that SQLAlchemy and the database
    prepare it once.
    """
    given: sa.BindParameter[Any] = sa.bindparam(
        None, bound(connection, values), unique=True, expanding=is_expanded(connection.dialect.name)
    )
    return one_of_bound(connection.dialect.name, column, given)


def one_of_bound(
    dialect: str, column: sa.Column[Any], given: sa.BindParameter[Any]
) -> sa.ColumnElement[bool]:
    """The same for a statement that is kept: its values are ``bound`` when it is executed."""
    if dialect == "postgresql":
        return column == sa.any_(sa.type_coerce(given, ARRAY(column.type)))
    if dialect == "sqlite":
        # https://sqlite.org/json1.html#jeach
        each = sa.func.json_each(sa.type_coerce(given, sa.Text)).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column.in_(given)


def is_expanded(dialect: str) -> bool:
    """Whether a parameter of ``one_of_bound`` becomes many: where no other way is known."""
    return dialect not in ("sqlite", "postgresql")


def bound(connection: sa.Connection, values: Sequence[int] | Sequence[str]) -> Any:
    """Values as one parameter of ``one_of_bound``."""
    return json.dumps(list(values)) if connection.dialect.name == "sqlite" else list(values)
