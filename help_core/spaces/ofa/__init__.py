"""OFA-MobileNetV3 (Cai et al., ICLR 2020): kernel sizes, widths, depths and resolution."""

from help_core.spaces.ofa.space import OFAMobileNetV3

__all__ = ["OFAMobileNetV3"]
