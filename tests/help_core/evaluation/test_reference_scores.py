"""Scores on HELP's tables: validation devices only, so that tests never tune on test devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.help_tables import SPLITS, read_split
from help_core.evaluation import Plan, evaluate
from help_core.predictors.flops import FlopsPredictor
from help_core.predictors.transfer import TransferPredictor


def clock() -> float:
    return 0.0


@pytest.mark.reference
@pytest.mark.parametrize(("name", "least"), [("nasbench201", 0.96), ("fbnet", 0.95)])
def test_transfer_ranks_the_validation_devices(
    reference_data: Path, name: str, least: float
) -> None:
    split = SPLITS[name]
    space, table = read_split(reference_data, name, (*split.train, *split.validate))
    plan = Plan(
        split.train,
        split.validate,
        support="design",
        query="help",
        repeats=3,
        train_architectures=split.architectures,
    )
    result = evaluate(space, table, lambda part: TransferPredictor.train(space, part), plan, clock)
    assert result.mean.spearman > least
    assert result.mean.coverage_90 > 0.85
    assert min(one.scores.coverage_90 for one in result.devices) > 0.7
    assert all(one.measurements == 10 for one in result.devices)


@pytest.mark.reference
def test_training_on_phones_alone_still_ranks_gpus(reference_data: Path) -> None:
    split = SPLITS["nasbench201"]
    phones = ("samsung_a50", "essential_ph_1", "samsung_s7")
    space, table = read_split(reference_data, "nasbench201", (*phones, *split.validate))
    plan = Plan(
        phones, split.validate, support="design", query="help", repeats=3, train_architectures=900
    )
    result = evaluate(space, table, lambda part: TransferPredictor.train(space, part), plan, clock)
    assert result.mean.spearman > 0.92


@pytest.mark.reference
def test_multiply_adds_rank_cpus_better_than_gpus(reference_data: Path) -> None:
    split = SPLITS["nasbench201"]
    space, table = read_split(reference_data, "nasbench201", split.validate)
    plan = Plan((), split.validate, query="help", train_architectures=900)
    result = evaluate(space, table, lambda part: FlopsPredictor(space), plan, clock)
    scores = {one.device: one.scores.spearman for one in result.devices}
    assert scores["gold_6240"] > 0.9 > 0.75 > scores["titanx_256"]
