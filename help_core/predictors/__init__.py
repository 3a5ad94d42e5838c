"""Latency predictors that a few measurements adapt to a device they have never seen."""

from help_core.predictors.base import AdaptedPredictor, Prediction, Predictor, Support

__all__ = ["AdaptedPredictor", "Prediction", "Predictor", "Support"]
