"""The commands that help lists without importing them."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import typer

from coordinator.main import SCIENCE, app


@pytest.mark.parametrize("name", SCIENCE)
def test_the_listed_help_is_the_commands_own(name: str) -> None:
    group: Any = typer.main.get_command(app)
    stub = group.get_command(group.make_context("help-coord", [name, "--help"]), name)
    assert stub.get_short_help_str(200) == stub.load().get_short_help_str(200)


def test_help_begins_with_what_a_newcomer_needs_and_lists_each_command_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        app(["--help"])
    group: Any = typer.main.get_command(app)
    context = group.make_context("help-coord", ["--version"], resilient_parsing=True)
    listed = group.list_commands(context)
    rows = re.findall(r"^│ ([a-z-]+)  ", capsys.readouterr().out, re.MULTILINE)
    rows = [row for row in rows if not row.startswith("-")]
    assert rows[:4] == ["quickstart", "serve", "devices", "adapt"]
    assert sorted(rows) == sorted(listed)


def test_listing_the_commands_imports_no_science() -> None:
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from coordinator.main import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(sorted({'torch', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
