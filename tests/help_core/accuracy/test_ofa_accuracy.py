import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from benchmarks.accuracy_ofa import read_measured
from help_core.accuracy import AccuracySource, UncertainAccuracy, load_shipped_accuracy
from help_core.accuracy.ofa_model import OfaAccuracy, load_ofa_accuracy, save_ofa_accuracy
from help_core.accuracy.ofa_training import OfaTraining, fit_ofa_numbers
from help_core.accuracy.once_for_all import load_once_for_all_predictor
from help_core.errors import BadCheckpoint
from help_core.spaces.base import sample_genes
from help_core.spaces.ofa import OFAMobileNetV3
from help_core.spaces.ofa.genotype import RESOLUTION, config_of_genes
from help_core.spaces.ofa.layers import RESOLUTIONS

SPACE = OFAMobileNetV3()


def genes(count: int, resolution: int | None = None, seed: int = 0) -> np.ndarray:
    drawn = sample_genes(SPACE, count, np.random.default_rng(seed))
    if resolution is not None:
        drawn[:, RESOLUTION] = RESOLUTIONS.index(resolution)
    return drawn


def perceptron(seed: int = 0) -> torch.nn.Sequential:
    sizes = (128, 400, 400, 400, 1)
    layers: list[torch.nn.Module] = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for inside, outside in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(inside, outside), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def published_inputs(config: dict[str, list[int]]) -> list[float]:
    """The 128 inputs as once-for-all's tutorial describes them, one layer at a time."""
    kernels, ratios = [0.0] * 60, [0.0] * 60
    for layer in range(20):
        if layer % 4 < config["d"][layer // 4]:
            kernels[3 * layer + (3, 5, 7).index(config["ks"][layer])] = 1.0
            ratios[3 * layer + (3, 4, 6).index(config["e"][layer])] = 1.0
    resolution = [0.0] * 8
    resolution[(config["r"][0] - 112) // 16] = 1.0
    return kernels + ratios + resolution


@pytest.fixture(scope="module")
def shipped() -> OfaAccuracy:
    source = load_shipped_accuracy("ofa")
    assert isinstance(source, OfaAccuracy)
    return source


def test_a_predictor_of_that_form_computes_what_torch_computes(tmp_path: Path) -> None:
    network = perceptron()
    torch.save(network.state_dict(), tmp_path / "acc_predictor.pth")
    source = load_once_for_all_predictor(tmp_path / "acc_predictor.pth")
    wanted = genes(50, 192)
    inputs = torch.tensor([published_inputs(config_of_genes(row)) for row in wanted.tolist()])
    with torch.no_grad():
        expected = 100 * network(inputs)[:, 0].double().numpy()
    np.testing.assert_allclose(source.accuracy_percent(wanted), expected, atol=1e-4)


def test_below_160_pixels_the_predictor_says_that_it_does_not_know(tmp_path: Path) -> None:
    torch.save(perceptron().state_dict(), tmp_path / "p.pth")
    source = load_once_for_all_predictor(tmp_path / "p.pth")
    assert np.isnan(source.accuracy_percent(genes(5, 156))).all()
    assert np.isfinite(source.accuracy_percent(genes(5, 160))).all()


@pytest.mark.parametrize("change", ["missing", "shape", "nan"])
def test_a_file_that_is_no_such_predictor_is_refused_by_name(tmp_path: Path, change: str) -> None:
    state = perceptron().state_dict()
    if change == "missing":
        del state["4.bias"]
    elif change == "shape":
        state["4.bias"] = torch.zeros(7)
    else:
        state["4.bias"] = torch.full((400,), float("nan"))
    torch.save(state, tmp_path / "p.pth")
    with pytest.raises(BadCheckpoint, match=r"4\.bias"):
        load_once_for_all_predictor(tmp_path / "p.pth")


def test_the_released_predictor_ranks_measured_networks(reference_data: Path) -> None:
    source = load_once_for_all_predictor(reference_data / "ofa" / "acc_predictor.pth")
    measured, top1, facts = read_measured(reference_data / "ofa" / "measured_top1")
    assert facts["measurements"] == 2373
    predicted = source.accuracy_percent(measured)
    assert kendalltau(predicted, top1).statistic == pytest.approx(0.88, abs=0.005)
    assert float((predicted - top1).mean()) == pytest.approx(5.87, abs=0.02)


def test_the_shipped_model_fits_what_was_measured(
    shipped: OfaAccuracy, reference_data: Path
) -> None:
    measured, top1, _ = read_measured(reference_data / "ofa" / "measured_top1")
    error = np.abs(shipped.accuracy_percent(measured) - top1)
    assert error.mean() < 0.05
    held_out = shipped.provenance["held_out_clusters"]["this model"]
    assert error.mean() < held_out["mae"]
    assert held_out["kendall_tau"] > 0.94
    assert 0.85 < held_out["coverage_90"] < 0.95


def test_a_model_fitted_to_four_fifths_ranks_the_rest_and_knows_its_error(
    reference_data: Path,
) -> None:
    measured, top1, _ = read_measured(reference_data / "ofa" / "measured_top1")
    teacher = load_once_for_all_predictor(reference_data / "ofa" / "acc_predictor.pth")
    out = np.random.default_rng(0).random(len(measured)) < 0.2
    options = OfaTraining(inducing=200, teacher_samples=20)
    numbers = fit_ofa_numbers(measured[~out], top1[~out], teacher, options, seed=0)
    model = OfaAccuracy("held out", numbers, {})
    predicted = model.accuracy_percent(measured[out])
    assert kendalltau(predicted, top1[out]).statistic > 0.93
    assert np.abs(predicted - top1[out]).mean() < 0.1


def test_accuracy_falls_with_the_resolution_and_doubt_grows(shipped: OfaAccuracy) -> None:
    falling = [
        shipped.accuracy_percent(genes(20, pixels)).mean() for pixels in (224, 192, 160, 128)
    ]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] - falling[-1] > 3
    doubt = [shipped.deviation_percent(genes(20, pixels)).mean() for pixels in (224, 192, 160, 128)]
    assert doubt == sorted(doubt)


def test_it_is_surer_of_what_was_measured_than_of_the_rest(
    shipped: OfaAccuracy, reference_data: Path
) -> None:
    measured, _, _ = read_measured(reference_data / "ofa" / "measured_top1")
    near = shipped.deviation_percent(measured[:200]).mean()
    assert near < 0.7 * shipped.deviation_percent(genes(200, 224)).mean()


def test_figures_do_not_depend_on_the_batch(shipped: OfaAccuracy) -> None:
    wanted = genes(40)
    one_by_one = [shipped.accuracy_percent(wanted[i : i + 1])[0] for i in range(40)]
    np.testing.assert_allclose(shipped.accuracy_percent(wanted), one_by_one, atol=1e-3)
    assert isinstance(shipped, AccuracySource)
    assert isinstance(shipped, UncertainAccuracy)


def test_a_saved_model_comes_back_and_a_damaged_one_is_refused(
    shipped: OfaAccuracy, tmp_path: Path
) -> None:
    save_ofa_accuracy(tmp_path, "m", shipped.numbers, {"note": "copy"})
    numbers, facts = tmp_path / "m.safetensors", tmp_path / "m.json"
    again = load_ofa_accuracy(numbers, facts)
    np.testing.assert_array_equal(
        again.accuracy_percent(genes(5)), shipped.accuracy_percent(genes(5))
    )
    data = bytearray(numbers.read_bytes())
    data[-1] ^= 1
    numbers.write_bytes(data)
    with pytest.raises(BadCheckpoint, match=r"is not the file that m\.json describes"):
        load_ofa_accuracy(numbers, facts)
    facts.write_text(json.dumps({"format": "other"}))
    with pytest.raises(BadCheckpoint, match="not an accuracy model of the format"):
        load_ofa_accuracy(numbers, facts)
