"""Adaptation of many tasks at once, and what comes out of it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from help_core.predictors.help.episodes import Tasks
from help_core.predictors.help.learner import MetaLearner
from help_core.predictors.help.settings import HelpSettings


def episode_loss(learner: MetaLearner, tasks: Tasks, noise: Tensor) -> Tensor:
    """The loss that meta-training lowers; ``noise`` ``[tasks, noise_size]``."""
    weights, kl = learner.adapt(tasks.embedding, tasks.support_x, tasks.support_y, noise)
    predicted = learner.calibrated(
        weights, tasks.embedding, tasks.support_x, tasks.support_y, tasks.query_x
    )
    error = ((predicted - tasks.query_y) ** 2).mean()
    return error + _kl_term(kl, learner.settings)


def _kl_term(kl: Tensor, settings: HelpSettings) -> Tensor:
    if settings.kl_of == "last-task":
        # The published loop adds the KL of its last task once for every task.
        return settings.kl_weight * len(kl) * kl[-1]
    return settings.kl_weight * kl.mean()


def draw_noise(learner: MetaLearner, rng: np.random.Generator) -> Tensor:
    """Noise of the draws of z that a prediction takes, ``[samples, noise_size]``.

    Where the settings ask for no samples it is one row of zeros, which gives the mean of z.
    """
    samples, size = learner.settings.z_samples, learner.noise_size
    if not size or not samples:
        return torch.zeros(1, size)
    return torch.from_numpy(rng.standard_normal((samples, size), dtype=np.float32))


@torch.no_grad()
def predict_tasks(
    learner: MetaLearner,
    embedding: Tensor,
    support_x: Tensor,
    support_y: Tensor,
    query_x: Tensor,
    noise: Tensor,
) -> Tensor:
    """Scaled predictions ``[samples, tasks, q]``, one for each draw of z.

    ``noise`` is ``[samples, tasks, noise_size]``; the rest as in ``Tasks``.
    """
    samples = []
    for draw in noise.unbind(0):
        weights, _ = learner.adapt(embedding, support_x, support_y, draw)
        samples.append(learner.calibrated(weights, embedding, support_x, support_y, query_x))
    return torch.stack(samples)
