"""Kinds of boards: how each is recognised, and what it tells that others do not."""

from agent.conditions.kinds.base import BoardKind, Linux
from agent.conditions.kinds.registry import find_kind, known_kinds

__all__ = ["BoardKind", "Linux", "find_kind", "known_kinds"]
