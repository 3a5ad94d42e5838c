"""Measures a batch of models: interleaved fresh processes, a sentinel around, repetition.

Processes, pauses and readings are injected, so that the whole procedure is tested on boards
that throttle, drift and have noisy neighbours on paper.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from agent.measure.cooldown import CoolDown
from agent.measure.reasons import Reason
from agent.measure.repeat import MAX_EXTRA, Allowance, Patience, choose
from agent.measure.replicate import Replicate
from agent.measure.sentinel import Sentinel
from agent.measure.thresholds import Thresholds
from agent.measure.verdict import Judgement, Setting, is_clean, judge, judge_replicate
from help_core.records import Failure

PROCESSES = 3
"""Fresh processes per architecture (rule 6)."""


Task = TypeVar("Task")
Task_contra = TypeVar("Task_contra", contravariant=True)


class Bench(Protocol[Task_contra]):
    """What a batch needs of a board."""

    def measure_process(self, task: Task_contra) -> Replicate | Failure:
        """One fresh process of a task."""

    def measure_sentinel(self, task: Task_contra) -> Replicate | Failure:
        """The sentinel model under the settings of a task."""

    def temperature_c(self) -> float | None:
        """The board's temperature now."""

    def pause(self, seconds: float) -> bool:
        """Waits; whether the measurement was interrupted meanwhile."""


@dataclass(slots=True)
class Outcome:
    """What a batch found about one task."""

    replicates: list[Replicate] = field(default_factory=list)
    reasons: list[tuple[Reason, ...]] = field(default_factory=list)
    failure: Failure | None = None
    gave_up: bool = False
    sentinels_ms: list[float] = field(default_factory=list)
    waited_for_cooling_s: float = 0.0

    def add(self, replicate: Replicate, reasons: tuple[Reason, ...]) -> None:
        """Keeps a process with what is wrong with it."""
        self.replicates.append(replicate)
        self.reasons.append(reasons)

    def used(self, processes: int) -> list[int]:
        """Indices of the processes that count."""
        return choose([is_clean(reasons) for reasons in self.reasons], processes)


