"""Generates the Python code of the protos: ``python proto/generate.py [--check]``.

With ``--check`` nothing is written; the exit code says whether the committed code is what
the protos generate.
"""

from __future__ import annotations

import filecmp
import os
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent
PACKAGE = Path("help_proto/v1")


def generate(out: Path) -> None:
    """Writes messages, stubs and their type hints below ``out``."""
    # The plugins for type hints are installed beside the interpreter.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    include = Path(protoc.__file__).parent / "_proto"
    protos = sorted(str(path.relative_to(ROOT)) for path in (ROOT / PACKAGE).glob("*.proto"))
    kinds = ("python", "grpc_python", "mypy", "mypy_grpc")
    outputs = [f"--{kind}_out={'quiet:' if 'mypy' in kind else ''}{out}" for kind in kinds]
    if protoc.main(["protoc", f"-I{ROOT}", f"-I{include}", *outputs, *protos]) != 0:
        sys.exit("protoc failed; its message is above")


def main() -> None:
    """Generates, or checks what is committed."""
    if "--check" not in sys.argv[1:]:
        generate(ROOT)
        return
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        names = sorted(path.name for path in (fresh / PACKAGE).iterdir())
        _, differ, missing = filecmp.cmpfiles(fresh / PACKAGE, ROOT / PACKAGE, names, shallow=False)
    if differ or missing:
        sys.exit(f"not what the protos generate: {', '.join(differ + missing)}; run 'make proto'")


if __name__ == "__main__":
    main()
