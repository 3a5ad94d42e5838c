"""Tells systemd that the agent is up, and while it is, that it lives.

The protocol is a datagram to the socket that ``NOTIFY_SOCKET`` names (sd_notify(3)); outside
systemd the variable is not there and nothing is sent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class ServiceManager:
    """The systemd that started this process, if one did."""

    def __init__(
        self, environment: Mapping[str, str] | None = None, pid: int | None = None
    ) -> None:
        values = os.environ if environment is None else environment
        self._address = values.get("NOTIFY_SOCKET", "")
        self._watchdog_s = _watchdog_s(values, os.getpid() if pid is None else pid)

    @property
    def ping_every_s(self) -> float | None:
        """How often ``alive`` is due: half of what the watchdog allows; ``None`` without one."""
        return self._watchdog_s / 2 if self._watchdog_s else None

    def ready(self) -> None:
        """The agent serves."""
        self._send(b"READY=1")

    def alive(self) -> None:
        """The agent still serves."""
        self._send(b"WATCHDOG=1")

    def stopping(self) -> None:
        """The agent gives its leases back and ends."""
        self._send(b"STOPPING=1")

    def _send(self, message: bytes) -> None:
        if not self._address.startswith(("/", "@")):
            return
        # A name that begins with @ is in the abstract namespace, which the kernel writes as NUL.
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        # An agent goes on measuring whether or not anybody listens.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.sendto(message, address)


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float:
    usec = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
    return int(usec) / 1e6 if meant and usec.isdecimal() else 0.0
