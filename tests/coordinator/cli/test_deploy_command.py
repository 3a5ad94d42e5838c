"""The forms of ``help-coord deploy``, and its refusals before anything is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coordinator.main import app
from help_core.errors import BadInput, DeployFailed, HelpError, NotFound
from tests.e2e.processes import free_port


def _refusal(*words: str) -> HelpError:
    done = CliRunner().invoke(app, ["deploy", *words])
    assert isinstance(done.exception, HelpError), done.output
    return done.exception


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    path = tmp_path / "boards.toml"
    path.write_text('[boards.kitchen]\nhost = "pi@192.0.2.1"\n')
    return str(path)


@pytest.mark.parametrize("verb", [[], ["install"], ["upgrade"], ["status"], ["logs"], ["remove"]])
def test_every_verb_asks_for_the_device_of_a_single_board(verb: list[str]) -> None:
    error = _refusal(*verb, "pi@192.0.2.1")
    assert isinstance(error, BadInput)
    assert "--device is missing" in str(error)


def test_a_verb_after_the_inventory_is_told_where_it_belongs(inventory: str) -> None:
    assert "help-coord deploy status --inventory" in str(
        _refusal("--inventory", inventory, "status")
    )


def test_an_unknown_board_is_not_found(inventory: str) -> None:
    error = _refusal("status", "--inventory", inventory, "attic")
    assert isinstance(error, NotFound)
    assert "kitchen" in str(error)


def test_options_of_one_board_do_not_go_with_an_inventory(inventory: str) -> None:
    assert "--port, --identity" in str(
        _refusal("--inventory", inventory, "--identity", "x", "--port", "7")
    )


def test_a_board_elsewhere_cannot_be_given_a_loopback_address(inventory: str) -> None:
    error = _refusal("--inventory", inventory, "--coordinator", "127.0.0.1:1")
    assert "--board-coordinator" in str(error)


def test_unknown_dependencies_are_refused(inventory: str) -> None:
    assert "auto, board, here" in str(_refusal("--inventory", inventory, "--dependencies", "x"))


def test_a_board_that_is_off_is_one_line_and_one_object(tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.touch()
    where = ["127.0.0.1", "--port", str(free_port()), "--known-hosts", str(known)]
    done = CliRunner().invoke(app, ["deploy", "logs", *where, "--device", "pi", "--json"])
    assert isinstance(done.exception, DeployFailed)
    (one,) = json.loads(done.stdout)
    assert (one["board"], one["result"]) == ("pi", "failed")
    assert one["note"].startswith("no ssh at 127.0.0.1")
