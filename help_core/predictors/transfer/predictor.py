"""``transfer``: the predictor that needs the fewest measurements.

>>> predictor = TransferPredictor.train(space, table)        # doctest: +SKIP
>>> adapted = predictor.adapt(Support(genes, latency_ms), rng)
>>> adapted.predict(space.all_genes()).latency_ms
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput, NotFound
from help_core.predictors.base import Support
from help_core.predictors.transfer.adapted import AdaptedTransfer, Fit
from help_core.predictors.transfer.artefact import load_shipped
from help_core.predictors.transfer.choose import Belief, choose, typical
from help_core.predictors.transfer.dictionary import Dictionary
from help_core.predictors.transfer.intervals import Interval, rounding_variance
from help_core.predictors.transfer.knowledge import Knowledge
from help_core.predictors.transfer.posterior import fit_posterior
from help_core.predictors.transfer.prior import Draws, PriorScales, draw_prior
from help_core.predictors.transfer.readings import Reading, chances, executed, readings
from help_core.predictors.transfer.tables import FAILED_BELOW_MEDIAN
from help_core.predictors.transfer.teaching import taught
from help_core.spaces.base import EnumerableSpace, GeneSpace, HollowSpace, sample_genes
from help_core.tables.latency import LatencyTable

CANDIDATES = 400
"""Architectures that a designed support is chosen from, at most."""
UNTRAINED_SAMPLE = 600


@dataclass(slots=True)
class TransferPredictor:
    """Knowledge of training devices and of physics, ready to meet a device."""

    knowledge: Knowledge
    prior: PriorScales = field(default_factory=PriorScales)
    name: str = "transfer"
    _draws: Draws = field(init=False)
    _whole: Dictionary | None = field(init=False, default=None)
    _row_of: IntArray = field(init=False, default_factory=lambda: np.empty(0, dtype=np.int64))

    def __post_init__(self) -> None:
        self._draws = draw_prior(self.knowledge.layout, self.prior, self.knowledge.learned)

    @classmethod
    def train(cls, space: GeneSpace, table: LatencyTable) -> TransferPredictor:
        """Learns from the training devices' table; it may have no device at all."""
        return cls(taught(Knowledge.learn(space, table)))

    @classmethod
    def untrained(cls, space: GeneSpace) -> TransferPredictor:
        """Without any training device: physics and structure only, wide intervals."""
        genes = sample_genes(space, UNTRAINED_SAMPLE, np.random.default_rng(0))
        architectures = tuple(space.from_genes(genes))
        empty = np.empty((len(genes), 0))
        return cls.train(space, LatencyTable(space.name, architectures, (), empty))

    @classmethod
    def shipped(cls, space: GeneSpace) -> TransferPredictor:
        """The one that comes with the package; untrained where none was made for the space."""
        try:
            return cls(load_shipped(space)[0])
        except NotFound:
            return cls.untrained(space)

    @property
    def space(self) -> GeneSpace:
        """The search space that it predicts."""
        return self.knowledge.basis.space

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        """The ``count`` reference architectures that tell most, ``[count, genes]``."""
        references = self.knowledge.references
        return references[self.design(references, count, rng)]

    def design(self, candidates: IntArray, count: int, rng: np.random.Generator) -> IntArray:
        """Rows of ``candidates [n, genes]`` to measure; raises ``BadInput`` if too few."""
        if count > len(candidates):
            raise BadInput(f"{count} support points asked for, {len(candidates)} candidates")
        return self._choose(candidates, count, rng, self._undecided(), None)

    def next_candidate(
        self, support: Support, candidates: IntArray, rng: np.random.Generator
    ) -> int:
        """Row of the candidate to measure after ``support``, given what it says."""
        adapted = self.adapt(support, rng)
        posterior = adapted.likeliest.posterior
        shares = dict.fromkeys(readings(self.space), 0.0)
        shares |= {fit.reading: one for fit, one in zip(adapted.fits, adapted.shares, strict=True)}
        belief = Belief(posterior.draws, posterior.weight, shares)
        return int(self._choose(candidates, 1, rng, belief, support)[0])

    def adapt(self, support: Support, rng: np.random.Generator) -> AdaptedTransfer:
        """The device of the support, from one measurement on; deterministic.

        Measurements far below all others in proportion are failures and left out.
        """
        if not len(support):
            raise BadInput("transfer needs at least 1 support point to give latencies in ms")
        dictionaries = [self.read(support.genes, reading) for reading in readings(self.space)]
        ratios = [support.latency_ms / one.anchors[:, 0] for one in dictionaries]
        # The readings are compared by the same measurements.
        sound = [one > FAILED_BELOW_MEDIAN * np.median(one) for one in ratios]
        usable = np.flatnonzero(np.any(sound, axis=0))
        error_ms = np.zeros(len(support)) if support.error_ms is None else support.error_ms
        fits = [
            self._fit(reading, one.take(usable), support.latency_ms[usable], error_ms[usable])
            for reading, one in zip(readings(self.space), dictionaries, strict=True)
        ]
        return AdaptedTransfer.of(self.read, fits, chances(self.space, support.pruned))

    def _fit(
        self, reading: Reading, dictionary: Dictionary, latency_ms: FloatArray, error_ms: FloatArray
    ) -> Fit:
        scale_ms = float(np.median(latency_ms / dictionary.anchors[:, 0]))
        rounding_ms2 = rounding_variance(latency_ms)
        posterior = fit_posterior(
            dictionary,
            latency_ms / scale_ms,
            self._draws,
            self.prior,
            np.sqrt(error_ms**2 + rounding_ms2) / scale_ms,
        )
        return Fit(reading, posterior, scale_ms, Interval.of(posterior.left_out, rounding_ms2))

    def read(self, genes: IntArray, reading: Reading) -> Dictionary:
        """The terms over what a device executes of genotypes ``[n, genes]``."""
        return self.dictionary(executed(self.space, genes, reading))

    def dictionary(self, genes: IntArray) -> Dictionary:
        """The terms over genotypes; a space that can be listed is computed only once."""
        space = self.space
        if not isinstance(space, EnumerableSpace):
            return self.knowledge.dictionary(genes)
        if self._whole is None:
            genes_of_all = space.all_genes()
            row_of = np.zeros(int(np.prod(space.gene_choices)), dtype=np.int64)
            row_of[_codes(space, genes_of_all)] = np.arange(len(genes_of_all))
            self._whole, self._row_of = self.knowledge.dictionary(genes_of_all), row_of
        return self._whole.take(self._row_of[_codes(space, genes)])

    def _undecided(self) -> Belief:
        """Before any measurement."""
        weight = np.full(len(self._draws), 1 / len(self._draws))
        return Belief(self._draws, weight, chances(self.space, None))

    def _carrying(self, candidates: IntArray, count: int) -> IntArray:
        """Rows of candidates that carry something, or all if there are too few of those."""
        every = np.arange(len(candidates))
        if not isinstance(self.space, HollowSpace):
            return every
        rows = every[self.space.carries(candidates)]
        return rows if len(rows) >= count else every

    def _choose(
        self,
        candidates: IntArray,
        count: int,
        rng: np.random.Generator,
        belief: Belief,
        support: Support | None,
    ) -> IntArray:
        usable = self._carrying(candidates, count)
        rows = usable[np.sort(rng.permutation(len(usable))[: max(CANDIDATES, count)])]
        rows = rows[typical(self.dictionary(candidates[rows]).anchors[:, 0], count)]
        features = belief.features(self.read, candidates[rows])
        speed = self.dictionary(candidates[rows]).anchors[:, 0]
        noise = belief.noise**2 * speed**2
        measured = None if support is None else belief.features(self.read, support.genes)
        return rows[choose(features, noise, count, speed, measured)]


def _codes(space: EnumerableSpace, genes: IntArray) -> IntArray:
    """One number per genotype, below the product of the numbers of choices."""
    sizes = np.array(space.gene_choices)
    strides = np.concatenate([np.cumprod(sizes[:0:-1])[::-1], [1]])
    codes: IntArray = genes @ strides
    return codes
