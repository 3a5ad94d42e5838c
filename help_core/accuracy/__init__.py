"""Where the accuracy of an architecture comes from."""

from help_core.accuracy.base import AccuracySource, RankingOnly, UncertainAccuracy
from help_core.accuracy.model import load_shipped_accuracy
from help_core.accuracy.registry import accuracy_names, get_accuracy
from help_core.accuracy.table import read_accuracy_csv

__all__ = [
    "AccuracySource",
    "RankingOnly",
    "UncertainAccuracy",
    "accuracy_names",
    "get_accuracy",
    "load_shipped_accuracy",
    "read_accuracy_csv",
]
