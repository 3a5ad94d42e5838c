"""How well measurements repeat, quiet and beside busy neighbours, against a naive loop.

    python benchmarks/repeatability.py [--nasbench201 40] [--ofa 20] [--neighbours 0 1 2] [--json]

Two passes over the same random architectures, one thread. For each number of busy neighbour
processes that this command starts: Spearman's correlation and the mean absolute percentage
difference between the two passes, and between each pass and the quiet ones; the same for a
naive loop of 50 runs in one process; how many measurements were flagged (suspect), how many of
those that are spoiled (off by more than 5 % from the quiet median) were flagged; architectures
per minute and where the time goes. Neighbours multiply matrices of 256 x 256 without a pause.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from agent.boards.host import HostBoard
from agent.boards.models import write_model
from help_core.arrays import FloatArray
from help_core.records import Failure, Measurement, Settings, Verdict
from help_core.spaces import Architecture, BuildOptions, get_gene_space, get_space
from help_core.spaces.base import sample_genes

SPOILED = 0.05
LEASE = 4
"""Architectures that one lease holds, and that are measured interleaved."""

NAIVE_RUNS = 50
NEIGHBOUR = "import numpy; a = numpy.ones((256, 256))\nwhile True: a @ a"
NAIVE = """
import json, sys, time
import numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
inputs = dict(numpy.load(sys.argv[2]))
times = []
for _ in range(int(sys.argv[3])):
    begin = time.perf_counter()
    session.run(None, inputs)
    times.append(time.perf_counter() - begin)
print(numpy.mean(times) * 1e3, numpy.median(times) * 1e3)
"""
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def architectures(nasbench201: int, ofa: int) -> list[Architecture]:
    """Random architectures of both spaces."""
    rng = np.random.default_rng(0)
    found: list[Architecture] = []
    for name, count in (("nasbench201", nasbench201), ("ofa", ofa)):
        space = get_gene_space(name)
        found += space.from_genes(sample_genes(space, count, rng)) if count else []
    return found


@contextmanager
def busy_neighbours(count: int) -> Iterator[None]:
    """That many processes that do nothing but calculate."""
    running = [
        subprocess.Popen([sys.executable, "-c", NEIGHBOUR], env=ONE_THREAD) for _ in range(count)
    ]
    try:
        time.sleep(1.0 if count else 0.0)
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def measure_pass(
    board: HostBoard, wanted: Sequence[Architecture]
) -> tuple[list[Measurement], float]:
    """One measurement each, in leases as an agent has them, and the seconds it took."""
    begin = time.perf_counter()
    found: list[Measurement] = []
    for start in range(0, len(wanted), LEASE):
        batch = [(architecture, Settings()) for architecture in wanted[start : start + LEASE]]
        for outcome in board.measure_batch(batch):
            assert not isinstance(outcome, Failure), outcome
            found.append(outcome)
    return found, time.perf_counter() - begin


def naive_pass(wanted: Sequence[Architecture]) -> FloatArray:
    """Mean and median of 50 runs without warm-up in one process; shape [architectures, 2]."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for architecture in wanted:
            stages = get_space(architecture.space).build(architecture, BuildOptions())
            (stage,) = write_model(stages, Settings(), 0.0, Path(name)).stages
            command = [sys.executable, "-c", NAIVE, stage["model"], stage["inputs"]]
            done = subprocess.run(
                [*command, str(NAIVE_RUNS)], capture_output=True, text=True, check=True
            )
            rows.append([float(value) for value in done.stdout.split()])
    return np.array(rows)


def agreement(first: FloatArray, second: FloatArray) -> dict[str, float]:
    """Spearman's correlation, and the mean absolute difference in percent of the second."""
    return {
        "spearman": float(spearmanr(first, second).statistic),
        "mape_percent": float(100 * np.mean(np.abs(first - second) / second)),
    }


def medians(measurements: Sequence[Measurement]) -> FloatArray:
    """Their medians in ms."""
    return np.array([one.summary.median_ms for one in measurements])


def flags(
    passes: Sequence[Sequence[Measurement]], quiet_ms: FloatArray | None
) -> dict[str, float | int | dict[str, int]]:
    """How many were flagged, and how many of the spoiled ones."""
    all_ones = [one for measured in passes for one in measured]
    flagged = np.array([one.verdict is not Verdict.VALID for one in all_ones])
    reasons = Counter(reason for one in all_ones for reason in one.reasons)
    found: dict[str, float | int | dict[str, int]] = {
        "measurements": len(all_ones),
        "flagged_share": float(flagged.mean()),
        "reasons": dict(reasons.most_common()),
    }
    if quiet_ms is not None:
        truth = np.tile(quiet_ms, len(passes))
        spoiled = np.abs(medians(all_ones) / truth - 1) > SPOILED
        found["spoiled"] = int(spoiled.sum())
        found["spoiled_flagged_share"] = float(flagged[spoiled].mean()) if spoiled.any() else 1.0
    return found


