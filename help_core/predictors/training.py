"""Predictors by name, trained on a table of other devices: what an evaluation needs.

What ships was trained on devices that a table may hold too, so nothing that ships is scored.
``flops``, ``layer-wise`` and ``brp-nas`` know no other device and leave the table alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points

from help_core.errors import BadInput, NotFound
from help_core.predictors.base import Predictor
from help_core.predictors.brp_nas import BrpNasPredictor
from help_core.predictors.flops import FlopsPredictor
from help_core.predictors.help.meta_train import Progress
from help_core.predictors.layer_wise import LayerWisePredictor
from help_core.predictors.meta_learning import SETTINGS, MetaRun, meta_learn
from help_core.predictors.registry import ENTRY_POINT_GROUP
from help_core.predictors.ridge import RidgePredictor
from help_core.predictors.transfer.predictor import TransferPredictor
from help_core.spaces.base import GeneSpace
from help_core.tables.latency import LatencyTable

TARGET_ONLY: Mapping[str, Callable[[GeneSpace], Predictor]] = {
    "flops": FlopsPredictor,
    "layer-wise": LayerWisePredictor,
    "brp-nas": BrpNasPredictor,
}
CLOSED_FORM: Mapping[str, Callable[[GeneSpace, LatencyTable], Predictor]] = {
    "ridge": RidgePredictor.train,
    "transfer": TransferPredictor.train,
}


def trainer_names() -> tuple[str, ...]:
    """All predictors that can be trained on a table, those that ignore it included."""
    installed = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return tuple(sorted({*TARGET_ONLY, *CLOSED_FORM, *SETTINGS} | installed))


@dataclass(frozen=True, slots=True)
class Trainer:
    """Makes the predictor of a name from the training devices' table.

    ``episodes`` and ``torch_device`` concern the meta-learners. Raises ``NotFound`` for a
    name that does not exist.
    """

    name: str
    space: GeneSpace
    seed: int = 0
    episodes: int | None = None
    torch_device: str = "cpu"
    on_progress: Callable[[Progress], None] = lambda progress: None

    def __post_init__(self) -> None:
        if self.name not in trainer_names():
            raise NotFound(f"unknown predictor {self.name!r}; known: {', '.join(trainer_names())}")

    def __call__(self, table: LatencyTable) -> Predictor:
        """The predictor; raises ``BadInput`` if the table is too small for it."""
        if self.name in TARGET_ONLY:
            return TARGET_ONLY[self.name](self.space)
        if self.name in CLOSED_FORM:
            return CLOSED_FORM[self.name](self.space, table)
        if self.name in SETTINGS:
            run = MetaRun(
                self.name,
                self.space,
                table,
                seed=self.seed,
                episodes=self.episodes,
                torch_device=self.torch_device,
            )
            return meta_learn(run, self.on_progress).predictor(self.name, self.space)
        for point in entry_points(group=ENTRY_POINT_GROUP, name=self.name):
            predictor: Predictor = point.load()(self.space)
            return predictor
        raise BadInput(f"predictor {self.name!r} is no longer installed")
