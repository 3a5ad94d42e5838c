"""A board that is emulated: real Arm programs that see the files of that board."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.processes import Done
from tests.lab.arm_root import PYTHON, ROOT, ArmRoot

EMULATOR = "qemu-aarch64-static"


@dataclass(frozen=True, slots=True)
class EmulatedBoard:
    """``python`` is a program of this machine that runs the board's Python."""

    folder: Path
    python: Path

    def command(self, module: str, *arguments: str) -> list[str]:
        return [str(self.python), "-m", module, *arguments]

    def run(
        self, module: str, *arguments: str, timeout_s: float = 120.0, **environment: str
    ) -> Done:
        return self._run(self.command(module, *arguments), timeout_s, environment)

    def evaluate(self, program: str, timeout_s: float = 120.0) -> Done:
        return self._run([str(self.python), "-c", program], timeout_s, {})

    def _run(self, command: list[str], timeout_s: float, environment: dict[str, str]) -> Done:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environment},
        )


def make_board(
    folder: Path, root: ArmRoot, files: Mapping[str, str], *, processor: str, kernel: str
) -> EmulatedBoard:
    """A board below ``folder`` that shows ``files`` in the place of this machine's.

    What is under the emulator's prefix hides what this machine has: a folder of ``files`` hides
    the whole folder, so only what the board is known by may be there.
    """
    prefix = folder / "prefix"
    for path, text in files.items():
        target = prefix / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    # A listing of /proc without any process is one that no program expects.
    (prefix / "proc" / "1").mkdir(parents=True, exist_ok=True)
    for part in ("usr", "lib"):
        (prefix / part).symlink_to(root.system / part)
    python = folder / "python"
    python.write_text(_launcher(python, prefix, root, processor, kernel))
    python.chmod(0o755)
    return EmulatedBoard(folder, python)


def _launcher(python: Path, prefix: Path, root: ArmRoot, processor: str, kernel: str) -> str:
    """Python that believes to be this script, so that it starts its children by it too."""
    paths = [root.wheels, ROOT, ROOT / "proto"]
    variables = {
        "QEMU_LD_PREFIX": str(prefix),
        "QEMU_CPU": processor,
        "QEMU_UNAME": kernel,
        "PYTHONHOME": str(root.system / "usr"),
        "PYTHONPATH": ":".join(map(str, paths)),
        "PYTHONPYCACHEPREFIX": str(root.bytecode),
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    binary = root.system / "usr" / "bin" / f"python{PYTHON}"
    start = shlex.join([EMULATOR, "-0", str(python), str(binary)])
    return "\n".join(["#!/bin/sh", *lines, f'exec {start} "$@"', ""])
