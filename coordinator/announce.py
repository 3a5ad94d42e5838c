"""What a coordinator says once it listens: where, and what to do next while it has no device."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.security.authority import Authority
from coordinator.security.listeners import Bound

USUAL_PORT = ":50051"


def start_lines(bound: Bound, authority: Authority | None, monitored: str) -> Iterator[str]:
    """Where it can be reached; ``monitored`` is where metrics are answered, or empty."""
    if bound.pages:
        yield f"pages on {bound.pages}"
    if authority is None:
        yield f"help-coord listens on {bound.users}"
    else:
        yield f"help-coord listens on {bound.users} for users, {bound.agents} for agents"
        yield f"its authority has the fingerprint {authority.fingerprint}"
    if monitored:
        yield f"metrics, health and readiness on http://{monitored}"


def next_step(bound: Bound, authority: Authority | None) -> str:
    """What makes a device of a board, for a coordinator that has none."""
    nothing = "no device has registered yet"
    if authority is None:
        usual = bound.users.endswith(USUAL_PORT)
        address = "" if usual else f" --coordinator {bound.users}"
        return (
            f"{nothing}: on this machine run 'help-agent run{address}'; boards elsewhere need"
            " --tls (docs/security.md)"
        )
    return (
        f"{nothing}: make a token with 'help-coord token create --role agent-enrol', and with it"
        f" run 'help-agent enroll --coordinator HOST:{bound.users.rpartition(':')[2]}"
        f" --ca-fingerprint {authority.fingerprint}' and 'help-agent run' on the device;"
        " 'help-coord deploy' does it over ssh"
    )
