"""How fast the convolutional spaces build, and whether what they build is right.

    python benchmarks/build.py [--all] [--json] [--data FOLDER]

Builds random architectures of each space and prints the median of building and serialising
one (wall and processor time, one thread, batch 1, fp32), the size of the models, and the
checks: strings that survive parsing, networks whose parameters and multiply-adds equal what a
count over the ONNX graph gives, and, with the reference data, OFA subnets whose parameters and
multiply-adds equal the measured ones. ``--all`` builds and loads all 15,625 NAS-Bench-201
cells (a quarter of an hour).
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import os
import statistics
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from help_core.errors import BadArchitecture
from help_core.graphs.precision import PRECISIONS
from help_core.spaces.base import Architecture, BuildOptions, GeneSpace, sample_genes
from help_core.spaces.fbnet import FBNet
from help_core.spaces.fbnet.layers import IMAGENET
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.ofa import OFAMobileNetV3
from help_core.spaces.registry import get_space

SPACES = ("nasbench201", "fbnet", "fbnet-imagenet", "ofa", "ofa-w1.2")
FBNET_PUBLISHED = {
    "FBNet-A": ("8208872427657356177677", 249),
    "FBNet-B": ("0340076377786704674773", 295),
    "FBNet-C": ("0380076737677777677773", 375),
}
"""Operation indices and published multiply-adds, in millions (Wu et al., 2019, table 2)."""


def gene_space(name: str) -> GeneSpace:
    """The gene space of that name."""
    space = get_space(name)
    assert isinstance(space, GeneSpace)
    return space


def build_bytes(space: GeneSpace, architecture: Architecture, options: BuildOptions) -> bytes:
    """The serialised network."""
    (stage,) = space.build(architecture, options)
    data: bytes = stage.model.SerializeToString()
    return data


def time_builds(space: GeneSpace, count: int) -> dict[str, float]:
    """Medians over ``count`` random architectures, after five that warm up."""
    genes = sample_genes(space, count + 5, np.random.default_rng(0))
    wall, cpu, sizes = [], [], []
    for architecture in space.from_genes(genes):
        start, start_cpu = time.perf_counter(), time.process_time()
        data = build_bytes(space, architecture, BuildOptions())
        wall.append((time.perf_counter() - start) * 1e3)
        cpu.append((time.process_time() - start_cpu) * 1e3)
        sizes.append(len(data) / 1e6)
    return {
        "build_ms_median": statistics.median(wall[5:]),
        "build_cpu_ms_median": statistics.median(cpu[5:]),
        "model_mb_median": statistics.median(sizes[5:]),
    }


def precision_sizes(space: GeneSpace) -> dict[str, float]:
    """Size in MB of one reference architecture in every precision."""
    architecture = space.reference_architectures()[0]
    return {
        precision: len(build_bytes(space, architecture, BuildOptions(precision=precision))) / 1e6
        for precision in PRECISIONS
    }


def round_trips(space: GeneSpace, count: int) -> str:
    """How many strings name the genotype they were made of."""
    if isinstance(space, NasBench201):
        genes = space.all_genes()
    else:
        genes = sample_genes(space, count, np.random.default_rng(1))
    architectures = space.from_genes(genes)
    back = space.to_genes([space.parse(str(each)) for each in architectures])
    return f"{int((back == genes).all(axis=1).sum())}/{len(genes)}"


def fuzz(space: GeneSpace, count: int) -> dict[str, int]:
    """Mutated strings: how many were accepted (and canonical) and refused."""
    rng = np.random.default_rng(2)
    texts = [each.text for each in space.from_genes(sample_genes(space, 200, rng))]
    verdicts = {"accepted": 0, "refused": 0}
    for _ in range(count):
        characters = list(texts[int(rng.integers(len(texts)))])
        for _ in range(int(rng.integers(0, 4))):
            place = int(rng.integers(len(characters)))
            drawn = chr(int(rng.integers(32, 1_500)))
            characters[place] = ["", characters[place] * 2, drawn][int(rng.integers(3))]
        try:
            architecture = space.parse("".join(characters))
        except BadArchitecture:
            verdicts["refused"] += 1
            continue
        assert space.parse(str(architecture)) == architecture
        verdicts["accepted"] += 1
    return verdicts


def load_all_cells() -> str:
    """How many of the 15,625 NAS-Bench-201 cells build and load in onnxruntime."""
    space = NasBench201()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    loaded = 0
    for architecture in space.from_genes(space.all_genes()):
        data = build_bytes(space, architecture, BuildOptions())
        onnx.checker.check_model(data)
        ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        loaded += 1
    return f"{loaded}/15625"


def nasbench201_facts() -> list[str]:
    """Costs of two cells with ten classes; the field knows them as 0.129306 and 0.587386 MB."""
    space = NasBench201("nasbench201-cifar10", classes=10)
    cells = (
        "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|",
        "|nor_conv_3x3~0|+|avg_pool_3x3~0|skip_connect~1|"
        "+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
    )
    costs = [space.cost(space.parse(cell)) for cell in cells]
    return [f"{cost.parameters:,} parameters, {cost.multiply_adds / 1e6} M" for cost in costs]


def fbnet_facts() -> dict[str, str]:
    """Multiply-adds of the published networks at 224, against the paper."""
    space = FBNet("fbnet-imagenet", IMAGENET)
    facts: dict[str, str] = {}
    for name, (digits, published) in FBNET_PUBLISHED.items():
        (architecture,) = space.from_genes(np.array([[int(digit) for digit in digits]]))
        millions = space.cost(architecture).multiply_adds / 1e6
        facts[name] = f"{millions:.1f} M, published {published} M"
    return facts


def ofa_facts(rows: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Subnets whose parameters and multiply-adds are those that DyNAS-T measured."""
    space = OFAMobileNetV3()
    count = parameters = 0
    largest = 0.0
    for row in rows:
        cost = space.cost(space.from_config(ast.literal_eval(row["Sub-network"])))
        count += 1
        parameters += cost.parameters == int(row["Model Parameters"])
        largest = max(largest, abs(cost.multiply_adds / int(row["MACs"]) - 1))
    return {"parameters_equal": f"{parameters}/{count}", "multiply_adds_worst_error": largest}


