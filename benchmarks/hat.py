"""HAT's networks: how fast they build, what the fixed cache costs, and the published order.

    python benchmarks/hat.py [--data FOLDER] [--rounds N]

Prints, for wmt14.en-de at batch 1 and with one thread: the median build of an architecture;
10,000 strings that round-trip and 10,000 mutated ones that are refused or valid; what the
decoder step with a cache of half the target, run 30 times, differs from the 30 steps with a
cache that grows; latency in fp32, fp16 and int8 and at beam 4; and with the reference data, the
four configurations of HELP's section 4 and how far a linear fit on HAT's ten features ranks
HAT's own tables (fit on the first 1,500 rows of a table, scored on its last 500). Latencies are
the least of all rounds, taken in turns, which is what a busy machine disturbs least.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from scipy.stats import spearmanr

from help_core.errors import BadArchitecture
from help_core.graphs.inputs import random_inputs
from help_core.graphs.precision import PRECISIONS
from help_core.spaces.base import BuildOptions, Stage, sample_genes
from help_core.spaces.hat import Hat
from help_core.spaces.hat.genes import decode
from help_core.spaces.hat.network import build_decoder, cache_length
from help_core.tables.hat_csv import read_hat_csv


def least_ms(models: Sequence[onnx.ModelProto], rounds: int) -> list[float]:
    """The least latency of one run of each model, measured in turns."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    loaded: list[tuple[Any, Any]] = []
    for model in models:
        session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        loaded.append((session, random_inputs(model, np.random.default_rng(0))))
    least = [float("inf")] * len(loaded)
    for _ in range(rounds):
        for index, (session, inputs) in enumerate(loaded):
            start = time.perf_counter()
            session.run(None, inputs)
            least[index] = min(least[index], 1e3 * (time.perf_counter() - start))
    return least


def sentence_ms(stages: Sequence[Stage], rounds: int) -> float:
    """All runs of all stages."""
    times = least_ms([stage.model for stage in stages], rounds)
    return sum(stage.runs * ms for stage, ms in zip(stages, times, strict=True))


def build_ms(space: Hat, count: int) -> float:
    """Median of building both stages, without serialising them."""
    taken = []
    for architecture in space.from_genes(sample_genes(space, count, np.random.default_rng(0))):
        start = time.perf_counter()
        space.build(architecture, BuildOptions())
        taken.append(1e3 * (time.perf_counter() - start))
    return statistics.median(taken)


def strings(space: Hat, count: int) -> str:
    """Round trips of ``count`` strings and the verdicts on ``count`` mutated ones."""
    rng = np.random.default_rng(1)
    genes = sample_genes(space, count, rng)
    architectures = space.from_genes(genes)
    back = space.to_genes([space.parse(str(each)) for each in architectures])
    accepted = 0
    for each in architectures:
        characters = list(each.text)
        for _ in range(int(rng.integers(1, 4))):
            place = int(rng.integers(len(characters)))
            drawn = chr(int(rng.integers(32, 1500)))
            known = "0123456789._+efhdxa"[int(rng.integers(19))]
            characters[place] = ["", characters[place] * 2, drawn, known][int(rng.integers(4))]
        try:
            parsed = space.parse("".join(characters))
        except BadArchitecture:
            continue
        assert space.from_genes(space.to_genes([parsed])) == [parsed]
        accepted += 1
    same = int((back == genes).all(axis=1).sum())
    longest = max(len(str(each)) for each in architectures)
    return (
        f"{same}/{count} round-trip, longest {longest} bytes; "
        f"mutated: {accepted} valid, {count - accepted} refused"
    )


def cache_error(space: Hat, rounds: int) -> list[str]:
    """The fixed cache against the growing one, for a shallow and a deep decoder."""
    lines, task, options = [], space.task, BuildOptions()
    for index in (4, 7):
        architecture = space.reference_architectures()[index]
        network = decode(task, space.to_genes([architecture]))
        caches = [*range(task.length), cache_length(task)]
        times = [
            # One at a time: thirty decoders with their vocabularies would not fit in memory.
            least_ms([build_decoder(task, network, space.beam, cached, options)], rounds)[0]
            for cached in caches
        ]
        grown, fixed = sum(times[:-1]), task.length * times[-1]
        layers = int(network.decoder_layers[0])
        lines.append(
            f"{layers} decoder layers: growing {grown:.1f} ms, fixed {fixed:.1f} ms, "
            f"{100 * (fixed / grown - 1):+.1f} %; step at 0 {times[0]:.2f}, at "
            f"{task.length - 1} {times[-2]:.2f} ms"
        )
    return lines


def published(folder: Path, space: Hat, rounds: int) -> list[str]:
    """The configurations of HELP's section 4: published and found latency."""
    lines = []
    for path in sorted((folder / "help" / "hat").glob("*.yml")):
        match = re.search(r"help_(\w+)@([0-9.]+)ms", path.stem)
        assert match is not None
        stages = space.build(space.parse_config(path.read_text()), BuildOptions())
        found = sentence_ms(stages, rounds)
        lines.append(f"{match[1]}: published {match[2]} ms there, {found:.1f} ms here")
    return lines


def table_fits(folder: Path) -> list[str]:
    """Spearman correlation of a linear fit on the ten features, for each of HAT's tables."""
    lines = []
    for path in sorted((folder / "hat").glob("*.csv")):
        table = read_hat_csv(path)
        design = np.column_stack([np.ones(len(table.total_ms)), table.features])
        weights, *_ = np.linalg.lstsq(design[:1500], table.total_ms[:1500], rcond=None)
        score = spearmanr(design[1500:] @ weights, table.total_ms[1500:]).statistic
        lines.append(f"{path.stem}: {score:.3f}")
    return lines


def main() -> None:
    """Runs everything and prints it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=30, help="runs of each model")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("HELP_REFERENCE_DATA"),
        help="folder of the reference data (default: $HELP_REFERENCE_DATA)",
    )
    arguments = parser.parse_args()
    space, beam = Hat(), Hat("hat-beam4", beam=4)
    print(f"build: {build_ms(space, 10):.0f} ms median")
    print(f"strings: {strings(space, 10_000)}")
    architecture = space.reference_architectures()[4]
    for precision in PRECISIONS:
        stages = space.build(architecture, BuildOptions(precision=precision))
        print(f"{precision}: {sentence_ms(stages, arguments.rounds):.1f} ms")
    stages = beam.build(beam.parse(architecture.text), BuildOptions())
    print(f"fp32, beam 4: {sentence_ms(stages, arguments.rounds):.1f} ms")
    print(*cache_error(space, arguments.rounds), sep="\n")
    if arguments.data:
        data = Path(arguments.data)
        print(*published(data, space, arguments.rounds), *table_fits(data), sep="\n")


if __name__ == "__main__":
    main()
