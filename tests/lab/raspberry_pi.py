"""The files by which a Raspberry Pi 4 is known, as Raspberry Pi OS 12 shows them."""

from __future__ import annotations

from collections.abc import Mapping

POLICY = "sys/devices/system/cpu/cpufreq/policy0"
ZONE = "sys/class/thermal/thermal_zone0"
CORES = 4
CORE = (
    "processor\t: {index}\n"
    "BogoMIPS\t: 108.00\n"
    "Features\t: fp asimd evtstrm crc32 cpuid\n"
    "CPU implementer\t: 0x41\n"
    "CPU architecture: 8\n"
    "CPU variant\t: 0x0\n"
    "CPU part\t: 0xd08\n"
    "CPU revision\t: 3\n\n"
)

RASPBERRY_PI_4: Mapping[str, str] = {
    "proc/cpuinfo": "".join(CORE.format(index=index) for index in range(CORES))
    + "Revision\t: c03114\nSerial\t\t: 1000000000000001\n"
    + "Model\t\t: Raspberry Pi 4 Model B Rev 1.4\n",
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/device-tree/compatible": "raspberrypi,4-model-b\0brcm,bcm2711\0",
    "sys/devices/system/cpu/possible": "0-3\n",
    "sys/devices/system/cpu/present": "0-3\n",
    "sys/devices/system/cpu/online": "0-3\n",
    f"{POLICY}/scaling_governor": "performance\n",
    f"{POLICY}/scaling_available_governors": "conservative ondemand userspace performance\n",
    f"{POLICY}/scaling_cur_freq": "1500000\n",
    f"{POLICY}/scaling_max_freq": "1500000\n",
    f"{ZONE}/type": "cpu-thermal\n",
    f"{ZONE}/temp": "48199\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
    "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
}
KERNEL = "6.6.31+rpt-rpi-v8"
PROCESSOR = "cortex-a72"
