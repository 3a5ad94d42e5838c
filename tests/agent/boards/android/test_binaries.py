"""Files for the wrong processor are refused before a phone sees them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from agent.boards.android.binaries import MACHINES, Binaries, choose_binaries, elf_machine
from agent.boards.android.build import build_runner
from help_core.errors import BadInput


def elf(path: Path, machine: int) -> Path:
    path.write_bytes(b"\x7fELF" + bytes(14) + struct.pack("<H", machine))
    return path


def test_the_compiled_runner_is_for_the_machine_of_its_compiler(binaries: Binaries) -> None:
    assert elf_machine(binaries.runner) == elf_machine(binaries.library)


def test_files_for_the_phones_processor_pass(tmp_path: Path) -> None:
    machine = MACHINES["arm64-v8a"]
    Binaries(elf(tmp_path / "r", machine), elf(tmp_path / "l", machine)).check("arm64-v8a")


def test_a_runner_for_another_processor_is_named(tmp_path: Path) -> None:
    files = Binaries(elf(tmp_path / "r", 62), elf(tmp_path / "l", 183))
    with pytest.raises(BadInput, match=r"--runner .* is not built for arm64-v8a"):
        files.check("arm64-v8a")


def test_a_file_that_no_phone_runs_is_named(tmp_path: Path) -> None:
    (tmp_path / "l").write_text("#!/bin/sh\n")
    files = Binaries(elf(tmp_path / "r", 183), tmp_path / "l")
    with pytest.raises(BadInput, match=r"--library .* is no ELF file"):
        files.check("arm64-v8a")


def test_a_missing_file_is_told_with_the_way_to_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="make phone-runner"):
        choose_binaries(tmp_path / "absent", None).check("arm64-v8a")


def test_a_compiler_that_is_not_there_is_told_with_the_one_to_install(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="gcc-aarch64-linux-gnu"):
        build_runner("no-such-compiler", tmp_path / "runner")
