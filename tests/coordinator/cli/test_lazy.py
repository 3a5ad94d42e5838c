"""The commands that help lists without importing them."""

from __future__ import annotations

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
