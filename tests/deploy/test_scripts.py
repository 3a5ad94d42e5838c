"""The scripts of a deployment, run by a real shell; its systemctl writes down its calls."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import scripts
from deploy.layout import Layout
from deploy.plan import parse_present
from deploy.services import Systemd
from deploy.units import unit_name

HOSTILE = 'it\'s "x"; $(touch pwned)'


class Machine:
    """A home with a user's systemd that believes all it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / HOSTILE
        self.layout = Layout(str(self.home / "base"), "pi@1")
        self.service = Systemd(self.layout, ("run", HOSTILE), str(self.home), system=False)
        self.staging = folder / "staging"
        programs = folder / "bin"
        for path in (self.home, self.staging, programs):
            path.mkdir()
        for name in ("systemctl", "loginctl", "journalctl"):
            program = programs / name
            text = f'#!/bin/sh\necho "$(basename "$0") $*" >>{folder}/calls\n'
            program.write_text(text + '[ "$2" != is-active ] || echo active\n')
            program.chmod(0o755)
        self.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(self.home)}

    def run(self, text: str) -> str:
        done = subprocess.run(
            ["sh", "-s"],
            input=text.encode(),
            capture_output=True,
            check=False,
            env=self.environment,
            cwd=self.folder,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def deploy(self, release: str, arguments: tuple[str, ...]) -> Systemd:
        """Everything up to the report of the new agent."""
        service = replace(self.service, arguments=arguments)
        folder = Path(self.layout.release(release))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".complete").touch()
        Path(self.layout.state).mkdir(parents=True, exist_ok=True)
        (self.staging / "service").write_text(service.content())
        self.run(scripts.stop(service))
        self.run(scripts.switch(self.layout, service, release, str(self.staging)))
        return service

    def releases(self) -> list[str]:
        return sorted(path.name for path in Path(self.layout.releases).iterdir())

    def current(self) -> str:
        return Path(self.layout.current).readlink().name

    def calls(self) -> list[str]:
        path = self.folder / "calls"
        found = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_an_empty_machine_has_nothing(machine: Machine) -> None:
    found = parse_present(machine.run(scripts.look(machine.layout, machine.service, "1-a")))
    assert (found.current, found.installed, found.complete, found.state) == (
        "",
        "",
        False,
        "absent",
    )


def test_a_release_is_switched_to_started_and_remembered(machine: Machine) -> None:
    service = machine.deploy("1-a", ("run", HOSTILE))
    unit = unit_name("pi@1")
    assert machine.calls() == [
        f"systemctl --user stop {unit}",
        "loginctl enable-linger",
        "systemctl --user daemon-reload",
        f"systemctl --user --quiet enable {unit}",
        f"systemctl --user --no-block restart {unit}",
    ]
    machine.run(scripts.record(machine.layout, service, "1-a cafe"))
    found = parse_present(machine.run(scripts.look(machine.layout, service, "1-a")))
    assert (found.current, found.installed, found.complete) == ("1-a", "1-a cafe", True)
    assert found.is_active
    assert Path(service.path).read_text() == service.content()


def test_a_failed_upgrade_goes_back_to_release_and_settings(machine: Machine) -> None:
    first = machine.deploy("1-a", ("run", "old"))
    machine.run(scripts.record(machine.layout, first, "1-a cafe"))
    second = machine.deploy("2-b", ("run", "new"))
    assert machine.current() == "2-b"
    assert machine.run(scripts.roll_back(machine.layout, second)).strip() == "1-a"
    assert machine.current() == "1-a"
    assert Path(second.path).read_text() == first.content()
    assert machine.releases() == ["1-a"]


def test_a_run_that_was_cut_off_still_goes_back_to_what_last_worked(machine: Machine) -> None:
    first = machine.deploy("1-a", ("run",))
    machine.run(scripts.record(machine.layout, first, "1-a cafe"))
    machine.deploy("2-b", ("run",))
    third = machine.deploy("2-b", ("run",))
    assert machine.run(scripts.roll_back(machine.layout, third)).strip() == "1-a"


def test_a_first_install_that_fails_leaves_no_service(machine: Machine) -> None:
    service = machine.deploy("1-a", ("run",))
    machine.calls()
    assert machine.run(scripts.roll_back(machine.layout, service)).strip() == ""
    assert not Path(service.path).exists()
    assert machine.releases() == []
    assert any("disable" in call for call in machine.calls())


def test_an_upgrade_deletes_the_release_before_unless_another_agent_needs_it(
    machine: Machine,
) -> None:
    one = machine.deploy("1-a", ("run",))
    machine.run(scripts.record(machine.layout, one, "1-a cafe"))
    other = Path(machine.layout.agents) / "other"
    other.mkdir()
    (other / "installed").write_text("1-a beef\n")
    two = machine.deploy("2-b", ("run",))
    machine.run(scripts.record(machine.layout, two, "2-b cafe"))
    assert machine.releases() == ["1-a", "2-b"]
    (other / "installed").unlink()
    machine.run(scripts.record(machine.layout, two, "2-b cafe"))
    assert machine.releases() == ["2-b"]


def test_remove_leaves_nothing_and_works_twice(machine: Machine) -> None:
    service = machine.deploy("1-a", ("run",))
    for _ in range(2):
        machine.run(scripts.remove(machine.layout, service))
        assert not Path(machine.layout.base).exists()
        assert not Path(service.path).exists()


def test_hostile_paths_and_arguments_ran_nothing(machine: Machine) -> None:
    service = machine.deploy("1-a", ("run", HOSTILE))
    machine.run(scripts.record(machine.layout, service, "1-a cafe"))
    machine.run(scripts.roll_back(machine.layout, service))
    machine.run(scripts.logs(service, 3))
    machine.run(scripts.remove(machine.layout, service))
    assert list(machine.folder.rglob("pwned")) == []
