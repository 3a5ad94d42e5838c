"""What measuring adds to a run: the measuring loop against a bare loop of ``session.run``.

    python benchmarks/overhead.py [--rounds 15] [--json]

One process, one thread. For models of some 20 microseconds, 1 and 10 milliseconds, rounds of
the bare loop and of the agent's loop take turns, in random order; printed is the ratio of the
medians over all rounds. On a busy machine the bare loop's runs include waiting for a core and
the agent's do not, so the machine must be quiet.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

import numpy as np

from agent.boards.models import write_model
from agent.measure.child import _waiting_clock
from agent.measure.loop import Plan, sample
from agent.measure.statistics import net_samples_ms
from agent.runtimes.base import StageFiles
from agent.runtimes.onnx_runtime import CPU, _Session
from help_core.graphs.builder import GraphBuilder
from help_core.records import Settings
from help_core.spaces import Stage

SIZES = {
    "20 microseconds": (8, 18, 2),
    "1 millisecond": (48, 32, 4),
    "10 milliseconds": (64, 64, 7),
}
"""Channels, image size and convolutions."""


def model(channels: int, size: int, layers: int) -> Stage:
    """A chain of 3x3 convolutions."""
    builder = GraphBuilder("chain", "fp32", seed=0)
    value = builder.input("image", (1, channels, size, size))
    for _ in range(layers):
        value = builder.relu(builder.conv(value, channels, channels, 3))
    return Stage("chain", builder.finish([(value, (1, channels, size, size))]))


def bare_loop_ns(session: _Session, count: int) -> list[int]:
    """What anyone would write."""
    run, inputs, clock = session.session.run, session.inputs, time.perf_counter_ns
    times = []
    for _ in range(count):
        begin = clock()
        run(None, inputs)
        times.append(clock() - begin)
    return times


def compare(stage: Stage, rounds: int) -> dict[str, float]:
    """Medians in microseconds and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        (files,) = write_model((stage,), Settings(), 0.0, Path(name)).stages
        session = _Session(StageFiles(files["model"], files["inputs"]), CPU, threads=1)
        waiting = _waiting_clock()
        count = max(20, min(2000, round(0.1 / max(bare_seconds(session), 1e-6))))
        plan = Plan(min_samples=count, max_samples=count, max_sampling_s=60.0)
        bare: list[int] = []
        ours: list[float] = []
        for _ in range(rounds):
            turns = [True, False]
            random.shuffle(turns)
            for is_bare in turns:
                if is_bare:
                    bare += bare_loop_ns(session, count)
                else:
                    found = sample(session.runner(None), time.perf_counter_ns, plan, waiting)
                    ours += net_samples_ms(found.samples_ns, found.waited_ns).tolist()
    bare_us, ours_us = float(np.median(bare)) / 1e3, float(np.median(ours)) * 1e3
    return {"bare_us": bare_us, "agent_us": ours_us, "ratio": ours_us / bare_us}


def bare_seconds(session: _Session) -> float:
    """About how long a run takes."""
    return float(np.median(bare_loop_ns(session, 50))) / 1e9


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = {name: compare(model(*size), arguments.rounds) for name, size in SIZES.items()}
    if arguments.json:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        print(f"{name:16} {' '.join(f'{key} {value:.4g}' for key, value in figures.items())}")


if __name__ == "__main__":
    main()
