"""The system that the agent itself runs on, with its GPU if it has one."""

from __future__ import annotations

from agent.conditions.nvidia import open_gpu
from agent.conditions.system import System

DRIVER = "proc/driver/nvidia/version"


def this_machine() -> System:
    """This machine; NVML is asked only where NVIDIA's kernel driver is loaded."""
    plain = System()
    if plain.text(DRIVER) is None:
        return plain
    found = open_gpu()
    return System(gpu_missing=found) if isinstance(found, str) else System(gpu=found)
