"""Predictors by name, with the artefact that ships for a search space.

A package adds a predictor with an entry point in the group ``help_fleet.predictors`` that
names a callable which takes a ``GeneSpace`` and returns a ``Predictor``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import TypeAlias

from help_core.errors import NotFound
from help_core.predictors.base import Predictor
from help_core.predictors.brp_nas import BrpNasPredictor
from help_core.predictors.flops import FlopsPredictor
from help_core.predictors.help.predictor import HelpPredictor
from help_core.predictors.layer_wise import LayerWisePredictor
from help_core.predictors.ridge import RidgePredictor
from help_core.predictors.transfer.predictor import TransferPredictor
from help_core.spaces.base import GeneSpace

ENTRY_POINT_GROUP = "help_fleet.predictors"
DEFAULT = "transfer"

PredictorSource: TypeAlias = Callable[[str, GeneSpace], Predictor]
"""Gives the predictor of a name for a space, or raises ``NotFound``."""

BUILT_IN: Mapping[str, Callable[[GeneSpace], Predictor]] = {
    "help": HelpPredictor.shipped,
    "flops": FlopsPredictor,
    "layer-wise": LayerWisePredictor,
    "brp-nas": BrpNasPredictor,
    "ridge": RidgePredictor.shipped,
    "transfer": TransferPredictor.shipped,
}


def predictor_names() -> tuple[str, ...]:
    """The names of all predictors, built-in and installed."""
    installed = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return tuple(sorted(installed | set(BUILT_IN)))


def get_predictor(name: str, space: GeneSpace) -> Predictor:
    """The predictor of that name for a space; raises ``NotFound``."""
    if name in BUILT_IN:
        return BUILT_IN[name](space)
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        predictor: Predictor = point.load()(space)
        return predictor
    raise NotFound(f"unknown predictor {name!r}; known: {', '.join(predictor_names())}")
