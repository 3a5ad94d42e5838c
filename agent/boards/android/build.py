"""``python -m agent.boards.android.build``: compiles the runner, also as ``make phone-runner``."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from agent.boards.android.binaries import RUNNER, default_folder
from help_core.errors import BadInput
from help_proto.console import run_cli

SOURCES = Path(__file__).parent / "runner"
CROSS_COMPILER = "aarch64-linux-gnu-gcc"
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
COMPILE_S = 60.0

app = typer.Typer(pretty_exceptions_enable=False)


def build_runner(compiler: str, out: Path) -> Path:
    """Compiles the runner to ``out``; raises ``BadInput`` if there is no such compiler.

    The compiler decides what for: a cross compiler of Debian for phones with glibc, the
    ``aarch64-linux-android31-clang`` of Android's NDK for all others.
    """
    program = shutil.which(compiler)
    if program is None:
        raise BadInput(
            f"there is no compiler {compiler!r}; install gcc-aarch64-linux-gnu, or name that of"
            " Android's NDK, aarch64-linux-android31-clang, with --compiler"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    sources = sorted(str(path) for path in SOURCES.glob("*.c"))
    done = subprocess.run(
        [program, *FLAGS, "-o", str(out), *sources, "-ldl"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMPILE_S,
        check=False,
    )
    if done.returncode != 0:
        raise BadInput(f"{compiler} does not compile the runner: {done.stderr.strip()[:300]}")
    return out


@app.command()
def build(
    out: Annotated[
        Path | None, typer.Option(help="Where to put it; by default where help-agent looks.")
    ] = None,
    compiler: Annotated[str, typer.Option(help="The C compiler to use.")] = CROSS_COMPILER,
) -> None:
    """Compile the phones' runner."""
    typer.echo(str(build_runner(compiler, out or default_folder() / RUNNER)))


def main() -> None:
    """Entry point."""
    run_cli(app, "phone-runner")


if __name__ == "__main__":
    main()
