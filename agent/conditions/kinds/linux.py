"""Plain Linux by its processor: x86, and 64-bit Arm without a kind of its own."""

from __future__ import annotations

from collections.abc import Mapping

from agent.conditions.cores import big_cores, read_cores
from agent.conditions.kinds.base import Linux, Reader
from agent.conditions.system import System

ARM = ("aarch64", "arm64")
X86 = ("x86_64", "amd64", "AMD64")


class X86Linux(Linux):
    """A PC, a laptop or a server, with an NVIDIA GPU or without."""

    @property
    def name(self) -> str:
        """As it goes over the wire."""
        return "linux-x86_64"

    def recognises(self, system: System) -> bool:
        """By operating system and machine."""
        return super().recognises(system) and system.machine in X86


class ArmLinux(Linux):
    """Any 64-bit Arm board or server; big and little cores are told apart."""

    @property
    def name(self) -> str:
        """As it goes over the wire."""
        return "linux-aarch64"

    def recognises(self, system: System) -> bool:
        """By operating system and machine."""
        return super().recognises(system) and system.machine in ARM

    def readers(self, system: System) -> Mapping[str, Reader]:
        """How many of the cores are fast ones, where cores differ."""
        return {"big_cores": _big_cores} if _big_cores(system) else {}


def _big_cores(system: System) -> float | None:
    return len(big_cores(read_cores(system))) or None
