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
    if connection.dialect.name == "postgresql":
        return column == sa.any_(sa.literal(list(values), ARRAY(column.type)))
    if connection.dialect.name == "sqlite":
        # https://sqlite.org/json1.html#jeach
        each = sa.func.json_each(json.dumps(values)).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column.in_(values)
