"""What is to be done on a board, from what is there and what is wanted. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from deploy.services import Service
from help_core.errors import DeployFailed


class Action(StrEnum):
    """One part of a deployment, in their order."""

    BRING = "bring"
    """Upload the release and make its virtual environment."""
    ENROL = "enrol"
    """Trade a one-time token for a certificate."""
    SWITCH = "switch"
    """Stop, point at the release, start, wait for its report, or go back."""


@dataclass(frozen=True, slots=True)
class Present:
    """What a board holds of one agent. Empty is what is not there."""

    current: str = ""
    """Release that the link points at."""
    installed: str = ""
    """Mark of the deployment that was last seen to work."""
    complete: bool = False
    """Whether the wanted release is there and whole."""
    state: str = ""
    """What the service says: ``active`` or another word."""
    enrolled_at: str = ""
    agent_id: str = ""

    @property
    def is_active(self) -> bool:
        """Whether the service runs."""
        return self.state == "active"

    @property
    def release(self) -> str:
        """Release that was last seen to work."""
        return self.installed.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a board shall hold."""

    release: str
    mark: str
    coordinator: str


def mark_of(release: str, service: Service) -> str:
    """Names a release together with how it is run: the same mark is the same deployment."""
    text = f"{service.kind}\n{service.path}\n{service.content()}"
    return f"{release} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def plan(present: Present, wanted: Wanted, *, is_enrolled: bool) -> tuple[Action, ...]:
    """The actions that lead from one to the other; none if nothing is to be changed.

    ``is_enrolled`` is whether the coordinator honours the certificate of ``present.agent_id``.
    """
    bring = not present.complete
    enrol = present.enrolled_at != wanted.coordinator or not is_enrolled
    as_wanted = present.installed == wanted.mark and present.current == wanted.release
    switch = bring or enrol or not as_wanted or not present.is_active
    chosen = {Action.BRING: bring, Action.ENROL: enrol, Action.SWITCH: switch}
    return tuple(action for action, needed in chosen.items() if needed)


def parse_present(output: str) -> Present:
    """Reads what ``scripts.look`` printed."""
    said: dict[str, str] = {}
    for line in output.splitlines():
        key, tab, value = line.partition("\t")
        if tab:
            said.setdefault(key, value)
    if "state" not in said:
        raise DeployFailed("the board did not say what is installed on it")
    return Present(
        current=said.get("current", ""),
        installed=said.get("installed", ""),
        complete=said.get("complete") == "yes",
        state=said["state"],
        enrolled_at=said.get("enrolled_at", ""),
        agent_id=said.get("agent_id", ""),
    )
