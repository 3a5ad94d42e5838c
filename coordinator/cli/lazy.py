"""Commands whose modules are imported only when one of them runs, not when help lists them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command is, and the first line of its help (a test holds the two together)."""

    module: str
    function: str
    help: str
    panel: str


class _Stub(TyperCommand):
    """Stands in for a command in the list of its group."""

    def __init__(self, name: str, lazy: Lazy, appearance: dict[str, Any]) -> None:
        super().__init__(name, help=lazy.help, rich_help_panel=lazy.panel)
        self._lazy = lazy
        self._appearance = appearance

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **more: Any) -> Any:
        """The real command's context: from here on the stub plays no part."""
        return self.load().make_context(info_name, args, *rest, **more)

    def load(self) -> Any:
        """The command itself."""
        one = typer.Typer(**self._appearance)
        one.command(self.name)(getattr(import_module(self._lazy.module), self._lazy.function))
        return typer.main.get_command(one)


def lazy_group(commands: dict[str, Lazy], appearance: dict[str, Any]) -> type[TyperGroup]:
    """A group of commands that has ``commands`` besides those that it is given."""

    class Group(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return [*super().list_commands(ctx), *commands]

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name in commands:
                return _Stub(cmd_name, commands[cmd_name], appearance)
            return super().get_command(ctx, cmd_name)

    return Group


def load(command: Any) -> Any:
    """The command itself where ``command`` stands in for it."""
    return command.load() if isinstance(command, _Stub) else command
