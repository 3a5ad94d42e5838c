"""Zero-cost proxies: scores of untrained networks that rank architectures. They are no accuracy.

- ``synflow`` (Tanaka et al., NeurIPS 2020, as in Abdelfattah et al., ICLR 2021): the logarithm
  of the sum of |weight x gradient| of the output's sum, all weights made positive, on ones.
- ``naswot`` (Mellor et al., ICML 2021): log-determinant of how often two images switch the same
  rectifiers on.

Both run on the networks that latency is measured with: batch norms folded, weights random.
``benchmarks/proxies.py`` prints how well they rank NAS-Bench-201: on 100 connected cells
synflow has a Spearman correlation of .80 with the CIFAR-100 accuracy, naswot .54, and plain
multiply-adds .75. The norm of the gradients ranks networks in this form the wrong way round
(-.25), so it is not offered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from help_core.accuracy.torch_forward import TorchForward
from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput
from help_core.spaces.base import Architecture, BuildOptions, GeneSpace

MAX_ARCHITECTURES = 2000
"""Scored at once: one takes about a second where a model that ships takes microseconds."""

IMAGES = 16


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy behind the protocol of accuracy sources; its figures only rank."""

    kind: str
    space: GeneSpace
    seed: int = 0

    @property
    def name(self) -> str:
        """Says that it is none."""
        return f"proxy {self.kind} (ranks only, no accuracy)"

    @property
    def is_proxy(self) -> bool:
        """Always true."""
        return True

    def accuracy_percent(self, genes: IntArray) -> FloatArray:
        """Scores ``[n]`` without unit, more is better; NaN where a network carries nothing.

        Raises ``BadInput`` for more than ``MAX_ARCHITECTURES`` and for spaces of no images.
        """
        if len(genes) > MAX_ARCHITECTURES:
            raise BadInput(
                f"{self.name}: {len(genes)} architectures are too many to build and run;"
                f" give at most {MAX_ARCHITECTURES} candidates"
            )
        architectures = self.space.from_genes(genes)
        scores = [self.score(architecture) for architecture in architectures]
        return np.array(scores, dtype=np.float64)

    def score(self, architecture: Architecture) -> float:
        """The score of one architecture; NaN where it is not finite."""
        options = BuildOptions(batch_size=1 if self.kind == "synflow" else IMAGES, seed=self.seed)
        stages = self.space.build(architecture, options)
        if len(stages) != 1:
            raise BadInput(f"{self.name}: knows networks of one stage, {architecture} has more")
        model = stages[0].model
        shape = [one.dim_value for one in model.graph.input[0].type.tensor_type.shape.dim]
        dtype = torch.float64 if self.kind == "synflow" else torch.float32
        forward = TorchForward(model, dtype)
        generator = torch.Generator().manual_seed(self.seed)
        images = torch.randn(shape, generator=generator, dtype=dtype)
        with torch.enable_grad():
            value = KINDS[self.kind](forward, images, generator)
        return value if np.isfinite(value) else float("nan")


def synflow(forward: TorchForward, images: Tensor, _: torch.Generator) -> float:
    """The logarithm, because the sum spans hundreds of powers of ten."""
    for name, weight in forward.constants.items():
        if weight.is_floating_point():
            forward.constants[name] = weight.abs().requires_grad_(weight.ndim > 1)
    weights = forward.weights
    total = forward(torch.ones_like(images)).sum()
    gradients = torch.autograd.grad(total, weights, allow_unused=True)
    flow = [
        (weight * gradient).abs().sum().item()
        for weight, gradient in zip(weights, gradients, strict=True)
        if gradient is not None
    ]
    return float(np.log(sum(flow))) if sum(flow) > 0 else float("nan")


def naswot(forward: TorchForward, images: Tensor, _: torch.Generator) -> float:
    """Binary codes of the rectifiers, compared between images."""
    agreement = np.zeros((len(images), len(images)))

    def watch(value: Tensor) -> None:
        code = (value > 0).flatten(1).double().numpy()
        nonlocal agreement
        agreement = agreement + code @ code.T + (1 - code) @ (1 - code).T

    with torch.no_grad():
        forward(images, watch)
    sign, logarithm = np.linalg.slogdet(agreement)
    return float(logarithm) if sign > 0 else float("nan")


Score = Callable[[TorchForward, Tensor, torch.Generator], float]
KINDS: Mapping[str, Score] = {
    "synflow": synflow,
    "naswot": naswot,
}
