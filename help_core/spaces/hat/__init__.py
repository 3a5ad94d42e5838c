"""HAT (Wang et al., ACL 2020): translation transformers with elastic layers, as ONNX."""

from help_core.spaces.hat.space import Hat
from help_core.spaces.hat.task import TASKS, HatTask

__all__ = ["TASKS", "Hat", "HatTask"]
