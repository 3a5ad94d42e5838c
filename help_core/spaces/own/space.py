"""A user's ``.onnx`` files as a search space: ``own:NAME`` is the file ``NAME.onnx``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from help_core.errors import BadArchitecture, BadInput
from help_core.spaces.base import Architecture, BuildOptions, Cost, Stage
from help_core.spaces.own.axes import read_sizes
from help_core.spaces.own.inspect import (
    Facts,
    inspect_in_child,
    load_model,
    pack_model,
    read_model_file,
)
from help_core.spaces.own.limits import Limits

MAX_MODELS = 10_000
REFERENCES = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class OwnModels:
    """Models in files. Each is measured as it is, with the sizes that its dynamic axes are given.

    ``files`` is a folder or a list of files. Sizes come from ``sizes``, for all models, and from
    ``NAME.toml`` beside ``NAME.onnx``, which goes first. Files are trusted with nothing: see
    ``inspect``. The object keeps what it found out about a file until the file changes.
    """

    def __init__(
        self,
        files: Path | Sequence[Path],
        *,
        name: str = "own",
        sizes: Mapping[str, int] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.name = name
        self.limits = limits or Limits()
        self._sizes = dict(sizes or {})
        self._paths = _named_files(files)
        self._facts: dict[tuple[str, int, str], Facts] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all models, sorted."""
        return tuple(sorted(self._paths))

    def parse(self, text: str) -> Architecture:
        """The model of that name; raises ``BadArchitecture`` if there is none."""
        name = text.removeprefix(f"{self.name}:")
        if name not in self._paths:
            known = ", ".join(self.names[:10]) + (" …" if len(self._paths) > 10 else "")
            raise BadArchitecture(f"{self.name} has no model {name[:110]!r}; it has {known}")
        return Architecture(self.name, name)

    def build(self, architecture: Architecture, options: BuildOptions) -> tuple[Stage, ...]:
        """One stage, the model with fixed shapes and its external data inside.

        Raises ``BadInput`` with the file and what is wrong with it.
        """
        path = self._path(architecture)
        if options.precision != "fp32":
            raise BadInput(
                f"{path}: is measured as it is; convert it to {options.precision} and add that file"
            )
        try:
            data, sizes, _ = self._checked(architecture.text, path, options.batch_size)
            model = load_model(data, path.parent, sizes, options.batch_size, self.limits)
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from None
        return (Stage("network", model),)

    def cost(self, architecture: Architecture) -> Cost:
        """Parameters and multiply-adds of one run; raises ``BadInput`` if they are unknown."""
        facts = self.facts(architecture)
        if facts.multiply_adds is None:
            raise BadInput(f"{self._path(architecture)}: {facts.unknown_because}")
        return Cost(facts.parameters, facts.multiply_adds)

    def facts(self, architecture: Architecture) -> Facts:
        """What the checks of the file find; raises ``BadInput`` with what is wrong with it."""
        path = self._path(architecture)
        try:
            return self._checked(architecture.text, path, 1)[2]
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from None

    def pack(self, architecture: Architecture) -> bytes:
        """The model as one file that needs nothing beside it.

        Axes with a size are fixed in it; a batch axis without one stays free, for the device
        to set. Raises ``BadInput`` with the file and what is wrong with it.
        """
        path = self._path(architecture)
        try:
            data, sizes, _ = self._checked(architecture.text, path, 1)
            return pack_model(data, path.parent, sizes, self.limits)
        except BadInput as error:
            raise BadInput(f"{path}: {error}") from None

    def reference_architectures(self) -> tuple[Architecture, ...]:
        """The first ten by name: nothing is known of a user's models before they are measured."""
        return tuple(Architecture(self.name, name) for name in self.names[:REFERENCES])

    def _path(self, architecture: Architecture) -> Path:
        return self._paths[self.parse(architecture.text).text]

    def _checked(
        self, name: str, path: Path, batch_size: int
    ) -> tuple[bytes, Mapping[str, int], Facts]:
        """The bytes of a file that passed all checks, its sizes, and what the checks found."""
        beside = path.with_suffix(".toml")
        sizes = {**self._sizes, **(read_sizes(beside) if beside.exists() else {})}
        data = read_model_file(path, self.limits)
        digest = hashlib.sha256(data + repr(sorted(sizes.items())).encode()).hexdigest()
        key = (name, batch_size, digest)
        if key not in self._facts:
            self._facts[key] = inspect_in_child(path, sizes, batch_size, self.limits)
        facts = self._facts[key]
        if facts.sha256 != hashlib.sha256(data).hexdigest():
            raise BadInput("changed while it was checked; try again")
        return data, sizes, facts


def _named_files(files: Path | Sequence[Path]) -> dict[str, Path]:
    if isinstance(files, Path):
        if not files.is_dir():
            raise BadInput(f"{files}: is not a folder; name one that holds .onnx files")
        paths = sorted(files.glob("*.onnx"))
        where = str(files)
    else:
        paths, where = list(files), "the list"
    if not 1 <= len(paths) <= MAX_MODELS:
        raise BadInput(f"{where}: holds {len(paths)} .onnx files; 1 to {MAX_MODELS} can be used")
    named: dict[str, Path] = {}
    for path in paths:
        if path.suffix != ".onnx" or not _NAME.fullmatch(path.stem):
            raise BadInput(
                f"{path}: a model's file name is letters, digits, '.', '_', '-' and .onnx"
            )
        if path.stem in named:
            raise BadInput(f"{path}: {named[path.stem]} has the same name; rename one")
        named[path.stem] = path
    return named
