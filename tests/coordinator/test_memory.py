"""What the coordinator gives back after large requests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from coordinator.memory import give_back_memory

PROGRAM = """
from pathlib import Path
from coordinator.memory import give_back_memory

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

begin = resident_mib()
blocks = [bytes(2000) for _ in range(50_000)]
kept = blocks[::500]
full = resident_mib()
del blocks
free = resident_mib()
give_back_memory()
print(full - begin, free - begin, resident_mib() - begin)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not give_back_memory(),
    reason="this C library keeps its memory as it likes",
)
def test_free_memory_between_blocks_in_use_goes_back_to_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    full_mib, free_mib, trimmed_mib = map(float, done.stdout.split())
    assert full_mib > 90
    assert free_mib > 45
    assert trimmed_mib < 20
