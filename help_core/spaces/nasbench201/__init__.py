"""NAS-Bench-201 (Dong & Yang, ICLR 2020): 15,625 cells of six edges and five operations."""

from help_core.spaces.nasbench201.space import NasBench201

__all__ = ["NasBench201"]
