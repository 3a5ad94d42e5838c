"""ImageNet as a folder of class folders, and images as once-for-all feeds them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps, UnidentifiedImageError

from help_core.arrays import AnyArray
from help_core.errors import BadInput

SUFFIXES = (".jpeg", ".jpg", ".png", ".webp")
CROP_SHARE = 0.875
"""The centre crop is this share of the resized image's shorter side."""
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)
MAX_PIXELS = 200_000_000


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """Images with the number of their class, in a fixed order."""

    root: Path
    paths: tuple[Path, ...]
    labels: tuple[int, ...]

    def digest(self) -> str:
        """SHA-256 of names, sizes and classes: what a count of correct answers belongs to."""
        digest = hashlib.sha256()
        for path, label in zip(self.paths, self.labels, strict=True):
            name = path.relative_to(self.root).as_posix()
            digest.update(f"{name}\0{path.stat().st_size}\0{label}\n".encode())
        return digest.hexdigest()

    def spread(self, count: int) -> ImageFolder:
        """``count`` of the images, evenly from all classes; all if there are not more."""
        if not 0 < count < len(self.paths):
            return self
        chosen = np.linspace(0, len(self.paths) - 1, count).round().astype(int).tolist()
        return ImageFolder(
            self.root,
            tuple(self.paths[index] for index in chosen),
            tuple(self.labels[index] for index in chosen),
        )


def open_split(folder: Path, split: str) -> Path | None:
    """``folder/split`` if it is there, ``folder`` itself if it holds class folders."""
    if (folder / split).is_dir():
        return folder / split
    return None


def read_image_folder(root: Path, classes: int, names: Sequence[str] = ()) -> ImageFolder:
    """The images of ``root/CLASS/*.JPEG``; classes are numbered by the order of their names.

    ``names`` gives the order where the folder holds only some of the classes. Raises
    ``BadInput`` if folder and classifier do not agree.
    """
    try:
        found = sorted(one.name for one in root.iterdir() if one.is_dir())
    except OSError as error:
        raise BadInput(f"--imagenet {root}: cannot be read ({error.strerror})") from None
    order = list(names) or found
    if len(order) != classes:
        what = "--classes lists" if names else f"{root} has"
        raise BadInput(
            f"{what} {len(order)} classes, the network tells {classes} apart; give all class"
            " folders, or their names in order with --classes FILE"
        )
    unknown = sorted(set(found) - set(order))
    if unknown:
        raise BadInput(f"{root}: class folder {unknown[0][:60]!r} is not in --classes")
    number = {name: index for index, name in enumerate(order)}
    pairs = [
        (path, number[name])
        for name in found
        for path in sorted((root / name).iterdir())
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    if not pairs:
        raise BadInput(f"{root}: holds no images in its class folders ({', '.join(SUFFIXES)})")
    return ImageFolder(root, tuple(path for path, _ in pairs), tuple(one for _, one in pairs))


def read_class_names(path: Path) -> tuple[str, ...]:
    """The first word of each line (so ImageNet's ``LOC_synset_mapping.txt`` does too)."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--classes {path}: cannot be read ({error})") from None
    names = tuple(line.split()[0] for line in lines if line.strip())
    if len(set(names)) != len(names) or not names:
        raise BadInput(f"--classes {path}: must name each class once, one on a line")
    return names


def load_centre(path: Path, size: int) -> AnyArray:
    """Resized so that a centre crop of ``size`` is 87.5 % of it; ``[3, size, size]``.

    Bilinear, as torchvision's ``Resize`` and ``CenterCrop`` in once-for-all's evaluation.
    """
    image = _open(path)
    shorter = math.ceil(size / CROP_SHARE)
    width, height = image.size
    scale = shorter / min(width, height)
    resized = (
        (shorter, int(height * shorter / width))
        if width <= height
        else (int(width * shorter / height), shorter)
    )
    if scale != 1.0:
        image = image.resize(resized, Image.Resampling.BILINEAR)
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return _normalised(image.crop((left, top, left + size, top + size)))


def load_augmented(path: Path, size: int, rng: np.random.Generator) -> AnyArray:
    """A random crop, flip, brightness and saturation; ``[3, size, size]``.

    What once-for-all calibrates batch norms with: 8 to 100 % of the area, aspect 3/4 to 4/3.
    """
    image = _open(path)
    box = _random_box(image.size, rng)
    image = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    if rng.random() < 0.5:
        image = ImageOps.mirror(image)
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(1 - 32 / 255, 1 + 32 / 255))
    return _normalised(ImageEnhance.Color(image).enhance(rng.uniform(0.5, 1.5)))


def _random_box(size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int, int, int]:
    width, height = size
    for _ in range(10):
        area = width * height * rng.uniform(0.08, 1.0)
        aspect = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        wide, high = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < wide <= width and 0 < high <= height:
            left = int(rng.integers(0, width - wide + 1))
            top = int(rng.integers(0, height - high + 1))
            return left, top, left + wide, top + high
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BadInput(f"{path}: has more than {MAX_PIXELS} pixels")
            return image.convert("RGB")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise BadInput(
            f"{path}: not an image that can be read ({str(error)[:80]}); repair or remove it and"
            " run the same command again"
        ) from None


def _normalised(image: Image.Image) -> AnyArray:
    values = np.asarray(image, dtype=np.float32) / np.float32(255.0)
    normal: AnyArray = ((values - MEAN) / DEVIATION).transpose(2, 0, 1)
    return normal
