"""Bad input is one clear line, a documented exit code, and loses nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.processes import Done, coord, free_port, run_cli

GOOD = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|"


def check(result: Done, code: int, *words: str) -> None:
    """One line on stderr with those words, nothing on stdout, that exit code."""
    stderr = result.stderr
    assert result.returncode == code, stderr
    assert "Traceback" not in stderr
    assert len(stderr.strip().splitlines()) == 1, stderr
    for word in words:
        assert word in stderr
    assert result.stdout == ""


def test_an_unknown_device_is_named_with_those_that_exist(address: str, board: str) -> None:
    check(coord(address, "adapt", "--device", "nowhere"), 3, "unknown device 'nowhere'", board)


def test_an_unknown_space_is_named_with_those_that_exist(address: str, board: str) -> None:
    check(
        coord(address, "adapt", "--device", board, "--space", "imagenet"),
        3,
        "unknown search space 'imagenet'",
        "nasbench201",
    )


def test_an_unknown_predictor_is_named_with_those_that_exist(address: str, board: str) -> None:
    check(
        coord(address, "adapt", "--device", board, "--predictor", "oracle"), 3, "'oracle'", "help"
    )


def test_a_bad_architecture_names_the_offending_part(address: str, board: str) -> None:
    bad = "nasbench201:" + GOOD.replace("none~1", "conv~1")
    check(
        coord(address, "predict", "--device", board, "--architecture", bad), 2, "conv~1", "node 3"
    )


def test_a_table_with_a_bad_number_names_row_and_column(address: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"architecture,pi\n{GOOD},fast\n")
    check(coord(address, "import", "table", str(path)), 2, "row 2", "'pi'", "'fast'")


def test_a_table_without_an_architecture_column_says_so(address: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"arch,pi\n{GOOD},1.0\n")
    check(coord(address, "import", "table", str(path)), 2, "no column 'architecture'")


def test_a_replay_table_without_the_column_names_those_it_has(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"architecture,pi\n{GOOD},1.0\n")
    result = run_cli(
        "agent.main",
        "run",
        "--board",
        "replay",
        "--table",
        str(path),
        "--device",
        "phone",
        "--state-dir",
        str(tmp_path / "state"),
    )
    check(result, 2, "no column 'phone'", "it has pi")


def test_a_coordinator_that_is_not_there_is_said_within_five_seconds() -> None:
    begin = time.monotonic()
    result = coord(f"127.0.0.1:{free_port()}", "devices")
    assert time.monotonic() - begin < 8  # five, and the start of the interpreter on a busy machine
    check(result, 4, "no coordinator answers", "help-coord serve")


def test_a_port_in_use_is_said(address: str, tmp_path: Path) -> None:
    result = run_cli(
        "coordinator.main", "serve", "--listen", address, "--store", str(tmp_path / "s.db")
    )
    check(result, 5, address, "in use")


def test_listening_beyond_loopback_without_tls_is_refused(tmp_path: Path) -> None:
    result = run_cli(
        "coordinator.main", "serve", "--listen", "0.0.0.0:50099", "--store", str(tmp_path / "s.db")
    )
    check(result, 2, "TLS")


def test_a_corrupt_store_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(b"garbage " * 1000)
    result = run_cli(
        "coordinator.main", "serve", "--listen", f"127.0.0.1:{free_port()}", "--store", str(path)
    )
    check(result, 6, "s.db cannot be used")
    assert path.read_bytes() == b"garbage " * 1000


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["adapt", "--device", "board", "--samples", "1"], "samples 1"),
        (["adapt", "--device", "board", "--max-latency-ms", "-3"], "-3"),
        (["adapt", "--device", "board", "--max-latency-ms", "nan"], "nan"),
        (["collect", "--device", "board"], "at least one"),
        (["jobs", "--state", "lost"], "'lost'"),
    ],
)
def test_a_senseless_argument_is_named(
    address: str, board: str, arguments: list[str], word: str
) -> None:
    check(coord(address, *arguments), 2, word)


def test_a_wrong_flag_points_to_the_help() -> None:
    result = run_cli("coordinator.main", "adapt", "--devcie", "x")
    assert result.returncode == 2
    assert "--device" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_device_that_was_never_adapted_says_what_to_run(address: str, board: str) -> None:
    result = coord(
        address, "search", "--device", board, "--space", "fbnet", "--max-latency-ms", "9"
    )
    check(result, 3, "not adapted", "help-coord adapt --device board --space fbnet")


def test_an_agent_measures_nothing_that_is_no_architecture() -> None:
    check(run_cli("agent.main", "measure"), 2, "--architecture")
    check(run_cli("agent.main", "measure", "--architecture", "x"), 2, "names no search space")
    check(run_cli("agent.main", "run", "--board", "toaster"), 2, "'toaster'")
    check(run_cli("agent.main", "run", "--coordinator", "nowhere"), 2, "HOST:PORT")


def test_an_agent_whose_folder_cannot_be_written_says_so(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    result = run_cli("agent.main", "run", "--state-dir", str(blocker / "state"))
    check(result, 6, "--state-dir")
