"""What a report tells beside the answer itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from help_core.records import Device


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the work and the time that it took."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Facts:
    """Provenance: empty where the one who asks for the report does not know."""

    command: str = ""
    phases: tuple[Phase, ...] = ()
    """Where the time went, in order."""
    device: Device | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    artefact_sha256: str = ""
    """Of the artefact that ships for the predictor and the space in this version."""
    jobs: Mapping[str, int] = field(default_factory=dict)
    """The job that measured each architecture, by canonical string."""
    written_at: str = ""
    """Wall time, as text; only shown."""
