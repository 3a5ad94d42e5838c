"""Records out of the plain values that ``dataclasses.asdict`` and JSON made of them."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def record_of(kind: type[T], content: Mapping[str, Any]) -> T:
    """The record; a field that ``content`` lacks takes its default, one too many is left out."""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind) if field.name in content]  # type: ignore[arg-type]
    return kind(**{name: _value(hints[name], content[name]) for name in names})


def _value(hint: Any, value: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if value is None:
        return None
    if origin in (Union, types.UnionType):
        (inner,) = [one for one in arguments if one is not type(None)]
        return _value(inner, value)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_value(arguments[0], one) for one in value)
        return tuple(_value(one, part) for one, part in zip(arguments, value, strict=True))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return record_of(hint, value) if is_dataclass(hint) and isinstance(hint, type) else value
