"""A phone that is a folder of this machine: the whole way without adb, for tests of a lab.

Commands run in this machine's shell with a few programs of Android in front of its own, which
answer from files in ``tools``; the cable can be pulled and put back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from agent.boards.android.link import COMMAND_S, Answer, LinkLost, script_of, start_process

PROGRAMS = ("getprop", "dumpsys", "settings")
PROGRAM = """#!/bin/sh
name="{tools}/$(basename "$0")"
[ "$1" = put ] && {{ printf %s "$4" > "$name.$2.$3"; exit; }}
[ "$1" = delete ] && {{ rm -f "$name.$2.$3"; exit; }}
[ "$1" = get ] && shift
for word in "$@"; do name="$name.$word"; done
cat "$name" 2>/dev/null || true
"""


class FolderPhone:
    """Implements ``PhoneLink`` on a folder of this machine."""

    def __init__(self, root: Path, serial: str = "folder-phone") -> None:
        self.serial = serial
        self.folder = str(root / "files")
        self._tools = root / "tools"
        self._tools.mkdir(parents=True)
        for name in PROGRAMS:
            program = self._tools / name
            program.write_text(PROGRAM.format(tools=self._tools))
            program.chmod(0o700)
        self._running: list[subprocess.Popen[str]] = []
        self._plugged = True
        self.pushed: list[str] = []
        """Targets of all pushes, in their order."""

    def answer(self, program: str, words: Sequence[str], text: str) -> None:
        """What ``program words…`` prints from now on."""
        (self._tools / ".".join([program, *words])).write_text(text)

    def setting(self, name: str) -> str | None:
        """A global setting, or ``None`` if it is unset."""
        path = self._tools / f"settings.global.{name}"
        return path.read_text() if path.exists() else None

    def unplug(self) -> None:
        """Pulls the cable: what runs ends, and nothing answers."""
        self._plugged = False
        for process in self._running:
            process.kill()

    def plug(self) -> None:
        """Puts it back."""
        self._plugged = True

    def count_starts(self) -> int:
        """How many programs have been started."""
        return len(self._running)

    def is_there(self) -> bool:
        """See ``PhoneLink``."""
        return self._plugged

    def shell(self, script: str, timeout_s: float = COMMAND_S) -> Answer:
        """See ``PhoneLink``."""
        self._check()
        done = subprocess.run(
            ["sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            env=self._environment,
        )
        self._check()
        return Answer(done.returncode, done.stdout)

    def push(self, source: Path, target: str) -> None:
        """See ``PhoneLink``."""
        self._check()
        shutil.copyfile(source, target)
        self.pushed.append(target)

    def start(self, words: Sequence[str]) -> subprocess.Popen[str]:
        """See ``PhoneLink``."""
        self._check()
        process = start_process(["env", f"PATH={self._path}", "sh", "-c", script_of(words)])
        self._running.append(process)
        return process

    def _check(self) -> None:
        if not self._plugged:
            raise LinkLost("the cable is out")

    @property
    def _path(self) -> str:
        return f"{self._tools}:{os.environ.get('PATH', '/usr/bin:/bin')}"

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": self._path}
