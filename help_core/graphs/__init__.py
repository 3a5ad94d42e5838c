"""ONNX graphs made with ``onnx.helper`` and numpy. Imports neither torch nor scipy."""

from help_core.graphs.builder import GraphBuilder

__all__ = ["GraphBuilder"]
