"""The answer: which architectures to offer for a latency limit.

``plot`` is not imported here, because it needs matplotlib.
"""

from help_core.search.front import best_within, latency_levels, pareto_front

__all__ = ["best_within", "latency_levels", "pareto_front"]
