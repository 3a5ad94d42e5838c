"""Predictors by name, with the artefact that ships for a search space.

A package adds a predictor with an entry point in the group ``help_fleet.predictors`` that
names a callable which takes a ``GeneSpace`` and returns a ``Predictor``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from operator import attrgetter
from typing import TypeAlias

from help_core.errors import NotFound
from help_core.predictors.base import Predictor
from help_core.spaces.base import GeneSpace

ENTRY_POINT_GROUP = "help_fleet.predictors"
DEFAULT = "transfer"

PredictorSource: TypeAlias = Callable[[str, GeneSpace], Predictor]
"""Gives the predictor of a name for a space, or raises ``NotFound``."""

BUILT_IN: Mapping[str, tuple[str, str]] = {
    "help": ("help.predictor", "HelpPredictor.shipped"),
    "flops": ("flops", "FlopsPredictor"),
    "layer-wise": ("layer_wise", "LayerWisePredictor"),
    "brp-nas": ("brp_nas", "BrpNasPredictor"),
    "ridge": ("ridge", "RidgePredictor.shipped"),
    "transfer": ("transfer.predictor", "TransferPredictor.shipped"),
}
"""Module below ``help_core.predictors`` and what to call in it.

Named rather than imported: torch takes seconds to load, and a coordinator that was killed must
be back before that.
"""


def predictor_names() -> tuple[str, ...]:
    """The names of all predictors, built-in and installed."""
    installed = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return tuple(sorted(installed | set(BUILT_IN)))


def get_predictor(name: str, space: GeneSpace) -> Predictor:
    """The predictor of that name for a space; raises ``NotFound``."""
    if name in BUILT_IN:
        module, path = BUILT_IN[name]
        make: Callable[[GeneSpace], Predictor]
        make = attrgetter(path)(import_module(f"help_core.predictors.{module}"))
        return make(space)
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        predictor: Predictor = point.load()(space)
        return predictor
    raise NotFound(f"unknown predictor {name!r}; known: {', '.join(predictor_names())}")
