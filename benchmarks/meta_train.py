"""Meta-trains HELP, MAML or Meta-SGD on HELP's tables and prints scores and CPU time.

The shipped checkpoint:

    python benchmarks/meta_train.py --out help_core/assets/predictors/help-nasbench201.safetensors

HELP as published, retrained, on HELP's test devices (Tables 2 and 3):

    python benchmarks/meta_train.py --mode as-published --test
    python benchmarks/meta_train.py --space fbnet --mode meta-sgd --test

The tables are read from $HELP_REFERENCE_DATA. The split is HELP's; the best episode is picked
on its validation devices, and its test devices are read only with --test.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.reference import reference_folder
from help_core.predictors.help.checkpoint import CheckpointRecord, save_checkpoint
from help_core.predictors.help.data import MetaData, meta_data
from help_core.predictors.help.meta_train import MetaTrained, Progress, meta_train
from help_core.predictors.help.settings import (
    AS_PUBLISHED,
    CORRECTED,
    MAML,
    META_SGD,
    HelpSettings,
)
from help_core.predictors.help.validation import Validator
from help_core.spaces.base import GeneSpace
from help_core.spaces.fbnet import FBNet
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.ofa import OFAMobileNetV3
from help_core.tables.help_import import read_help_latency

MODES = {settings.mode: settings for settings in (AS_PUBLISHED, CORRECTED, MAML, META_SGD)}

SUPPORT_SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Split:
    """HELP's devices and how much of them meta-training sees."""

    space: GeneSpace
    train: tuple[str, ...]
    validate: tuple[str, ...]
    test: tuple[str, ...]
    pool: int
    episodes: int


_NOT_GPU = "silver_4114 silver_4210r samsung_a50 pixel3 essential_ph_1 samsung_s7"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SPLITS = {
    "nasbench201": Split(
        NasBench201(),
        _names("1080ti_1 1080ti_32 1080ti_256 " + _NOT_GPU),
        _names("titanx_1 titanx_32 titanx_256 gold_6240"),
        _names("titan_rtx_256 gold_6226 pixel2 raspi4 eyeriss fpga"),
        pool=900,
        episodes=2000,
    ),
    "fbnet": Split(
        FBNet(),
        _names("1080ti_1 1080ti_32 1080ti_64 " + _NOT_GPU),
        _names("titanx_1 titanx_32 titanx_64 gold_6240"),
        _names("raspi4 eyeriss fpga"),
        pool=4000,
        episodes=4000,
    ),
    "ofa": Split(
        OFAMobileNetV3(),
        _names(
            "2080ti_1 2080ti_32 2080ti_64 titan_xp_1 titan_xp_32 titan_xp_64 v100_1 v100_32 v100_64"
        ),
        _names("titan_rtx_1 titan_rtx_32"),
        _names("titan_rtx_64"),
        pool=4000,
        episodes=2000,
    ),
}


def main() -> None:
    """Reads the arguments, trains, prints, saves."""
    arguments = _arguments()
    torch.set_num_threads(1)
    split = SPLITS[arguments.space]
    settings = dataclasses.replace(
        MODES[arguments.mode], pool=split.pool, episodes=arguments.episodes or split.episodes
    )
    train, validate = _data(split, split.train), _data(split, split.validate)
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
    if arguments.test:
        _print_test(trained, _data(split, split.test), settings)
    if arguments.out is not None:
        record = _record(trained, train, validate, arguments)
        save_checkpoint(arguments.out, trained.learner, record)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", choices=sorted(SPLITS), default="nasbench201")
    parser.add_argument("--mode", choices=sorted(MODES), default=CORRECTED.mode)
    parser.add_argument("--episodes", type=int, help="instead of HELP's number")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="the .safetensors file to write")
    parser.add_argument("--state", type=Path, help="a file to resume from after a break")
    parser.add_argument("--test", action="store_true", help="score HELP's test devices too")
    return parser.parse_args()


def _data(split: Split, devices: Sequence[str]) -> MetaData:
    folder = reference_folder() / "help" / split.space.name
    return meta_data(read_help_latency(folder, split.space, devices), split.space)


def _print_progress(progress: Progress) -> None:
    print(
        f"episode {progress.episode}/{progress.episodes}  loss {progress.loss:.5f}"
        f"  validation Spearman {progress.validation.mean_spearman:.4f}"
        f" (best {progress.best_spearman:.4f})",
        flush=True,
    )


def _print_test(trained: MetaTrained, test: MetaData, settings: HelpSettings) -> None:
    """Test scores; as published for supports of several seeds, else for the references."""
    center = trained.learner.embedding_center.double().numpy()
    means = []
    for seed in SUPPORT_SEEDS[: 1 if settings.shared_support else None]:
        rng = np.random.default_rng(seed)
        validator = Validator(test, settings, center, torch.device("cpu"), rng)
        scores = validator.score(trained.learner, rng)
        means.append(scores.mean_spearman)
        row = "  ".join(f"{device} {score:.3f}" for device, score in scores.spearman.items())
        print(f"test, support {seed}: {row}  mean {means[-1]:.4f}")
    print(f"test, mean over supports: {np.mean(means):.4f}")


def _record(
    trained: MetaTrained, train: MetaData, validate: MetaData, arguments: argparse.Namespace
) -> CheckpointRecord:
    settings = trained.learner.settings
    return CheckpointRecord(
        space=train.space,
        feature_width=train.features.shape[1],
        settings=settings,
        training_devices=train.devices,
        validation_devices=validate.devices,
        seed=arguments.seed,
        episode=trained.episode,
        spearman=trained.validation.spearman,
        error=trained.validation.error,
        bias=trained.validation.bias,
        data_sha256={"training": train.digest(), "validation": validate.digest()},
        command=(
            f"python benchmarks/meta_train.py --space {arguments.space} --mode {settings.mode}"
            f" --episodes {settings.episodes} --seed {arguments.seed} --out {arguments.out.name}"
        ),
    )


if __name__ == "__main__":
    main()
