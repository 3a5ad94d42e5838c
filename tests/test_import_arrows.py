"""The arrows of the design: who may import whom, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = {
    "help_core": {
        "grpc",
        "sqlalchemy",
        "alembic",
        "typer",
        "rich",
        "agent",
        "coordinator",
        "help_proto",
        "onnxruntime",
    },
    "help_core/spaces": {"torch", "scipy"},
    "help_core/graphs": {"torch", "scipy"},
    "help_core/records": {"torch", "scipy"},
    "agent": {"torch", "scipy", "sqlalchemy", "alembic", "coordinator"},
    "coordinator": {"onnxruntime", "agent"},
    "proto/help_proto": {"torch", "scipy", "sqlalchemy", "agent", "coordinator"},
}
CLOCKS = {"time", "datetime"}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _files(folder: str) -> list[Path]:
    return [path for path in (ROOT / folder).rglob("*.py") if "_pb2" not in path.name]


@pytest.mark.parametrize("folder", sorted(FORBIDDEN))
def test_a_package_imports_nothing_that_its_role_forbids(folder: str) -> None:
    files = _files(folder)
    assert files
    broken = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in _imports(path)
        if name.split(".")[0] in FORBIDDEN[folder]
    ]
    assert broken == []


def test_help_core_reads_no_clock() -> None:
    broken = [
        str(path.relative_to(ROOT))
        for path in _files("help_core")
        if CLOCKS & {name.split(".")[0] for name in _imports(path)}
    ]
    assert broken == []


def test_the_check_sees_a_forbidden_import(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("def f():\n    from torch.nn import Linear\n")
    assert list(_imports(file)) == ["torch.nn"]


def test_every_function_of_the_generated_code_is_left_to_the_generator() -> None:
    folder = ROOT / "proto" / "help_proto" / "v1"
    assert len(list(folder.glob("*_pb2*.py*"))) == 4 * len(list(folder.glob("*.proto"))) > 0
