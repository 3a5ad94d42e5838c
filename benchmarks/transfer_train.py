"""Learns the transfer predictor's artefact of a search space from HELP's training devices.

    HELP_REFERENCE_DATA=… python benchmarks/transfer_train.py --space nasbench201 [--out FILE]

HELP's split: nine training devices, the first 900 architectures (FBNet: 4,000). The scores
printed and stored are of the validation devices (titanx_*, gold_6240), ten designed
measurements, HELP's query set. No test device is read.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from benchmarks.help_tables import SPLITS, read_split
from help_core.evaluation import Plan, evaluate
from help_core.predictors.transfer import TransferPredictor
from help_core.predictors.transfer.artefact import Provenance, save_knowledge, table_digest
from help_core.tables.latency import LatencyTable

ASSETS = Path(__file__).resolve().parents[1] / "help_core" / "assets" / "predictors"


def main() -> None:
    """Reads the arguments, learns, validates, saves, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--space", choices=sorted(SPLITS), default="nasbench201")
    parser.add_argument("--out", type=Path, help="the .safetensors file to write")
    arguments = parser.parse_args()
    split = SPLITS[arguments.space]
    data = Path(os.environ["HELP_REFERENCE_DATA"])
    space, table = read_split(data, arguments.space, (*split.train, *split.validate))
    plan = Plan(
        split.train,
        split.validate,
        support="design",
        query="help",
        repeats=5,
        train_architectures=split.architectures,
    )
    trained: list[tuple[TransferPredictor, LatencyTable]] = []

    def train(part: LatencyTable) -> TransferPredictor:
        trained.append((TransferPredictor.train(space, part), part))
        return trained[-1][0]

    result = evaluate(space, table, train, plan, time.perf_counter)
    predictor, part = trained[0]
    validation = {one.device: round(one.scores.spearman, 4) for one in result.devices}
    provenance = Provenance(
        space=space.name,
        training_devices=split.train,
        architectures=split.architectures,
        data_sha256=table_digest(part),
        validation=validation,
        command=f"python benchmarks/transfer_train.py --space {space.name}",
    )
    out = arguments.out or ASSETS / f"transfer-{space.name}.safetensors"
    save_knowledge(out, predictor.knowledge, provenance)
    print(f"{out.name}: {out.stat().st_size / 1e3:.0f} kB")
    for one in result.devices:
        print(f"{one.device:12s} {one.scores.spearman:.3f} coverage {one.scores.coverage_90:.2f}")


if __name__ == "__main__":
    main()
