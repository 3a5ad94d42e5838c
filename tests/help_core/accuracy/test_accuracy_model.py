import io
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from help_core.accuracy import AccuracySource
from help_core.accuracy.isomorphism import cell_signatures
from help_core.accuracy.model import (
    DATASETS,
    AccuracyScale,
    CellEnsemble,
    ModelAccuracy,
    load_ensemble,
    load_shipped_accuracy,
)
from help_core.accuracy.table import read_accuracy_csv
from help_core.arrays import FloatArray
from help_core.errors import BadCheckpoint
from help_core.spaces import get_space
from help_core.spaces.nasbench201 import NasBench201

SPACE = NasBench201()
GENES = SPACE.all_genes()
ASSET = files("help_core") / "assets" / "accuracy" / "nasbench201.npz"


@pytest.fixture(scope="module")
def shipped() -> ModelAccuracy:
    source = load_shipped_accuracy("nasbench201")
    assert isinstance(source, ModelAccuracy)
    return source


@pytest.fixture(scope="module")
def published(reference_data: Path) -> FloatArray:
    path = reference_data / "nasbench201" / "accuracy.csv"
    return read_accuracy_csv(path, SPACE, "cifar100_test_accuracy").accuracy_percent(GENES)


def test_scale_goes_there_and_back_and_rises() -> None:
    accuracy = np.array([[10.0, 20.0], [70.0, 90.0], [73.0, 94.0]])
    scale = AccuracyScale.fitted(accuracy, np.array([80.0, 100.0]))
    score = scale.to_scores(accuracy)
    assert (np.diff(score, axis=0) > 0).all()
    np.testing.assert_allclose(np.median(score, axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(scale.to_percent(score), accuracy)


def test_scale_gives_percentages_for_every_score() -> None:
    scale = AccuracyScale(np.array([80.0]), np.array([0.0]), np.array([1.0]))
    assert scale.to_percent(np.array([[-50.0], [50.0]])).tolist() == [[0.0], [80.0]]


@pytest.mark.parametrize("name", list(DATASETS))
def test_ships_a_source_for_each_data_set(name: str) -> None:
    source = load_shipped_accuracy(name)
    assert isinstance(source, AccuracySource)
    assert DATASETS[name] in source.name
    accuracy = source.accuracy_percent(GENES[::100])
    assert accuracy.shape == (157,)
    assert np.isfinite(accuracy).all()
    assert get_space(name).name == name


def test_ships_none_for_another_space() -> None:
    assert load_shipped_accuracy("fbnet") is None


def test_isomorphic_cells_are_equally_accurate(shipped: ModelAccuracy) -> None:
    accuracy = shipped.accuracy_percent(GENES)
    classes = np.unique(cell_signatures(GENES), return_inverse=True)[1]
    first = np.unique(classes, return_index=True)[1]
    np.testing.assert_array_equal(accuracy, accuracy[first][classes])


def test_a_cell_scores_the_same_alone_and_among_others(shipped: ModelAccuracy) -> None:
    some = GENES[[77, 4242, 15_000]]
    alone = [float(shipped.accuracy_percent(cell[None])[0]) for cell in some]
    np.testing.assert_allclose(shipped.accuracy_percent(GENES)[[77, 4242, 15_000]], alone, 1e-4)


def test_knows_good_cells_from_bad_ones(shipped: ModelAccuracy) -> None:
    cells = [
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    ]
    accuracy = shipped.accuracy_percent(SPACE.to_genes([SPACE.parse(cell) for cell in cells]))
    assert (np.diff(accuracy) > 5).all()
    assert accuracy[0] == 1.0


def test_no_cells_give_no_accuracies(shipped: ModelAccuracy) -> None:
    assert shipped.accuracy_percent(GENES[:0]).shape == (0,)


def test_the_whole_space_takes_no_time(shipped: ModelAccuracy) -> None:
    taken = []
    for _ in range(3):
        started = time.process_time()
        shipped.accuracy_percent(GENES)
        taken.append(time.process_time() - started)
    assert min(taken) < 0.3


def test_the_model_is_small_and_says_how_it_was_made(shipped: ModelAccuracy) -> None:
    assert len(ASSET.read_bytes()) < 1_000_000
    record = shipped.provenance
    assert record["command"].startswith("python benchmarks/accuracy_train.py")
    for dataset in DATASETS.values():
        assert record["held_out_classes"][dataset]["kendall_tau"]["mean"] > 0.85
        assert record["held_out_classes"][dataset]["rmse"]["mean"] < 1.5


@pytest.mark.reference
def test_the_model_ranks_the_benchmark_and_is_no_copy_of_it(
    shipped: ModelAccuracy, published: FloatArray
) -> None:
    predicted = shipped.accuracy_percent(GENES)
    assert kendalltau(predicted, published).statistic > 0.9
    # A copy would have no error; a model of the trend errs by the noise of a training run.
    assert np.median(np.abs(predicted - published)) > 0.2
    assert published.max() - published[predicted.argmax()] < 0.5


def small_ensemble() -> CellEnsemble:
    with ASSET.open("rb") as stream, np.load(stream) as archive:
        weights = {
            name.removeprefix("weight."): archive[name][:1]
            for name in archive.files
            if name.startswith("weight.")
        }
        scale = AccuracyScale(archive["ceiling"], archive["centre"], archive["spread"])
        return CellEnsemble(weights, scale, archive["chance_percent"])


def test_a_saved_ensemble_loads_as_it_was(tmp_path: Path) -> None:
    ensemble = small_ensemble()
    ensemble.save(tmp_path / "model.npz")
    loaded = load_ensemble(tmp_path / "model.npz")
    np.testing.assert_array_equal(
        loaded.accuracy_percent(GENES[:40]), ensemble.accuracy_percent(GENES[:40])
    )


def damaged(change: dict[str, Any]) -> bytes:
    with ASSET.open("rb") as stream, np.load(stream) as archive:
        arrays = {name: archive[name] for name in archive.files} | change
    file = io.BytesIO()
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: b"", "not an accuracy model"),
        (lambda: b"PK\x03\x04 no zip", "not an accuracy model"),
        (lambda: ASSET.read_bytes()[:5000], "not an accuracy model"),
        (lambda: damaged({"format": np.array("another")}), "of the format"),
        (lambda: damaged({"format": np.array([{}], dtype=object)}), "not an accuracy model"),
        (lambda: damaged({"weight.edge_in": None}), "no weights 'edge_in'"),
        (lambda: damaged({"weight.score": None}), "'weight.score' is not"),
        (lambda: damaged({"weight.read_1": np.zeros((2, 3))}), "'weight.read_1' is not"),
        (lambda: damaged({"chance_percent": None}), "'chance_percent' is not"),
        (lambda: damaged({"spread": np.full(3, np.nan)}), "'spread' is not finite"),
    ],
)
def test_a_damaged_model_is_one_line_that_names_the_file(
    tmp_path: Path, content: Any, message: str
) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(content())
    with pytest.raises(BadCheckpoint, match=message) as caught:
        load_ensemble(path)
    assert str(path) in str(caught.value)
