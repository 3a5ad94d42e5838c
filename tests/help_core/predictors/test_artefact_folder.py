from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from help_core.errors import BadCheckpoint, BadInput, NotFound
from help_core.predictors.artefacts import ArtefactFolder, artefact_name
from help_core.predictors.help.checkpoint import save_checkpoint
from help_core.predictors.help.predictor import HelpPredictor
from help_core.predictors.meta_learning import MetaRun, meta_learn
from help_core.predictors.ridge import RidgePredictor
from help_core.predictors.transfer.artefact import Provenance, save_knowledge
from help_core.predictors.transfer.predictor import TransferPredictor
from help_core.spaces.base import sample_genes
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable

SPACE = NasBench201()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transfer artefact and one of maml, trained on two made-up devices."""
    rng = np.random.default_rng(0)
    genes = sample_genes(SPACE, 120, rng)
    physics = SPACE.features(genes, "physics")
    latency_ms = 2 + physics @ rng.uniform(0, 0.1, (physics.shape[1], 2))
    table = LatencyTable(SPACE.name, tuple(SPACE.from_genes(genes)), ("x", "y"), latency_ms)
    path = tmp_path_factory.mktemp("artefacts")
    transfer = TransferPredictor.train(SPACE, table)
    save_knowledge(
        path / artefact_name("transfer", SPACE.name),
        transfer.knowledge,
        Provenance(SPACE.name, table.devices, 120, ""),
    )
    maml = meta_learn(MetaRun("maml", SPACE, table, episodes=1))
    save_checkpoint(path / artefact_name("maml", SPACE.name), maml.learner, maml.record)
    return path


def test_trained_artefacts_take_the_place_of_shipped_ones(folder: Path) -> None:
    artefacts = ArtefactFolder(folder)
    transfer, ridge = (artefacts.get(name, SPACE) for name in ("transfer", "ridge"))
    assert isinstance(transfer, TransferPredictor)
    assert isinstance(ridge, RidgePredictor)
    assert transfer.knowledge.tables.devices == ridge.tables.devices == ("x", "y")
    maml = artefacts.get("maml", SPACE)
    assert isinstance(maml, HelpPredictor)
    assert maml.name == "maml"


def test_what_the_folder_lacks_comes_from_the_package(folder: Path) -> None:
    artefacts = ArtefactFolder(folder)
    assert artefacts.get("flops", SPACE).name == "flops"
    assert artefacts.get("help", SPACE).name == "help"
    with pytest.raises(NotFound, match="'meta-sgd'"):
        artefacts.get("meta-sgd", SPACE)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("best.safetensors", BadInput, "is not named PREDICTOR-SPACE"),
        ("transfer-mars.safetensors", NotFound, "'mars'"),
        ("help-nasbench201.safetensors", BadCheckpoint, "help-nasbench201.json"),
    ],
)
def test_a_folder_with_something_odd_is_refused_at_once(
    tmp_path: Path, name: str, error: type[Exception], message: str
) -> None:
    (tmp_path / name).write_bytes(b"odd")
    with pytest.raises(error, match=message):
        ArtefactFolder(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no PREDICTOR-SPACE"):
        ArtefactFolder(tmp_path / "none")
