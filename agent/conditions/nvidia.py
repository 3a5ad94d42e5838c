"""One NVIDIA GPU through NVML, the library of its driver.

The library object is injected: ``pynvml`` of the package nvidia-ml-py, or a fake. NVML makes no
CUDA context, so reading does not disturb the process that measures. What a GPU does not support
is ``None``. Names and units are those of the NVML API reference.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any

SLOWING = {
    0x004: "gpu-power-cap",
    0x008: "gpu-hardware-slowdown",
    0x010: "gpu-sync-boost",
    0x020: "gpu-thermal",
    0x040: "gpu-thermal-hardware",
    0x080: "gpu-power-brake",
    0x200: "gpu-board-limit",
    0x400: "gpu-reliability",
}
"""Clock event reasons that make a GPU slower than it was asked to be (``nvmlClocksEventReasons``).
An idle GPU (0x1), clocks that somebody set (0x2) and a display (0x100) are none of them."""

NOT_INSTALLED = "nvidia-ml-py is not installed: pip install 'help-fleet[nvidia]'"


def slowing(bits: int) -> frozenset[str]:
    """The reasons in a mask that slow a GPU down; an unknown bit keeps its number."""
    harmless = 0x1 | 0x2 | 0x100
    found = set()
    for shift in range(bits.bit_length()):
        bit = 1 << shift
        if bits & bit and not bit & harmless:
            found.add(SLOWING.get(bit, f"gpu-{bit:#x}"))
    return frozenset(found)


class NvmlGpu:
    """The GPU that the measuring process uses; ``library`` is initialised."""

    def __init__(self, library: Any, handle: Any) -> None:
        self._library = library
        self._handle = handle

    def name(self) -> str:
        """The product's name, or an empty string."""
        return self._text(lambda nvml: nvml.nvmlDeviceGetName(self._handle))

    def driver(self) -> str:
        """The driver's version, or an empty string."""
        return self._text(lambda nvml: nvml.nvmlSystemGetDriverVersion())

    def power_limit_w(self) -> float | None:
        """The power limit in force."""
        value = self._number(lambda nvml: nvml.nvmlDeviceGetEnforcedPowerLimit(self._handle))
        return None if value is None else value / 1000

    def readings(self) -> Mapping[str, float | None]:
        """Clock, temperature, power and memory in use, by name with unit."""
        power_mw = self._number(lambda nvml: nvml.nvmlDeviceGetPowerUsage(self._handle))
        used = self._number(lambda nvml: nvml.nvmlDeviceGetMemoryInfo(self._handle).used)
        return {
            **self.moment(),
            "gpu_power_w": None if power_mw is None else power_mw / 1000,
            "gpu_memory_used_mb": None if used is None else used / 2**20,
        }

    def moment(self) -> Mapping[str, float | None]:
        """What changes within a measurement."""
        handle = self._handle
        return {
            "gpu_clock_mhz": self._number(
                lambda nvml: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)
            ),
            "gpu_temperature_c": self._number(
                lambda nvml: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
            ),
        }

    def throttling(self) -> frozenset[str] | None:
        """What slows it down at this moment; ``None`` if it does not tell."""
        ask = getattr(self._library, "nvmlDeviceGetCurrentClocksEventReasons", None)
        # The call's name before driver 535.
        ask = ask or self._library.nvmlDeviceGetCurrentClocksThrottleReasons
        bits = self._number(lambda _: ask(self._handle))
        return None if bits is None else slowing(round(bits))

    def energy_uj(self) -> float | None:
        """Energy since the driver was loaded (Volta and newer)."""
        energy = self._number(lambda nvml: nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))
        return None if energy is None else energy * 1000

    def _number(self, ask: Callable[[Any], Any]) -> float | None:
        try:
            return float(ask(self._library))
        except (self._library.NVMLError, AttributeError, TypeError, ValueError):
            return None

    def _text(self, ask: Callable[[Any], Any]) -> str:
        try:
            found = ask(self._library)
        except self._library.NVMLError:
            return ""
        return found.decode(errors="replace") if isinstance(found, bytes) else str(found)


def open_gpu(library: Any = None, visible: str | None = None) -> NvmlGpu | str:
    """The first GPU that CUDA sees, or why there is none to read.

    ``visible`` is CUDA_VISIBLE_DEVICES. CUDA counts from the fastest and NVML by bus, so where
    there are several, CUDA_DEVICE_ORDER=PCI_BUS_ID makes both count alike.
    """
    if library is None:
        try:
            library = importlib.import_module("pynvml")
        except ModuleNotFoundError:
            return NOT_INSTALLED
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "") if visible is None else visible
    first = visible.split(",")[0].strip()
    try:
        library.nvmlInit()
        return NvmlGpu(library, _find(library, first))
    except library.NVMLError as error:
        return f"NVML: {error}"


def _find(library: Any, first: str) -> Any:
    if first.startswith(("GPU-", "MIG-")):
        return library.nvmlDeviceGetHandleByUUID(first)
    return library.nvmlDeviceGetHandleByIndex(int(first) if first.isdecimal() else 0)
