"""The name of a device when nobody gives one."""

from __future__ import annotations

import socket

from agent.runtimes.registry import DEFAULT_PROVIDERS
from help_core.records import Settings


def default_device_name(settings: Settings) -> str:
    """The host's name, with what differs from the usual settings: ``box-t4-b32``."""
    usual = Settings()
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in socket.gethostname())
    if settings.threads != usual.threads:
        name += f"-t{settings.threads}"
    if settings.batch_size != usual.batch_size:
        name += f"-b{settings.batch_size}"
    if settings.precision != usual.precision:
        name += f"-{settings.precision}"
    if settings.runtime != usual.runtime:
        name += f"-{settings.runtime}"
    if settings.provider != DEFAULT_PROVIDERS.get(settings.runtime, usual.provider):
        name += f"-{settings.provider.removesuffix('ExecutionProvider').lower()}"
    return name.lstrip("._-")[:64] or "device"
