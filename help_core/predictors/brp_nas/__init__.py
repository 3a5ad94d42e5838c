"""BRP-NAS's latency predictor: a graph network trained from scratch on one device."""

from help_core.predictors.brp_nas.predictor import BrpNasPredictor
from help_core.predictors.brp_nas.training import BrpNasSettings

__all__ = ["BrpNasPredictor", "BrpNasSettings"]
