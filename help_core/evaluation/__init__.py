"""Scores of latency predictors on devices that they have not seen."""

from help_core.evaluation.evaluate import Plan, PredictorFactory, evaluate
from help_core.evaluation.metrics import Scores, score
from help_core.evaluation.records import DeviceScore, Evaluation

__all__ = [
    "DeviceScore",
    "Evaluation",
    "Plan",
    "PredictorFactory",
    "Scores",
    "evaluate",
    "score",
]
