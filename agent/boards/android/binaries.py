"""The two files that a phone needs, and whether they are made for it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from help_core.errors import BadInput

RUNNER, LIBRARY = "help-runner", "libonnxruntime.so"
MACHINES = {"arm64-v8a": 183, "armeabi-v7a": 40, "x86_64": 62, "x86": 3}
"""``e_machine`` of the ELF header by Android's name of the processor."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """What is pushed to the phone and started there."""

    runner: Path
    library: Path

    def check(self, abi: str) -> None:
        """Raises ``BadInput`` if one of them is not there or not built for ``abi``."""
        for name, path in (("runner", self.runner), ("library", self.library)):
            if not path.is_file():
                raise BadInput(f"--{name} {path} is not there; {_WAYS[name]}")
            machine = elf_machine(path)
            if machine is None:
                raise BadInput(f"--{name} {path} is no ELF file, which phones run")
            if abi in MACHINES and machine != MACHINES[abi]:
                raise BadInput(f"--{name} {path} is not built for {abi}, which this phone is")


_WAYS = {
    "runner": "'make phone-runner' builds it, with Android's NDK for a phone that is not rooted",
    "library": "take libonnxruntime.so of the release for Android (see docs/phones.md)",
}


def default_folder() -> Path:
    """Where ``make phone-runner`` puts the runner and the agent looks for both."""
    return Path(platformdirs.user_data_dir("help-fleet")) / "phone"


def choose_binaries(runner: Path | None, library: Path | None) -> Binaries:
    """Those that are named, or those of the default folder."""
    folder = default_folder()
    return Binaries(runner or folder / RUNNER, library or folder / LIBRARY)


def elf_machine(path: Path) -> int | None:
    """``e_machine`` of an ELF file (little-endian, as all phones are), or ``None``."""
    try:
        with path.open("rb") as file:
            head = file.read(20)
    except OSError:
        return None
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    return int(struct.unpack_from("<H", head, 18)[0])
