"""HELP's splits and tables, as the commands of this folder use them.

Devices by their names in HELP's release; batch size after the underscore.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from help_core.spaces.base import GeneSpace
from help_core.spaces.registry import get_gene_space
from help_core.tables.help_import import read_help_latency
from help_core.tables.latency import LatencyTable

OTHERS = ("silver_4114", "silver_4210r", "samsung_a50", "pixel3", "essential_ph_1", "samsung_s7")


@dataclass(frozen=True, slots=True)
class Split:
    """Training, validation and test devices of HELP (its Table 1), and how long it trains."""

    train: tuple[str, ...]
    validate: tuple[str, ...]
    test: tuple[str, ...]
    architectures: int
    episodes: int = 2000
    """Of meta-training."""


SPLITS = {
    "nasbench201": Split(
        ("1080ti_1", "1080ti_32", "1080ti_256", *OTHERS),
        ("titanx_1", "titanx_32", "titanx_256", "gold_6240"),
        ("titan_rtx_256", "gold_6226", "pixel2", "raspi4", "eyeriss", "fpga"),
        900,
    ),
    "fbnet": Split(
        ("1080ti_1", "1080ti_32", "1080ti_64", *OTHERS),
        ("titanx_1", "titanx_32", "titanx_64", "gold_6240"),
        ("raspi4", "eyeriss", "fpga"),
        4000,
        episodes=4000,
    ),
    "ofa": Split(
        tuple(f"{gpu}_{batch}" for gpu in ("2080ti", "titan_xp", "v100") for batch in (1, 32, 64)),
        ("titan_rtx_1", "titan_rtx_32"),
        ("titan_rtx_64",),
        3800,
    ),
}


def read_split(data: Path, name: str, devices: tuple[str, ...]) -> tuple[GeneSpace, LatencyTable]:
    """The space and HELP's table of those devices under the reference data's folder."""
    space = get_gene_space(name)
    return space, read_help_latency(data / "help" / name, space, devices)


HW_NAS_BENCH_OPERATIONS = (1, 0, 3, 2, 4)
"""Its operations (identity, zero, 3x3, 1x1, pool) as indices of ``nasbench201.OPERATIONS``."""
HW_NAS_BENCH_EDGES = (0, 1, 3, 2, 4, 5)
"""Its edges go by source node, those of the cell string by target node."""


def read_hw_nas_bench(data: Path, table: LatencyTable) -> LatencyTable:
    """``table`` with HW-NAS-Bench's devices (CIFAR-100) beside, named ``hw_…``."""
    space = get_gene_space("nasbench201")
    with (data / "hw_nas_bench" / "hw_cifar100.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    genes = np.array([_hw_genes(row["net"]) for row in rows])
    index = {one: number for number, one in enumerate(space.from_genes(genes))}
    order = np.array([index[one] for one in table.architectures])
    names = [name for name in rows[0] if name.endswith("_latency")]
    latency_ms = np.array([[float(row[name] or "nan") for name in names] for row in rows])
    # -1 means that the device could not compile the network: nothing was measured.
    latency_ms[~(latency_ms > 0)] = np.nan
    devices = tuple("hw_" + name.removesuffix("_latency") for name in names)
    return LatencyTable(
        table.space,
        table.architectures,
        (*table.devices, *devices),
        np.column_stack([table.latency_ms, latency_ms[order]]),
    )


def _hw_genes(text: str) -> list[int]:
    operations = [int(part) for part in text.strip("() ").split(",")]
    return [HW_NAS_BENCH_OPERATIONS[operations[edge]] for edge in HW_NAS_BENCH_EDGES]
