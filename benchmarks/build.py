"""How fast the spaces build, how small a job is, and whether what they build is right.

    python benchmarks/build.py [--all] [--json] [--data FOLDER] [--space NAME]

Builds random architectures of each space and prints one table: the median of building and of
building and serialising one (wall and processor time, one thread, batch 1, fp32), the size of
its models in each precision, the most bytes that one job takes on the wire, strings that
survive parsing, and mutated strings that are refused or valid. Then facts against the
literature and, with the reference data, OFA subnets whose parameters and multiply-adds equal
the measured ones. ``--all`` builds and loads all 15,625 NAS-Bench-201 cells (a quarter of an
hour).
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
from rich.console import Console
from rich.table import Table

from help_core.errors import BadArchitecture
from help_core.graphs.precision import PRECISIONS
from help_core.records import LeasedJob
from help_core.spaces.base import Architecture, BuildOptions, GeneSpace, sample_genes
from help_core.spaces.fbnet import FBNet
from help_core.spaces.fbnet.layers import IMAGENET
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.ofa import OFAMobileNetV3
from help_core.spaces.registry import get_space
from help_proto.convert import to_leased_job

SPACES = (
    "nasbench201",
    "nasbench201-cifar10",
    "nasbench201-imagenet16",
    "fbnet",
    "fbnet-imagenet",
    "ofa",
    "ofa-w1.2",
    "hat",
    "hat-beam4",
    "hat-iwslt14",
)
LARGEST_ID = (1 << 63) - 1
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
    """The serialised network, all its stages."""
    stages = space.build(architecture, options)
    return b"".join(stage.model.SerializeToString() for stage in stages)


def time_builds(space: GeneSpace, count: int) -> dict[str, float]:
    """Medians over ``count`` random architectures, after five that warm up."""
    genes = sample_genes(space, count + 5, np.random.default_rng(0))
    build, wall, cpu, sizes = [], [], [], []
    for architecture in space.from_genes(genes):
        start, start_cpu = time.perf_counter(), time.process_time()
        stages = space.build(architecture, BuildOptions())
        build.append((time.perf_counter() - start) * 1e3)
        size = sum(len(stage.model.SerializeToString()) for stage in stages)
        wall.append((time.perf_counter() - start) * 1e3)
        cpu.append((time.process_time() - start_cpu) * 1e3)
        sizes.append(size / 1e6)
    return {
        "build_ms_median": statistics.median(build[5:]),
        "serialised_ms_median": statistics.median(wall[5:]),
        "serialised_cpu_ms_median": statistics.median(cpu[5:]),
        "model_mb_median": statistics.median(sizes[5:]),
    }


def job_bytes(space: GeneSpace, count: int) -> int:
    """The most bytes of one leased job among ``count`` architectures, with the longest names."""
    architectures = space.from_genes(sample_genes(space, count, np.random.default_rng(3)))
    jobs = (LeasedJob(LARGEST_ID, LARGEST_ID, "d" * 64, str(each)) for each in architectures)
    return max(to_leased_job(job).ByteSize() for job in jobs)


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
    parser.add_argument("--space", action="append", choices=SPACES, help="only this space")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("HELP_REFERENCE_DATA"),
        help="folder of the reference data (default: $HELP_REFERENCE_DATA)",
    )
    arguments = parser.parse_args()
    report: dict[str, Any] = {}
    for name in arguments.space or SPACES:
        space = gene_space(name)
        report[name] = {
            # A transformer with its vocabulary takes ten times as long as a picture network.
            **time_builds(space, arguments.count // (4 if name.startswith("hat") else 1)),
            "job_bytes_most": job_bytes(space, 2_000),
            "megabytes": precision_sizes(space),
            "round_trips": round_trips(space, 10_000),
            "fuzz": fuzz(space, 10_000),
        }
    facts = find_facts(arguments.data, set(report))
    if arguments.all:
        facts["nasbench201"] = [*facts.get("nasbench201", []), f"{load_all_cells()} cells loaded"]
    if arguments.json:
        print(json.dumps({"spaces": report, "facts": facts}, indent=2))
    else:
        print_report(report, facts)


def find_facts(data: Path | None, spaces: set[str]) -> dict[str, list[str]]:
    """What the literature and the reference data say, a line each, by space."""
    facts: dict[str, list[str]] = {}
    if "nasbench201" in spaces:
        facts["nasbench201"] = nasbench201_facts()
    if "fbnet-imagenet" in spaces:
        facts["fbnet-imagenet"] = [f"{name}: {fact}" for name, fact in fbnet_facts().items()]
    if data and "ofa" in spaces:
        found = ofa_facts(measured_subnets(Path(data)))
        facts["ofa"] = [f"{name}: {fact}" for name, fact in found.items()]
    return facts


def print_report(
    report: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Iterable[str]]
) -> None:
    """One row a space, then the facts."""
    table = Table(title="batch 1, one thread; medians")
    table.add_column("space", no_wrap=True)
    headers = ("build\nms", "and seri-\nalised ms", "processor\nms", "model\nMB", "job\nbytes")
    for header in (*headers, "MB in\n" + " ".join(PRECISIONS), "round trips"):
        table.add_column(header, justify="right")
    table.add_column("mutated strings\nvalid, refused", justify="right")
    keys = ("build_ms_median", "serialised_ms_median", "serialised_cpu_ms_median")
    for name, row in report.items():
        table.add_row(
            name,
            *(f"{row[key]:.1f}" for key in keys),
            f"{row['model_mb_median']:.1f}",
            str(row["job_bytes_most"]),
            " ".join(f"{size:.1f}" for size in row["megabytes"].values()),
            row["round_trips"],
            ", ".join(str(count) for count in row["fuzz"].values()),
        )
    # Wide, so that a table in a file is whole.
    Console(width=140).print(table)
    for name, lines in facts.items():
        for line in lines:
            print(f"{name}: {line}")


if __name__ == "__main__":
    main()
