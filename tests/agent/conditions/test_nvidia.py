"""A GPU through NVML: a library with the calls, units and errors of the real one."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.conditions import describe_host
from agent.conditions.energy import EnergySample, read_energy
from agent.conditions.nvidia import NOT_INSTALLED, NvmlGpu, open_gpu, slowing
from agent.conditions.snapshot import Sampler, read_all, take_moment
from agent.conditions.system import System
from agent.conditions.throttle import read_throttle
from tests.agent.trees import JETSON, LAPTOP, Commands, grow

EVERYTHING = frozenset(
    {"name", "driver", "limit", "power", "memory", "clock", "temperature", "reasons", "energy"}
)


class FakeNvmlError(Exception):
    """As ``pynvml.NVMLError``."""


@dataclass
class FakeNvml:
    """Figures as NVML gives them: MHz, degrees, milliwatts, bytes, millijoules."""

    reasons: int = 0x1
    refused: frozenset[str] = frozenset()
    energy_mj: int = 5_000
    broken: str = ""
    asked: list[str] = field(default_factory=list)
    NVML_CLOCK_SM: int = 1
    NVML_TEMPERATURE_GPU: int = 0
    NVMLError: type[Exception] = FakeNvmlError

    def _answer(self, name: str, value: Any) -> Any:
        self.asked.append(name)
        if name in self.refused:
            raise FakeNvmlError("Not Supported")
        return value

    def nvmlInit(self) -> None:
        if self.broken:
            raise FakeNvmlError(self.broken)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return f"index {index}"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        return f"uuid {uuid}"

    def nvmlDeviceGetName(self, handle: str) -> Any:
        return self._answer("name", f"NVIDIA H100 PCIe {handle}")

    def nvmlSystemGetDriverVersion(self) -> Any:
        return self._answer("driver", b"550.54.15")

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: str) -> Any:
        return self._answer("limit", 350_000)

    def nvmlDeviceGetPowerUsage(self, handle: str) -> Any:
        return self._answer("power", 68_123)

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:
        return self._answer("memory", SimpleNamespace(used=512 * 2**20))

    def nvmlDeviceGetClockInfo(self, handle: str, kind: int) -> Any:
        assert kind == self.NVML_CLOCK_SM
        return self._answer("clock", 1755)

    def nvmlDeviceGetTemperature(self, handle: str, sensor: int) -> Any:
        return self._answer("temperature", 41)

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: str) -> Any:
        return self._answer("reasons", self.reasons)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> Any:
        return self._answer("energy", self.energy_mj)


def gpu_of(library: FakeNvml, visible: str = "") -> NvmlGpu:
    found = open_gpu(library, visible)
    assert isinstance(found, NvmlGpu)
    return found


def machine(tmp_path: Path, library: FakeNvml) -> System:
    grow(tmp_path, LAPTOP)
    return System(
        tmp_path, Commands(), gpu=gpu_of(library), platform_name="Linux", machine="x86_64"
    )


def test_clock_temperature_power_memory_and_energy_have_their_units(tmp_path: Path) -> None:
    system = machine(tmp_path, FakeNvml())
    values = read_all(system)
    assert values["gpu_clock_mhz"] == 1755
    assert values["gpu_temperature_c"] == 41
    assert values["gpu_power_w"] == pytest.approx(68.123)
    assert values["gpu_memory_used_mb"] == 512
    assert system.gpu is not None
    assert system.gpu.power_limit_w() == 350
    assert system.gpu.driver() == "550.54.15"
    assert describe_host(system).processor.endswith("i7-1165G7, NVIDIA H100 PCIe index 0")


@pytest.mark.parametrize(
    ("bits", "signs"),
    [
        (0x0, frozenset()),
        (0x1 | 0x2 | 0x100, frozenset()),
        (0x4, frozenset({"gpu-power-cap"})),
        (0x8 | 0x40, frozenset({"gpu-hardware-slowdown", "gpu-thermal-hardware"})),
        (0x20 | 0x1, frozenset({"gpu-thermal"})),
        (0x80, frozenset({"gpu-power-brake"})),
        (0x4000, frozenset({"gpu-0x4000"})),
    ],
)
def test_each_reason_that_slows_a_gpu_has_its_name(bits: int, signs: frozenset[str]) -> None:
    assert slowing(bits) == signs
    assert gpu_of(FakeNvml(reasons=bits)).throttling() == signs


def test_an_older_driver_is_asked_by_the_calls_old_name() -> None:
    old = FakeNvml()
    library = SimpleNamespace(
        nvmlInit=old.nvmlInit,
        nvmlDeviceGetHandleByIndex=old.nvmlDeviceGetHandleByIndex,
        nvmlDeviceGetCurrentClocksThrottleReasons=lambda handle: 0x20,
        NVMLError=FakeNvmlError,
    )
    found = open_gpu(library, "")
    assert isinstance(found, NvmlGpu)
    assert found.throttling() == frozenset({"gpu-thermal"})


def test_a_slow_gpu_is_no_sign_against_what_the_processor_runs(tmp_path: Path) -> None:
    system = machine(tmp_path, FakeNvml(reasons=0x4))
    assert "gpu-power-cap" in read_throttle(system).active
    assert "gpu-power-cap" not in read_throttle(system, gpu=False).active
    assert "gpu-power-cap" in take_moment(system, 1, gpu=True).throttle.active
    assert "gpu-power-cap" not in take_moment(system, 1).throttle.active


def test_energy_of_a_gpu_job_is_the_gpus(tmp_path: Path) -> None:
    system = machine(tmp_path, FakeNvml())
    assert read_energy(system, 7, gpu=True) == EnergySample(7, counter_uj=5_000_000)
    assert read_energy(system, 7) == EnergySample(7, counter_uj=1_000_000)


def test_a_jetson_whose_gpu_tells_nvml_nothing_keeps_what_its_files_tell(tmp_path: Path) -> None:
    grow(tmp_path, {**JETSON, "sys/class/devfreq/17000000.gpu/cur_freq": "306000000\n"})
    gpu = gpu_of(FakeNvml(refused=EVERYTHING))
    system = System(tmp_path, Commands(), gpu=gpu, platform_name="Linux", machine="aarch64")
    assert read_all(system)["gpu_clock_mhz"] == 306
    assert read_energy(system, 7, gpu=True) == EnergySample(7, power_mw=6000)


def test_the_gpu_is_watched_during_a_job_of_its_own_only(tmp_path: Path) -> None:
    library = FakeNvml()
    system = machine(tmp_path, library)
    with Sampler(system, time.perf_counter_ns, gpu=True) as sampler:
        pass
    assert all(moment.values["gpu_clock_mhz"] == 1755 for moment in sampler.moments)
    library.asked.clear()
    with Sampler(system, time.perf_counter_ns):
        pass
    assert library.asked == []


def test_what_a_gpu_does_not_support_is_unreadable_and_breaks_nothing() -> None:
    gpu = gpu_of(FakeNvml(refused=EVERYTHING))
    assert set(gpu.readings().values()) == {None}
    assert gpu.throttling() is None
    assert gpu.energy_uj() is None
    assert gpu.power_limit_w() is None
    assert gpu.name() == gpu.driver() == ""


@pytest.mark.parametrize(
    ("visible", "handle"),
    [("", "index 0"), ("2,0", "index 2"), ("GPU-8f6d,1", "uuid GPU-8f6d"), ("nonsense", "index 0")],
)
def test_the_gpu_that_cuda_sees_first_is_read(visible: str, handle: str) -> None:
    assert gpu_of(FakeNvml(), visible).name().endswith(handle)


def test_no_driver_and_no_package_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_gpu(FakeNvml(broken="Driver Not Loaded"), "") == "NVML: Driver Not Loaded"

    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    assert open_gpu() == NOT_INSTALLED
    assert "help-fleet[nvidia]" in NOT_INSTALLED


def test_the_real_library_has_every_call_that_is_made() -> None:
    pynvml = pytest.importorskip("pynvml")
    calls = [name for name in dir(FakeNvml) if name.startswith(("nvml", "NVML_"))]
    assert calls
    assert [name for name in calls if not hasattr(pynvml, name)] == []
    assert issubclass(pynvml.NVMLError, Exception)
