"""Tuning records before it changes, and puts back what was: also after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.conditions.system import System
from agent.tune import Tuner
from help_core.errors import StoreError
from tests.agent.trees import JETSON, LAPTOP, POLICY, Commands, grow

GOVERNOR = f"{POLICY}/scaling_governor"
JETSON_COMMANDS = {"nvpmodel": "", "jetson_clocks": "", "sh -c jetson_clocks": ""}


def test_a_laptop_is_tuned_and_put_back(tmp_path: Path) -> None:
    system = grow(tmp_path / "root", LAPTOP)
    tuner = Tuner(system, tmp_path / "tuned.json")
    changes = tuner.plan()
    assert [str(change) for change in changes] == [
        "governor of policy0: powersave -> performance",
        "energy performance preference of policy0: balance_performance -> performance",
        "power profile: balanced -> performance",
    ]
    assert tuner.apply(changes) == []
    assert system.first_line(GOVERNOR) == "performance"
    assert tuner.plan() == []
    restored, refused = tuner.restore()
    assert (len(restored), refused) == (3, [])
    assert all((system.text(change.path), refused) == (change.was, []) for change in restored)
    assert tuner.restore() == ([], [])
    assert not (tmp_path / "tuned.json").exists()


def test_what_was_is_known_after_a_crash_at_any_change(tmp_path: Path) -> None:
    class Crash(BaseException):
        pass

    for survivor in range(3):
        root = tmp_path / str(survivor)
        system = grow(root / "root", LAPTOP)
        tuner = Tuner(system, root / "tuned.json")
        done: list[str] = []

        def crash_later(
            path: str, value: str, command: Sequence[str], done: list[str] = done
        ) -> str:
            # The process dies as it is about to make the next change: nothing can clean up.
            if len(done) == survivor:  # noqa: B023
                raise Crash
            done.append(path)
            (system.root / path).write_text(value)  # noqa: B023
            return ""

        tuner._set = crash_later  # type: ignore[method-assign]
        tuner.restore = lambda: ([], [])  # type: ignore[method-assign]
        with pytest.raises(Crash):
            tuner.apply(tuner.plan())
        Tuner(system, root / "tuned.json").restore()
        assert system.first_line(GOVERNOR) == "powersave"
        assert system.first_line("sys/firmware/acpi/platform_profile") == "balanced"


def test_an_interruption_puts_everything_back_at_once(tmp_path: Path) -> None:
    class Interrupting(System):
        def first_line(self, path: str) -> str:
            if path.endswith("platform_profile") and super().first_line(path) == "performance":
                raise KeyboardInterrupt
            return super().first_line(path)

    grow(tmp_path / "root", LAPTOP)
    tuner = Tuner(Interrupting(tmp_path / "root", Commands()), tmp_path / "tuned.json")
    with pytest.raises(KeyboardInterrupt):
        tuner.apply(tuner.plan())
    assert System(tmp_path / "root").first_line(GOVERNOR) == "powersave"


def test_tuning_twice_keeps_what_was_before_the_first(tmp_path: Path) -> None:
    system = grow(tmp_path / "root", LAPTOP)
    tuner = Tuner(system, tmp_path / "tuned.json")
    tuner.apply(tuner.plan())
    grow(tmp_path / "root", {GOVERNOR: "schedutil"})
    tuner.apply(tuner.plan())
    tuner.restore()
    assert system.first_line(GOVERNOR) == "powersave"


def test_a_reboot_forgets_what_it_has_reset(tmp_path: Path) -> None:
    system = grow(tmp_path / "root", LAPTOP)
    tuner = Tuner(system, tmp_path / "tuned.json")
    tuner.apply(tuner.plan())
    grow(tmp_path / "root", {"proc/sys/kernel/random/boot_id": "boot-2", GOVERNOR: "schedutil"})
    assert tuner.restore() == ([], [])
    assert system.first_line(GOVERNOR) == "schedutil"


def test_what_the_system_refuses_is_said_and_not_recorded(tmp_path: Path) -> None:
    system = grow(tmp_path / "root", LAPTOP)
    tuner = Tuner(system, tmp_path / "tuned.json")
    changes = tuner.plan()
    (system.root / changes[0].path).unlink()
    (system.root / changes[0].path).mkdir()
    refused = tuner.apply(changes)
    assert [one.change.name for one in refused] == ["governor of policy0"]
    assert "directory" in refused[0].why
    assert len(tuner.recorded()) == 2


def test_a_jetson_is_tuned_by_its_own_commands(tmp_path: Path) -> None:
    commands = Commands(JETSON_COMMANDS)
    system = grow(tmp_path / "root", JETSON, commands)
    tuner = Tuner(system, tmp_path / "tuned.json")
    assert tuner.apply(tuner.plan()) == []
    stored = tmp_path / "jetson_clocks.conf"
    assert commands.run == [
        "nvpmodel -m 0",
        f'sh -c jetson_clocks --store "$1" && jetson_clocks sh {stored}',
    ]
    tuner.restore()
    assert commands.run[2:] == [f"jetson_clocks --restore {stored}", "nvpmodel -m 2"]


def test_a_damaged_state_file_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "tuned.json"
    path.write_text("{not json")
    with pytest.raises(StoreError, match="damaged"):
        Tuner(grow(tmp_path / "root", LAPTOP), path).restore()
