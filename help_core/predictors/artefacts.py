"""A folder of trained artefacts that take the place of those that ship."""

from __future__ import annotations

from pathlib import Path

from help_core.errors import BadInput
from help_core.predictors.base import Predictor
from help_core.predictors.help.checkpoint import load_checkpoint
from help_core.predictors.help.predictor import HelpPredictor
from help_core.predictors.meta_learning import SETTINGS
from help_core.predictors.registry import get_predictor
from help_core.predictors.ridge import RidgePredictor
from help_core.predictors.transfer.artefact import load_knowledge
from help_core.predictors.transfer.predictor import TransferPredictor
from help_core.spaces.base import GeneSpace
from help_core.spaces.registry import get_gene_space

SUFFIX = ".safetensors"
TRAINABLE = ("transfer", *SETTINGS)


class ArtefactFolder:
    """Artefacts named ``PREDICTOR-SPACE.safetensors``, each with its ``.json`` beside it."""

    def __init__(self, folder: Path) -> None:
        """Loads each once, so that a damaged one is noticed now and not on a device.

        Raises ``BadInput`` for a folder without artefacts or a name that says nothing,
        ``NotFound`` for an unknown space, ``BadCheckpoint`` for a damaged artefact.
        """
        self._folder = folder
        paths = sorted(folder.glob(f"*{SUFFIX}"))
        if not paths:
            raise BadInput(f"{folder}: holds no PREDICTOR-SPACE{SUFFIX}; see help-coord meta-train")
        for path in paths:
            name, space = _split(path)
            _load(path, name, get_gene_space(space))

    def get(self, name: str, space: GeneSpace) -> Predictor:
        """The predictor of the folder's artefact, otherwise the one that ships."""
        path = self._folder / artefact_name(name, space.name)
        if path.exists():
            return _load(path, name, space)
        shared = self._folder / artefact_name("transfer", space.name)
        if name == "ridge" and shared.exists():
            knowledge, _ = load_knowledge(shared, space)
            return RidgePredictor(knowledge.basis, knowledge.tables)
        return get_predictor(name, space)


def artefact_name(predictor: str, space: str) -> str:
    """The file name of an artefact."""
    return f"{predictor}-{space}{SUFFIX}"


def _split(path: Path) -> tuple[str, str]:
    # The longest name first: meta-sgd is no predictor "meta" of a space "sgd-…".
    for name in sorted(TRAINABLE, key=len, reverse=True):
        if path.name.startswith(f"{name}-"):
            return name, path.stem.removeprefix(f"{name}-")
    raise BadInput(
        f"{path}: is not named PREDICTOR-SPACE{SUFFIX} with a predictor of {', '.join(TRAINABLE)}"
    )


def _load(path: Path, name: str, space: GeneSpace) -> Predictor:
    if name == "transfer":
        return TransferPredictor(load_knowledge(path, space)[0])
    return HelpPredictor(space, *load_checkpoint(path), name)
