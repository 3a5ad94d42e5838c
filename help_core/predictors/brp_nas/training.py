"""Training a graph network on one device's measurements, with early stopping.

Settings are those that BRP-NAS published for NAS-Bench-201 (``SamsungLabs/eagle``,
``lat_gcn_nasbench201_desktop.yaml``): AdamW on the absolute error, the step size halved where
the validation error stands still, and the network of the least validation error kept. Two
differ: batches of ten networks instead of one, which takes a quarter of the time for the same
ranks (titanx_32, 900 samples: Spearman .781 in 89 s, one at a time .786 in 385 s), and labels
scaled by mean and deviation of the support.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from help_core.predictors.brp_nas.network import GraphNetwork


@dataclass(frozen=True, slots=True)
class BrpNasSettings:
    """Network and training."""

    hidden: int = 600
    layers: int = 4
    dropout: float = 0.002
    epochs: int = 250
    step_size: float = 4e-4
    weight_decay: float = 5e-4
    batch_size: int = 10
    step_patience: int = 10
    """Epochs without progress before the step size is halved."""
    stop_patience: int = 35
    """Epochs without progress before training ends."""
    warm_up: int = 20
    """Epochs in which neither patience counts."""
    validation_share: float = 0.1


@dataclass(frozen=True, slots=True)
class Samples:
    """Graphs with scaled labels: ``[n, v, v]``, ``[n, v, f]``, ``[n]``."""

    adjacency: Tensor
    features: Tensor
    labels: Tensor

    def take(self, rows: Tensor) -> Samples:
        """The samples of those rows."""
        return Samples(self.adjacency[rows], self.features[rows], self.labels[rows])


def train(samples: Samples, validation: Samples | None, settings: BrpNasSettings) -> GraphNetwork:
    """The network of the least validation error, or of the last epoch without validation.

    Draws from torch's generator, so call it within ``torch.random.fork_rng``.
    """
    network = GraphNetwork(
        samples.features.shape[2], settings.hidden, settings.layers, settings.dropout
    )
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=settings.step_size,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=settings.step_patience, threshold=0.01
    )
    least, waited, best = float("inf"), 0, None
    for epoch in range(settings.epochs):
        _epoch(network, optimizer, samples, settings.batch_size)
        if validation is None:
            continue
        loss = _error(network, validation)
        if loss < least:
            least, waited, best = loss, 0, copy.deepcopy(network.state_dict())
        if epoch > settings.warm_up:
            schedule.step(loss)
            waited += 1
            if waited > settings.stop_patience:
                break
    if best is not None:
        network.load_state_dict(best)
    return network.eval()


def _epoch(
    network: GraphNetwork, optimizer: torch.optim.Optimizer, samples: Samples, batch_size: int
) -> None:
    network.train()
    for rows in torch.split(torch.randperm(len(samples.labels)), batch_size):
        batch = samples.take(rows)
        loss = l1_loss(network(batch.adjacency, batch.features), batch.labels, reduction="sum")
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


@torch.no_grad()
def _error(network: GraphNetwork, samples: Samples) -> float:
    network.eval()
    return float(l1_loss(network(samples.adjacency, samples.features), samples.labels))
