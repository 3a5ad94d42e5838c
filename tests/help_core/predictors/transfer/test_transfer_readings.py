"""Whether a device executes what has no effect is learned from its measurements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput
from help_core.predictors.base import Support
from help_core.predictors.transfer import TransferPredictor
from help_core.predictors.transfer.readings import Reading, chances, readings
from help_core.spaces.base import sample_genes
from help_core.spaces.fbnet import FBNet
from help_core.tables.latency import LatencyTable
from tests.help_core.predictors.transfer.conftest import SPACE, Device, make_device

QUERY = sample_genes(SPACE, 500, np.random.default_rng(77))
QUERY = QUERY[SPACE.carries(QUERY)]


def pruning(device: Device) -> Device:
    """The same device behind a runtime that optimises the graph."""

    def latency_ms(genes: IntArray) -> FloatArray:
        return device(SPACE.pruned(genes))

    return latency_ms


def tracing(device: Device) -> Device:
    """The same device behind an exporter that follows the graph from its outputs."""

    def latency_ms(genes: IntArray) -> FloatArray:
        return device(SPACE.traced(genes))

    return latency_ms


def measured(genes: IntArray, device: Device) -> Support:
    return Support(genes, device(genes))


def written_table(*devices: Device) -> LatencyTable:
    genes = sample_genes(SPACE, 400, np.random.default_rng(0))
    columns = np.column_stack([device(genes) for device in devices])
    names = tuple(f"device_{number}" for number in range(len(devices)))
    return LatencyTable(SPACE.name, tuple(SPACE.from_genes(genes)), names, columns)


@pytest.mark.parametrize("seed", [50, 51, 52])
def test_ten_measurements_tell_what_a_device_executes(
    predictor: TransferPredictor, seed: int
) -> None:
    rng = np.random.default_rng(0)
    support = predictor.support_genes(10, rng)
    as_written = make_device(seed, 0.01)
    likeliest = []
    for device in (as_written, tracing(as_written), pruning(as_written)):
        adapted = predictor.adapt(measured(support, device), rng)
        likeliest.append(adapted.likeliest.reading)
        predicted = adapted.predict(QUERY).latency_ms
        assert spearmanr(predicted, device(QUERY)).statistic > 0.97
    # A device that traces may as well be one that pays little for what it would trace away.
    assert likeliest[0] is Reading.WRITTEN
    assert likeliest[2] is Reading.PRUNED


def test_one_measurement_leaves_the_readings_as_they_were(predictor: TransferPredictor) -> None:
    whole = QUERY[(SPACE.pruned(QUERY) == QUERY).all(axis=1)][:1]
    adapted = predictor.adapt(measured(whole, make_device(50)), np.random.default_rng(0))
    found = {fit.reading: share for fit, share in zip(adapted.fits, adapted.shares, strict=True)}
    assert found == pytest.approx(chances(SPACE, None))


@pytest.mark.parametrize("pruned", [True, False])
def test_who_knows_what_was_built_can_say_so(predictor: TransferPredictor, pruned: bool) -> None:
    support = Support(QUERY[:2], make_device(50)(QUERY[:2]), pruned=pruned)
    likeliest = predictor.adapt(support, np.random.default_rng(0)).likeliest
    assert (likeliest.reading is Reading.PRUNED) is pruned


@pytest.mark.parametrize("pruned", [None, True, False])
def test_chances_sum_to_one(pruned: bool | None) -> None:
    assert sum(chances(SPACE, pruned).values()) == pytest.approx(1)


def test_while_the_readings_are_undecided_loose_operations_widen_the_interval(
    predictor: TransferPredictor,
) -> None:
    whole = (SPACE.pruned(QUERY) == QUERY).all(axis=1)
    adapted = predictor.adapt(measured(QUERY[whole][:3], make_device(50)), np.random.default_rng(0))
    assert len(adapted.fits) == 3
    prediction = adapted.predict(QUERY)
    width = (prediction.high_ms - prediction.low_ms) / prediction.latency_ms
    assert np.median(width[~whole]) > np.median(width[whole])


def test_a_fleet_of_pruning_devices_can_be_trained_on() -> None:
    table = written_table(*(pruning(make_device(seed, 0.01)) for seed in range(3)))
    predictor = TransferPredictor.train(SPACE, table)
    device = pruning(make_device(50, 0.01))
    rng = np.random.default_rng(0)
    adapted = predictor.adapt(measured(predictor.support_genes(10, rng), device), rng)
    predicted = adapted.predict(QUERY).latency_ms
    assert spearmanr(predicted, device(QUERY)).statistic > 0.97


def test_a_space_without_loose_operations_has_one_reading() -> None:
    assert readings(FBNet()) == (Reading.WRITTEN,)
    assert readings(SPACE) == tuple(Reading)


def test_a_measurement_known_to_be_uncertain_counts_for_less(
    predictor: TransferPredictor,
) -> None:
    rng = np.random.default_rng(0)
    device = make_device(50, 0.01)
    exact = measured(predictor.support_genes(10, rng), device)
    wrong = exact.latency_ms.copy()
    wrong[0] *= 1.6
    misled = Support(exact.genes, wrong)
    warned = replace(misled, error_ms=np.where(np.arange(10) == 0, 0.5 * wrong, 0.0))
    truth = device(QUERY)
    without, with_error = (
        np.abs(predictor.adapt(one, rng).predict(QUERY).latency_ms / truth - 1).mean()
        for one in (misled, warned)
    )
    assert with_error < without


@pytest.mark.parametrize("error_ms", [[0.1], [0.1, np.nan], [0.1, -0.1]])
def test_errors_that_make_no_sense_are_refused(error_ms: list[float]) -> None:
    with pytest.raises(BadInput, match="support errors"):
        Support(QUERY[:2], np.ones(2), np.array(error_ms))
