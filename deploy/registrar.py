"""What deploying needs of a coordinator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Registrar(Protocol):
    """A coordinator, asked as an admin. Errors are those of ``help_core.errors``."""

    @property
    def address(self) -> str:
        """``HOST:PORT`` by which boards reach it to enrol."""
        ...

    def is_enrolled(self, agent_id: str) -> bool:
        """Whether that agent holds a certificate that is honoured."""
        ...

    def enrolment(self, label: str) -> tuple[str, str]:
        """A one-time token and the authority's fingerprint."""
        ...

    def last_seen_unix_s(self, device: str) -> float:
        """When the device's agent last said anything; 0 for a device nobody registered."""
        ...

    def revoke(self, agent_id: str) -> None:
        """Ends the agent's certificates."""
        ...

    def set_labels(self, device: str, labels: Mapping[str, str]) -> bool:
        """Sets what differs; whether anything did."""
        ...