def time_shares(measured: Sequence[Measurement], elapsed_s: float) -> dict[str, float]:
    """Where a pass spends its time, in percent."""
    processes = [process for one in measured for process in one.processes]
    sampling_s = sum(sum(one.samples_ns) for one in measured) / 1e9
    sampling_s += sum(sum(process.set_aside_ns) for process in processes) / 1e9
    warmup_s = sum(p.warmup_runs * p.median_ms for p in processes) / 1e3
    build_s = sum(one.processes[0].build_ms for one in measured) / 1e3
    session_s = sum(process.session_ms + process.first_run_ms for process in processes) / 1e3
    known = {
        "sampling": sampling_s,
        "warm_up": warmup_s,
        "build": build_s,
        "session_and_first_run": session_s,
    }
    shares = {name: 100 * seconds / elapsed_s for name, seconds in known.items()}
    shares["process_start_sentinel_and_rest"] = 100 - sum(shares.values())
    return shares


def measure_level(
    wanted: Sequence[Architecture], neighbours: int, quiet: dict[str, FloatArray]
) -> dict[str, Any]:
    """All figures at one number of neighbours; fills ``quiet`` when there are none."""
    with busy_neighbours(neighbours):
        board = HostBoard()
        first, first_s = measure_pass(board, wanted)
        second, second_s = measure_pass(board, wanted)
        naive = [naive_pass(wanted), naive_pass(wanted)]
    ours = [medians(first), medians(second)]
    if neighbours == 0:
        quiet["ours"] = (ours[0] + ours[1]) / 2
        quiet["naive"] = (naive[0] + naive[1]) / 2
    truth = quiet.get("ours")
    found: dict[str, Any] = {
        "neighbours": neighbours,
        "between_passes": agreement(*ours),
        "naive_mean_between_passes": agreement(naive[0][:, 0], naive[1][:, 0]),
        "naive_median_between_passes": agreement(naive[0][:, 1], naive[1][:, 1]),
        "flags": flags([first, second], truth),
        "architectures_per_minute": 60 * 2 * len(wanted) / (first_s + second_s),
        "time_percent": time_shares([*first, *second], first_s + second_s),
        "mean_half_width_percent": float(
            100
            * np.mean(
                [
                    (m.summary.high_ms - m.summary.low_ms) / 2 / m.summary.median_ms
                    for m in [*first, *second]
                ]
            )
        ),
        "others_cores": readings([*first, *second], "others_cores"),
        "waited_percent": readings([*first, *second], "waited_percent"),
        "sentinel_drift_percent": sentinel_drifts([*first, *second]),
    }
    if truth is not None and neighbours:
        found["against_quiet"] = agreement(ours[0], truth)
        found["naive_mean_against_quiet"] = agreement(naive[0][:, 0], quiet["naive"][:, 0])
        found["naive_median_against_quiet"] = agreement(naive[0][:, 1], quiet["naive"][:, 1])
    return found


def readings(measured: Sequence[Measurement], name: str) -> dict[str, float]:
    """Quantiles of the highest value that a process saw: what thresholds are calibrated by."""
    highs = [
        reading.high
        for one in measured
        for reading in one.readings
        if reading.name == name and reading.high is not None
    ]
    return quantiles(highs)


def sentinel_drifts(measured: Sequence[Measurement]) -> dict[str, float]:
    """Quantiles of the sentinel's change over a batch, in percent."""
    changes = [
        100 * abs(reading.after / reading.before - 1)
        for one in measured
        for reading in one.readings
        if reading.name == "sentinel_ms" and reading.before and reading.after
    ]
    return quantiles(changes)


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Median, nine in ten, 19 in 20 and the highest."""
    if not values:
        return {}
    names, levels = ("p50", "p90", "p95", "max"), (0.5, 0.9, 0.95, 1.0)
    return dict(zip(names, np.quantile(values, levels).tolist(), strict=True))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--nasbench201", type=int, default=40)
    parser.add_argument("--ofa", type=int, default=20)
    parser.add_argument("--neighbours", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    wanted = architectures(arguments.nasbench201, arguments.ofa)
    quiet: dict[str, FloatArray] = {}
    for neighbours in arguments.neighbours:
        found = measure_level(wanted, neighbours, quiet)
        if arguments.json:
            print(json.dumps(found), flush=True)
        else:
            show(found)


def show(found: dict[str, Any], indent: str = "") -> None:
    """Prints nested figures, one a line."""
    for name, value in found.items():
        if isinstance(value, dict):
            print(f"{indent}{name.replace('_', ' ')}")
            show(value, indent + "    ")
        else:
            text = f"{value:.4g}" if isinstance(value, float) else str(value)
            print(f"{indent}{name.replace('_', ' '):34} {text}", flush=True)


if __name__ == "__main__":
    main()
