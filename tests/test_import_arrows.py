"""The arrows of the design: who may import whom, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
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
    "deploy": {
        *(
            "torch",
            "scipy",
            "numpy",
            "sqlalchemy",
            "alembic",
            "onnxruntime",
            "grpc",
            "typer",
            "rich",
        ),
        *("agent", "coordinator", "help_proto"),
    },
    "proto/help_proto": {"torch", "scipy", "sqlalchemy", "agent", "coordinator"},
}
CLOCKS = {"time", "datetime"}
RUNS_NETWORKS = "coordinator/validation/runtime.py"
"""'help-coord validate' runs networks for their accuracy, here alone, and loads onnxruntime
only then; latency is measured by agents."""
MAY_IMPORT_TORCH = {"agent/runtimes/torch_runtime.py", "agent/runtimes/torch_graph.py"}
"""The optional torch runtime runs in a measuring process that was asked for it. The agent names
it by a string; the tests below hold that no other module imports it and no agent loads torch."""


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _files(folder: str) -> list[Path]:
    return [path for path in (ROOT / folder).rglob("*.py") if "_pb2" not in path.name]


def _is_allowed(path: Path, name: str) -> bool:
    relative = path.relative_to(ROOT).as_posix()
    if relative == RUNS_NETWORKS:
        return name == "onnxruntime"
    return relative in MAY_IMPORT_TORCH and name.split(".")[0] == "torch"


@pytest.mark.parametrize("folder", sorted(FORBIDDEN))
def test_a_package_imports_nothing_that_its_role_forbids(folder: str) -> None:
    files = _files(folder)
    assert files
    broken = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in _imports(path)
        if name.split(".")[0] in FORBIDDEN[folder] and not _is_allowed(path, name)
    ]
    assert broken == []


def test_only_the_torch_runtime_imports_its_own_modules() -> None:
    modules = {file.removesuffix(".py").replace("/", ".") for file in MAY_IMPORT_TORCH}
    importers = {
        path.relative_to(ROOT).as_posix()
        for path in _files("agent")
        if modules & set(_imports(path))
    }
    assert importers <= MAY_IMPORT_TORCH


@pytest.mark.parametrize(
    ("module", "absent"),
    [("agent.main", "torch scipy"), ("agent.measure.child", "torch scipy onnx onnxruntime")],
)
def test_an_agent_and_its_measuring_process_load_no_more_than_they_need(
    module: str, absent: str
) -> None:
    code = f"import sys, {module}; print(*[n for n in {absent.split()} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == ""


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
