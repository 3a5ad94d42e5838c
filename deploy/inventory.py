"""Which boards there are and how each is reached: a TOML file, or the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from help_core.errors import BadInput, NotFound
from help_core.records import Settings, check_labels, check_name

SERVICES = ("auto", "system", "user", "process")
VERBS = frozenset({"install", "status", "logs", "upgrade", "remove"})
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.%:-]*")
_LOGIN = re.compile(
    r"(?:(?P<user>[^@]+)@)?(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:@]+))(?::(?P<port>\d+))?"
)


@dataclass(frozen=True, slots=True)
class Login:
    """``USER@HOST:PORT``. An empty user is the one who runs the command."""

    host: str
    user: str = ""
    port: int = 22

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"{self.user}@" if self.user else "") + host + f":{self.port}" * (self.port != 22)


@dataclass(frozen=True, slots=True)
class Target:
    """One agent on one board. An empty string leaves the choice to the deployer."""

    name: str
    login: Login
    device: str
    identity: str = ""
    known_hosts: str = ""
    jump: tuple[Login, ...] = ()
    python: str = ""
    service: str = "auto"
    directory: str = ""
    runtime: str = ""
    provider: str = ""
    threads: int = 1
    batch_size: int = 1
    precision: str = "fp32"
    arguments: tuple[str, ...] = ()
    """Further arguments of ``help-agent run``."""
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name("board", self.name)
        check_name("device", self.device)
        check_labels(self.labels)
        Settings(threads=self.threads, batch_size=self.batch_size)
        if self.name in VERBS:
            raise BadInput(f"board name {self.name!r} is a command of deploy; choose another")
        if self.service not in SERVICES:
            raise BadInput(f"service {self.service!r} is unknown; use {', '.join(SERVICES)}")
        if self.directory and not re.fullmatch(r"/[^\0\n:]*[^\0\n:/]", self.directory):
            raise BadInput(
                f"directory {self.directory!r} is no absolute path (without a colon, which"
                " no virtual environment can lie below)"
            )

    def run_arguments(self) -> list[str]:
        """Arguments of ``help-agent run`` beyond device and state folder."""
        said = {"--runtime": self.runtime, "--provider": self.provider}
        usual = {"--threads": "1", "--batch-size": "1", "--precision": "fp32"}
        values = (str(self.threads), str(self.batch_size), self.precision)
        said |= {
            name: value
            for (name, default), value in zip(usual.items(), values, strict=True)
            if value != default
        }
        return [f"{name}={value}" for name, value in said.items() if value] + list(self.arguments)


def parse_login(text: str) -> Login:
    """``[USER@]HOST[:PORT]``, an IPv6 address in brackets; raises ``BadInput``."""
    found = _LOGIN.fullmatch(text)
    host = (found["six"] or found["host"]) if found else ""
    user = (found["user"] or "") if found else ""
    port = int((found["port"] or "22")[:6]) if found else 0
    words = [host, user] if user else [host]
    if not (all(_WORD.fullmatch(word) for word in words) and 0 < port < 65536):
        raise BadInput(f"{text[:80]!r} is no [USER@]HOST[:PORT], for example pi@192.168.1.20")
    return Login(host, user, port)


def read_inventory(path: Path) -> list[Target]:
    """All boards of the file; raises ``BadInput`` that names the file and the key."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"--inventory {path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}") from None
    if unknown := sorted(set(content) - {"defaults", "boards"}):
        raise BadInput(f"{path}: key {unknown[0]!r} is unknown; use defaults and boards")
    defaults, boards = (_table(path, content, key) for key in ("defaults", "boards"))
    if not boards:
        raise BadInput(f"{path}: there is no [boards.NAME]; see deploy/inventory.toml")
    targets = [_target(path, name, defaults, boards) for name in boards]
    _refuse_twins(path, targets)
    return targets


def choose(path: Path, targets: Sequence[Target], names: Sequence[str]) -> list[Target]:
    """The boards of these names, or all; raises ``NotFound``."""
    known = {target.name: target for target in targets}
    for name in names:
        if name in VERBS:
            raise BadInput(f"{name!r} comes first: help-coord deploy {name} --inventory {path}")
        if name not in known:
            raise NotFound(f"{path} has no board {name!r}; it has {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] if names else list(targets)


def _refuse_twins(path: Path, targets: Sequence[Target]) -> None:
    seen: dict[str, str] = {}
    for target in targets:
        if target.device in seen:
            raise BadInput(
                f"{path}: boards.{seen[target.device]} and boards.{target.name} both have device"
                f" {target.device!r}; each needs its own"
            )
        seen[target.device] = target.name


def _table(path: Path, parent: Mapping[str, Any], key: str, where: str = "") -> dict[str, Any]:
    found = parent.get(key, {})
    if not isinstance(found, dict):
        raise BadInput(f"{path}: {where}{key} is no table; write [{where}{key}]")
    return found


def _target(path: Path, name: str, defaults: dict[str, Any], boards: dict[str, Any]) -> Target:
    own = _table(path, boards, name, "boards.")
    values = {"device": name}
    for where, table in (("defaults", defaults), (f"boards.{name}", own)):
        values |= {key: _value(f"{path}: {where}.{key}", key, table[key]) for key in table}
    if "host" not in values:
        raise BadInput(f'{path}: boards.{name}.host is missing; write host = "pi@ADDRESS"')
    login, port = values.pop("host"), values.pop("port", None)
    try:
        where = f"boards.{name}.host"
        reached = parse_login(str(login))
        where = f"boards.{name}"
        reached = reached if port is None else replace(reached, port=int(port))
        return Target(name=name, login=reached, **_expanded(values, path.parent))
    except BadInput as error:
        raise BadInput(f"{path}: {where}: {error}") from None


_KINDS: dict[str, type] = {"host": str, "port": int, "threads": int, "batch_size": int}
_LISTS = frozenset({"jump", "arguments"})
_KEYS = sorted({"host", "port"} | {one.name for one in fields(Target)} - {"name", "login"})


def _value(where: str, key: str, value: object) -> Any:
    if key not in _KEYS:
        raise BadInput(f"{where} is unknown; use {', '.join(_KEYS)}")
    if key in _LISTS:
        if not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            raise BadInput(f"{where} is no list of strings")
        try:
            return tuple(map(parse_login, value)) if key == "jump" else tuple(value)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from None
    if key == "labels":
        if not (isinstance(value, dict) and all(isinstance(one, str) for one in value.values())):
            raise BadInput(f"{where} is no table of strings")
        return value
    kind = _KINDS.get(key, str)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadInput(f"{where} is no {'whole number' if kind is int else 'string'}")
    if key == "port" and not 0 < int(value) < 65536:  # type: ignore[call-overload]
        raise BadInput(f"{where} is no port")
    return value


def _expanded(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """File names of this machine, relative to the inventory."""
    for key in ("identity", "known_hosts"):
        if values.get(key):
            values[key] = str(folder / Path(values[key]).expanduser())
    return values
