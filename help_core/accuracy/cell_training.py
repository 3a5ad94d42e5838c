"""Training of the accuracy networks. Needs torch, which inference does not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from help_core.accuracy.cell_network import scores, weight_shapes
from help_core.accuracy.isomorphism import DISCONNECTED, cell_signatures
from help_core.accuracy.model import AccuracyScale, CellEnsemble
from help_core.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How an ensemble is trained; the defaults are those of the shipped model."""

    members: int = 5
    width: int = 64
    hidden: int = 64
    steps: int = 2500
    batch: int = 512
    learning_rate: float = 4e-3
    weight_decay: float = 0.1
    huber_delta: float = 0.15
    """In deviations: beyond it an error counts linearly, so that odd cells do not rule."""


def train_ensemble(
    genes: IntArray,
    accuracy_percent: FloatArray,
    ceiling: FloatArray,
    chance: FloatArray,
    options: TrainingOptions,
    seed: int,
) -> CellEnsemble:
    """An ensemble for genotypes ``[n, 6]`` and accuracies ``[n, data sets]`` in percent.

    ``ceiling`` ``[data sets]`` lies above every accuracy; ``chance`` ``[data sets]`` is that
    of disconnected cells, which are left out of the training. The same seed on the same
    machine gives the same ensemble.
    """
    connected = cell_signatures(genes) != DISCONNECTED
    genes, accuracy_percent = genes[connected], accuracy_percent[connected]
    scale = AccuracyScale.fitted(accuracy_percent, ceiling)
    targets = torch.from_numpy(scale.to_scores(accuracy_percent).astype(np.float32))
    generator = torch.Generator().manual_seed(seed)
    weights = _initial_weights(options, targets.shape[1], generator)
    parameters = list(weights.values())
    optimiser = torch.optim.AdamW(
        parameters, lr=options.learning_rate, weight_decay=options.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=options.steps, pct_start=0.1
    )
    all_genes = torch.from_numpy(np.ascontiguousarray(genes))
    for _ in range(options.steps):
        drawn = torch.randint(len(genes), (options.members, options.batch), generator=generator)
        loss = _loss(weights, all_genes[drawn], targets[drawn], options.huber_delta)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, math.sqrt(options.members))
        optimiser.step()
        schedule.step()
    arrays = {name: each.detach().numpy() for name, each in weights.items()}
    return CellEnsemble(arrays, scale, chance)


def _loss(
    weights: dict[str, torch.Tensor], genes: torch.Tensor, targets: torch.Tensor, delta: float
) -> torch.Tensor:
    """The members' losses, each on its own batch, added up.

    All members learn in one pass: a network this small costs more to start than to compute.
    """
    predicted = torch.func.vmap(lambda own, cells: scores(own, cells, torch))(weights, genes)
    mean = torch.nn.functional.huber_loss(predicted, targets, delta=delta)
    return mean * len(genes)


def _initial_weights(
    options: TrainingOptions, outputs: int, generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """Matrices uniform with variance 1/(3 fan-in), as ``torch.nn.Linear``; biases zero."""
    weights = {}
    for name, one_shape in weight_shapes(options.width, options.hidden, outputs).items():
        shape = (options.members, *one_shape)
        if name == "input":
            tensor = 0.5 * torch.randn(shape, generator=generator)
        elif name.endswith("_bias"):
            tensor = torch.zeros(shape)
        else:
            bound = 1 / math.sqrt(shape[-2])
            tensor = bound * (2 * torch.rand(shape, generator=generator) - 1)
        weights[name] = tensor.requires_grad_()
    return weights
