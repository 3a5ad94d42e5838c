"""Search spaces and their ONNX builders. Imports neither torch nor scipy."""

from help_core.spaces.base import (
    Architecture,
    BuildOptions,
    Cost,
    EnumerableSpace,
    GeneSpace,
    SearchSpace,
    Stage,
)
from help_core.spaces.registry import get_gene_space, get_space, parse_architecture, space_names

__all__ = [
    "Architecture",
    "BuildOptions",
    "Cost",
    "EnumerableSpace",
    "GeneSpace",
    "SearchSpace",
    "Stage",
    "get_gene_space",
    "get_space",
    "parse_architecture",
    "space_names",
]
