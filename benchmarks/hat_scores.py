"""``predict.py hat``: HAT's latency tables, each board predicted by what the others teach.

All rows of a table are scored, the few that were measured included. The last two lines of each
part know no architecture but HAT's ten features (``hat_predict.py``): a ridge on the other
boards' tables, and a linear fit to 1,500 rows of the table itself, which says how much is noise.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from benchmarks.hat_predict import read_features, scores
from benchmarks.hat_tables import (
    BOARDS,
    TASKS_ON_ALL_BOARDS,
    measured_space,
    read_hat,
    score_unseen,
)
from benchmarks.rows import head, row
from help_core.evaluation import Plan
from help_core.evaluation.records import SupportStrategy
from help_core.executor import Executor
from help_core.tables.hat_import import Part

DESIGNED_REPEATS = 10
WIDTH = 21
HAT_ROWS: tuple[tuple[str, SupportStrategy, int], ...] = (
    ("flops", "random", 10),
    ("ridge", "random", 10),
    ("transfer", "random", 10),
    ("transfer", "design", 10),
    ("transfer", "random", 20),
    ("transfer", "design", 20),
)


def print_hat(data: Path, executor: Executor, repeats: int, seed: int) -> None:
    """A table each for encoder, decoder and whole sentence."""
    space = measured_space()
    pairs = [(board, task) for task in TASKS_ON_ALL_BOARDS for board in BOARDS]
    devices = tuple(f"{board}_{task}" for board, task in pairs)
    features = read_features(data)
    for part in get_args(Part):
        table = read_hat(data, space, part)
        head(f"hat, {part}: Spearman, boards unseen", devices, WIDTH)
        for predictor, strategy, count in HAT_ROWS:
            times = repeats if strategy == "random" else min(repeats, DESIGNED_REPEATS)
            plan = Plan((), devices, count, strategy, "all", times, seed)
            found = score_unseen(space, table, predictor, plan, executor)
            row(f"{predictor}, {count} {strategy}", [found[one].spearman for one in devices], WIDTH)
            if predictor == "transfer":
                row("  90 % interval", [found[one].coverage_90 for one in devices], WIDTH)
        rows = [scores(features, board, part, 10, repeats, task, 0) for board, task in pairs]
        row("ridge on features, 10 random", [one[1] for one in rows], WIDTH)
        row("linear on features, 1500", [one[3] for one in rows], WIDTH)
