"""A phone for tests: a real adbd in an emulated Arm root, in namespaces that hold it in.

``adb``'s server runs in the same network namespace and is spoken to over a socket that is a
file, so nothing listens on this machine's network, not even on loopback.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from agent.boards.android.link import find_adb
from tests.lab import phone_root

HERE = Path(__file__).parent
SERIAL = "localhost:5555"
ADBD = "/usr/lib/android-sdk/platform-tools/adbd"
PROGRAMS = ("cat", "chmod", "grep", "id", "kill", "mkdir", "mv", "rm", "sha256sum", "uname")
PROPERTIES = {
    "ro.product.manufacturer": "Lab",
    "ro.product.model": "Lab Phone; $(touch /data/local/tmp/owned) 'one' \"two\"",
    "ro.soc.model": "Cortex-A72",
    "ro.build.version.release": "14",
    "ro.build.fingerprint": "lab/phone/1",
    "ro.product.cpu.abi": "arm64-v8a",
}
GETPROP = "#!/system/bin/sh\ncat /etc/properties/$1 2>/dev/null\n"
SETTINGS = """#!/system/bin/sh
case $1 in
put) print -n -- "$4" > /data/settings/$3 ;;
delete) rm -f /data/settings/$3 ;;
get) if [[ -e /data/settings/$3 ]]; then cat /data/settings/$3; else echo null; fi ;;
esac
"""
DUMPSYS = """#!/system/bin/sh
cat /etc/dumpsys/$1 2>/dev/null
"""
BATTERY = "Current Battery Service state:\n  USB powered: true\n  status: 2\n  level: 83\n"
THERMAL = """IsStatusOverride: false
Thermal Status: 0
Current temperatures from HAL:
	Temperature{mValue=41.5, mType=0, mName=CPU0, mStatus=0}
"""
CPUINFO = """processor\t: {core}
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""


