"""Closed-form Bayesian transfer from training devices to a device with few measurements."""

from help_core.predictors.transfer.adapted import AdaptedTransfer
from help_core.predictors.transfer.predictor import TransferPredictor

__all__ = ["AdaptedTransfer", "TransferPredictor"]
