"""The text of the systemd unit of an agent."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.layout import Layout
from help_core.errors import BadInput

AGENT_USER = "help-agent"
WATCHDOG_S = 120
NOT_RESTARTED = (2, 12, 13)
"""Exit codes that no waiting mends: bad input, a certificate that was revoked, not allowed."""

SANDBOX = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
)
"""What also a user's own systemd can hold."""
SYSTEM_SANDBOX = (
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "ProtectControlGroups=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelTunables=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "RestrictNamespaces=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "UMask=0077",
)
"""Devices stay visible: accelerators and a Pi's firmware are read through /dev."""


def escape(word: str) -> str:
    """``word`` as one literal argument in ``ExecStart=``; raises ``BadInput`` for NUL."""
    if "\0" in word:
        raise BadInput(f"{word[:80]!r} holds a NUL character, which no command can be given")
    return '"' + "".join(map(_escaped, word)) + '"'


def _escaped(character: str) -> str:
    doubled = {"%": "%%", "$": "$$", "\\": "\\\\", '"': '\\"'}
    if character in doubled:
        return doubled[character]
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def path_escape(path: str) -> str:
    """A path as a setting of its own, where quotes would belong to it."""
    return "".join(f"\\x{ord(c):02x}" if c in " \"'\t" else _escaped(c) for c in path)


def unit_name(device: str) -> str:
    """The unit's file name; what systemd gives a meaning of its own is escaped as it does."""
    plain = "".join(c if c.isalnum() or c in "._-" else f"\\x{ord(c):02x}" for c in device)
    return f"help-agent-{plain}.service"


def agent_unit(layout: Layout, arguments: Sequence[str], *, system: bool) -> str:
    """The unit of an agent; ``system`` is for the machine's systemd, else for a user's own."""
    lines = [
        "# Written by help-coord deploy; the next deploy writes it again.",
        "[Unit]",
        f"Description=help-agent {layout.device}",
        "Documentation=man:systemd.service(5)",
        *(["Wants=network-online.target", "After=network-online.target"] if system else []),
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        "ExecStart=" + " ".join(map(escape, [*layout.program, *arguments])),
        "Restart=always",
        "RestartSec=5",
        f"RestartPreventExitStatus={' '.join(map(str, NOT_RESTARTED))}",
        f"WatchdogSec={WATCHDOG_S}",
        "TimeoutStartSec=180",
        "TimeoutStopSec=60",
        "KillMode=mixed",
        *SANDBOX,
        *(_for_system(layout) if system else []),
        "",
        "[Install]",
        f"WantedBy={'multi-user.target' if system else 'default.target'}",
        "",
    ]
    return "\n".join(lines)


def _for_system(layout: Layout) -> list[str]:
    own = [f"User={AGENT_USER}", f"ReadWritePaths={path_escape(layout.state)}"]
    return [*SYSTEM_SANDBOX, *own, f"Environment={escape('HOME=' + layout.state)}"]
