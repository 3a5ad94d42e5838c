"""Folder phones with a runner and this machine's onnxruntime."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnxruntime
import pytest

from agent.boards.android.bench import AndroidBench
from agent.boards.android.binaries import Binaries
from agent.boards.android.board import AndroidBoard
from agent.boards.android.build import build_runner
from agent.boards.android.fake import FolderPhone
from agent.measure.loop import Plan

SHORT = Plan(
    min_warmup_runs=3,
    max_warmup_runs=10,
    max_warmup_s=0.05,
    min_samples=3,
    max_samples=60,
    min_sampling_s=0.0,
    max_sampling_s=0.1,
)
THERMAL = """IsStatusOverride: false
Thermal Status: {status}
Cached temperatures:
	Temperature{{mValue=91.0, mType=0, mName=CPU0, mStatus=0}}
HAL Ready: true
Current temperatures from HAL:
	Temperature{{mValue=41.5, mType=0, mName=CPU0, mStatus=0}}
	Temperature{{mValue=43.25, mType=0, mName=CPU1, mStatus=0}}
	Temperature{{mValue=35.0, mType=2, mName=battery, mStatus=0}}
Current cooling devices from HAL:
"""
BATTERY = """Current Battery Service state:
  AC powered: false
  USB powered: true
  status: {status}
  level: 83
  temperature: 310
"""


def make_binaries(folder: Path) -> Binaries:
    """A runner for this machine and the library of the onnxruntime wheel, or a skip by name."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler 'cc'")
    library = next(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"), None)
    if library is None:
        pytest.skip("this onnxruntime wheel has no libonnxruntime.so")
    return Binaries(build_runner(compiler, folder / "help-runner"), library)


def make_phone(folder: Path, serial: str = "folder-phone") -> FolderPhone:
    """A phone that is cool, charged and charging."""
    phone = FolderPhone(folder, serial)
    phone.answer("dumpsys", ["battery"], BATTERY.format(status=2))
    phone.answer("dumpsys", ["thermalservice"], THERMAL.format(status=0))
    phone.answer("dumpsys", ["power"], "  mWakefulness=Awake\n")
    phone.answer("getprop", ["ro.product.manufacturer"], "Google\n")
    phone.answer("getprop", ["ro.product.model"], "Pixel 9\n")
    phone.answer("getprop", ["ro.build.version.release"], "15\n")
    return phone


def make_board(
    phone: FolderPhone, binaries: Binaries, cores: tuple[int, ...] = (), return_s: float = 30.0
) -> AndroidBoard:
    bench = AndroidBench(phone, binaries, cores, SHORT, return_s=return_s)
    return AndroidBoard(phone, bench, cores, processes=2, max_extra=0)
