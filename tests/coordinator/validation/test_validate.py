import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner

from coordinator.cli.validate import validate_command
from coordinator.validation import evaluate as evaluation
from coordinator.validation.evaluate import wilson_percent
from coordinator.validation.images import (
    ImageFolder,
    load_augmented,
    load_centre,
    read_class_names,
    read_image_folder,
)
from coordinator.validation.state import Counts, StateFile
from help_core.errors import BadInput, Conflict, HelpError, StoreError
from help_core.spaces.ofa.genotype import config_of_genes, parse_genes
from tests.supernets import Reference, State, make_supernet, save_supernet

CLASSES, PER_CLASS = 8, 4
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)
TEXT = "r128;d2,2,2,2,2;k35,73,33,35,33;e34,33,63,33,34"


def make_images(root: Path, seed: int) -> None:
    """Smooth random pictures of several shapes, which tell the classes' networks apart."""
    rng = np.random.default_rng(seed)
    for number in range(CLASSES):
        folder = root / f"n{number:08d}"
        folder.mkdir(parents=True)
        for index in range(PER_CLASS):
            small = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            size = [(160, 200), (210, 150), (147, 147)][index % 3]
            picture = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
            picture.save(folder / f"{index}.JPEG", quality=95)


@pytest.fixture(scope="module")
def state() -> State:
    return make_supernet(1.0, CLASSES, seed=3)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, state: State) -> Path:
    folder = tmp_path_factory.mktemp("validate")
    save_supernet(folder / "supernet.pth", state)
    make_images(folder / "imagenet" / "val", seed=1)
    make_images(folder / "imagenet" / "train", seed=2)
    return folder


def run(place: Path, state_file: Path, *more: str) -> dict[str, Any]:
    """The command's JSON; errors come as they are raised."""
    app = typer.Typer()
    app.command()(validate_command)
    arguments = ["--architecture", TEXT, "--weights", str(place / "supernet.pth")]
    arguments += ["--imagenet", str(place / "imagenet"), "--state", str(state_file)]
    arguments += ["--threads", "1", "--batch", "5", "--json", *more]
    done = CliRunner().invoke(app, arguments)
    if isinstance(done.exception, HelpError):
        raise done.exception
    assert done.exception is None, done.output
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def expected_right(state: State, folder: ImageFolder, size: int = 128) -> tuple[int, int]:
    reference = Reference(state, config_of_genes(parse_genes(TEXT)))
    images = torch.from_numpy(np.stack([centre(path, size) for path in folder.paths]))
    with torch.no_grad():
        best = reference(images).topk(5, dim=1).indices
    right = best == torch.tensor(folder.labels)[:, None]
    return int(right[:, 0].sum()), int(right.sum())


def centre(path: Path, size: int) -> np.ndarray:
    """once-for-all's evaluation, written out for a picture of any shape."""
    with Image.open(path) as picture:
        image = picture.convert("RGB")
        short = math.ceil(size / 0.875)
        factor = short / min(image.size)
        wide, high = (
            (short, int(image.height * factor + 1e-9))
            if image.width <= image.height
            else (int(image.width * factor + 1e-9), short)
        )
        image = image.resize((wide, high), Image.Resampling.BILINEAR)
        left, top = round((wide - size) / 2), round((high - size) / 2)
        pixels = np.asarray(image.crop((left, top, left + size, top + size)), dtype=np.float32)
    scaled = (pixels / 255 - MEAN) / DEVIATION
    result: np.ndarray = scaled.transpose(2, 0, 1)
    return result


def test_top1_and_top5_are_those_of_once_for_alls_own_forward_pass(
    place: Path, state: State, tmp_path: Path
) -> None:
    result = run(place, tmp_path / "s.json", "--onnx", str(tmp_path / "subnet.onnx"))
    folder = read_image_folder(place / "imagenet" / "val", CLASSES)
    top1, top5 = expected_right(state, folder)
    assert result["images"] == CLASSES * PER_CLASS
    assert result["top1_percent"] == pytest.approx(100 * top1 / len(folder.paths))
    assert result["top5_percent"] == pytest.approx(100 * top5 / len(folder.paths))
    assert 0 < top5 < len(folder.paths)
    assert result["top1_low_percent"] <= result["top1_percent"] <= result["top1_high_percent"]
    onnx.checker.check_model(onnx.load(tmp_path / "subnet.onnx"))


