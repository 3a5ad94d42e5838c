"""What deploying needs of a coordinator, over an admin's client."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from coordinator.access_client import AccessClient
from coordinator.client import Client
from coordinator.security.records import Role
from help_core.errors import Conflict
from help_core.records import Device, DeviceStatus

TOKEN_LIFETIME_S = 3600.0


class FleetRegistrar:
    """A ``deploy.registrar.Registrar``; may be used by many threads."""

    def __init__(self, client: Client, address: str) -> None:
        self.address = address
        self._client = client
        self._access = AccessClient(client)
        # One list of devices answers all boards that ask within a moment.
        self._lock = threading.Lock()
        self._statuses: dict[str, DeviceStatus] = {}
        self._asked_s = -1.0

    def is_enrolled(self, agent_id: str) -> bool:
        """See ``Registrar``."""
        return any(
            agent.agent_id == agent_id and not agent.revoked and agent.expires_unix_s > time.time()
            for agent in self._access.agents()
        )

    def enrolment(self, label: str) -> tuple[str, str]:
        """See ``Registrar``; raises ``Conflict`` on a coordinator that enrols nobody."""
        made = self._access.create_token(Role.AGENT_ENROL, label, TOKEN_LIFETIME_S)
        if not made.ca_fingerprint:
            raise Conflict(
                "this coordinator runs without TLS, so it enrols nobody;"
                " start it with 'help-coord serve --tls'"
            )
        return made.secret, made.ca_fingerprint

    def device(self, name: str) -> Device | None:
        """The device as the coordinator knows it."""
        status = self._fresh().get(name)
        return status.device if status else None

    def last_seen_unix_s(self, device: str) -> float:
        """See ``Registrar``."""
        found = self.device(device)
        return found.last_seen_unix_s if found else 0.0

    def revoke(self, agent_id: str) -> None:
        """See ``Registrar``."""
        self._access.revoke_agent(agent_id)

    def set_labels(self, device: str, labels: Mapping[str, str]) -> bool:
        """See ``Registrar``."""
        status = self._fresh().get(device)
        have = status.labels if status else {}
        changes = {key: value for key, value in labels.items() if have.get(key) != value}
        if changes:
            self._client.label(device, changes, None)
        return bool(changes)

    def _fresh(self) -> Mapping[str, DeviceStatus]:
        asked_s = time.monotonic()
        with self._lock:
            # Only an answer to a later question than this one's beginning is fresh enough.
            if self._asked_s < asked_s:
                began_s = time.monotonic()
                self._statuses = {one.device.name: one for one in self._client.devices()}
                self._asked_s = began_s
            return self._statuses
