"""What lists say while there is nothing to list."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from coordinator.fleet import Fleet
from tests.coordinator.cli.conftest import Coord


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with Fleet.local() as fleet:
        yield fleet.client.address


LISTS = [
    (("devices",), "help-agent run"),
    (("jobs",), "help-coord collect"),
    (("jobs", "--state", "failed"), "No job matches"),
    (("collections",), "help-coord collect --device NAME"),
]


@pytest.mark.parametrize(("arguments", "words"), LISTS)
def test_an_empty_list_is_one_line_that_says_what_makes_some(
    coord: Coord, address: str, arguments: tuple[str, ...], words: str
) -> None:
    done = coord(*arguments, "--coordinator", address)
    assert done.code == 0
    assert len(done.stdout.strip().splitlines()) == 1
    assert words in done.stdout


@pytest.mark.parametrize("command", ["devices", "jobs", "collections"])
def test_an_empty_list_is_still_json(coord: Coord, address: str, command: str) -> None:
    done = coord(command, "--json", "--coordinator", address)
    found = json.loads(done.stdout)
    assert found in ([], {"total": 0, "jobs": []})
