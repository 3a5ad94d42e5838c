"""Closed-form Bayesian transfer from training devices to a device with few measurements."""

from help_core.predictors.transfer.predictor import AdaptedTransfer, TransferPredictor

__all__ = ["AdaptedTransfer", "TransferPredictor"]
