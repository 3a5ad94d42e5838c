"""Phones over adb: this agent runs on the host beside them; a small C program on each measures."""

from agent.boards.android.board import AndroidBoard

__all__ = ["AndroidBoard"]
