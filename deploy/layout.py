"""Where things are on a board."""

from __future__ import annotations

from dataclasses import dataclass

SYSTEM_DIRECTORY = "/opt/help-fleet"
USER_DIRECTORY = ".local/share/help-fleet"


def program_in(environment: str) -> tuple[str, ...]:
    """``help-agent`` of a virtual environment, as the words of a command.

    Not its ``bin/help-agent``: pip lets a shell start that where the path has a space, and
    does not quote what else is in the path.
    """
    return (f"{environment}/bin/python", "-P", "-m", "agent.main")


@dataclass(frozen=True, slots=True)
class Layout:
    """Releases are shared by the agents of a board; everything else belongs to one agent.

    BASE/releases/ID/               a virtual environment, never changed once complete
    BASE/releases/ID/.complete      written last
    BASE/agents/DEVICE/current      -> ../../releases/ID
    BASE/agents/DEVICE/state        identity, certificate, unsent reports
    BASE/agents/DEVICE/installed    release and settings that reported to the coordinator
    """

    base: str
    device: str

    @property
    def releases(self) -> str:
        """The folder of all releases."""
        return f"{self.base}/releases"

    def release(self, release_id: str) -> str:
        """The virtual environment of one release."""
        return f"{self.releases}/{release_id}"

    @property
    def agents(self) -> str:
        """The folder of all agents."""
        return f"{self.base}/agents"

    @property
    def agent(self) -> str:
        """What belongs to this agent."""
        return f"{self.agents}/{self.device}"

    @property
    def current(self) -> str:
        """The link to the release that the service runs."""
        return f"{self.agent}/current"

    @property
    def state(self) -> str:
        """The agent's state folder."""
        return f"{self.agent}/state"

    @property
    def installed(self) -> str:
        """The record of the last deployment that was seen to work."""
        return f"{self.agent}/installed"

    @property
    def program(self) -> tuple[str, ...]:
        """The agent's program, whichever release is current."""
        return program_in(self.current)
