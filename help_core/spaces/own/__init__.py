"""A user's own models as a search space: a folder or list of ``.onnx`` files."""

from help_core.spaces.own.limits import Limits
from help_core.spaces.own.space import OwnModels

__all__ = ["Limits", "OwnModels"]
