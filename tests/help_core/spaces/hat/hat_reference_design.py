"""The design that HAT's reference architectures come from, so that a test can repeat it.

The best of 20,000 Latin hypercubes of ten points in the nine choices that HAT's features
summarise (encoder size, feed-forwards, heads; decoder size, depth, feed-forwards, heads of
both attentions, spans), where the best has the largest smallest distance between two points.
A share of a field's range becomes layers as even as whole choices allow.
"""

from __future__ import annotations

import numpy as np

POINTS, AXES, TRIES, SEED = 10, 9, 20_000, 0


def best_latin_hypercube() -> np.ndarray:
    """``[10, 9]`` shares between 0 and 1."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    best, widest = np.empty((0, 0)), -1.0
    for _ in range(TRIES):
        columns = [rng.permutation(POINTS) for _ in range(AXES)]
        points = (np.column_stack(columns) + 0.5) / POINTS
        gaps = np.square(points[:, None] - points[None]).sum(axis=2)
        smallest = float(gaps[~np.eye(POINTS, dtype=bool)].min())
        if smallest > widest:
            best, widest = points, smallest
    return best


def spread(share: float, layers: int, choices: int) -> list[int]:
    """Choices of ``layers`` layers whose mean is ``share`` of the range, as even as can be."""
    total = round(share * layers * (choices - 1))
    return [(layer + 1) * total // layers - layer * total // layers for layer in range(layers)]


def reference_genes() -> tuple[tuple[int, ...], ...]:
    """Ten canonical genotypes."""
    rows = []
    for encoder, ffn, heads, decoder, depth, wide, own, cross, span in best_latin_hypercube():
        layers = 1 + int(depth * 6)
        absent = [0] * (6 - layers)
        rows.append(
            (
                int(encoder >= 0.5),
                int(decoder >= 0.5),
                layers - 1,
                *spread(ffn, 6, 3),
                *spread(heads, 6, 2),
                *[*spread(wide, layers, 3), *absent],
                *[*spread(own, layers, 2), *absent],
                *[*spread(cross, layers, 2), *absent],
                *[*spread(span, layers, 3), *absent],
            )
        )
    return tuple(rows)
