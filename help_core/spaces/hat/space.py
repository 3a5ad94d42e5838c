"""HAT's translation transformers as a search space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadArchitecture, BadInput
from help_core.spaces.base import Architecture, BuildOptions, Cost, Costs, Stage
from help_core.spaces.hat.costs import hat_features, physics, weights, work
from help_core.spaces.hat.genes import Choices, canonical_genes, decode, gene_choices
from help_core.spaces.hat.network import build_decoder, build_encoder, cache_length
from help_core.spaces.hat.references import REFERENCE_NETWORKS
from help_core.spaces.hat.task import (
    EMBED_DIMS,
    MAX_DECODER_LAYERS,
    TASKS,
    HatTask,
)
from help_core.spaces.hat.text import format_network, parse_network, read_config


class Hat:
    """Transformers of one task; a genotype is described in ``genes``.

    ``beam`` is the number of hypotheses that a decoder step carries: 1 (greedy) unless said
    otherwise. HAT's published latencies were measured with fairseq's default of 5.
    """

    feature_kinds = ("help", "physics")

    def __init__(
        self, name: str = "hat", *, task: HatTask = TASKS["wmt14.en-de"], beam: int = 1
    ) -> None:
        if not 1 <= beam <= 64:
            raise BadInput(f"beam {beam} is not between 1 and 64")
        self.name = name
        self.task = task
        self.beam = beam
        self.gene_choices = gene_choices(task)

    def parse(self, text: str) -> Architecture:
        """The architecture of a string as ``text`` describes; raises ``BadArchitecture``."""
        network = text.removeprefix(f"{self.name}:")
        parse_network(network, self.task)
        return Architecture(self.name, network)

    def parse_config(self, yaml: str) -> Architecture:
        """The architecture of one of HAT's own YAML files; raises ``BadArchitecture``."""
        fields = read_config(yaml, self.task)
        return Architecture(self.name, format_network((fields[:3], fields[3:]), self.task))

    def to_genes(self, architectures: Sequence[Architecture]) -> IntArray:
        """Genotypes ``[n, 39]``, canonical."""
        rows = [self._row(parse_network(a.text, self.task)) for a in architectures]
        return np.array(rows, dtype=np.int64).reshape(-1, len(self.gene_choices))

    def _row(self, fields: list[list[int]]) -> list[int]:
        dims, ffn, heads = EMBED_DIMS.index, self.task.ffn_dims.index, self.task.heads.index
        encoder, decoder = fields[:3], fields[3:]
        absent = [0] * (MAX_DECODER_LAYERS - len(decoder[1]))
        return [
            dims(encoder[0][0]),
            dims(decoder[0][0]),
            len(decoder[1]) - 1,
            *map(ffn, encoder[1]),
            *map(heads, encoder[2]),
            *[*map(ffn, decoder[1]), *absent],
            *[*map(heads, decoder[2]), *absent],
            *[*map(heads, decoder[3]), *absent],
            *[*(span - 1 for span in decoder[4]), *absent],
        ]

    def from_genes(self, genes: IntArray) -> list[Architecture]:
        """The architectures of genotypes ``[n, 39]``."""
        rows = genes.reshape(-1, len(self.gene_choices))
        outside = (rows < 0) | (rows >= np.array(self.gene_choices))
        if outside.any():
            row, gene = np.argwhere(outside)[0]
            raise BadArchitecture(
                f"{self.name}: gene {gene} of genotype {row} is {rows[row, gene]};"
                f" it must lie in 0-{self.gene_choices[gene] - 1}"
            )
        chosen = decode(self.task, rows)
        return [Architecture(self.name, self._text(chosen, index)) for index in range(len(rows))]

    def _text(self, chosen: Choices, index: int) -> str:
        depth = int(chosen.decoder_layers[index])
        decoder = (chosen.decoder_ffn, chosen.decoder_heads, chosen.cross_heads, chosen.spans)
        halves: tuple[list[list[int]], list[list[int]]] = (
            [
                [int(chosen.encoder_dim[index])],
                chosen.encoder_ffn[index].tolist(),
                chosen.encoder_heads[index].tolist(),
            ],
            [[int(chosen.decoder_dim[index])], *(x[index, :depth].tolist() for x in decoder)],
        )
        return format_network(halves, self.task)

    def canonical(self, genes: IntArray) -> IntArray:
        """Genotypes ``[n, 39]`` with the genes of absent decoder layers set to zero."""
        return canonical_genes(genes)

    def features(self, genes: IntArray, kind: str) -> FloatArray:
        """``help``: HAT's ten features ``[n, 10]``; ``physics``: see ``costs.physics``."""
        chosen = decode(self.task, genes)
        if kind == "help":
            return hat_features(chosen)
        if kind == "physics":
            return physics(self.task, chosen, self.beam)
        raise BadInput(f"{self.name} has no features {kind!r}; use {', '.join(self.feature_kinds)}")

    def cost(self, architecture: Architecture) -> Cost:
        """All parameters, embeddings included; multiply-adds of translating one sentence."""
        return self.costs(self.to_genes([architecture])).of(0)

    def costs(self, genes: IntArray) -> Costs:
        """As ``cost``, of genotypes ``[n, genes]``."""
        chosen = decode(self.task, genes)
        return Costs(weights(self.task, chosen).total, work(self.task, chosen, self.beam).total)

    def build(self, architecture: Architecture, options: BuildOptions) -> tuple[Stage, ...]:
        """``encoder``, run once, and ``decoder``, run once for each target token."""
        network = decode(self.task, self.to_genes([architecture]))
        cached = cache_length(self.task)
        return (
            Stage("encoder", build_encoder(self.task, network, options)),
            Stage(
                "decoder",
                build_decoder(self.task, network, self.beam, cached, options),
                runs=self.task.length,
            ),
        )

    def reference_architectures(self) -> tuple[Architecture, ...]:
        """Ten of a space-filling design (``references``), the same genotypes for every task."""
        published = Hat()
        genes = published.to_genes([published.parse(text) for text in REFERENCE_NETWORKS])
        return tuple(self.from_genes(genes))
