"""The prior over devices: how much each kind of term may matter, and how noisy a device is.

Nobody knows beforehand how unlike a new device is. So the prior scales are not fixed, but
have log-normal distributions wide enough for a device like a training device and for one
unlike any, and the evidence of the support set decides (importance sampling). A draw is one
guess: an anchor (the device is the mean device, a training device, or nobody's relative),
one scale per term, and a noise level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from help_core.arrays import AnyArray, FloatArray, IntArray
from help_core.predictors.transfer.dictionary import (
    FIRST_DEVICE,
    MEAN,
    PAPER,
    Kind,
    Layout,
)
from help_core.predictors.transfer.learned import Learned


def _default_scales() -> Mapping[Kind, float]:
    return {
        "constant": 0.2,
        "mean": 0.12,
        "paper": 0.12,
        "device": 0.3,
        "physics": 0.2,
        "choices": 0.003,
        "curved": 0.012,
        "by_choice": 0.05,
        "by_gene": 0.015,
        "simulated": 0.1,
    }


@dataclass(frozen=True, slots=True)
class PriorScales:
    """Medians and spreads of the distributions that draws come from.

    Tuned on training and validation devices only, by leaving families of devices out and by
    training on GPUs alone; one set of numbers for all spaces. Scales are standard deviations
    in units of the mean latency; spreads are of logarithms.
    """

    median: Mapping[Kind, float] = field(default_factory=_default_scales)
    kind_spread: float = 1.0
    term_spread: float = 1.5
    """Of single devices and single physics features within their kind."""
    common_shift: float = -1.0
    common_spread: float = 1.5
    """Of all scales together: some devices need hardly any correction."""
    noise: float = 0.015
    noise_spread: float = 1.8
    anchored: float = 0.25
    """Share of draws that start from one training device instead of the mean device."""
    anchored_shrink: float = 0.03
    """Median correction of an anchored draw, relative to others."""
    unrelated: float = 0.35
    """Share of draws that trust no training device: the paper machine, physics, structure."""
    unrelated_shift: float = 0.5
    """How much more (in logarithm) such draws may correct than others."""
    learned: float = 0.5
    """Share of draws from the mean device and from the paper machine whose scales are those
    that the training devices taught (``teaching``), where there are enough of them."""
    learned_common_spread: float = 1.0
    learned_term_spread: float = 0.8
    learned_floor: float = 0.01
    """Least scale of a term that no training device needed."""
    outliers: float = 0.05
    """Share of measurements that went wrong: a phone that throttled, a GPU at another clock."""
    outlier_factor: float = 15.0
    """Standard deviation of a wrong measurement, relative to a right one."""
    temper: float = 0.7
    """Power of the evidence. Below 1 because noise is not quite Gaussian (Grünwald, 2012)."""
    draws: int = 3000
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Draws:
    """``m`` draws from the prior."""

    scales: FloatArray
    """Prior standard deviation of each term's coefficients, ``[m, terms]``."""
    noise: FloatArray
    """Relative noise, ``[m]``."""
    anchor: IntArray
    """Index of the anchor, ``[m]``; 0 is the mean device."""

    def __len__(self) -> int:
        return len(self.noise)

    def take(self, rows: IntArray | slice) -> Draws:
        """Some of the draws."""
        return Draws(self.scales[rows], self.noise[rows], self.anchor[rows])


FROM_DEVICES: tuple[Kind, ...] = ("mean", "device", "by_choice", "by_gene")
DISTRUST = 0.01
NEGLIGIBLE = 1e-6
CONSTANT_FLOOR = 0.05
SINGLE: tuple[Kind, ...] = ("device", "physics")


def draw_prior(layout: Layout, prior: PriorScales, learned: Learned | None = None) -> Draws:
    """The same draws for the same layout and prior, so that adaptation is deterministic."""
    rng = np.random.default_rng(prior.seed)
    count, terms = prior.draws, layout.terms
    kinds = list(dict.fromkeys(terms))
    median = np.array([prior.median[kind] for kind in kinds])
    by_kind = median * np.exp(prior.kind_spread * rng.normal(size=(count, len(kinds))))
    common = prior.common_shift + prior.common_spread * rng.normal(size=count)
    by_kind *= np.exp(common)[:, None]
    anchor = _pick_anchor(layout, prior, rng)
    by_kind[anchor >= FIRST_DEVICE] *= prior.anchored_shrink
    by_kind[anchor == PAPER] *= np.exp(prior.unrelated_shift)
    for kind in FROM_DEVICES:
        if kind in kinds:
            by_kind[anchor == PAPER, kinds.index(kind)] *= DISTRUST
    by_kind[:, kinds.index("constant")] = prior.median["constant"]
    scales = by_kind[:, [kinds.index(term) for term in terms]]
    single: AnyArray = np.isin(terms, SINGLE)
    spread = prior.term_spread * rng.normal(size=(count, int(single.sum())))
    # Less its variance, so that the mean square of a scale does not grow with the spread.
    scales[:, single] *= np.exp(spread - prior.term_spread**2)
    noise = prior.noise * np.exp(prior.noise_spread * rng.normal(size=count))
    for start, taught in ((MEAN, learned.related), (PAPER, learned.unrelated)) if learned else ():
        if len(taught):
            rows = np.flatnonzero((anchor == start) & (rng.random(count) < prior.learned))
            scales[rows] = _around(_floored(taught, layout, prior), len(rows), prior, rng)
    return Draws(scales, noise, anchor)


def _floored(taught: FloatArray, layout: Layout, prior: PriorScales) -> FloatArray:
    """What was taught, but never so narrow that a surprise is ruled out.

    A new device may be the sibling of a training device, which those that were taught from
    were not; and its offset is its own.
    """
    floors = {"device": prior.median["device"], "constant": CONSTANT_FLOOR}
    floor = np.array([floors.get(kind, prior.learned_floor) for kind in layout.terms])
    # Zero stands for a term that such draws do not have.
    floored: FloatArray = np.where(taught > 0, np.maximum(taught, floor), NEGLIGIBLE)
    return floored


def _around(
    middle: FloatArray, count: int, prior: PriorScales, rng: np.random.Generator
) -> FloatArray:
    common = prior.learned_common_spread * rng.normal(size=(count, 1))
    single = prior.learned_term_spread * rng.normal(size=(count, len(middle)))
    around: FloatArray = middle * np.exp(common + single)
    return around


def _pick_anchor(layout: Layout, prior: PriorScales, rng: np.random.Generator) -> IntArray:
    anchor = np.full(prior.draws, MEAN)
    lot = rng.random(prior.draws)
    if layout.anchors == FIRST_DEVICE:
        anchor[:] = PAPER
        return anchor
    anchor[lot < prior.unrelated] = PAPER
    anchored = (lot >= prior.unrelated) & (lot < prior.unrelated + prior.anchored)
    anchor[anchored] = rng.integers(FIRST_DEVICE, layout.anchors, int(anchored.sum()))
    return anchor


def outlier_variances(prior: PriorScales, count: int) -> FloatArray:
    """Factors ``[m, count]`` on the noise variance of each measurement in each draw."""
    wrong = np.random.default_rng(prior.seed + 1).random((prior.draws, count)) < prior.outliers
    factors: FloatArray = np.where(wrong, prior.outlier_factor**2, 1.0)
    return factors