def test_an_interrupted_validation_goes_on_where_it_stopped(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(place, tmp_path / "whole.json")
    read: list[Path] = []

    def interrupted(path: Path, size: int) -> np.ndarray:
        if len(read) == 12:
            raise Conflict("interrupted for the test")
        read.append(path)
        return load_centre(path, size)

    monkeypatch.setattr(evaluation, "load_centre", interrupted)
    with pytest.raises(Conflict):
        run(place, tmp_path / "part.json")
    read.clear()

    def counted(path: Path, size: int) -> np.ndarray:
        read.append(path)
        return load_centre(path, size)

    monkeypatch.setattr(evaluation, "load_centre", counted)
    rest = run(place, tmp_path / "part.json")
    assert len(read) == CLASSES * PER_CLASS - 10
    assert rest["images_of_earlier_runs"] == 10
    keys = ("images", "top1_percent", "top5_percent")
    assert [rest[key] for key in keys] == [whole[key] for key in keys]


def test_a_state_of_other_images_or_settings_is_refused(place: Path, tmp_path: Path) -> None:
    run(place, tmp_path / "s.json")
    with pytest.raises(Conflict, match="other images"):
        run(place, tmp_path / "s.json", "--limit", "9")


def test_a_limit_takes_images_of_all_classes(place: Path, tmp_path: Path) -> None:
    folder = read_image_folder(place / "imagenet" / "val", CLASSES).spread(CLASSES)
    assert len(set(folder.labels)) == CLASSES
    assert run(place, tmp_path / "s.json", "--limit", "8")["images"] == 8


def test_calibrated_statistics_are_those_of_the_training_images(
    place: Path, state: State, tmp_path: Path
) -> None:
    plain = run(place, tmp_path / "a.json", "--onnx", str(tmp_path / "plain.onnx"))
    more = ("--calibrate", "7", "--onnx", str(tmp_path / "calibrated.onnx"))
    result = run(place, tmp_path / "b.json", *more)
    assert plain["calibration"].startswith("none")
    assert result["calibration"] == "7 images of train, batches of 5, seed 0"
    first = [
        onnx.load(tmp_path / f"{one}.onnx").graph.initializer for one in ("plain", "calibrated")
    ]
    weights = [onnx.numpy_helper.to_array(one[0]) for one in first]
    # The stem's statistics are of the images alone, so they can be computed directly.
    folder = read_image_folder(place / "imagenet" / "train", CLASSES)
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(folder.paths), 7, replace=False).tolist()
    images = [load_augmented(folder.paths[index], 128, rng) for index in chosen]
    raw = torch.nn.functional.conv2d(
        torch.from_numpy(np.stack(images)), state["first_conv.conv.weight"], None, 2, 1
    )
    parts = [(part, len(part)) for part in (raw[:5], raw[5:])]
    variance = (
        torch.stack([n * part.var((0, 2, 3), unbiased=False) for part, n in parts]).sum(0) / 7
    )
    factor = state["first_conv.bn.weight"] / torch.sqrt(variance + 1e-5)
    expected = state["first_conv.conv.weight"] * factor[:, None, None, None]
    np.testing.assert_allclose(weights[1], expected.numpy(), rtol=2e-3, atol=1e-5)
    assert not np.allclose(weights[0], weights[1], rtol=0.05)


def _classes(folder: Path, names: Sequence[str]) -> Path:
    path = folder / "classes.txt"
    path.write_text("".join(f"{name} some words\n" for name in names))
    return path


def test_a_folder_with_some_classes_is_numbered_by_the_list(place: Path, tmp_path: Path) -> None:
    root = tmp_path / "some"
    (root / "b").mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(root / "b" / "x.png")
    names = read_class_names(_classes(tmp_path, ["a", "b", "c"]))
    assert read_image_folder(root, 3, names).labels == (1,)
    with pytest.raises(BadInput, match=r"has 1 classes, the network tells 3 apart; .*--classes"):
        read_image_folder(root, 3)


def test_a_damaged_image_is_named_and_loses_nothing(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.JPEG"
    path.write_bytes(b"\xff\xd8 no picture")
    with pytest.raises(BadInput, match=r"x\.JPEG: not an image .* run the same command again"):
        load_centre(path, 128)


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (128, 128)])
def test_an_image_becomes_a_normalised_square(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("L", size, 255).save(tmp_path / "x.png")
    found = load_centre(tmp_path / "x.png", 64)
    assert found.shape == (3, 64, 64)
    white = (1 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(found[:, 10, 10], white, rtol=1e-5)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"format": "help-fleet validation 1", "key": "k"}']
)
def test_a_damaged_state_is_an_error_and_not_a_fresh_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(content)
    with pytest.raises(StoreError, match=r"s\.json"):
        StateFile(path, "k").read()


def test_counts_come_back_from_disk(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "deep" / "s.json", "k")
    assert file.read() == Counts()
    file.write(Counts(10, 3, 7))
    assert file.read() == Counts(10, 3, 7)
    with pytest.raises(ValueError, match="contradict"):
        Counts(5, 6, 7)


def test_a_network_that_says_nothing_is_not_right() -> None:
    outputs = np.zeros((10, 10), dtype=np.float32)
    assert evaluation._right(outputs, np.arange(10)) == (1, 5)
    with pytest.raises(BadInput, match="not finite"):
        evaluation._right(outputs * np.nan, np.arange(10))


def test_the_interval_is_wilsons() -> None:
    low, high = wilson_percent(50, 100)
    assert (low, high) == pytest.approx((40.38, 59.62), abs=0.02)
    assert wilson_percent(0, 10)[0] == 0.0
