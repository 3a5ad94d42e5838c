"""Three ways to keep an agent running, each as lines of shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from deploy.facts import Facts
from deploy.inventory import Target
from deploy.layout import SYSTEM_DIRECTORY, USER_DIRECTORY, Layout
from deploy.shell import command, quote
from deploy.supervisor import supervisor
from deploy.units import AGENT_USER, agent_unit, unit_name
from help_core.errors import BadInput

STOP_S = 60


class Service(Protocol):
    """Lines of shell; each works whatever state it finds, and again."""

    @property
    def kind(self) -> str:
        """As an inventory names it."""
        ...

    @property
    def as_root(self) -> bool:
        """Whether the scripts need root."""
        ...

    @property
    def layout(self) -> Layout:
        """Where the agent lives."""
        ...

    @property
    def path(self) -> str:
        """The file that configures it."""
        ...

    def content(self) -> str:
        """What that file holds."""
        ...

    def prepare(self) -> list[str]:
        """Before the agent enrols: makes its user, if it has one of its own."""
        ...

    def own_state(self) -> list[str]:
        """Gives the state folder to the agent's user."""
        ...

    def start(self) -> list[str]:
        """Takes over the file and starts, now and at boot as far as it can."""
        ...

    def stop(self) -> list[str]:
        """Stops it and waits until it has."""
        ...

    def state(self) -> list[str]:
        """Prints ``active`` or another word."""
        ...

    def logs(self, lines: int) -> list[str]:
        """Prints the newest lines."""
        ...

    def remove(self) -> list[str]:
        """Stops it and forgets it."""
        ...


@dataclass(frozen=True, slots=True)
class Systemd:
    """A unit of the machine's systemd, or of the user's own."""

    layout: Layout
    arguments: tuple[str, ...]
    home: str
    system: bool

    @property
    def kind(self) -> str:
        """As an inventory names it."""
        return "system" if self.system else "user"

    @property
    def as_root(self) -> bool:
        """Whether the scripts need root."""
        return self.system

    @property
    def unit(self) -> str:
        """Name of the unit."""
        return unit_name(self.layout.device)

    @property
    def path(self) -> str:
        """The unit's file."""
        folder = "/etc/systemd/system" if self.system else f"{self.home}/.config/systemd/user"
        return f"{folder}/{self.unit}"

    def content(self) -> str:
        """The unit."""
        return agent_unit(self.layout, self.arguments, system=self.system)

    def prepare(self) -> list[str]:
        """A user without a login, in the groups that read a board's sensors and accelerators."""
        if not self.system:
            return []
        user = quote(AGENT_USER)
        return [
            f"if ! getent passwd {user} >/dev/null; then",
            f"  useradd --system --user-group --no-create-home --home-dir /nonexistent"
            f" --shell /usr/sbin/nologin {user}",
            "fi",
            "for group in video render; do",
            f"  if getent group $group >/dev/null; then usermod -a -G $group {user}; fi",
            "done",
        ]

    def own_state(self) -> list[str]:
        """See ``Service``."""
        return [f"chown -R {AGENT_USER}: {quote(self.layout.state)}"] if self.system else []

    def start(self) -> list[str]:
        """Enabled; a user's systemd lingers after the last logout, where that is allowed."""
        linger = [] if self.system else ["loginctl enable-linger >/dev/null 2>&1 || true"]
        return [
            *self._environment(),
            *linger,
            self._systemctl("daemon-reload"),
            self._systemctl("--quiet", "enable", self.unit),
            # A start that fails is seen by what the agent then does not report.
            self._systemctl("--no-block", "restart", self.unit),
        ]

    def stop(self) -> list[str]:
        """See ``Service``."""
        return [*self._environment(), self._systemctl("stop", self.unit) + " 2>/dev/null || true"]

    def state(self) -> list[str]:
        """See ``Service``."""
        return [*self._environment(), self._systemctl("is-active", self.unit) + " || true"]

    def logs(self, lines: int) -> list[str]:
        """See ``Service``."""
        which = "--unit" if self.system else "--user-unit"
        words = ("journalctl", "--no-pager", "--output=short-iso", "-n", str(lines))
        return [command(*words, f"{which}={self.unit}")]

    def remove(self) -> list[str]:
        """See ``Service``."""
        return [
            *self.stop(),
            self._systemctl("--quiet", "disable", self.unit) + " 2>/dev/null || true",
            command("rm", "-f", self.path),
            self._systemctl("daemon-reload"),
            self._systemctl("reset-failed", self.unit) + " 2>/dev/null || true",
        ]

    def _systemctl(self, *words: str) -> str:
        return command("systemctl", *(() if self.system else ("--user",)), *words)

    def _environment(self) -> list[str]:
        if self.system:
            return []
        # A login without a session, as ssh's of a script can be, does not know its own bus.
        return ['export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"']


