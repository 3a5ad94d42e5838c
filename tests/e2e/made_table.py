"""Latencies that a plain model of hardware gives all NAS-Bench-201 cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable, format_latency_csv


def write_made_table(path: Path) -> Path:
    """Two devices, ``board`` and ``server``, with 2 % noise."""
    space = NasBench201()
    genes = space.all_genes()
    physics = space.features(genes, "physics")
    rng = np.random.default_rng(0)
    board = 3.0 + 0.11 * physics[:, 9] + 2.2 * physics[:, 3] + 0.4 * physics[:, 10]
    server = 1.0 + 0.35 * physics[:, 11] + 0.012 * physics[:, 9]
    latency = np.column_stack([board, server]) * rng.lognormal(0.0, 0.02, (len(genes), 2))
    table = LatencyTable(space.name, tuple(space.from_genes(genes)), ("board", "server"), latency)
    path.write_text(format_latency_csv(table))
    return path
