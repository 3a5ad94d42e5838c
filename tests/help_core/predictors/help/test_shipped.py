"""The checkpoint that the package brings."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from help_core.predictors.base import Support
from help_core.predictors.help.checkpoint import shipped_checkpoint
from help_core.predictors.help.predictor import HelpPredictor
from help_core.predictors.help.settings import CORRECTED
from help_core.predictors.help.validation import query_rows
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.help_import import read_help_latency

VALIDATION = ("titanx_1", "titanx_32", "titanx_256", "gold_6240")


@pytest.mark.parametrize("space", ["nasbench201", "fbnet", "ofa"])
def test_is_small_and_says_where_it_comes_from(space: str) -> None:
    _, record = shipped_checkpoint(space)
    assert record.settings.mode == CORRECTED.mode
    assert record.command.startswith("python benchmarks/meta_train.py")
    assert len(record.training_devices) == 9
    assert not set(record.training_devices) & set(record.validation_devices)
    weights = files("help_core").joinpath("assets", "predictors", f"help-{space}.safetensors")
    assert len(weights.read_bytes()) < 2_000_000


@pytest.mark.reference
@pytest.mark.parametrize("device", VALIDATION)
def test_scores_on_validation_devices_what_its_record_says(
    reference_data: Path, device: str
) -> None:
    space = NasBench201()
    predictor = HelpPredictor.shipped(space)
    _, record = shipped_checkpoint("nasbench201")
    assert record.validation_devices == VALIDATION
    table = read_help_latency(reference_data / "help" / "nasbench201", space, (device,))
    rows = {architecture: row for row, architecture in enumerate(table.architectures)}
    latency = table.column(device)
    rng = np.random.default_rng(0)
    asked = predictor.support_genes(10, rng)
    measured = [rows[architecture] for architecture in space.from_genes(asked)]
    adapted = predictor.adapt(Support(asked, latency[measured]), rng)
    query = query_rows(latency, record.settings)
    genes = space.to_genes([table.architectures[row] for row in query])
    prediction = adapted.predict(genes)
    score = spearmanr(prediction.latency_ms, latency[query]).statistic
    assert score == pytest.approx(record.spearman[device], abs=0.002)