def measured_subnets(data: Path) -> list[dict[str, str]]:
    """The rows of DyNAS-T's tables."""
    rows: list[dict[str, str]] = []
    for file in sorted((data / "ofa" / "measured_top1").glob("*.csv")):
        with file.open(encoding="utf-8") as lines:
            rows += csv.DictReader(lines)
    return rows


def main() -> None:
    """Runs everything and prints it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=40, help="architectures to time per space")
    parser.add_argument("--all", action="store_true", help="load all 15,625 cells")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("HELP_REFERENCE_DATA"),
        help="folder of the reference data (default: $HELP_REFERENCE_DATA)",
    )
    arguments = parser.parse_args()
    report: dict[str, Any] = {}
    for name in SPACES:
        space = gene_space(name)
        report[name] = {
            **time_builds(space, arguments.count),
            "megabytes": precision_sizes(space),
            "round_trips": round_trips(space, 10_000),
            "fuzz": fuzz(space, 10_000),
        }
    report["nasbench201"]["facts"] = nasbench201_facts()
    report["fbnet-imagenet"]["facts"] = fbnet_facts()
    if arguments.data:
        report["ofa"]["facts"] = ofa_facts(measured_subnets(arguments.data))
    if arguments.all:
        report["nasbench201"]["cells_loaded"] = load_all_cells()
    print_report(report, as_json=arguments.json)


def print_report(report: Mapping[str, Mapping[str, Any]], *, as_json: bool) -> None:
    """JSON, or one line a figure."""
    if as_json:
        print(json.dumps(report, indent=2))
        return
    for name, figures in report.items():
        print(name)
        for key, value in figures.items():
            print(f"  {key:26} {value:.4g}" if isinstance(value, float) else f"  {key:26} {value}")


if __name__ == "__main__":
    main()
