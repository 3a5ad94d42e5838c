"""Where an agent keeps what must survive it: its identity and its spool."""

from __future__ import annotations

import uuid
from pathlib import Path

import platformdirs

from help_core.errors import StoreError

AGENT_ID_FILE = "agent-id"


def default_state_dir(device: str) -> Path:
    """A folder for the agent of a device; several agents may run on one machine."""
    return Path(platformdirs.user_state_dir("help-fleet")) / "agents" / device


def open_state_dir(folder: Path) -> str:
    """Makes the folder if need be and returns the agent's id; raises ``StoreError``."""
    path = folder / AGENT_ID_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            agent_id = path.read_text().strip()
            if len(agent_id) == 32 and agent_id.isalnum():
                return agent_id
            raise StoreError(f"{path} is damaged; delete it to give this agent a new identity")
        agent_id = uuid.uuid4().hex
        path.write_text(agent_id + "\n")
    except OSError as error:
        raise StoreError(
            f"the agent's folder {folder} cannot be used ({error.strerror});"
            " name another with --state-dir"
        ) from None
    return agent_id
