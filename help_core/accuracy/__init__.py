"""Where the accuracy of an architecture comes from."""

from help_core.accuracy.base import AccuracySource

__all__ = ["AccuracySource"]
