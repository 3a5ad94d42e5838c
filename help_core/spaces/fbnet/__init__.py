"""FBNet (Wu et al., CVPR 2019): 22 searchable layers, nine operations each."""

from help_core.spaces.fbnet.space import FBNet

__all__ = ["FBNet"]
