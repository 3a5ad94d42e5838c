"""What the board is and what goes on there: before, during and after a measurement."""

from agent.conditions import sensors
from agent.conditions.host import affinity, describe_host, governor, power_mode
from agent.conditions.snapshot import Sampler, Snapshot, compare, take_snapshot
from agent.conditions.system import System
from agent.conditions.this_machine import this_machine

__all__ = [
    "Sampler",
    "Snapshot",
    "System",
    "affinity",
    "compare",
    "describe_host",
    "governor",
    "power_mode",
    "sensors",
    "take_snapshot",
    "this_machine",
]
