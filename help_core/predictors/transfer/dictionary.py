"""The dictionary: what the latency of a device is taken to be a sum of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from help_core.arrays import FloatArray, IntArray

Kind: TypeAlias = Literal[
    "constant",
    "mean",
    "paper",
    "device",
    "physics",
    "choices",
    "curved",
    "by_choice",
    "by_gene",
    "simulated",
]
"""Kinds of terms; each has a prior scale of its own (``prior.PriorScales``)."""


MEAN, PAPER, FIRST_DEVICE = 0, 1, 2
"""Places of the anchors."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which kind each column and each field of a dictionary is of, and how many anchors."""

    anchors: int
    columns: tuple[Kind, ...]
    fields: tuple[Kind, ...]

    @property
    def terms(self) -> tuple[Kind, ...]:
        """Columns, then fields."""
        return self.columns + self.fields


@dataclass(frozen=True, slots=True)
class Dictionary:
    """The terms over ``n`` architectures, in units of the mean latency.

    A column is a term with a single coefficient, a field is a group of coefficients that
    share one prior scale. Columns of one kind together, and each field as a whole, have mean
    square 1 over the reference architectures.
    """

    anchors: FloatArray
    """``[n, anchors]``: the mean device, the paper machine, then each training device."""
    columns: FloatArray
    """``[n, columns]``."""
    fields: tuple[FloatArray, ...]
    """``[n, coefficients]`` each."""

    def take(self, rows: IntArray) -> Dictionary:
        """The dictionary of some of the architectures."""
        return Dictionary(
            self.anchors[rows], self.columns[rows], tuple(field[rows] for field in self.fields)
        )

    def field_kernels(self, support: Dictionary) -> FloatArray:
        """Inner products of each field with a support of ``k``; ``[fields, n, k]``."""
        shape = (len(self.fields), len(self.columns), len(support.columns))
        kernels = np.empty(shape)
        for index, (mine, theirs) in enumerate(zip(self.fields, support.fields, strict=True)):
            kernels[index] = mine @ theirs.T
        return kernels

    def field_squares(self) -> FloatArray:
        """Squared length of each field's features, ``[n, fields]``."""
        squares = np.empty((len(self.columns), len(self.fields)))
        for index, field in enumerate(self.fields):
            squares[:, index] = (field**2).sum(axis=1)
        return squares
