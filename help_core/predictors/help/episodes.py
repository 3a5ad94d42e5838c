"""Episodes: batches of tasks drawn from the training devices, and the tasks of evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadTable
from help_core.predictors.help.data import MetaData
from help_core.predictors.help.scaling import (
    kept_rows,
    log_embedding,
    range_embedding,
    range_labels,
)
from help_core.predictors.help.settings import HelpSettings

REFERENCE_EPISODES = 0.5
"""Share of corrected episodes whose support is exactly the reference architectures."""


@dataclass(frozen=True, slots=True)
class Tasks:
    """Tasks as tensors, labels scaled as the settings say.

    ``embedding`` ``[tasks, references]``; ``support_x`` ``[tasks, k, features]`` and
    ``support_y`` ``[tasks, k]``; ``query_x`` ``[tasks, q, features]`` and ``query_y``
    ``[tasks, q]``.
    """

    embedding: Tensor
    support_x: Tensor
    support_y: Tensor
    query_x: Tensor
    query_y: Tensor


class EpisodeSampler:
    """Draws tasks from training devices by one of the two ways."""

    def __init__(
        self,
        data: MetaData,
        settings: HelpSettings,
        center: FloatArray,
        torch_device: torch.device,
    ) -> None:
        """``center`` is the average device of ``scaling.embedding_center``."""
        self._settings = settings
        self._data = data
        self._torch_device = torch_device
        self._features = torch.tensor(data.features, dtype=torch.float32, device=torch_device)
        self._center = center
        pool = np.arange(min(settings.pool, len(data.features)))
        if settings.mixing:
            pool = pool[np.isfinite(data.latency_ms[pool]).all(axis=1)]
        columns = data.latency_ms.T
        self._pools = [kept_rows(column, pool, settings.trim_share) for column in columns]
        self._labels = self._scaled_labels()
        needed = settings.support_size + settings.references + settings.query_size
        for device, rows in zip(data.devices, self._pools, strict=True):
            if len(rows) < needed:
                raise BadTable(
                    f"device {device!r} has {len(rows)} usable latencies in the pool;"
                    f" an episode needs {needed}"
                )

    def _scaled_labels(self) -> FloatArray:
        latency = self._data.latency_ms
        if self._settings.labels == "log":
            return np.log(latency)
        return np.column_stack(
            [
                range_labels(column, column[rows].min(), column[rows].max())
                for column, rows in zip(latency.T, self._pools, strict=True)
            ]
        )

    def draw(self, rng: np.random.Generator) -> Tasks:
        """One episode of different devices."""
        count = min(self._settings.tasks_per_episode, len(self._data.devices))
        devices = rng.permutation(len(self._data.devices))[:count]
        if self._settings.shared_support:
            support = self._shared_support(devices, rng)
        else:
            support = np.stack([self.random_support(device, rng) for device in devices])
        query = np.stack(
            [
                self._pick(device, self._settings.query_size, rng, rows)
                for device, rows in zip(devices, support, strict=True)
            ]
        )
        return self._tasks(self._mixed_labels(devices, rng), support, query)

    def tasks(self, devices: IntArray, support: IntArray, query: IntArray) -> Tasks:
        """The tasks of devices ``[t]`` with support ``[t, k]`` and query rows ``[t, q]``."""
        return self._tasks(self._labels[:, devices].T, support, query)

    def _mixed_labels(self, devices: IntArray, rng: np.random.Generator) -> FloatArray:
        """Labels ``[t, n]`` of the devices, each moved along the difference of two others.

        Nine training devices are few; the differences between them are how devices differ.
        """
        labels = self._labels[:, devices].T
        if not self._settings.mixing:
            return labels
        count = len(self._data.devices)
        toward, away = rng.integers(0, count, size=(2, len(devices)))
        strength = rng.normal(scale=self._settings.mixing, size=(len(devices), 1))
        mixed: FloatArray = labels + strength * (self._labels[:, toward] - self._labels[:, away]).T
        return mixed

    def _tasks(self, labels: FloatArray, support: IntArray, query: IntArray) -> Tasks:
        def tensor(array: FloatArray) -> Tensor:
            return torch.tensor(array, dtype=torch.float32, device=self._torch_device)

        return Tasks(
            embedding=tensor(self._embedding(labels, support)),
            support_x=functional.embedding(torch.from_numpy(support), self._features),
            support_y=tensor(np.take_along_axis(labels, support, axis=1)),
            query_x=functional.embedding(torch.from_numpy(query), self._features),
            query_y=tensor(np.take_along_axis(labels, query, axis=1)),
        )

    def _embedding(self, labels: FloatArray, support: IntArray) -> FloatArray:
        references = self._data.references
        if self._settings.labels == "range":
            # Scaling to 0-1 undoes the scale of the labels.
            return range_embedding(labels[:, references])
        measured = (references[None, :, None] == support[:, None, :]).any(axis=2)
        reference_ms = np.exp(labels[:, references])
        return log_embedding(np.where(measured, reference_ms, np.nan), self._center)

    def _shared_support(self, devices: IntArray, rng: np.random.Generator) -> IntArray:
        """Measurements that are embedding and support at once: the references, or some of
        them and random others, so that any support serves later."""
        references, size = self._data.references, self._settings.support_size
        if rng.random() < REFERENCE_EPISODES and size >= len(references):
            kept = len(references)
        else:
            kept = int(rng.integers(0, min(size, len(references)) + 1))
        support = []
        for device in devices:
            some = rng.permutation(references)[:kept]
            support.append(np.concatenate([some, self._pick(device, size - kept, rng, references)]))
        return np.stack(support)

    def random_support(self, device: int, rng: np.random.Generator) -> IntArray:
        """Rows of a support set drawn from the pool of one device."""
        return self._pick(device, self._settings.support_size, rng)

    def _pick(
        self,
        device: int,
        count: int,
        rng: np.random.Generator,
        without: IntArray | None = None,
    ) -> IntArray:
        rows = self._pools[device]
        if without is not None:
            taken = np.zeros(len(self._features), dtype=np.bool_)
            taken[without] = True
            rows = rows[~taken[rows]]
        return rng.choice(rows, size=count, replace=False)
