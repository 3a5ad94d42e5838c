"""What the documentation says exists: commands, flags, make targets, files; its Python runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from agent.main import app as agent_app
from coordinator.cli.lazy import load
from coordinator.main import app as coordinator_app

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "deploy/*.md")
    for path in ROOT.glob(pattern)
    if path.name not in ("commands.md", "CHANGELOG.md")
)
PROGRAMS = {"help-coord": coordinator_app, "help-agent": agent_app}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)


def command_lines(path: Path) -> Iterator[str]:
    """Lines of shell blocks, and commands in running text."""
    for block in blocks(path, "sh"):
        yield from block.replace("\\\n", " ").splitlines()
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`((?:help-coord|help-agent|make|python) [^`\n]+)`", prose)


def problem(line: str) -> str | None:
    """What of a command line does not exist."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return None  # an excerpt, not a whole command
    while words and "=" in words[0]:
        words.pop(0)
    if words[:1] == ["sudo"]:
        words.pop(0)
    if not words:
        return None
    name = Path(words[0]).name
    if name in PROGRAMS:
        return _program_problem(name, words[1:])
    if name == "make":
        missing = [w for w in words[1:] if "=" not in w and w.isidentifier() and w not in TARGETS]
        return f"no target {missing}" if missing else None
    if name == "python" and len(words) > 1 and words[1].endswith(".py"):
        return None if (ROOT / words[1]).exists() else f"no file {words[1]}"
    return None


def _program_problem(name: str, words: list[str]) -> str | None:
    command: Any = typer.main.get_command(PROGRAMS[name])
    path, known = name, _options(command)
    for word in words:
        if word in ("|", "&&", ">", ";", "…"):
            break
        default = getattr(command, "default", None)
        if default and (lone := _child(command, path, default)) and not _child(command, path, word):
            command = lone  # as the group does with what is none of its commands
            known |= _options(command)
        if word.startswith("-") and word not in ("-", "--"):
            if word.partition("=")[0] not in known:
                return f"{path} has no {word}"
        elif hasattr(command, "list_commands"):
            if (child := _child(command, path, word)) is not None:
                command, path = child, f"{path} {word}"
                known |= _options(command)
            elif word.islower() and word.replace("-", "").isalpha():
                return f"{path} has no command {word}"
    return None


def _child(group: Any, path: str, name: str) -> Any:
    child = group.get_command(group.context_class(group, info_name=path), name)
    return None if child is None else load(child)


def _options(command: Any) -> set[str]:
    names = {n for p in command.params for n in (*p.opts, *p.secondary_opts)}
    return names | {"-h", "--help"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_that_a_page_shows_exists(path: Path) -> None:
    found = {line: why for line in command_lines(path) if (why := problem(line))}
    assert not found


def test_a_command_that_does_not_exist_is_found() -> None:
    assert problem("help-coord adapt --device x --no-such-flag") is not None
    assert problem("help-coord nonsense") is not None
    assert problem("help-coord deploy pi@host --no-such-flag") is not None
    assert problem("help-coord deploy status --wheel x") is not None
    assert problem("make nonsense") is not None
    assert problem("python benchmarks/nonsense.py") is not None


@pytest.mark.parametrize(
    ("path", "number"),
    [(path, number) for path in PAGES for number in range(len(blocks(path, "python")))],
    ids=lambda value: value.name if isinstance(value, Path) else str(value),
)
def test_every_python_block_runs(path: Path, number: int, tmp_path: Path) -> None:
    paths = [str(ROOT), str(ROOT / "proto"), str(ROOT / "examples")]
    done = subprocess.run(
        [sys.executable, "-c", blocks(path, "python")[number]],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_page_of_all_commands_is_what_the_programs_say() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate_commands.py"), "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
