"""What ships for HAT's spaces, and what other boards teach of a board that nobody saw."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from help_core.evaluation import Plan, evaluate
from help_core.predictors.base import Support
from help_core.predictors.registry import get_predictor
from help_core.predictors.training import Trainer
from help_core.predictors.transfer import TransferPredictor
from help_core.predictors.transfer.artefact import load_shipped
from help_core.spaces import get_gene_space
from help_core.spaces.base import sample_genes
from help_core.spaces.hat import TASKS, Hat
from help_core.spaces.hat.task import as_measured
from help_core.spaces.registry import BUILT_IN
from help_core.tables.hat_import import read_hat_latency
from help_core.tables.join import join_tables

SPACES = sorted(name for name in BUILT_IN if name.startswith("hat"))


@pytest.mark.parametrize("name", SPACES)
def test_each_hat_space_ships_what_hats_boards_taught(name: str) -> None:
    knowledge, provenance = load_shipped(get_gene_space(name))
    assert {device.split("_")[0] for device in provenance.training_devices} == {
        "raspberrypi", "xeon", "titanxp",
    }  # fmt: skip
    assert knowledge.tables.devices == provenance.training_devices
    # Of each board with all its tables left out.
    assert set(provenance.validation) == set(provenance.training_devices)
    assert min(provenance.validation.values()) > 0.9


def test_adapting_on_hat_starts_from_what_ships() -> None:
    """A machine that is all launches, from three measurements."""
    space = get_gene_space("hat")
    genes = sample_genes(space, 300, np.random.default_rng(0))
    latency_ms = 5 + 20 * space.features(genes, "help")[:, 5]
    error = {}
    for name, predictor in (
        ("shipped", get_predictor("transfer", space)),
        ("physics alone", TransferPredictor.untrained(space)),
    ):
        adapted = predictor.adapt(Support(genes[:3], latency_ms[:3]), np.random.default_rng(0))
        error[name] = float(np.abs(adapted.predict(genes).latency_ms / latency_ms - 1).mean())
    assert error["shipped"] < 0.05
    assert error["physics alone"] > 2 * error["shipped"]


@pytest.mark.reference
def test_two_boards_of_hat_teach_the_third_more_than_multiply_adds_say(
    reference_data: Path,
) -> None:
    space = Hat("hat-measured", task=as_measured(TASKS["wmt14.en-de"]), beam=5)
    files = ("cpu_raspberrypi", "cpu_xeon", "gpu_titanxp")
    first, second, third = (
        read_hat_latency(reference_data / "hat" / f"wmt14ende_{file}_all.csv", space)
        for file in files
    )
    table = join_tables(join_tables(first, second), third)
    for target in table.devices:
        others = tuple(device for device in table.devices if device != target)
        found = {}
        for predictor, support in (("flops", "random"), ("transfer", "design")):
            plan = Plan(others, (target,), support=support, repeats=2)  # type: ignore[arg-type]
            result = evaluate(space, table, Trainer(predictor, space), plan, time.perf_counter)
            found[predictor] = result.mean.spearman
        assert found["transfer"] > found["flops"]
        assert found["transfer"] > 0.93
