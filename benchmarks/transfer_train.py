"""Learns the transfer predictor's artefact of a search space.

    HELP_REFERENCE_DATA=… python benchmarks/transfer_train.py --space nasbench201 [--out FILE]

HELP's split: nine training devices, the first 900 architectures (FBNet: 4,000). The scores
printed and stored are of the validation devices (titanx_*, gold_6240), ten designed
measurements, HELP's query set. No test device is read.

The HAT spaces learn from HAT's own tables, a device for each: two Raspberry Pis, two Xeons and
four Titan Xps, of four tasks. There are no others to validate on: the scores are of each board
with all its tables left out, all of its rows, and the artefact is learned from all boards.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hat_tables import BOARDS, HAT_SPACES, devices_of, hat_space, read_hat, without
from benchmarks.help_tables import SPLITS, read_split
from benchmarks.reference import reference_folder
from help_core.evaluation import Plan, evaluate
from help_core.evaluation.records import DeviceScore
from help_core.predictors.transfer import TransferPredictor
from help_core.predictors.transfer.artefact import Provenance, save_knowledge, table_digest
from help_core.spaces.base import GeneSpace
from help_core.tables.latency import LatencyTable

ASSETS = Path(__file__).resolve().parents[1] / "help_core" / "assets" / "predictors"


REPEATS = 5


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned, from which table, and how it did on devices that were not in it."""

    predictor: TransferPredictor
    table: LatencyTable
    validation: tuple[DeviceScore, ...]


def learn_of_help(data: Path, name: str) -> Lesson:
    """HELP's training devices; its validation devices are scored."""
    split = SPLITS[name]
    space, table = read_split(data, name, (*split.train, *split.validate))
    plan = Plan(
        split.train,
        split.validate,
        support="design",
        query="help",
        repeats=REPEATS,
        train_architectures=split.architectures,
    )
    return _validated(space, table, plan)


def learn_of_hat(data: Path, name: str) -> Lesson:
    """All boards of HAT; each is scored by what the others teach."""
    space = hat_space(name)
    table = read_hat(data, space)
    left_out: list[DeviceScore] = []
    for board in BOARDS:
        plan = Plan(
            without(table, board), devices_of(table, board), support="design", repeats=REPEATS
        )
        left_out += _validated(space, table, plan).validation
    return Lesson(TransferPredictor.train(space, table), table, tuple(left_out))


def _validated(space: GeneSpace, table: LatencyTable, plan: Plan) -> Lesson:
    trained: list[tuple[TransferPredictor, LatencyTable]] = []

    def train(part: LatencyTable) -> TransferPredictor:
        trained.append((TransferPredictor.train(space, part), part))
        return trained[-1][0]

    result = evaluate(space, table, train, plan, time.perf_counter)
    return Lesson(*trained[0], result.devices)


def main() -> None:
    """Reads the arguments, learns, validates, saves, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--space", choices=sorted((*SPLITS, *HAT_SPACES)), default="nasbench201")
    parser.add_argument("--out", type=Path, help="the .safetensors file to write")
    arguments = parser.parse_args()
    data, name = reference_folder(), str(arguments.space)
    lesson = learn_of_hat(data, name) if name in HAT_SPACES else learn_of_help(data, name)
    provenance = Provenance(
        space=name,
        training_devices=lesson.table.devices,
        architectures=len(lesson.table.architectures),
        data_sha256=table_digest(lesson.table),
        validation={one.device: round(one.scores.spearman, 4) for one in lesson.validation},
        command=f"python benchmarks/transfer_train.py --space {name}",
    )
    out = arguments.out or ASSETS / f"transfer-{name}.safetensors"
    save_knowledge(out, lesson.predictor.knowledge, provenance)
    print(f"{out.name}: {out.stat().st_size / 1e3:.0f} kB")
    for one in lesson.validation:
        scores = one.scores
        print(f"{one.device:21s} {scores.spearman:.3f} coverage {scores.coverage_90:.2f}")


if __name__ == "__main__":
    main()
