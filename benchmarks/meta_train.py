"""Meta-trains a HELP checkpoint on HELP's NAS-Bench-201 tables and prints its scores.

    HELP_REFERENCE_DATA=… python benchmarks/meta_train.py [--out FILE] [--seed 1]

HELP's split: nine training devices, architectures 0-899; the best episode is picked on four
validation devices (titanx_*, gold_6240). No test device is read.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from pathlib import Path

import torch

from help_core.predictors.help.checkpoint import CheckpointRecord, save_checkpoint
from help_core.predictors.help.data import meta_data
from help_core.predictors.help.meta_train import Progress, meta_train
from help_core.predictors.help.settings import AS_PUBLISHED, CORRECTED
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.help_import import read_help_latency

TRAIN = (
    "1080ti_1",
    "1080ti_32",
    "1080ti_256",
    "silver_4114",
    "silver_4210r",
    "samsung_a50",
    "pixel3",
    "essential_ph_1",
    "samsung_s7",
)
VALIDATE = ("titanx_1", "titanx_32", "titanx_256", "gold_6240")
MODES = {settings.mode: settings for settings in (AS_PUBLISHED, CORRECTED)}


def main() -> None:
    """Reads the arguments, trains, saves, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, help="the .safetensors file to write")
    parser.add_argument("--state", type=Path, help="a file to resume from after a break")
    parser.add_argument("--mode", choices=sorted(MODES), default=CORRECTED.mode)
    parser.add_argument("--episodes", type=int)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = MODES[arguments.mode]
    if arguments.episodes:
        settings = dataclasses.replace(settings, episodes=arguments.episodes)
    space = NasBench201()
    folder = Path(os.environ["HELP_REFERENCE_DATA"]) / "help" / space.name
    data = meta_data(read_help_latency(folder, space, (*TRAIN, *VALIDATE)), space)
    train, validate = data.select(TRAIN), data.select(VALIDATE)
    start = time.process_time()
    trained = meta_train(
        train,
        validate,
        settings,
        seed=arguments.seed,
        on_progress=_print_progress,
        state_file=arguments.state,
    )
    seconds = time.process_time() - start
    print(f"{settings.episodes} episodes in {seconds:.0f} CPU s; best at {trained.episode}")
    for device, score in trained.validation.spearman.items():
        print(f"{device:12} Spearman {score:.4f}  error {trained.validation.error[device]:.4f}")
    print(f"{'mean':12} Spearman {trained.validation.mean_spearman:.4f}")
    if arguments.out is None:
        return
    record = CheckpointRecord(
        space=space.name,
        feature_width=train.features.shape[1],
        settings=settings,
        training_devices=train.devices,
        validation_devices=validate.devices,
        seed=arguments.seed,
        episode=trained.episode,
        spearman=trained.validation.spearman,
        error=trained.validation.error,
        data_sha256={"training": train.digest(), "validation": validate.digest()},
        command=(
            f"python benchmarks/meta_train.py --mode {settings.mode}"
            f" --episodes {settings.episodes} --seed {arguments.seed} --out {arguments.out.name}"
        ),
    )
    save_checkpoint(arguments.out, trained.learner, record)


def _print_progress(progress: Progress) -> None:
    print(
        f"episode {progress.episode}/{progress.episodes}  loss {progress.loss:.5f}"
        f"  validation Spearman {progress.validation.mean_spearman:.4f}"
        f" (best {progress.best_spearman:.4f})",
        flush=True,
    )


if __name__ == "__main__":
    main()
