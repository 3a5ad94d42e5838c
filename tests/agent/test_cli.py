"""The commands that need no coordinator, as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from typer.testing import CliRunner

from agent import main, probe
from agent.boards.host import HostBoard
from agent.conditions.system import System
from agent.main import app
from agent.measure.loop import Plan
from agent.measure.sentinel import sentinel_stages
from agent.naming import default_device_name
from help_core.records import Settings
from tests.agent.trees import LAPTOP, PI, PI_THROTTLED, POLICY, grow

QUICK = Plan(min_sampling_s=0.01, max_sampling_s=0.05, max_warmup_s=0.05)


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    """The commands see a fake laptop."""
    system = grow(tmp_path / "root", LAPTOP)
    monkeypatch.setattr(main, "this_machine", lambda: system)
    monkeypatch.setattr(probe, "LOOK_S", 0.01)
    return system


def test_a_model_is_measured_with_figures_verdict_and_explanations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick_board(processes: int, *, system: System, with_memory: bool) -> HostBoard:
        return HostBoard(QUICK, processes, system=system, max_extra=0, with_memory=with_memory)

    monkeypatch.setattr(main, "HostBoard", quick_board)
    path = tmp_path / "model.onnx"
    onnx.save(sentinel_stages()[0].model, path)
    done = CliRunner().invoke(app, ["measure", "--onnx", str(path), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["summary"]["median_ms"] > 0
    assert found["verdict"] in ("valid", "suspect")
    assert set(found["explanations"]) == set(found["reasons"])
    assert len([process for process in found["processes"] if process["samples"]]) == 3
    names = {reading["name"] for reading in found["readings"]}
    assert {"peak_memory_mb", "others_cores", "waited_percent"} <= names
    shown = CliRunner().invoke(app, ["measure", "--onnx", str(path), "--no-memory"])
    assert "median" in shown.stdout
    assert "build, session, first run" in shown.stdout
    assert "peak memory" not in shown.stdout


def test_the_probe_names_what_will_spoil_numbers_and_the_way_out(laptop: System) -> None:
    found = json.loads(CliRunner().invoke(app, ["probe", "--json"]).stdout)
    findings = {finding["reason"]: finding for finding in found["findings"]}
    assert set(findings) == {"governor", "on-battery"}
    assert "powersave" in findings["governor"]["what"]
    assert "help-agent tune" in findings["governor"]["fix"]
    assert found["readings"]["battery_percent"] == 83
    assert "CPUExecutionProvider" in found["providers"]


def test_the_probe_says_what_the_board_cannot_read_and_why(laptop: System) -> None:
    (laptop.root / POLICY / "scaling_cur_freq").unlink()
    laptop.gpu_missing = "NVML: Driver Not Loaded"
    found = json.loads(CliRunner().invoke(app, ["probe", "--json"]).stdout)
    assert found["unreadable"].keys() == {"cpu_clock_mhz", "gpu"}
    assert "cpufreq" in found["unreadable"]["cpu_clock_mhz"]
    table = CliRunner().invoke(app, ["probe"], env={"COLUMNS": "160"}).stdout
    assert "unreadable: no cpufreq" in table
    assert "unreadable: NVML: Driver Not Loaded" in table


def test_the_probe_tells_of_throttling_now_and_since_boot(laptop: System) -> None:
    grow(laptop.root, {**PI, PI_THROTTLED: "50001\n"})
    shown = CliRunner().invoke(app, ["probe", "--json"]).stdout
    findings = [(finding["reason"], finding["what"]) for finding in json.loads(shown)["findings"]]
    assert ("under-voltage", "the supply voltage was too low: now") in findings
    assert ("throttled", "the board slowed itself down: throttled since boot") in findings
    table = CliRunner().invoke(app, ["probe"], env={"COLUMNS": "160"}).stdout
    assert "under-voltage" in table


def test_tune_asks_changes_and_puts_back(laptop: System, tmp_path: Path) -> None:
    state = ["--state-file", str(tmp_path / "tuned.json")]
    governor = f"{POLICY}/scaling_governor"
    CliRunner().invoke(app, ["tune", *state], input="n\n")
    assert laptop.first_line(governor) == "powersave"
    done = CliRunner().invoke(app, ["tune", *state], input="y\n")
    assert done.exit_code == 0, done.output
    assert laptop.first_line(governor) == "performance"
    back = CliRunner().invoke(app, ["tune", "--restore", *state])
    assert "put back governor of policy0: powersave" in back.stdout
    assert laptop.first_line(governor) == "powersave"
    assert "nothing to do" in CliRunner().invoke(app, ["tune", "--restore", *state]).stdout


def test_a_device_is_named_by_what_differs_from_the_usual() -> None:
    usual = default_device_name(Settings())
    assert default_device_name(Settings(runtime="torch", provider="cpu")) == f"{usual}-torch"
    assert default_device_name(Settings(threads=4)) == f"{usual}-t4"