@dataclass(frozen=True, slots=True)
class Supervised:
    """A shell script that restarts the agent; it does not come back after a reboot."""

    layout: Layout
    arguments: tuple[str, ...]
    kind: str = "process"
    as_root: bool = False

    @property
    def path(self) -> str:
        """The script."""
        return f"{self.layout.agent}/supervise"

    def content(self) -> str:
        """See ``supervisor``."""
        return supervisor(self.layout, self.arguments)

    def prepare(self) -> list[str]:
        """Nothing: it runs as the login user."""
        return []

    def own_state(self) -> list[str]:
        """Nothing: it is the login user's."""
        return []

    def start(self) -> list[str]:
        """In a session of its own, so that it outlives the connection."""
        line = f"setsid {command('sh', self.path)} </dev/null >/dev/null 2>&1 &"
        return [*self.stop(), line]

    def stop(self) -> list[str]:
        """SIGTERM, and SIGKILL to all of its session when that did not end it."""
        return [
            *self._find(),
            'if [ -n "$pid" ]; then',
            '  kill -TERM "$pid" 2>/dev/null || true',
            f"  left={STOP_S * 5}",
            '  while kill -0 "$pid" 2>/dev/null && [ "$left" -gt 0 ]; do',
            "    sleep 0.2; left=$((left - 1))",
            "  done",
            '  if kill -0 "$pid" 2>/dev/null; then',
            '    kill -KILL "-$pid" "$pid" 2>/dev/null || true',
            "  fi",
            "fi",
            f"rm -f {quote(self.layout.agent + '/pid')}",
        ]

    def state(self) -> list[str]:
        """See ``Service``."""
        return [*self._find(), 'if [ -n "$pid" ]; then echo active; else echo inactive; fi']

    def logs(self, lines: int) -> list[str]:
        """See ``Service``."""
        return [command("tail", "-n", str(lines), f"{self.layout.agent}/agent.log")]

    def remove(self) -> list[str]:
        """See ``Service``."""
        return self.stop()

    def _find(self) -> list[str]:
        """Sets ``pid`` to the running supervisor's: a number that another took over is not it."""
        return [
            f"pid=$(cat {quote(self.layout.agent + '/pid')} 2>/dev/null || true)",
            'case "$pid" in *[!0-9]*) pid= ;; esac',
            'if [ -n "$pid" ]; then',
            "  if ! tr '\\0' '\\n' <\"/proc/$pid/cmdline\" 2>/dev/null"
            f" | grep -qF {quote('/supervise')}; then pid=; fi",
            "fi",
        ]


def choose_service(target: Target, facts: Facts) -> Service:
    """The way that was asked for, or the first that the board has; raises ``BadInput``."""
    root = facts.is_root or facts.may_sudo
    possible = {
        "system": facts.has_systemd and root,
        "user": facts.has_user_systemd,
        "process": True,
    }
    kind = target.service
    if kind == "auto":
        kind = next(name for name, works in possible.items() if works)
    if not possible[kind]:
        why = {
            "system": "needs systemd and root (or sudo without a password)",
            "user": "needs a systemd of the login user",
        }
        raise BadInput(f"service {kind!r} {why[kind]}, which this board does not have")
    own = f"{facts.home}/{USER_DIRECTORY}"
    base = target.directory or (SYSTEM_DIRECTORY if kind == "system" else own)
    layout = Layout(base, target.device)
    arguments = run_arguments(target, layout)
    if kind == "process":
        return Supervised(layout, arguments)
    if "$" in base:
        raise BadInput(f"directory {base!r} holds a $, which no systemd unit can run a program in")
    return Systemd(layout, arguments, facts.home, system=kind == "system")


def run_arguments(target: Target, layout: Layout) -> tuple[str, ...]:
    """Arguments of the agent's program."""
    fixed: Sequence[str] = ("run", "--device", target.device, "--state-dir", layout.state)
    return (*fixed, *target.run_arguments())
