"""What meta-training learns from: features of architectures, latencies on many devices."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadTable
from help_core.spaces.base import GeneSpace
from help_core.tables.latency import LatencyTable


@dataclass(frozen=True, slots=True)
class MetaData:
    """A latency table as numbers.

    ``features`` ``[n, f]``; ``latency_ms`` ``[n, devices]``, NaN where nothing was measured;
    ``references`` ``[r]``, the rows of the reference architectures.
    """

    space: str
    devices: tuple[str, ...]
    features: FloatArray
    latency_ms: FloatArray
    references: IntArray

    def __post_init__(self) -> None:
        if self.latency_ms.shape != (len(self.features), len(self.devices)):
            raise BadTable(
                f"{self.latency_ms.shape} latencies do not match {len(self.features)}"
                f" architectures on {len(self.devices)} devices"
            )
        for column, device in enumerate(self.devices):
            if not np.isfinite(self.latency_ms[self.references, column]).all():
                raise BadTable(
                    f"device {device!r} misses a reference architecture; measure it, or leave"
                    " the device out"
                )

    def select(self, devices: Sequence[str]) -> MetaData:
        """The same of those devices; raises ``BadTable`` for one that is not here."""
        missing = [name for name in devices if name not in self.devices]
        if missing:
            raise BadTable(f"device {missing[0]!r} is not in the table: {', '.join(self.devices)}")
        columns = [self.devices.index(name) for name in devices]
        return MetaData(
            self.space, tuple(devices), self.features, self.latency_ms[:, columns], self.references
        )

    def digest(self) -> str:
        """SHA-256 of the features and latencies, to recognise the data of a checkpoint."""
        digest = hashlib.sha256("\n".join((self.space, *self.devices)).encode())
        for array in (self.features, self.latency_ms):
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()


def meta_data(table: LatencyTable, space: GeneSpace) -> MetaData:
    """The data of a table; raises ``BadTable`` if it misses a reference architecture."""
    rows = {architecture: row for row, architecture in enumerate(table.architectures)}
    references = space.reference_architectures()
    missing = [architecture for architecture in references if architecture not in rows]
    if missing:
        raise BadTable(
            f"the latency table misses the reference architecture {missing[0]};"
            " every training device must have measured it"
        )
    return MetaData(
        space=space.name,
        devices=table.devices,
        features=space.features(space.to_genes(table.architectures), "help"),
        latency_ms=table.latency_ms,
        references=np.array([rows[architecture] for architecture in references]),
    )
