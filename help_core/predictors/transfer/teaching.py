"""Teaching a prior: each training device in turn plays the new device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from help_core.arrays import FloatArray
from help_core.predictors.transfer.dictionary import MEAN, PAPER
from help_core.predictors.transfer.knowledge import Knowledge
from help_core.predictors.transfer.learned import Learned, Pupil, learn_scales, term_names
from help_core.predictors.transfer.prior import FROM_DEVICES

FEWEST_DEVICES = 3
"""With fewer, nothing can be said of how unlike the others a device may be."""
ROWS = 150


def taught(knowledge: Knowledge) -> Knowledge:
    """The same knowledge with prior scales learned from its own training devices.

    A device is explained by that half of the others whose latencies correlate least with its
    own: relatives, such as the same board at another batch size, would promise too much.
    """
    devices = len(knowledge.tables.devices)
    if devices < FEWEST_DEVICES:
        return knowledge
    order = np.random.default_rng(0).permutation(len(knowledge.references))
    genes = knowledge.references[order[:ROWS]]
    whole = knowledge.dictionary(genes)
    latency = whole.anchors[:, -devices:]
    itself = np.where(np.eye(devices) > 0, np.inf, 0)
    correlation: FloatArray = np.asarray(np.corrcoef(latency.T)) + itself
    related: list[Pupil] = []
    for device in range(devices):
        teachers = np.sort(np.argsort(correlation[device])[: devices // 2])
        part = Knowledge.derive(
            knowledge.basis,
            knowledge.tables.take(teachers),
            knowledge.references,
            knowledge.simulated,
        )
        related.append(Pupil(part.dictionary(genes), part.layout, latency[:, device]))
    unrelated = [Pupil(whole, knowledge.layout, column) for column in latency.T]
    terms = term_names(knowledge.layout)
    physical = tuple(name for name in terms if name not in FROM_DEVICES)
    return replace(
        knowledge,
        learned=Learned(_learn(related, MEAN, terms), _learn(unrelated, PAPER, terms, physical)),
    )


def _learn(
    pupils: list[Pupil], anchor: int, terms: tuple[str, ...], only: tuple[str, ...] = ()
) -> FloatArray:
    names = tuple(dict.fromkeys(only or terms))
    scales = dict(zip(names, learn_scales(pupils, anchor, names), strict=True))
    return np.array([scales.get(term, 0.0) for term in terms])
