"""An answer from the JSON that the command line prints."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from help_core.errors import BadInput
from help_core.records import Answer


def answer_from_json(content: Any) -> Answer:
    """The answer that ``adapt --json`` or ``search --json`` printed.

    Raises ``BadInput`` naming the field that is missing or of another kind. Fields that this
    version does not know are passed over.
    """
    answer: Answer = _made(Answer, content, "answer")
    return answer


def _made(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _record(kind, value, where)
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None:
            return None
        return _made(next(one for one in inside if one is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise BadInput(f"{where} is not a list")
        return tuple(_made(inside[0], one, f"{where}[{i}]") for i, one in enumerate(value))
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError:
            raise BadInput(f"{where} is {str(value)[:40]!r}, which is no {kind.__name__}") from None
    return _plain(kind, value, where)


def _plain(kind: Any, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind in (int, str, bool) and type(value) is kind:
        return value
    raise BadInput(f"{where} is {str(value)[:40]!r}, not a {getattr(kind, '__name__', kind)}")


def _record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise BadInput(f"{where} is not an object; give what 'adapt --json' printed")
    hints = get_type_hints(kind)
    made: dict[str, Any] = {}
    for one in fields(kind):
        if one.name in value:
            made[one.name] = _made(hints[one.name], value[one.name], f"{where}.{one.name}")
        elif one.default is MISSING and one.default_factory is MISSING:
            raise BadInput(f"{where} has no {one.name}; give what 'adapt --json' printed")
    return kind(**made)