class BatchMeasurer(Generic[Task]):
    """Measures batches on one board and learns about it meanwhile."""

    def __init__(
        self,
        bench: Bench[Task],
        cooldown: CoolDown,
        rng: random.Random,
        clock_s: Callable[[], float],
        thresholds: Thresholds,
        processes: int = PROCESSES,
        max_extra: int = MAX_EXTRA,
    ) -> None:
        self._bench = bench
        self._cooldown = cooldown
        self._rng = rng
        self._clock_s = clock_s
        self._thresholds = thresholds
        self._processes = processes
        self._max_extra = max_extra
        self._patience = Patience()
        """Whether repeating rids a process of what spoiled it …"""
        self._agreement = Allowance()
        """… and what may be spent on processes that only disagree."""
        self._sentinels: dict[Hashable, Sentinel] = {}

    def measure(self, tasks: Sequence[Task], sentinel_key: Hashable | None = None) -> list[Outcome]:
        """Outcomes in the order of the tasks.

        With ``sentinel_key`` (one for each kind of settings) the sentinel is measured before
        and after; where it has drifted, what lies between is measured once more.
        """
        outcomes = [Outcome() for _ in tasks]
        pairs = list(zip(tasks, outcomes, strict=True))
        self._agreement.earn(len(tasks))
        if sentinel_key is None or not tasks:
            self._measure_all(pairs)
            return outcomes
        before = self._sentinel(sentinel_key, tasks[0])
        self._measure_all(pairs)
        after = self._sentinel(sentinel_key, tasks[0])
        if self._has_drifted(sentinel_key, outcomes, before, after) and self._patience.is_left:
            self._measure_all(pairs)
            again = self._sentinel(sentinel_key, tasks[0])
            self._has_drifted(sentinel_key, outcomes, after, again)
        return outcomes

    def judge(self, outcome: Outcome, setting: Setting) -> tuple[Judgement, list[int]]:
        """The verdict on a measured task and the indices of the processes it rests on."""
        used = outcome.used(self._processes)
        judgement = judge([outcome.replicates[i] for i in used], self._thresholds, setting)
        extra = {reason for i in used for reason in outcome.reasons[i]} - set(judgement.reasons)
        if len(used) < len(outcome.replicates):
            extra.add(Reason.REPEATED)
        return judgement.with_reasons(extra), used

    def _measure_all(self, pairs: Sequence[tuple[Task, Outcome]]) -> None:
        """The planned processes of every task, then those that stand in for spoiled ones."""
        for turn in range(self._processes + self._max_extra):
            repeated = turn >= self._processes
            turn_pairs = [pair for pair in pairs if self._is_wanted(pair[1], repeated=repeated)]
            if not turn_pairs:
                return
            for task, outcome in self._rng.sample(turn_pairs, len(turn_pairs)):
                # What came of the tasks before may have shown that repeating is in vain.
                if self._is_wanted(outcome, repeated=repeated):
                    self._measure_one(task, outcome, repeated=repeated)

    def _measure_one(self, task: Task, outcome: Outcome, *, repeated: bool) -> None:
        self._cool(outcome)
        if repeated and self._has_enough(outcome):
            self._agreement.spend()
        result = self._bench.measure_process(task)
        if isinstance(result, Failure):
            # A repetition that fails takes nothing from what was measured before.
            outcome.gave_up = True
            if not repeated:
                outcome.failure = result
            return
        reasons = judge_replicate(result, self._thresholds)
        outcome.add(result, reasons)
        self._patience.record(clean=is_clean(reasons), repeated=repeated)

    def _is_wanted(self, outcome: Outcome, *, repeated: bool) -> bool:
        if outcome.gave_up:
            return False
        if not repeated:
            return True
        if not self._has_enough(outcome):
            return self._patience.is_left
        return self._agreement.is_left and not self._agrees(outcome)

    def _has_enough(self, outcome: Outcome) -> bool:
        return sum(is_clean(reasons) for reasons in outcome.reasons) >= self._processes

    def _agrees(self, outcome: Outcome) -> bool:
        used = [outcome.replicates[i] for i in outcome.used(self._processes)]
        return is_clean(judge(used, self._thresholds, Setting()).reasons)

    def _cool(self, outcome: Outcome) -> None:
        begin = self._clock_s()
        while True:
            waited_s = self._clock_s() - begin
            seconds = self._cooldown.pause_s(self._bench.temperature_c(), waited_s)
            if seconds <= 0 or self._bench.pause(seconds):
                outcome.waited_for_cooling_s += waited_s
                return

    def _sentinel(self, key: Hashable, task: Task) -> float | None:
        temperature_c = self._bench.temperature_c()
        result = self._bench.measure_sentinel(task)
        if isinstance(result, Failure):
            return None
        latency_ms = result.median_ms
        if is_clean(judge_replicate(result, self._thresholds)):
            self._sentinels.setdefault(key, Sentinel()).record(latency_ms)
            self._cooldown.record(temperature_c, latency_ms)
        return latency_ms

    def _has_drifted(
        self, key: Hashable, outcomes: Sequence[Outcome], *sentinels_ms: float | None
    ) -> bool:
        """Records the sentinels; marks every process so far if they drifted."""
        known = [value for value in sentinels_ms if value is not None]
        for outcome in outcomes:
            outcome.sentinels_ms += known
        drift = self._sentinels.setdefault(key, Sentinel()).drift(known)
        if drift <= self._thresholds.sentinel_drift:
            return False
        for outcome in outcomes:
            outcome.reasons = [
                tuple(reason for reason in Reason if reason in {*reasons, Reason.SENTINEL_DRIFT})
                for reasons in outcome.reasons
            ]
        return True
