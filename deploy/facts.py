"""What a board is, as far as installing on it depends on that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.inventory import Target
from deploy.shell import quote, script
from deploy.text import one_line
from help_core.errors import BadInput, DeployFailed

OLDEST_PYTHON = (3, 11)
OLDEST_GLIBC = (2, 28)
"""The oldest glibc that the wheels of onnxruntime are made for."""
MACHINES = frozenset({"x86_64", "aarch64"})
NEEDED_KB = 700_000
"""Room for a virtual environment of the agent, with its wheels while they are unpacked."""
PYTHONS = ("python3", "python3.13", "python3.12", "python3.11", "python3.14")
_ASK_PYTHON = (
    "import os,struct,sys;"
    "libc=os.confstr('CS_GNU_LIBC_VERSION') if 'CS_GNU_LIBC_VERSION' in os.confstr_names else '';"
    "print('%d.%d'%sys.version_info[:2],struct.calcsize('P')*8,sys.executable,libc,sep='|')"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a board and of the user who logs in."""

    machine: str
    home: str
    is_root: bool
    may_sudo: bool
    has_systemd: bool
    has_user_systemd: bool
    python: str
    python_version: tuple[int, int]
    glibc: tuple[int, int]
    free_kb: int


def ask(target: Target) -> str:
    """The script whose output ``parse`` reads."""
    pythons = [target.python] if target.python else list(PYTHONS)
    return script(
        'say() { printf \'%s\\t%s\\n\' "$1" "$2"; }',
        'yes() { if "$@" >/dev/null 2>&1; then echo yes; fi; }',
        'say machine "$(uname -m)"',
        'say home "$HOME"',
        'say uid "$(id -u)"',
        'say sudo "$(yes sudo -n true)"',
        'say systemd "$(yes test -d /run/systemd/system)"',
        'export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"',
        'say user_systemd "$(yes systemctl --user show-environment)"',
        'say free_kb "$(df -Pk "$HOME" | awk \'NR == 2 { print $4 }\')"',
        f"for python in {' '.join(map(quote, pythons))}; do",
        f'  say python "$("$python" -c {quote(_ASK_PYTHON)} 2>/dev/null || true)"',
        "done",
    )


def parse(output: str, target: Target) -> Facts:
    """Raises ``BadInput`` for a board that no agent runs on, and says what would mend it."""
    said: dict[str, str] = {}
    pythons: list[str] = []
    for line in output.splitlines():
        key, _, value = line.partition("\t")
        if key == "python":
            pythons.append(value)
        else:
            said.setdefault(key, value)
    if missing := {"machine", "home", "uid", "free_kb"} - said.keys():
        raise DeployFailed(f"the board did not say {', '.join(sorted(missing))}; is it a Linux?")
    python, version, bits, glibc = _python(pythons, target)
    _check_platform(said["machine"], bits, glibc)
    return Facts(
        machine=said["machine"],
        home=_home(said),
        is_root=said["uid"] == "0",
        may_sudo=said.get("sudo") == "yes",
        has_systemd=said.get("systemd") == "yes",
        has_user_systemd=said.get("user_systemd") == "yes",
        python=python,
        python_version=version,
        glibc=glibc,
        free_kb=int(said["free_kb"]) if said["free_kb"].isdecimal() else NEEDED_KB,
    )


def _home(said: Mapping[str, str]) -> str:
    if not re.fullmatch(r"/[^\0]*", said["home"]):
        raise DeployFailed(f"the login user has no home folder ({one_line(said['home'])!r})")
    return said["home"].rstrip("/")


def _python(lines: list[str], target: Target) -> tuple[str, tuple[int, int], int, tuple[int, int]]:
    found = []
    for line in filter(None, lines):
        parts = line.split("|")
        if len(parts) != 4 or not re.fullmatch(r"\d+\.\d+", parts[0]):
            continue
        found.append(parts[0])
        if _pair(parts[0]) >= OLDEST_PYTHON and parts[1].isdecimal():
            libc = re.search(r"glibc (\d+\.\d+)", parts[3])
            bits = int(parts[1])
            return parts[2], _pair(parts[0]), bits, _pair(libc[1]) if libc else (0, 0)
    if found:
        raise BadInput(
            f"the board has Python {', '.join(found)}, and the agent needs 3.11 or newer;"
            " install one and name it with --python"
        )
    asked = target.python or ", ".join(PYTHONS)
    raise BadInput(f"the board has no usable {asked!r}; install Python, or name it with --python")


def _pair(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _check_platform(machine: str, bits: int, glibc: tuple[int, int]) -> None:
    if machine not in MACHINES or bits != 64:
        raise BadInput(
            f"the board is {one_line(machine)} with {bits}-bit programs, and there are wheels of"
            f" onnxruntime for {' and '.join(sorted(MACHINES))} alone; install a 64-bit system"
        )
    if glibc < OLDEST_GLIBC:
        have = f"glibc {glibc[0]}.{glibc[1]}" if any(glibc) else "no glibc"
        raise BadInput(
            f"the board has {have}, and the wheels of onnxruntime need glibc 2.28 or newer;"
            " install a newer system (Debian 10, Ubuntu 20.04)"
        )
