"""A batch on boards that exist on paper: noisy, hot, drifting, failing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agent.measure.batch import BatchMeasurer
from agent.measure.cooldown import CoolDown
from agent.measure.reasons import Reason
from agent.measure.repeat import MAX_SAVED
from agent.measure.replicate import Conditions, Replicate
from agent.measure.thresholds import Thresholds
from agent.measure.verdict import Setting
from help_core.records import Failure, FailureClass, Verdict
from tests.agent.measure.streams import quiet_replicate

CPU = Setting(provider="CPUExecutionProvider")
CLEAN = quiet_replicate()
LOADED = replace(CLEAN, conditions=Conditions(others_cores=1.0))
FAILED = Failure(FailureClass.CRASHED, "died")


def at_level(level: float, template: Replicate = CLEAN) -> Replicate:
    return replace(template, samples_ns=tuple(round(s * level) for s in template.samples_ns))


@dataclass
class PaperBoard:
    """Answers the n-th process with ``process(n)`` and the n-th sentinel with ``sentinel(n)``."""

    process: Callable[[int], Replicate | Failure] = lambda n: CLEAN
    sentinel: Callable[[int], Replicate | Failure] = lambda n: CLEAN
    temperature: Callable[[float], float | None] = lambda now_s: None
    log: list[str] = field(default_factory=list)
    now_s: float = 0.0
    sentinels: int = 0
    interrupted: bool = False

    def measure_process(self, task: str) -> Replicate | Failure:
        self.log.append(task)
        self.now_s += 1
        return self.process(len(self.log) - 1)

    def measure_sentinel(self, task: str) -> Replicate | Failure:
        self.sentinels += 1
        return self.sentinel(self.sentinels - 1)

    def temperature_c(self) -> float | None:
        return self.temperature(self.now_s)

    def pause(self, seconds: float) -> bool:
        self.now_s += seconds
        return self.interrupted

    def measurer(self, seed: int = 0, processes: int = 3) -> BatchMeasurer[str]:
        return BatchMeasurer(
            self,
            CoolDown(80.0),
            random.Random(seed),
            lambda: self.now_s,
            Thresholds(),
            processes,
        )


def test_processes_of_a_batch_are_interleaved_in_random_order() -> None:
    tasks = ["a", "b", "c", "d"]
    orders = set()
    for seed in range(20):
        board = PaperBoard()
        board.measurer(seed).measure(tasks)
        rounds = [tuple(board.log[start : start + 4]) for start in (0, 4, 8)]
        assert len(board.log) == 12
        assert all(sorted(one) == tasks for one in rounds)
        orders.update(rounds)
    assert len(orders) > 15


def test_a_clean_batch_takes_no_more_than_the_planned_processes() -> None:
    board = PaperBoard()
    measurer = board.measurer()
    for outcome in measurer.measure(["a", "b"], sentinel_key="x"):
        judgement, used = measurer.judge(outcome, CPU)
        assert (judgement.verdict, used) == (Verdict.VALID, [0, 1, 2])
        assert len(outcome.sentinels_ms) == 2
    assert (len(board.log), board.sentinels) == (6, 2)


def test_a_spoiled_process_is_replaced_and_kept() -> None:
    board = PaperBoard(process=lambda n: LOADED if n == 1 else CLEAN)
    measurer = board.measurer()
    (outcome,) = measurer.measure(["a"])
    judgement, used = measurer.judge(outcome, CPU)
    assert judgement.verdict is Verdict.VALID
    assert judgement.reasons == (Reason.REPEATED,)
    assert used == [0, 2, 3]
    assert len(outcome.replicates) == 4


def test_repetition_is_bounded_and_the_result_is_never_empty() -> None:
    board = PaperBoard(process=lambda n: LOADED)
    measurer = board.measurer()
    (outcome,) = measurer.measure(["a"])
    judgement, used = measurer.judge(outcome, CPU)
    assert judgement.verdict is Verdict.SUSPECT
    assert Reason.OTHER_LOAD in judgement.reasons
    assert len(used) == 3 + 4


def test_a_neighbour_that_stays_ends_the_patience_until_it_has_gone() -> None:
    board = PaperBoard(process=lambda n: LOADED if n < 30 else CLEAN)
    measurer = board.measurer()
    counts = []
    for number in range(12):
        before = len(board.log)
        measurer.measure([f"task {number}"])
        counts.append(len(board.log) - before)
    # Four repetitions in vain, then none; what is clean by itself brings the patience back.
    assert counts[:4] == [7, 3, 3, 3]
    assert counts[-1] == 3
    assert sum(counts) <= 12 * 3 + 4 + 3


def test_processes_that_differ_are_measured_more_often_and_none_is_left_out() -> None:
    levels = [1.0, 1.12, 1.0, 1.01, 1.0, 1.0, 1.0, 1.0, 1.0]
    board = PaperBoard(process=lambda n: at_level(levels[n]))
    measurer = board.measurer()
    (outcome,) = measurer.measure(["a"])
    judgement, used = measurer.judge(outcome, CPU)
    assert used == list(range(len(board.log)))
    assert 6 <= len(used) <= 9
    assert Reason.PROCESSES_DIFFER in judgement.reasons
    assert judgement.verdict is Verdict.VALID


def test_a_board_whose_processes_always_differ_is_not_measured_twice_as_long_for_ever() -> None:
    board = PaperBoard(process=lambda n: at_level(1.0 + 0.2 * (n % 2)))
    measurer = board.measurer()
    for number in range(40):
        measurer.measure([f"task {number}"])
    assert len(board.log) <= 40 * 4 + MAX_SAVED


def test_a_sentinel_that_drifts_has_what_lies_between_measured_again() -> None:
    board = PaperBoard(sentinel=lambda n: at_level(1.2 if n == 1 else 1.0))
    measurer = board.measurer()
    first, _ = measurer.measure(["a", "b"], sentinel_key="x")
    assert len(board.log) == 12
    assert board.sentinels == 3
    judgement, _ = measurer.judge(first, CPU)
    # From 1.2 back to 1.0 is a drift as well: what was repeated lies between those two.
    assert Reason.SENTINEL_DRIFT in judgement.reasons


def test_a_board_that_has_settled_on_a_new_level_is_believed_again() -> None:
    board = PaperBoard(sentinel=lambda n: at_level(1.0 if n < 5 else 1.2))
    measurer = board.measurer()
    verdicts = []
    for number in range(20):
        (outcome,) = measurer.measure([f"task {number}"], sentinel_key="x")
        verdicts.append(measurer.judge(outcome, CPU)[0].verdict)
    assert verdicts[0] is Verdict.VALID
    assert Verdict.SUSPECT in verdicts
    assert verdicts[-3:] == [Verdict.VALID] * 3


def test_a_sentinel_that_fails_spoils_nothing() -> None:
    board = PaperBoard(sentinel=lambda n: FAILED)
    measurer = board.measurer()
    (outcome,) = measurer.measure(["a"], sentinel_key="x")
    assert measurer.judge(outcome, CPU)[0].verdict is Verdict.VALID


def test_a_task_that_fails_is_not_tried_again_and_the_others_go_on() -> None:
    board = PaperBoard()
    board.process = lambda n: FAILED if board.log[n] == "bad" else CLEAN
    bad, good = board.measurer().measure(["bad", "good"])
    assert bad.failure is FAILED
    assert good.failure is None
    assert Counter(board.log) == {"bad": 1, "good": 3}


def test_a_repetition_that_fails_takes_nothing_from_what_was_measured() -> None:
    board = PaperBoard(process=lambda n: (LOADED, CLEAN, CLEAN, FAILED)[n])
    measurer = board.measurer()
    (outcome,) = measurer.measure(["a"])
    assert outcome.failure is None
    assert measurer.judge(outcome, CPU)[1] == [0, 1, 2]


def test_a_hot_board_is_left_to_cool_before_each_process() -> None:
    # Heats by 10 degrees with each process, cools by one in two seconds.
    board = PaperBoard()
    board.temperature = lambda now_s: 60 + 10 * len(board.log) - 0.5 * (now_s - len(board.log))
    (outcome,) = board.measurer().measure(["a"])
    assert outcome.waited_for_cooling_s > 0
    assert len(board.log) == 3


def test_a_board_that_stays_hot_is_measured_after_a_bounded_wait() -> None:
    board = PaperBoard(temperature=lambda now_s: 95.0)
    (outcome,) = board.measurer(processes=1).measure(["a"])
    assert outcome.waited_for_cooling_s == 180
    assert len(outcome.replicates) == 1


def test_an_interruption_ends_the_pause() -> None:
    board = PaperBoard(temperature=lambda now_s: 95.0, interrupted=True)
    board.measurer(processes=1).measure(["a"])
    assert board.now_s <= 4
