"""What every runtime offers the measuring process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class NoProvider(Exception):
    """The runtime cannot run on the execution provider that was asked for."""


class UnknownRuntime(Exception):
    """There is no runtime of that name, or what it needs is not installed."""


class RefusedModel(Exception):
    """The runtime cannot run the model."""


@dataclass(frozen=True, slots=True)
class StageFiles:
    """One stage of an inference: a model file, its inputs (``.npz``) and how often it runs."""

    model: str
    inputs: str
    runs: int = 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """An inference that is ready to run."""

    run: Callable[[], object]
    """One whole inference, over all stages; returns when the outputs are there."""

    output_shapes: Callable[[], list[dict[str, tuple[int, ...]]]]
    """Runs each stage once and tells the shape of each of its outputs by name."""

    session_ms: float
    facts: Mapping[str, str]
    """What a fingerprint needs: the runtime's build, whether copies are in the figure …"""

    assignment: Mapping[str, int] | None = None
    """Nodes (or subgraphs) by execution provider; ``None`` where the runtime does not tell."""

    enqueue_share: Callable[[], float] | None = None
    """Share of an inference in which the host is still handing out work; GPUs only."""

    notes: tuple[str, ...] = field(default=())


class Runtime(Protocol):
    """Loads models. An object of a class that is made without arguments."""

    def providers(self) -> Sequence[str]:
        """Execution providers of the installed build."""

    def load(self, stages: Sequence[StageFiles], provider: str, threads: int) -> Loaded:
        """Prepares an inference; raises ``NoProvider`` or ``RefusedModel``."""
