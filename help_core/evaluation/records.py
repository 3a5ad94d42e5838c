"""What an evaluation yields: frozen records that turn into JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from help_core.evaluation.metrics import Scores

SupportStrategy = Literal["random", "reference", "design", "sequential"]
QuerySet = Literal["all", "help"]


@dataclass(frozen=True, slots=True)
class DeviceScore:
    """One test device, averaged over the repeats."""

    device: str
    scores: Scores
    spearman_deviation: float
    """Standard deviation over the repeats; 0 with one repeat."""
    measurements: int
    """Most latencies of the target that any repeat handed to the predictor."""
    queries: int
    adapt_ms: float
    predict_ms: float
    """For the whole query set, one call."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One predictor on every test device, with the conditions that the scores hold under."""

    space: str
    predictor: str
    train_devices: tuple[str, ...]
    train_architectures: int
    samples: int
    support: SupportStrategy
    query: QuerySet
    repeats: int
    seed: int
    devices: tuple[DeviceScore, ...]
    mean: Scores
    """Over devices, each counting once."""

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists and numbers; the scores stand beside what they are of."""
        content = asdict(self)
        content["devices"] = [
            {"device": one["device"], **one.pop("scores"), **one} for one in content["devices"]
        ]
        for name in ("measurements", "queries", "adapt_ms", "predict_ms"):
            values = [getattr(one, name) for one in self.devices]
            content["mean"][name] = sum(values) / len(values)
        return content
