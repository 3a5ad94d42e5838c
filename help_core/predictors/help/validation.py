"""How well a meta-learner predicts devices that it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import spearmanr

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.help.adapting import draw_noise, predict_tasks
from help_core.predictors.help.data import MetaData
from help_core.predictors.help.episodes import EpisodeSampler
from help_core.predictors.help.learner import MetaLearner
from help_core.predictors.help.scaling import kept_rows
from help_core.predictors.help.settings import HelpSettings

QUERY_COUNT = 1000
QUERY_TRIM = 0.1


@dataclass(frozen=True, slots=True)
class Validation:
    """Scores by device: rank correlation, and the errors of the labels."""

    spearman: dict[str, float]
    error: dict[str, float]
    """Root mean square of label errors; for ``log`` labels a relative error."""
    bias: dict[str, float]
    """Mean of label errors, true less predicted: what no support of the device shows."""

    @property
    def mean_spearman(self) -> float:
        """Over devices."""
        return float(np.mean(list(self.spearman.values())))


def query_rows(latency_ms: FloatArray, settings: HelpSettings) -> IntArray:
    """HELP's query set of a device: the 1,000 rows after the pool, without the fastest and
    slowest tenth."""
    rows = np.arange(settings.pool, min(settings.pool + QUERY_COUNT, len(latency_ms)))
    return kept_rows(latency_ms, rows, QUERY_TRIM)


class Validator:
    """Scores meta-learners on fixed tasks, so that two scores can be compared."""

    def __init__(
        self,
        data: MetaData,
        settings: HelpSettings,
        center: FloatArray,
        torch_device: torch.device,
        rng: np.random.Generator,
    ) -> None:
        """Draws the supports once; corrected settings take the reference architectures."""
        self._settings = settings
        self._devices = data.devices
        sampler = EpisodeSampler(data, settings, center, torch_device)
        self._tasks = []
        for number in range(len(data.devices)):
            query = query_rows(data.latency_ms[:, number], settings)
            support = (
                data.references if settings.shared_support else sampler.random_support(number, rng)
            )
            self._tasks.append(sampler.tasks(np.array([number]), support[None, :], query[None, :]))

    def score(self, learner: MetaLearner, rng: np.random.Generator) -> Validation:
        """Scores of a meta-learner; ``rng`` draws z."""
        spearman: dict[str, float] = {}
        error: dict[str, float] = {}
        bias: dict[str, float] = {}
        for device, tasks in zip(self._devices, self._tasks, strict=True):
            noise = draw_noise(learner, rng).unsqueeze(1)
            if self._settings.score_of == "last-sample":
                # As published, no other draw has a say in the ranks.
                noise = noise[-1:]
            samples = predict_tasks(
                learner,
                tasks.embedding,
                tasks.support_x,
                tasks.support_y,
                tasks.query_x,
                noise.to(tasks.embedding.device),
            )
            predicted = samples.mean(dim=0)[0].cpu().numpy()
            truth = tasks.query_y[0].cpu().numpy()
            spearman[device] = float(spearmanr(predicted, truth).statistic)
            error[device] = float(np.sqrt(np.mean((truth - predicted) ** 2)))
            bias[device] = float(np.mean(truth - predicted))
        return Validation(spearman, error, bias)
