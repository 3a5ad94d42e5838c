"""Chunks of a phone become a stream under the phone's clock, with what was read between them."""

from __future__ import annotations

from collections import deque
from typing import Any, cast

import pytest

from agent.boards.android.capture import CapturedSystem
from agent.boards.android.dialogue import Runner
from agent.boards.android.samples import PhoneSamples
from agent.measure.loop import Plan, sample_timed

ZONE = "sys/class/thermal/thermal_zone0"
MS = 10**6


class ScriptedRunner:
    """Answers ``run`` with chunks of runs of ``wall_ms``, under a clock far from ours."""

    def __init__(self, wall_ms: int, gap_ms: int = 5, busy: int = 0) -> None:
        self.now_ns = 10**15
        self.told: list[str] = []
        self.asked: list[str] = []
        self._wall_ns, self._gap_ns, self._busy = wall_ms * MS, gap_ms * MS, busy
        self._chunks = 0

    def tell(self, *lines: str) -> None:
        self.told += lines

    def first(self) -> dict[str, Any]:
        return {"at_ns": self.now_ns, "cpu_ns": 0, "watched": self._watched()}

    def ask(self, command: str, _phase: str) -> dict[str, Any]:
        self.asked.append(command)
        _, most, milliseconds = command.split()
        self.now_ns += self._gap_ns
        ends: deque[int] = deque()
        until_ns = self.now_ns + int(milliseconds) * MS
        while self.now_ns < until_ns and len(ends) < int(most):
            self.now_ns += self._wall_ns
            ends.append(self.now_ns)
        self._chunks += 1
        return {
            "ends_ns": list(ends),
            "samples_ns": [self._wall_ns] * len(ends),
            "waited_ns": [0] * len(ends),
            "at_ns": self.now_ns,
            "cpu_ns": self.now_ns - 10**15,
            "watched": self._watched(),
        }

    def _watched(self) -> list[str | None]:
        elapsed = (self.now_ns - 10**15) // (10 * MS)
        stat = f"cpu {elapsed * (1 + self._busy)} 0 0 1000 0 0 0 0"
        return [stat, str(41000 + 1000 * self._chunks), None][: len(self.told)]


def make_samples(runner: ScriptedRunner) -> PhoneSamples:
    files = {"proc/stat": "cpu 0 0 0 0 0 0 0 0", f"{ZONE}/type": "cpu", f"{ZONE}/temp": "90000"}
    samples = PhoneSamples(cast(Runner, runner), CapturedSystem(files, {}))
    samples.watch()
    samples.begin(runner.first())
    return samples


def test_the_loop_sees_the_phones_times_and_not_the_hosts() -> None:
    runner = ScriptedRunner(wall_ms=7)
    samples = make_samples(runner)
    result = sample_timed(samples.timed, samples.clock_ns, Plan())
    assert set(result.samples_ns) == {7 * MS}
    assert result.steady
    assert 10**15 < result.begin_ns < result.end_ns <= runner.now_ns


def test_gaps_between_chunks_are_time_but_no_latency() -> None:
    runner = ScriptedRunner(wall_ms=50, gap_ms=200)
    samples = make_samples(runner)
    result = sample_timed(samples.timed, samples.clock_ns, Plan())
    assert set(result.samples_ns) == {50 * MS}
    assert result.end_ns - result.begin_ns > sum(result.samples_ns)


def test_slow_models_get_longer_chunks_within_a_bound() -> None:
    for wall_ms, expected in ((1, 100), (60, 240), (400, 1000)):
        runner = ScriptedRunner(wall_ms)
        samples = make_samples(runner)
        for _ in range(1200):
            samples.timed()
        assert runner.asked[0].endswith(" 100")
        assert runner.asked[-1].endswith(f" {expected}")


def test_readings_between_chunks_carry_the_phones_clock_and_nothing_stale() -> None:
    runner = ScriptedRunner(wall_ms=10)
    samples = make_samples(runner)
    for _ in range(25):
        samples.timed()
    temperatures = [moment.values["cpu_temperature_c"] for moment in samples.moments]
    assert temperatures == [41, 42, 43, 44]
    assert samples.moments[-1].at_ns == runner.now_ns


@pytest.mark.parametrize("busy", [0, 1, 3])
def test_load_by_others_is_what_the_runner_did_not_use(busy: int) -> None:
    runner = ScriptedRunner(wall_ms=10, busy=busy)
    samples = make_samples(runner)
    for _ in range(100):
        samples.timed()
    assert samples.load().others_cores == pytest.approx(busy, abs=0.05)


def test_a_chunk_without_samples_is_an_error_and_no_endless_loop() -> None:
    class Empty(ScriptedRunner):
        def ask(self, command: str, _phase: str) -> dict[str, Any]:
            return {
                **super().ask(command, _phase),
                "ends_ns": [],
                "samples_ns": [],
                "waited_ns": [],
            }

    with pytest.raises(ValueError, match="without samples"):
        make_samples(Empty(wall_ms=10)).timed()
