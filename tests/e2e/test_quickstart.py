"""The main job on this very machine, measured for real."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.processes import run_cli


def test_the_quickstart_answers_with_networks_measured_on_this_machine(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["quickstart", "--out", str(out), "--max-latency-ms", "1000", "--json"]
    done = run_cli("coordinator.main", *arguments, timeout_s=170)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    (pick,) = answer["picks"]
    assert 0 < pick["measured_ms"] <= 1000
    assert len(answer["support"]) == 10
    assert (out / "front.png").read_bytes().startswith(b"\x89PNG")


def test_a_quickstart_that_cannot_write_its_folder_says_so(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    done = run_cli("coordinator.main", "quickstart", "--out", str(blocker / "out"))
    assert done.returncode == 6
    assert done.stderr.startswith("help-coord: --out")
    assert len(done.stderr.strip().splitlines()) == 1
