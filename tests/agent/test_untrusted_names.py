"""Names and paths that would be commands to a shell are names and paths here."""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path

import pytest

from agent.boards.host import HostBoard
from agent.conditions.system import System, run_command
from agent.measure.loop import Plan
from agent.measure.sentinel import sentinel_stages
from agent.tune import STORE_AND_RAISE, Tuner
from help_core.records import Measurement, Settings
from tests.agent.trees import JETSON, grow
from tests.e2e.processes import run_cli

AGENT = Path(__file__).resolve().parents[2] / "agent"
HOSTILE = 'it\'s "a" $(touch pwned) `touch pwned`; touch pwned\n& touch pwned'
QUICK = Plan(min_sampling_s=0.01, max_sampling_s=0.05, max_warmup_s=0.05)
SHELLS = {"sh", "bash", "/bin/sh"}


def test_the_agent_starts_no_shell_but_with_a_program_of_its_own() -> None:
    programs = []
    # The fake phone is a shell by nature: it does here what adb has the phone's shell do.
    for path in set(AGENT.rglob("*.py")) - {AGENT / "boards" / "android" / "fake.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("system", "popen") or ast.unparse(node.value) != "os", path
            if isinstance(node, ast.keyword) and node.arg == "shell":
                raise AssertionError(f"{path} passes shell=")
            if isinstance(node, ast.Tuple | ast.List) and _starts_a_shell(node):
                programs.append(ast.unparse(node.elts[2]))
    assert programs == ["STORE_AND_RAISE"]
    assert "{" not in STORE_AND_RAISE


def _starts_a_shell(node: ast.Tuple | ast.List) -> bool:
    first = node.elts[0] if node.elts else None
    return isinstance(first, ast.Constant) and first.value in SHELLS and len(node.elts) > 2


def test_a_hostile_state_folder_is_a_path_to_jetson_clocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("jetson_clocks", "nvpmodel"):
        tool = tools / name
        tool.write_text('#!/bin/sh\n[ "$1" != --store ] || echo stored > "$2"\n')
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    grow(tmp_path / "root", JETSON)
    state = tmp_path / HOSTILE
    tuner = Tuner(System(tmp_path / "root", run_command), state / "tuned.json")
    assert tuner.apply([one for one in tuner.plan() if one.command]) == []
    assert (state / "jetson_clocks.conf").read_text() == "stored\n"
    assert tuner.restore()[1] == []
    assert list(tmp_path.rglob("pwned")) == []


def test_a_model_is_measured_in_a_hostile_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / HOSTILE
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(AGENT.parent)
    board = HostBoard(QUICK, processes=1, max_extra=0)
    outcome = board.measure_stages(sentinel_stages(), Settings(), build_ms=0.0)
    assert isinstance(outcome, Measurement), outcome
    assert list(tmp_path.rglob("pwned")) == []
    assert not (AGENT.parent / "pwned").exists()


@pytest.mark.parametrize("name", [HOSTILE, "a b", "a;b", "a'b", 'a"b', "a\nb", "../b", "-b"])
def test_a_hostile_device_name_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    state = ["--state-dir", str(tmp_path / "state")]
    done = run_cli("agent.main", "run", f"--device={name}", *state)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "must be 1-64 letters" in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_hostile_coordinator_or_provider_is_refused_without_a_shell(tmp_path: Path) -> None:
    state = ["--state-dir", str(tmp_path / "state")]
    done = run_cli("agent.main", "run", "--coordinator", HOSTILE, *state)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.rglob("pwned")) == []
