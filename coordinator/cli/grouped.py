"""Options that several commands take together: a dataclass of them, written once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from functools import wraps
from typing import Any, get_type_hints

Command = Callable[..., None]


def takes(parameter: str, group: type) -> Callable[[Command], Command]:
    """A command whose ``parameter`` is typed as the fields of the dataclass ``group``.

    Its fields are annotated as options are (``Annotated[type, typer.Option(…)]``) and come
    first in the command's help.
    """

    def decorate(function: Command) -> Command:
        expanded = _expanded(group)
        names = [one.name for one in expanded]

        @wraps(function)
        def command(**values: Any) -> None:
            said = group(**{name: values.pop(name) for name in names})
            function(**{parameter: said}, **values)

        own = [one for one in _own(function) if one.name != parameter]
        parameters = [*expanded, *own]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        return command

    return decorate


def _expanded(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [_parameter(one.name, _default(one), hints[one.name]) for one in fields(group)]


def _own(function: Command) -> list[inspect.Parameter]:
    hints = get_type_hints(function, include_extras=True)
    given = inspect.signature(function).parameters.items()
    return [_parameter(name, one.default, hints[name]) for name, one in given]


def _default(field: Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default


def _parameter(name: str, default: Any, hint: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=hint)
