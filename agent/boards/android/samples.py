"""Runs timed on the phone, handed one by one to the loop that decides when to stop.

The phone times a chunk of runs without a gap and answers with all of them; the host takes them
one at a time, under the phone's own clock, and asks for the next chunk when it has used them
up. So the same loop as on any other board warms up and stops on precision.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from agent.boards.android.capture import HAL_ZONE, CapturedSystem
from agent.boards.android.dialogue import Runner
from agent.conditions.load import CpuTimes, LoadBetween, load_between, read_cpu_times
from agent.conditions.snapshot import Moment, take_moment

MIN_CHUNK_MS, MAX_CHUNK_MS = 100, 1000
CHUNK_RUNS = 1000
RUNS_TO_FILL = 4
"""Of a model so slow that few runs fit: each chunk may cost a run that does not count."""

STAT = "proc/stat"
WATCHED = (
    "sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq",
    "sys/class/thermal/thermal_zone*/temp",
    "sys/class/thermal/cooling_device*/cur_state",
)
MAX_WATCHED = 48
"""Reading more would take longer than small models run."""


class PhoneSamples:
    """The stream of one runner's samples, with what was read between its chunks."""

    def __init__(self, runner: Runner, system: CapturedSystem) -> None:
        self._runner = runner
        self._system = system.without((*WATCHED, f"{HAL_ZONE}/*"))
        found = [path for pattern in WATCHED for path in system.glob(pattern)]
        readable = [path for path in found if system.text(path) is not None]
        self._paths = [STAT, *[path for path in readable if path.isascii()]][:MAX_WATCHED]
        self._waiting: deque[tuple[int, int, int]] = deque()
        self._now_ns = 0
        self._chunk_ms = MIN_CHUNK_MS
        self._ends: list[tuple[CpuTimes | None, int, int]] = []
        self.moments: list[Moment] = []

    def watch(self) -> None:
        """Names the files to the runner."""
        self._runner.tell(*(f"watch /{path}" for path in self._paths))

    def begin(self, answer: Mapping[str, Any]) -> None:
        """Takes the readings that came with the first run; the clock starts there."""
        self._now_ns = int(answer["at_ns"])
        self._take_readings(answer)

    def clock_ns(self) -> int:
        """The phone's monotonic clock after the last run that was taken."""
        return self._now_ns

    def timed(self) -> tuple[int, int]:
        """The next run: wall time and time without a core, in ns."""
        if not self._waiting:
            self._fetch()
        self._now_ns, wall_ns, waited_ns = self._waiting.popleft()
        return wall_ns, waited_ns

    def load(self) -> LoadBetween:
        """What others took of the phone's processor since the first run."""
        (first, first_ns, first_own_ns), (last, last_ns, last_own_ns) = self._ends
        own_s, elapsed_s = (last_own_ns - first_own_ns) / 1e9, (last_ns - first_ns) / 1e9
        return load_between(first, last, own_s, elapsed_s)

    def _fetch(self) -> None:
        answer = self._runner.ask(f"run {CHUNK_RUNS} {self._chunk_ms}", "measuring")
        ends: Sequence[int] = answer["ends_ns"]
        self._waiting.extend(zip(ends, answer["samples_ns"], answer["waited_ns"], strict=True))
        if not self._waiting:
            raise ValueError("a chunk without samples")
        slow_ms = RUNS_TO_FILL * max(answer["samples_ns"]) // 10**6
        self._chunk_ms = min(max(MIN_CHUNK_MS, slow_ms), MAX_CHUNK_MS)
        self._take_readings(answer)

    def _take_readings(self, answer: Mapping[str, Any]) -> None:
        texts = zip(self._paths, answer["watched"], strict=True)
        seen = {path: str(text) for path, text in texts if text is not None}
        system = self._system.with_files(seen)
        at_ns = int(answer["at_ns"])
        end = (read_cpu_times(system), at_ns, int(answer["cpu_ns"]))
        self._ends = [self._ends[0] if self._ends else end, end]
        self.moments.append(take_moment(system, at_ns))
