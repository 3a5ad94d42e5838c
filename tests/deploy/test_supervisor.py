"""The supervising script and the scripts that stop it, run by a real shell."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.layout import Layout
from deploy.services import Supervised
from deploy.shell import script
from tests.e2e.processes import wait_for

HOSTILE = 'it\'s "x"; $(touch pwned)'


def _sh(lines: list[str]) -> str:
    text = script(*lines).encode()
    done = subprocess.run(["sh", "-s"], input=text, capture_output=True, check=True, timeout=60)
    return done.stdout.decode().strip()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Supervised]:
    """A service whose agent is a shell script that this test writes."""
    made = Supervised(Layout(str(tmp_path / HOSTILE), "d"), ("run", HOSTILE))
    Path(made.layout.agent).mkdir(parents=True)
    program = Path(made.layout.program[0])
    program.parent.mkdir(parents=True)
    Path(made.path).write_text(made.content())
    _agent(made, "sleep 60 & wait $!")
    yield made
    _sh(made.stop())


def _agent(service: Supervised, lines: str) -> None:
    program = Path(service.layout.program[0])
    program.write_text(f'#!/bin/sh\necho "began $5"\n{lines}\n')
    program.chmod(0o755)


def _log(service: Supervised) -> str:
    path = Path(service.layout.agent) / "agent.log"
    return path.read_text() if path.exists() else ""


def test_it_starts_and_stops_and_says_which(service: Supervised) -> None:
    assert _sh(service.state()) == "inactive"
    _sh(service.start())
    wait_for(lambda: f"began {HOSTILE}" in _log(service))
    assert _sh(service.state()) == "active"
    _sh(service.stop())
    assert _sh(service.state()) == "inactive"
    assert not (Path(service.layout.agent) / "pid").exists()


def test_starting_again_leaves_one_of_it(service: Supervised) -> None:
    _sh(service.start())
    wait_for(lambda: "began" in _log(service))
    first = (Path(service.layout.agent) / "pid").read_text()
    _sh(service.start())
    wait_for(lambda: _log(service).count("began") == 2)
    assert (Path(service.layout.agent) / "pid").read_text() != first
    assert not Path(f"/proc/{first.strip()}").exists()


def test_an_agent_that_fails_is_started_again(service: Supervised) -> None:
    _agent(service, "exit 1")
    _sh(service.start())
    wait_for(lambda: _log(service).count("began") >= 2)
    assert "ended with code 1; started again in 1 s" in _log(service)


@pytest.mark.parametrize("code", [0, 2, 12, 13])
def test_what_no_waiting_mends_is_not_started_again(service: Supervised, code: int) -> None:
    _agent(service, f"exit {code}")
    _sh(service.start())
    wait_for(lambda: "began" in _log(service))
    wait_for(lambda: _sh(service.state()) == "inactive")
    assert _log(service).count("began") == 1


def test_the_number_of_another_process_is_not_taken_for_it(service: Supervised) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        (Path(service.layout.agent) / "pid").write_text(f"{other.pid}\n")
        assert _sh(service.state()) == "inactive"
        _sh(service.stop())
        assert other.poll() is None
        other.kill()


def test_a_damaged_pid_file_is_no_process(service: Supervised) -> None:
    (Path(service.layout.agent) / "pid").write_text("-1 ; touch pwned\n")
    assert _sh(service.state()) == "inactive"
    _sh(service.stop())
