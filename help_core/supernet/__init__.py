"""Trained subnets cut from once-for-all's supernets (Cai et al., ICLR 2020), as ONNX."""

from help_core.supernet.checkpoint import Supernet, load_supernet
from help_core.supernet.extract import extract_layers
from help_core.supernet.graph import build_calibration, build_trained

__all__ = [
    "Supernet",
    "build_calibration",
    "build_trained",
    "extract_layers",
    "load_supernet",
]
