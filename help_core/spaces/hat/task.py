"""The four translation tasks of HAT and what each fixes about its networks.

Source: mit-han-lab/hardware-aware-transformers, ``configs/<task>/supertransformer/*.yml`` for
the choices, ``latency_dataset.py`` for the sentence lengths (30 words for WMT, 23 for IWSLT).
Vocabularies: 32,768 (``preprocess.sh`` of wmt14.en-de) and 8,848 / 6,632 (fairseq's log of
iwslt14.de-en) are exact; 44,512 (fairseq's joined dictionary of wmt14.en-fr) and 49,600 (HAT's
"49.6K" for wmt19.en-de) are the published sizes of dictionaries that are not redistributed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from help_core.errors import BadInput

ENCODER_LAYERS = 6
MAX_DECODER_LAYERS = 6
EMBED_DIMS = (512, 640)
SUPER_EMBED_DIM = 640
"""Embedding size of the SuperTransformer, whose positions every network takes a slice of."""
QKV_DIM = 512
"""Queries, keys and values have this size together whatever the embedding size is."""
SPANS = (1, 2, 3)
"""Encoder layers that a decoder layer attends to, from the last: HAT writes -1, 1, 2."""


@dataclass(frozen=True, slots=True)
class HatTask:
    """One translation task. ``length`` is that of the source and of the target, in tokens."""

    source_vocabulary: int
    target_vocabulary: int
    shared_embeddings: bool
    """Encoder, decoder and output projection use one table (``share-all-embeddings``)."""
    length: int
    ffn_dims: tuple[int, ...]
    heads: tuple[int, ...]

    def __post_init__(self) -> None:
        if min(self.source_vocabulary, self.target_vocabulary) < 2 or self.length < 1:
            raise BadInput("a HAT task needs vocabularies of at least 2 and a length of at least 1")
        if any(QKV_DIM % count for count in self.heads):
            raise BadInput(f"the numbers of heads must divide {QKV_DIM}, not {self.heads}")
        if self.shared_embeddings and self.source_vocabulary != self.target_vocabulary:
            raise BadInput("shared embeddings need source and target vocabularies of one size")


TASKS: Mapping[str, HatTask] = {
    "wmt14.en-de": HatTask(32_768, 32_768, True, 30, (1024, 2048, 3072), (4, 8)),
    "wmt14.en-fr": HatTask(44_512, 44_512, True, 30, (1024, 2048, 3072), (4, 8)),
    "wmt19.en-de": HatTask(49_600, 49_600, True, 30, (1024, 2048, 3072), (4, 8)),
    "iwslt14.de-en": HatTask(8_848, 6_632, False, 23, (512, 1024, 2048), (2, 4)),
}

MEASURED_FFN_DIMS = (512, 1024, 2048, 3072)
MEASURED_HEADS = (2, 4, 8)


def as_measured(task: HatTask) -> HatTask:
    """The task with all choices that HAT measured, of which it searched some.

    Source: ``configs/*/latency_dataset/*.yml``, the same choices in every file.
    """
    return replace(task, ffn_dims=MEASURED_FFN_DIMS, heads=MEASURED_HEADS)
