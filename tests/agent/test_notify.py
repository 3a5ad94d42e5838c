"""What systemd hears of an agent."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.notify import ServiceManager


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(5)
        yield bound


def test_systemd_hears_that_it_is_ready_lives_and_stops(listener: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": listener.getsockname()}, pid=1)
    manager.ready()
    manager.alive()
    manager.stopping()
    heard = [listener.recv(100) for _ in range(3)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_abstract_name_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("")  # the kernel chooses an abstract name
        bound.settimeout(5)
        name = bytes(bound.getsockname()).decode()
        ServiceManager({"NOTIFY_SOCKET": "@" + name[1:]}, pid=1).ready()
        assert bound.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    ("environment", "every_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "120000000"}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "7"}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(
    environment: dict[str, str], every_s: float | None
) -> None:
    assert ServiceManager(environment, pid=7).ping_every_s == every_s


def test_an_agent_goes_on_where_nobody_listens(tmp_path: Path) -> None:
    for name in ("", "relative", str(tmp_path / "nobody")):
        ServiceManager({"NOTIFY_SOCKET": name}, pid=1).alive()
