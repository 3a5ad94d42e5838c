"""Fake machines: a tree of files as the kernel shows them, and the commands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.conditions.system import System

POLICY = "sys/devices/system/cpu/cpufreq/policy0"
ZONE = "sys/class/thermal/thermal_zone0"
COOLING = "sys/class/thermal/cooling_device0"
PI_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"

COMMON = {
    "proc/stat": "cpu  1000 0 500 8000 100 0 0 50 0 0\nprocs_running 2\n",
    "proc/loadavg": "0.50 0.40 0.30 1/100 1234\n",
    "proc/meminfo": "MemTotal:  4000000 kB\nMemAvailable:  3000000 kB\n",
    "proc/vmstat": "oom_kill 3\npswpin 10\npswpout 20\n",
    "proc/pressure/cpu": "some avg10=1.25 avg60=0.5 avg300=0.1 total=12345\n",
    "proc/sys/kernel/random/boot_id": "boot-1\n",
}

PI = {
    **COMMON,
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/cpuinfo": "processor\t: 0\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n",
    PI_THROTTLED: "0\n",
    f"{ZONE}/type": "cpu-thermal\n",
    f"{ZONE}/temp": "61347\n",
    f"{POLICY}/scaling_cur_freq": "1500000\n",
    f"{POLICY}/scaling_max_freq": "1500000\n",
    f"{POLICY}/scaling_governor": "ondemand\n",
    f"{POLICY}/scaling_available_governors": "conservative ondemand performance\n",
}

JETSON = {
    **COMMON,
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "etc/nv_tegra_release": "# R36 (release)\n",
    "var/lib/nvpmodel/status": "pmode:0002\n",
    "usr/bin/jetson_clocks": "#!/bin/sh\n",
    f"{ZONE}/type": "cpu-thermal\n",
    f"{ZONE}/temp": "55000\n",
    f"{ZONE}/trip_point_0_type": "passive\n",
    f"{ZONE}/trip_point_0_temp": "95000\n",
    f"{ZONE}/trip_point_1_type": "critical\n",
    f"{ZONE}/trip_point_1_temp": "105000\n",
    "sys/class/hwmon/hwmon1/oc1_event_cnt": "4\n",
    "sys/class/hwmon/hwmon1/oc2_event_cnt": "0\n",
    f"{COOLING}/type": "cpufreq-cpu0\n",
    f"{COOLING}/cur_state": "0\n",
    f"{COOLING}/stats/total_trans": "7\n",
    "sys/class/thermal/cooling_device1/type": "pwm-fan\n",
    "sys/class/thermal/cooling_device1/cur_state": "3\n",
    f"{POLICY}/scaling_cur_freq": "1510400\n",
    f"{POLICY}/scaling_max_freq": "1510400\n",
    f"{POLICY}/scaling_governor": "schedutil\n",
    f"{POLICY}/scaling_available_governors": "schedutil performance\n",
    "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon2/in1_label": "VDD_IN\n",
    "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon2/in1_input": "5000\n",
    "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon2/curr1_input": "1200\n",
    "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon2/in2_label": "VDD_CPU_GPU_CV\n",
    "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon2/in2_input": "5000\n",
    "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon2/curr2_input": "400\n",
}

LAPTOP = {
    **COMMON,
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: Intel(R) Core(TM) i7-1165G7\n",
    "sys/devices/virtual/dmi/id/product_name": "ThinkPad\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "2\n",
    "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "3\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count": "1\n",
    f"{ZONE}/type": "x86_pkg_temp\n",
    f"{ZONE}/temp": "72000\n",
    "sys/class/hwmon/hwmon0/name": "coretemp\n",
    "sys/class/hwmon/hwmon0/temp1_input": "74000\n",
    "sys/class/hwmon/hwmon1/name": "nvme\n",
    "sys/class/hwmon/hwmon1/temp1_input": "99000\n",
    f"{POLICY}/scaling_cur_freq": "2800000\n",
    f"{POLICY}/scaling_max_freq": "4700000\n",
    f"{POLICY}/scaling_governor": "powersave\n",
    f"{POLICY}/scaling_available_governors": "performance powersave\n",
    f"{POLICY}/energy_performance_preference": "balance_performance\n",
    f"{POLICY}/energy_performance_available_preferences": "default performance power\n",
    "sys/firmware/acpi/platform_profile": "balanced\n",
    "sys/firmware/acpi/platform_profile_choices": "low-power balanced performance\n",
    "sys/class/power_supply/BAT0/capacity": "83\n",
    "sys/class/power_supply/BAT0/status": "Discharging\n",
    "sys/class/powercap/intel-rapl:0/energy_uj": "1000000\n",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850\n",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "400000\n",
    "sys/fs/cgroup/cpu.stat": "usage_usec 5\nnr_periods 3\nnr_throttled 2\nthrottled_usec 9\n",
}


class Commands:
    """Answers commands by their first words and remembers what was run."""

    def __init__(self, answers: Mapping[str, str] | None = None) -> None:
        self.answers = dict(answers or {})
        self.run: list[str] = []

    def __call__(self, command: Sequence[str]) -> str | None:
        line = " ".join(command)
        self.run.append(line)
        found = (answer for start, answer in self.answers.items() if line.startswith(start))
        return next(found, None)


def grow(root: Path, files: Mapping[str, str], commands: Commands | None = None) -> System:
    """The tree below ``root`` and the system that sees it."""
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return System(root, commands or Commands())


MAC = {
    "sysctl -n hw.model": "MacBookPro18,3\n",
    "sysctl -n machdep.cpu.brand_string": "Apple M1 Pro\n",
    "sysctl -n hw.perflevel0.physicalcpu": "6\n",
    "sysctl -n hw.perflevel1.physicalcpu": "2\n",
    "pmset -g therm": (
        "Note: No thermal warning level has been recorded\n"
        "Note: No performance warning level has been recorded\n"
        "Note: No CPU power status has been recorded\n"
    ),
    "pmset -g batt": (
        "Now drawing from 'Battery Power'\n"
        " -InternalBattery-0 (id=4653155)\t83%; discharging; 4:10 remaining present: true\n"
    ),
    "pmset -g": "System-wide power settings:\nCurrently in use:\n lowpowermode         1\n",
}
"""Commands of a Mac; the more special come first."""

MAC_LIMITED = (
    "\tCPU_Scheduler_Limit \t= 100\n\tCPU_Available_CPUs \t= 8\n\tCPU_Speed_Limit \t= 62\n"
)


def arm_cpuinfo(*parts: tuple[int, int]) -> str:
    """``/proc/cpuinfo`` of cores by implementer and part number."""
    return "".join(
        f"processor\t: {index}\nCPU implementer\t: {implementer:#x}\nCPU architecture: 8\n"
        f"CPU variant\t: 0x0\nCPU part\t: {part:#x}\nCPU revision\t: 3\n\n"
        for index, (implementer, part) in enumerate(parts)
    )
