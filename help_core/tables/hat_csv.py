"""Reads HAT's latency tables: ten features and the measured encoder and decoder latency.

The tables (mit-han-lab/hardware-aware-transformers, ``latency_dataset/``) hold averages over
the layers and not the architectures themselves; ``hat_import`` finds architectures with those
averages. Their networks also have feed-forwards of 512 and 2 heads, which HAT measured but did
not search.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from help_core.arrays import FloatArray
from help_core.errors import BadTable

FEATURE_COLUMNS = (
    "encoder_embed_dim",
    "encoder_layer_num",
    "encoder_ffn_embed_dim_avg",
    "encoder_self_attention_heads_avg",
    "decoder_embed_dim",
    "decoder_layer_num",
    "decoder_ffn_embed_dim_avg",
    "decoder_self_attention_heads_avg",
    "decoder_ende_attention_heads_avg",
    "decoder_arbitrary_ende_attn_avg",
)
LATENCY_COLUMNS = (
    "latency_mean_encoder",
    "latency_mean_decoder",
    "latency_std_encoder",
    "latency_std_decoder",
)


@dataclass(frozen=True, slots=True)
class HatLatencies:
    """Latencies of ``n`` transformers on one device."""

    features: FloatArray
    """``[n, 10]``, the columns of ``Hat.features(…, "help")``."""
    encoder_ms: FloatArray
    """``[n]``, mean of one run."""
    decoder_ms: FloatArray
    """``[n]``, mean of all steps of one sentence."""
    encoder_std_ms: FloatArray
    """``[n]``"""
    decoder_std_ms: FloatArray
    """``[n]``"""

    @property
    def total_ms(self) -> FloatArray:
        """``[n]``: one sentence, what HAT and HELP predict."""
        return self.encoder_ms + self.decoder_ms


def read_hat_csv(path: Path) -> HatLatencies:
    """The table of one device; raises ``BadTable`` with file, row and column."""
    columns = [*FEATURE_COLUMNS, *LATENCY_COLUMNS]
    lines = _read_lines(path)
    header = [name.strip() for name in lines[0]] if lines else []
    if header != columns:
        wrong = next((c for c in columns if c not in header), f"columns in the order {columns}")
        raise BadTable(f"{path}: row 1 is not the header of a HAT table; it lacks {wrong}")
    rows = [
        _parse_row(path, number, columns, row) for number, row in enumerate(lines[1:], 2) if row
    ]
    if not rows:
        raise BadTable(f"{path}: has a header and no rows")
    values = np.array(rows, dtype=np.float64)
    split = len(FEATURE_COLUMNS)
    return HatLatencies(values[:, :split], *(values[:, split + i] for i in range(4)))


def _read_lines(path: Path) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.reader(file, strict=True))
    except OSError as error:
        raise BadTable(f"{path}: cannot be read ({error.strerror})") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadTable(f"{path}: not a CSV file in UTF-8 ({error})") from None


def _parse_row(path: Path, number: int, columns: list[str], row: list[str]) -> list[float]:
    if len(row) != len(columns):
        raise BadTable(f"{path}: row {number} has {len(row)} fields, the header {len(columns)}")
    return [_parse(path, number, name, text) for name, text in zip(columns, row, strict=True)]


def _parse(path: Path, number: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    lowest_is_allowed = column.startswith("latency_std")
    if not math.isfinite(value) or value < 0 or (value == 0 and not lowest_is_allowed):
        raise BadTable(
            f"{path}: row {number}, column {column!r}: {text[:40]!r} is not a number above zero"
        )
    return value
