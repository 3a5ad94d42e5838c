"""Boards, devices and their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from help_core.errors import BadInput
from help_core.graphs.precision import PRECISIONS, Precision

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


def check_name(kind: str, name: str) -> str:
    """``name`` if it is safe in paths, URLs and logs; raises ``BadInput`` otherwise."""
    if _NAME.fullmatch(name) is None:
        raise BadInput(
            f"{kind} name {name[:80]!r} must be 1-64 letters, digits or ._@+-,"
            " beginning with a letter or digit"
        )
    return name


@dataclass(frozen=True, slots=True)
class Settings:
    """How a device measures."""

    runtime: str = "onnxruntime"
    provider: str = "CPUExecutionProvider"
    threads: int = 1
    batch_size: int = 1
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= 1024:
            raise BadInput(f"threads {self.threads} is not between 1 and 1024")
        if not 1 <= self.batch_size <= 4096:
            raise BadInput(f"batch size {self.batch_size} is not between 1 and 4096")
        if self.precision not in PRECISIONS:
            raise BadInput(f"precision {self.precision!r} is unknown; use {', '.join(PRECISIONS)}")


@dataclass(frozen=True, slots=True)
class Board:
    """One physical machine. An empty string or 0 is what the machine does not tell."""

    kind: str
    model: str = ""
    processor: str = ""
    operating_system: str = ""
    cores: int = 0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Device:
    """A board with its measuring settings: what the predictor sees."""

    name: str
    board: Board
    settings: Settings
    agent_id: str = ""
    last_seen_unix_s: float = 0.0
    online: bool = False
    away: bool = False
    """The agent is there, the board is not: a phone that was unplugged from the agent's host."""

    @property
    def presence(self) -> str:
        """In words."""
        if self.away:
            return "board away"
        return "online" if self.online else "offline"

    def __post_init__(self) -> None:
        check_name("device", self.name)


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device with what the store holds of it."""

    device: Device
    queued_jobs: int
    leased_jobs: int
    failed_jobs: int
    valid_measurements: int
    suspect_measurements: int
    labels: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    failures_in_row: int = 0
    """Attempts that failed by the board's fault since the last that succeeded."""
    quarantined: bool = False
    """Whether those failures keep the device out of work."""


MAX_LABELS = 32
MAX_LABEL_CHARS = 128


def check_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """``labels`` if names and values can be used as such; raises ``BadInput``."""
    if len(labels) > MAX_LABELS:
        raise BadInput(f"{len(labels)} labels; a device has at most {MAX_LABELS}")
    for name, value in labels.items():
        check_name("label", name)
        if len(value) > MAX_LABEL_CHARS or "\0" in value:
            raise BadInput(f"the value of label {name} is longer than {MAX_LABEL_CHARS} characters")
    return dict(labels)
