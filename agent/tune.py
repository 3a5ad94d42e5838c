"""Sets governor and power mode for measuring, and puts back what was (rule 12).

What was is written to a state file before anything is changed, so that a crash or a power cut
in the middle loses nothing: ``restore`` reads the file, not memory. Settings of an earlier boot
are dropped, for a boot sets them anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from agent.conditions.host import GOVERNORS
from agent.conditions.system import System
from help_core.errors import StoreError

PLATFORM_PROFILE = "sys/firmware/acpi/platform_profile"
PREFERENCES = "sys/devices/system/cpu/cpufreq/policy*/energy_performance_preference"
BOOT_ID = "proc/sys/kernel/random/boot_id"
NVPMODEL_STATUS = "var/lib/nvpmodel/status"
JETSON_CLOCKS = "usr/bin/jetson_clocks"
STORE_AND_RAISE = 'jetson_clocks --store "$1" && jetson_clocks'
"""The path is the shell's argument, never part of its program."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting: a file below the root, or a command with its undoing."""

    name: str
    was: str
    wanted: str
    path: str = ""
    command: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.name}: {self.was} -> {self.wanted}"


@dataclass(frozen=True, slots=True)
class Refused:
    """A setting that the system would not change."""

    change: Change
    why: str


def default_state_file() -> Path:
    """One for the machine's user."""
    return Path(platformdirs.user_state_dir("help-fleet")) / "tuned.json"


def plan_changes(system: System, state_folder: Path) -> list[Change]:
    """What differs from the settings for measuring; empty if nothing does or can be read."""
    changes = []
    for pattern, wanted in ((GOVERNORS, "performance"), (PREFERENCES, "performance")):
        for path in system.glob(pattern):
            was = system.first_line(path)
            offered = system.first_line(_offers(path)).split()
            if was and was != wanted and (not offered or wanted in offered):
                changes.append(Change(_name(path), was, wanted, path=path))
    profile = system.first_line(PLATFORM_PROFILE)
    choices = system.first_line(f"{PLATFORM_PROFILE}_choices").split()
    if profile and profile != "performance" and "performance" in choices:
        changes.append(Change("power profile", profile, "performance", path=PLATFORM_PROFILE))
    return [*changes, *_jetson_changes(system, state_folder)]


def _offers(path: str) -> str:
    folder, name = path.rsplit("/", 1)
    if name == "scaling_governor":
        return f"{folder}/scaling_available_governors"
    return f"{folder}/energy_performance_available_preferences"


def _name(path: str) -> str:
    *_, policy, name = path.split("/")
    return f"{name.removeprefix('scaling_').replace('_', ' ')} of {policy}"


def _jetson_changes(system: System, state_folder: Path) -> list[Change]:
    status = system.first_line(NVPMODEL_STATUS)
    if not status:
        return []
    changes = []
    mode = status.rpartition(":")[2].strip().lstrip("0") or "0"
    if mode != "0":
        changes.append(
            Change(
                "nvpmodel",
                mode,
                "0",
                command=("nvpmodel", "-m", "0"),
                undo=("nvpmodel", "-m", mode),
            )
        )
    if system.glob(JETSON_CLOCKS):
        stored = str(state_folder / "jetson_clocks.conf")
        changes.append(
            Change(
                "jetson_clocks",
                "as governed",
                "highest",
                command=("sh", "-c", STORE_AND_RAISE, "sh", stored),
                undo=("jetson_clocks", "--restore", stored),
            )
        )
    return changes


class Tuner:
    """Applies and undoes changes; ``state_file`` remembers what was."""

    def __init__(self, system: System, state_file: Path) -> None:
        self._system = system
        self._state_file = state_file

    def plan(self) -> list[Change]:
        """See ``plan_changes``."""
        return plan_changes(self._system, self._state_file.parent)

    def recorded(self) -> list[Change]:
        """What was changed and not yet put back, in the order of the changes."""
        text = self._read()
        if not text:
            return []
        try:
            state = json.loads(text)
            boot_id, entries = state["boot_id"], state["changes"]
            changes = [
                Change(
                    **{**entry, "command": tuple(entry["command"]), "undo": tuple(entry["undo"])}
                )
                for entry in entries
            ]
        except (ValueError, KeyError, TypeError):
            raise StoreError(
                f"{self._state_file} is damaged; set governor and power mode by hand, or reboot,"
                " and delete it"
            ) from None
        return changes if boot_id == self._system.first_line(BOOT_ID) else []

    def apply(self, changes: Sequence[Change]) -> list[Refused]:
        """Makes the changes and returns those that were refused.

        A setting that an earlier run has changed keeps what was before that run. If this is
        interrupted, everything recorded is put back.
        """
        refused: list[Refused] = []
        known = self.recorded()
        try:
            for change in changes:
                known = [*(one for one in known if one.name != change.name), _first(known, change)]
                self._write(known)
                why = self._set(change.path, change.wanted, change.command)
                if why:
                    refused.append(Refused(change, why))
                    known = known[:-1]
                    self._write(known)
        except BaseException:
            self.restore()
            raise
        return refused

    def restore(self) -> tuple[list[Change], list[Refused]]:
        """Puts back what was, last change first; what is refused stays recorded."""
        restored: list[Change] = []
        refused: list[Refused] = []
        for change in reversed(self.recorded()):
            why = self._set(change.path, change.was, change.undo)
            if why:
                refused.append(Refused(change, why))
            else:
                restored.append(change)
        self._write([one.change for one in reversed(refused)])
        return restored, refused

    def _set(self, path: str, value: str, command: Sequence[str]) -> str:
        """Why it was refused, or an empty string."""
        if command:
            return "" if self._system.run(command) is not None else f"{' '.join(command)} failed"
        try:
            (self._system.root / path).write_text(value)
        except OSError as error:
            return f"{error.strerror} (try sudo)"
        found = self._system.first_line(path)
        return "" if found == value else f"the system kept {found!r}"

    def _read(self) -> str:
        try:
            return self._state_file.read_text()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StoreError(f"{self._state_file} cannot be read ({error.strerror})") from None

    def _write(self, changes: Sequence[Change]) -> None:
        """The state file in one piece and on the disk, or gone if there is nothing to record."""
        try:
            if not changes:
                self._state_file.unlink(missing_ok=True)
                return
            self._state_file.parent.mkdir(parents=True, exist_ok=True)
            scratch = self._state_file.with_suffix(".part")
            state = {
                "boot_id": self._system.first_line(BOOT_ID),
                "changes": [asdict(change) for change in changes],
            }
            with scratch.open("w") as file:
                file.write(json.dumps(state, indent=2))
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self._state_file)
        except OSError as error:
            raise StoreError(
                f"{self._state_file} cannot be written ({error.strerror}); nothing was changed"
                " that it does not record"
            ) from None


def _first(known: Sequence[Change], change: Change) -> Change:
    """The change with what was before an earlier run changed the same setting."""
    return next((one for one in known if one.name == change.name), change)
