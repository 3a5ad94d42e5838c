"""HAT's latency tables as the commands of this folder use them: a device for each file.

``measured_space`` has all choices that HAT measured, so that every row is a network with the
very features of the file. A board is left out with all its tables, whatever their task.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from help_core.evaluation import Plan, Scores, evaluate
from help_core.executor import Executor
from help_core.predictors.training import Trainer
from help_core.spaces.hat import TASKS, Hat
from help_core.spaces.hat.task import as_measured
from help_core.spaces.registry import get_space
from help_core.tables.hat_import import Part, read_hat_latency
from help_core.tables.latency import LatencyTable

BOARDS = ("raspberrypi", "xeon", "titanxp")
TASKS_ON_ALL_BOARDS = ("wmt14ende", "wmt14enfr")
HAT_SPACES = ("hat", "hat-beam4", "hat-wmt14-enfr", "hat-wmt19", "hat-iwslt14")
BEAM = 5
"""fairseq's default, with which HAT measured."""


def measured_space() -> Hat:
    """WMT14 En-De with the choices of HAT's measurements."""
    return Hat("hat-measured", task=as_measured(TASKS["wmt14.en-de"]), beam=BEAM)


def hat_space(name: str) -> Hat:
    """One of ``HAT_SPACES``."""
    space = get_space(name)
    assert isinstance(space, Hat)
    return space


def read_hat(data: Path, space: Hat, part: Part = "total") -> LatencyTable:
    """All of HAT's tables under the reference data's folder."""
    return read_hat_latency(data / "hat", space, part)


def without(table: LatencyTable, board: str) -> tuple[str, ...]:
    """The devices of all other boards."""
    return tuple(device for device in table.devices if not device.startswith(f"{board}_"))


def devices_of(table: LatencyTable, board: str) -> tuple[str, ...]:
    """The devices of a board: its table of each task."""
    return tuple(device for device in table.devices if device.startswith(f"{board}_"))


def score_unseen(
    space: Hat, table: LatencyTable, predictor: str, plan: Plan, executor: Executor
) -> dict[str, Scores]:
    """Scores by device of the plan, each predicted by what the other boards teach."""
    found: dict[str, Scores] = {}
    for board in BOARDS:
        unseen = tuple(one for one in plan.test_devices if one in devices_of(table, board))
        here = replace(plan, train_devices=without(table, board), test_devices=unseen)
        result = evaluate(
            space, table, Trainer(predictor, space), here, time.perf_counter, executor=executor
        )
        found |= {one.device: one.scores for one in result.devices}
    return found
