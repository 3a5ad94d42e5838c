"""validate: the accuracy of an OFA subnet, measured over ImageNet."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import platformdirs
import typer
from rich.console import Console

from coordinator.cli.options import AsJson
from coordinator.cli.progress import watching
from coordinator.validation.evaluate import Subnet, calibrate, evaluate, wilson_percent
from coordinator.validation.images import (
    ImageFolder,
    open_split,
    read_class_names,
    read_image_folder,
)
from coordinator.validation.state import Counts, StateFile
from help_core import __version__
from help_core.errors import BadInput, StoreError
from help_core.spaces import get_space
from help_core.spaces.configuration import read_architecture
from help_core.spaces.ofa import OFAMobileNetV3
from help_core.spaces.ofa.genotype import parse_genes
from help_core.supernet import build_trained, extract_layers, load_supernet
from help_proto.console import print_json

PREPARATION = "resize so that the centre crop is 0.875 of it, bilinear, ImageNet mean and deviation"
CALIBRATING = "calibrating batch norms"


def validate_command(
    architecture: Annotated[
        str, typer.Option(metavar="TEXT|FILE", help="Canonical string, or a file with one.")
    ],
    weights: Annotated[Path, typer.Option(help="once-for-all's supernet, a .pth file.")],
    imagenet: Annotated[
        Path, typer.Option(help="Folder with val/CLASS/*.JPEG (and train/ to calibrate).")
    ],
    space: Annotated[str, typer.Option(help="Search space: ofa or ofa-w1.2.")] = "ofa",
    limit: Annotated[
        int, typer.Option(min=0, help="Images to use, evenly from all classes; 0: all.")
    ] = 0,
    batch: Annotated[int, typer.Option(min=1, max=1024, help="Images at a time.")] = 32,
    calibrate_images: Annotated[
        int,
        typer.Option(
            "--calibrate",
            min=0,
            help="Training images to re-calibrate batch norms with; once-for-all uses 2000."
            " 0: the supernet's statistics as they are.",
        ),
    ] = 0,
    classes: Annotated[
        Path | None, typer.Option(help="Class folders in order, where DIR holds only some.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="Threads; 0: as many as cores.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the calibration images.")] = 0,
    state: Annotated[
        Path | None,
        typer.Option(help="File to go on from. Default: one per validation.", show_default=False),
    ] = None,
    onnx_file: Annotated[
        Path | None, typer.Option("--onnx", help="Also write the trained subnet, batch size 1.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the accuracy of an OFA subnet with the supernet's weights over ImageNet.

    Cuts the subnet out of the supernet, exports it to ONNX and runs it with onnxruntime.
    Interrupted, the same command goes on where it stopped.
    """
    found = get_space(space)
    if not isinstance(found, OFAMobileNetV3):
        raise BadInput(f"--space {space}: only OFA supernets can be validated; use ofa or ofa-w1.2")
    chosen = read_architecture(architecture, space)
    if chosen.space != space:
        raise BadInput(f"{chosen} is of the space {chosen.space}; say --space {chosen.space}")
    genes = parse_genes(chosen.text)
    supernet = load_supernet(weights)
    subnet = Subnet(genes, found.skeleton, extract_layers(supernet, genes, found.skeleton))
    folder = _folder(imagenet, "val", supernet.classes, classes).spread(limit)
    begin_s = time.monotonic()
    with watching() as watcher:
        if calibrate_images:
            rng = np.random.default_rng(seed)
            train = _calibration_folder(imagenet, supernet.classes, classes)
            drawn, tell = _drawn(train, calibrate_images, rng), watcher.follow(CALIBRATING)
            layers = calibrate(subnet, drawn, batch, threads, rng, tell)
            subnet = Subnet(genes, found.skeleton, layers)
        facts = {
            "architecture": str(chosen),
            "weights_sha256": _digest(weights),
            "images_sha256": folder.digest(),
            "preparation": PREPARATION,
            "calibration": _calibration(calibrate_images, batch, seed),
        }
        file = _state_file(state, facts)
        before = file.read().images
        counts = evaluate(subnet, folder, batch, threads, file, watcher.follow("validating"))
    if onnx_file is not None:
        _write_onnx(onnx_file, subnet)
    result = _result(facts, counts, before, time.monotonic() - begin_s)
    print_json(result) if as_json else _show(result)


def _folder(imagenet: Path, split: str, classes: int, names: Path | None) -> ImageFolder:
    root = open_split(imagenet, split) or imagenet
    return read_image_folder(root, classes, read_class_names(names) if names else ())


def _calibration_folder(imagenet: Path, classes: int, names: Path | None) -> ImageFolder:
    """Training images; validation images would be seen twice, so they are no substitute."""
    root = open_split(imagenet, "train")
    if root is None:
        raise BadInput(
            f"--calibrate needs training images, {imagenet} has no folder train;"
            " add one (a few images of each class suffice) or leave --calibrate out"
        )
    return read_image_folder(root, classes, read_class_names(names) if names else ())


def _drawn(folder: ImageFolder, count: int, rng: np.random.Generator) -> ImageFolder:
    total = len(folder.paths)
    chosen = rng.choice(total, min(count, total), replace=False).tolist()
    paths = tuple(folder.paths[index] for index in chosen)
    return ImageFolder(folder.root, paths, tuple(folder.labels[index] for index in chosen))


def _calibration(images: int, batch: int, seed: int) -> str:
    if not images:
        return "none: the supernet's statistics"
    return f"{images} images of train, batches of {batch}, seed {seed}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state_file(path: Path | None, facts: dict[str, str]) -> StateFile:
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    folder = Path(platformdirs.user_state_dir("help-fleet")) / "validate"
    return StateFile(path or folder / f"{key[:32]}.json", key)


def _write_onnx(path: Path, subnet: Subnet) -> None:
    model = build_trained(subnet.layers, subnet.genes, subnet.skeleton, 1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(path))
    except OSError as error:
        raise StoreError(f"--onnx {path}: cannot be written ({error.strerror})") from None


def _result(facts: dict[str, str], counts: Counts, before: int, elapsed_s: float) -> dict[str, Any]:
    low, high = wilson_percent(counts.top1, counts.images)
    return {
        **facts,
        "images": counts.images,
        "images_of_earlier_runs": before,
        "top1_percent": 100 * counts.top1 / counts.images,
        "top1_low_percent": low,
        "top1_high_percent": high,
        "top5_percent": 100 * counts.top5 / counts.images,
        "elapsed_s": elapsed_s,
        "version": __version__,
    }


def _show(result: dict[str, Any]) -> None:
    console = Console()
    lines = (
        f"top-1 {result['top1_percent']:.2f} % (95 % interval {result['top1_low_percent']:.2f}-"
        f"{result['top1_high_percent']:.2f}), top-5 {result['top5_percent']:.2f} %,"
        f" {result['images']} images",
        f"batch norms: {result['calibration']}",
        result["architecture"],
    )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
