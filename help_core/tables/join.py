"""Two latency tables of one space as one."""

from __future__ import annotations

import numpy as np

from help_core.errors import BadTable
from help_core.tables.latency import LatencyTable


def join_tables(first: LatencyTable, second: LatencyTable) -> LatencyTable:
    """The architectures and devices of both, gaps where only one has the other's.

    The rows of ``first`` come first. Raises ``BadTable`` if both have a device of one name:
    whether two tables mean the same device, nobody can tell.
    """
    if first.space != second.space:
        raise BadTable(f"a table of {first.space} and one of {second.space} cannot be joined")
    both = sorted(set(first.devices) & set(second.devices))
    if both:
        raise BadTable(f"device {both[0]!r} is in both tables; rename it in one or leave it out")
    rows = {one: row for row, one in enumerate(first.architectures)}
    added = [one for one in second.architectures if one not in rows]
    for one in added:
        rows[one] = len(rows)
    split = len(first.devices)
    latency_ms = np.full((len(rows), split + len(second.devices)), np.nan)
    latency_ms[: len(first.architectures), :split] = first.latency_ms
    latency_ms[[rows[one] for one in second.architectures], split:] = second.latency_ms
    return LatencyTable(
        first.space,
        (*first.architectures, *added),
        (*first.devices, *second.devices),
        latency_ms,
    )
