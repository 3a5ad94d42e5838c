"""What a coordinator says once it listens: where, and what to do next while it has no device."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.security.authority import Authority
from coordinator.security.listeners import Bound

USUAL_PORT = ":50051"


def start_lines(
    bound: Bound, authority: Authority | None, monitored: str, *, has_devices: bool
) -> Iterator[str]:
    """The lines in their order; the one that says what to do next is the last.

    ``monitored`` is where metrics are answered, empty where they are not.
    """
    if bound.pages:
        yield f"pages on {bound.pages}"
    if authority is None:
        yield f"help-coord listens on {bound.users}"
    else:
        yield f"help-coord listens on {bound.users} for users, {bound.agents} for agents"
        yield f"its authority has the fingerprint {authority.fingerprint}"
    if monitored:
        yield f"metrics, health and readiness on http://{monitored}"
    if not has_devices:
        yield f"no device has registered yet: {next_step(bound, authority)}"


def next_step(bound: Bound, authority: Authority | None) -> str:
    """The commands that make a device of a board."""
    if authority is None:
        usual = bound.users.endswith(USUAL_PORT)
        address = "" if usual else f" --coordinator {bound.users}"
        return (
            f"on this machine run 'help-agent run{address}'; boards elsewhere need --tls"
            " (docs/security.md)"
        )
    return (
        "make a token with 'help-coord token create --role agent-enrol', and with it run"
        f" 'help-agent enroll --coordinator HOST:{bound.users.rpartition(':')[2]}"
        f" --ca-fingerprint {authority.fingerprint}' and 'help-agent run' on the device;"
        " 'help-coord deploy' does it over ssh"
    )