class LabPhone:
    """A context manager: the phone is on, its cable plugged, adb's server running."""

    def __init__(self, folder: Path) -> None:
        """Raises ``Lacking`` with what is missing."""
        phone_root.check_tools()
        self.root = folder / "root"
        self.cores = os.cpu_count() or 1
        self._folder = folder
        self._adb = find_adb()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._adbd: subprocess.Popen[bytes] | None = None
        self.server_socket = f"localfilesystem:{folder / 'adb.sock'}"
        self._inside = 0
        self._furnish()

    def __enter__(self) -> Self:
        try:
            self._enter_namespaces()
            self.plug()
            self._start_server()
            self.wait_until(lambda: "connected" in self.adb("connect", SERIAL).stdout)
            self.wait_until(lambda: self.shell("echo here").stdout.strip() == "here")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        # The first process of the namespace takes all others with it.
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    @property
    def files(self) -> list[str]:
        """What is below /data/local/tmp."""
        found = self.root / "data/local/tmp"
        return sorted(str(path.relative_to(found)) for path in found.rglob("*"))

    def setting(self, name: str) -> str | None:
        """A global setting of the phone, or ``None`` if it is unset."""
        path = self.root / "data/settings" / name
        return path.read_text() if path.exists() else None

    def plug(self) -> None:
        """Starts adbd."""
        words = ["env", "-i", "HOME=/tmp", "LC_ALL=C", "/usr/sbin/chroot", str(self.root)]
        words += ["/bin/toybox", "env", "PATH=/system/bin", "LD_PRELOAD=/lib/phone_shim.so", ADBD]
        self._adbd = self._start(self._within(words), "adbd.log")

    def unplug(self) -> None:
        """Kills adbd: every connection breaks at once."""
        assert self._adbd is not None
        for child in children(self._adbd.pid):
            os.kill(child, signal.SIGKILL)
        self._adbd.wait(10)

    def adb(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The adb program, against this phone's own server."""
        return subprocess.run(
            [self._adb, *arguments],
            env={**os.environ, "ADB_SERVER_SOCKET": self.server_socket},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """A command on the phone."""
        return self.adb("-s", SERIAL, "shell", "-T", script)

    def inside(self, *command: str) -> str:
        """What a command of this machine prints in the phone's network."""
        return subprocess.run(
            self._within(command), capture_output=True, text=True, check=True, timeout=30
        ).stdout

    def processes(self) -> list[str]:
        """Command lines of what runs on the phone."""
        found = []
        own = Path(f"/proc/{self._inside}/ns/pid").readlink()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                same = (folder / "ns/pid").readlink() == own
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if same:
                found.append(" ".join(words).strip())
        return found

    @staticmethod
    def wait_until(condition: Callable[[], bool], timeout_s: float = 90.0) -> None:
        """Waits until the condition holds."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("it did not happen in time")
            time.sleep(0.1)

    def _within(self, command: Sequence[str]) -> list[str]:
        enter = ["nsenter", "-t", str(self._inside), "-U", "-m", "-n", "-p"]
        return [*enter, "--preserve-credentials", *command]

    def _start(self, command: Sequence[str], log: str) -> subprocess.Popen[bytes]:
        with (self._folder / log).open("ab") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        self._processes.append(process)
        return process

    def _enter_namespaces(self) -> None:
        emulator = shutil.which("qemu-aarch64-static") or ""
        command = ["unshare", "-U", "-r", "-m", "-n", "--pid", "--fork", "--kill-child"]
        command += ["bash", str(HERE / "phone_enter.sh"), str(self.root), emulator]
        outer = self._start(command, "enter.log")
        log = self._folder / "enter.log"
        self.wait_until(lambda: "ready" in log.read_text() or outer.poll() is not None)
        if outer.poll() is not None:
            raise phone_root.Lacking(
                f"the kernel gives no namespaces with binfmt: {log.read_text().strip()[-200:]}"
            )
        (self._inside,) = children(outer.pid)

    def _start_server(self) -> None:
        home = self._folder / "home"
        home.mkdir()
        words = ["env", f"HOME={home}", "ADB_LOCAL_TRANSPORT_MAX_PORT=5553", "ADB_MDNS=0"]
        words += [self._adb, "-L", self.server_socket, "server", "nodaemon"]
        self._start(self._within(words), "server.log")
        self.wait_until((self._folder / "adb.sock").exists)

    def _furnish(self) -> None:
        root = self.root
        for name in ("system/bin", "data/local/tmp", "data/settings", "dev", "proc", "tmp"):
            (root / name).mkdir(parents=True)
        for package in phone_root.packages():
            phone_root.run(["dpkg-deb", "-x", str(package), str(root)])
        shim = root / "lib/phone_shim.so"
        flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Werror"]
        source = str(HERE / "phone_shim.c")
        phone_root.run([phone_root.COMPILER, *flags, "-o", str(shim), source, "-ldl"])
        for name in PROGRAMS:
            (root / "system/bin" / name).symlink_to("/bin/toybox")
        for folder in ("bin", "system/bin"):
            (root / folder / "sh").symlink_to("/bin/mksh")
        for name, text in (("getprop", GETPROP), ("settings", SETTINGS), ("dumpsys", DUMPSYS)):
            program = root / "system/bin" / name
            program.write_text(text)
            program.chmod(0o755)
        self._write_files()

    def _write_files(self) -> None:
        files = {f"etc/properties/{name}": text + "\n" for name, text in PROPERTIES.items()}
        files |= {"etc/dumpsys/battery": BATTERY, "etc/dumpsys/thermalservice": THERMAL}
        files["etc/dumpsys/power"] = "  mWakefulness=Awake\n"
        files["etc/passwd"] = "shell:x:0:0:shell:/:/system/bin/sh\n"
        cores = range(self.cores)
        files["etc/phone-cpuinfo"] = "".join(CPUINFO.format(core=core) for core in cores)
        zone, cpu = "sys/class/thermal/thermal_zone0", "sys/devices/system/cpu"
        files |= {f"{zone}/type": "cpu-0-0-usr\n", f"{zone}/temp": "41000\n"}
        files |= {f"{zone}/trip_point_0_type": "passive\n", f"{zone}/trip_point_0_temp": "95000\n"}
        for name in ("possible", "present", "online"):
            files[f"{cpu}/{name}"] = f"0-{self.cores - 1}\n"
        for core in cores:
            files[f"{cpu}/cpu{core}/cpu_capacity"] = f"{400 + 624 * (core == self.cores - 1)}\n"
            policy = f"{cpu}/cpufreq/policy{core}"
            files |= {f"{policy}/scaling_{name}_freq": "1500000\n" for name in ("cur", "max")}
            files[f"{policy}/scaling_governor"] = "performance\n"
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
